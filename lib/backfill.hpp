// Columns that come back though nothing of them was saved, where a backfill says what the rows get.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <undrop/migration.hpp>

#include "backend.hpp"
#include "mend.hpp"
#include "snapshot.hpp"

namespace undrop {

// Before the mend, where that takes a column along instead of adding it (Dialect::add_bare_column): adds and fills those of tables that
// get a recorded definition. Gives the tables, each with how many rows were written.
[[nodiscard]] Result<std::vector<std::pair<Table, std::int64_t>>> add_backfilled(Backend& backend, std::vector<Table> const& tables,
                                                                                 Wanted const& wanted,
                                                                                 std::vector<Snapshot> const& snapshots,
                                                                                 std::vector<Directives::Backfill> const& backfill);

}  // namespace undrop
