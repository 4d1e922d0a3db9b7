// RowMatch: which row of a table without a key is which of a snapshot's updated rows (P2).
#pragma once

#include <cstdint>
#include <string>

#include "backend.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

// Makes a working table of n (the snapshot's row), l (the table's row_id) and o (n of `own`), and gives its name. A row is known by all
// that the step left in it, equal ones as many as there are; else by its number, where that lasts and columns that the step did not change
// agree; else by those columns, where they told it from all others and still do. `own`: what this step's script changed of the table; null:
// nothing: rows are compared as they were before it.
[[nodiscard]] Result<std::string> match_rows(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Table const& now,
                                             Snapshot const* own, std::int64_t& next_id);

}  // namespace undrop
