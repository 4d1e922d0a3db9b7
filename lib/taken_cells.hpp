// Taken cells: which values of updated rows stay aside, because another row has a unique value of theirs (P2, cell by cell).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "merge.hpp"

namespace undrop {

// A column of the snapshot (alias s) and the table (alias t): whether the cell gets its saved value, unless that is taken; and what it has
// then.
struct MovingCell {
    std::string column;
    std::string moves;  // condition
    std::string to_be;  // of the column's type
};

// Columns whose cells come back together or not at all: those of unique sets and rules that have one of them in common. Numbered from 1.
struct UniqueGroups {
    std::vector<std::vector<std::string>> sets;
    std::vector<std::size_t> of_set;
    std::vector<std::size_t> of_rule;  // of Table::rules; 0: the snapshot changes nothing that the rule reads
    std::map<std::string, std::size_t> of_column;  // only columns that the snapshot changes
    std::size_t count = 0;
};
[[nodiscard]] UniqueGroups unique_groups(Snapshot const& s, Table const& now, std::vector<MovingCell> const& cells);

// A query of the identities and the group (g) of cells that cannot get what they had: a row that stays as it is has their value, or one
// that for this reason stays as it is. `joined`: FROM item of s and t.
[[nodiscard]] std::string taken_cells_query(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows,
                                            UniqueGroups const& groups, std::string const& joined, std::vector<MovingCell> const& cells);

// The same as a working table of the store: the identity, and g1.. (0 or 1) for each group; "" if nothing is taken.
[[nodiscard]] Result<std::string> taken_cells(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now,
                                              SavedRows const& rows, UniqueGroups const& groups, std::string const& joined,
                                              std::vector<MovingCell> const& cells, std::int64_t id);

}  // namespace undrop
