// Rows that refer to rows which go, and to whose place others come back with the values that they refer to.
#pragma once

#include <vector>

#include "backend.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

// Leaves such rows out of the references to a table: a number key that became a text key, in a table that others refer to by another
// column. Where foreign keys can wait for that, which is where the tables' own texts make them (SQLite). `deleted`: snapshots of the
// table's rows that come back in the same step.
[[nodiscard]] Result<void> leave_out_returning(Backend& backend, Ledger const& ledger, std::vector<Snapshot const*> const& deleted,
                                               std::vector<Table> const& tables, std::vector<Reference>& references);

}  // namespace undrop
