// Schema and rows of a SQLite database in its sandbox, where they go through our own hands. One thread.
#pragma once

#include <undrop/result.hpp>

#include "sandbox.hpp"

struct sqlite3;

namespace undrop::sqlite {

// Copies the schema, undrop's ledger, and of the users' rows what the wish says (`sample`: some, and those that they refer to; `full`:
// all), masked, in one read transaction of the target. `to` is empty, and its foreign keys are off.
[[nodiscard]] Result<void> copy_by_rows(sqlite3* from, sqlite3* to, SandboxWish const& wish);

}  // namespace undrop::sqlite
