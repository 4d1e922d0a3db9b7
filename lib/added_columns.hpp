// Columns that others have added to a table since a step left it, where one text defines the whole table: they are no drift, and stay on
// the way back. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ledger.hpp"
#include "mend.hpp"

namespace undrop {

struct AddedColumns {
    std::string make;                // the definition with them
    std::vector<std::string> names;  // in lower case, without quotes
};

// The definition `before` with the columns that `now` has behind those of `left`; nothing where `now` differs from `left` in another way,
// or `before` has a column of such a name.
[[nodiscard]] std::optional<AddedColumns> with_added_columns(std::string_view before, std::string_view left, std::string_view now);

// The tables of `recorded` to which that happened get them in `wanted`, and count as left as they are now. `seen`, which later steps have
// changed, are left out.
[[nodiscard]] std::map<ObjectId, AddedColumns> keep_added_columns(std::vector<Recorded>& recorded, Catalog const& now, Wanted& wanted,
                                                                  std::set<ObjectId> const& seen);
// "columns mine, more of table t, which others have added since, stay"
[[nodiscard]] std::string text_of(ObjectId const& table, AddedColumns const& added);

}  // namespace undrop
