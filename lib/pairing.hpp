// Pairing: which row of a table has which saved value of a column.
#pragma once

#include <string>
#include <vector>

#include "dialect.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

// SQL that pairs the rows of a snapshot of a column (alias s, with the store's k1.. or n, and state) with the table's (t).
struct Pairing {
    std::string saved;                         // FROM item
    std::string join;                          // condition
    std::string value;                         // the saved value of the column
    [[nodiscard]] std::string exists() const;  // condition on t
};

// What became of the rows since they were saved.
struct Since {
    std::vector<Snapshot const*> const&
        updated;                              // by the same step, oldest first: rows may have other keys by now than those that were saved
    std::vector<Snapshot const*> const& own;  // by the present step's script
    std::vector<Snapshot const*> const& deleted;  // by the same step: their values go with them
};

[[nodiscard]] Pairing pair(Dialect const& dialect, Ledger const& ledger, Snapshot const& snapshot, Table const& now, Since const& since);

}  // namespace undrop
