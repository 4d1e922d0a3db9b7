// Fault: why a snapshot must not be restored from.
#pragma once

#include <string>

#include "backend.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

enum class Depth { table, rows };  // is the table there; or also, does it hold what was saved: reads all of it

// Words behind a snapshot's name; empty: it is what was saved. A sequence's position has no table, and no fault.
[[nodiscard]] Result<std::string> fault_of(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Depth depth);

// "snapshot 3 of public.t.role"
[[nodiscard]] std::string name_of(Snapshot const& snapshot);

}  // namespace undrop
