// Overwrite: what users wrote since, saved before a saved value is put over it (OnConflict::keep_old). It is a loss like one of the
// script's (P1), and the opposite step brings it back (P3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

// Whole rows of the table (alias t) in a FROM item with its conditions: a snapshot as of deleted rows, since another row takes their place.
[[nodiscard]] Result<Snapshot> save_overwritten_rows(Backend& backend, Ledger const& ledger, Table const& now,
                                                     std::vector<std::string> const& key, std::string const& from, std::int64_t id);

// Values of rows that stay: a snapshot as of updated rows.
struct OverwrittenCell {
    std::string column;
    std::string overwritten;  // condition: this row's value is put over
    std::string to_be;        // the value that it gets, of the column's type
};
[[nodiscard]] Result<Snapshot> save_overwritten_cells(Backend& backend, Ledger const& ledger, Table const& now,
                                                      std::vector<std::string> const& key, std::vector<OverwrittenCell> const& cells,
                                                      std::string const& from, std::int64_t id);

}  // namespace undrop
