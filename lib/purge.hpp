// Purge: snapshots go for good.
#pragma once

#include <undrop/snapshots.hpp>

#include "backend.hpp"
#include "ledger.hpp"

namespace undrop {

// What Options::keep_snapshots says, at the end of a run, under its lock.
[[nodiscard]] Result<Purge> purge_old(Backend& backend, Ledger& ledger, Options const& options);

}  // namespace undrop
