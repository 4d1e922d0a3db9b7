// Follow: rows that refer to a row by a value which gets another one go with it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"

namespace undrop {

// Who referred to rows of a table before anything came back: what came back since refers to what it did when it was saved.
struct Referring {
    Table child;
    Reference by;
    std::string noted;  // working table
};

[[nodiscard]] Result<Referring> note_referring(Backend& backend, Ledger const& ledger, Table const& child, Reference const& by,
                                               std::int64_t work_id);

// Lets them refer to what the table's rows are about to get: `rows` is a FROM item with its conditions, in which t is the table, and
// `to_be` has SQL for each of its columns that changes. Gives how many rows were changed.
[[nodiscard]] Result<std::int64_t> follow(Backend& backend, Ledger const& ledger, Referring const& referring, std::string const& rows,
                                          std::string const& condition, std::map<std::string, std::string> const& to_be,
                                          std::int64_t work_id);

}  // namespace undrop
