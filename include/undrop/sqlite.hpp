// SQLite: a handle that the program already has, with its own functions and collations.
#pragma once

#include <undrop/target.hpp>

struct sqlite3;

namespace undrop::sqlite {

// Uses the caller's handle; it stays the caller's and must outlive the Target. No transaction may be open (Code::usage otherwise).
// Pragmas and the busy handler's timeout are put back when a step ends. SQLite cannot tell which preupdate hook is set:
// a program that has one sets it again after a run. Link the same SQLite that undrop links: two copies in one process break its locks.
[[nodiscard]] UNDROP_EXPORT Result<Target> attach(sqlite3* handle);

}  // namespace undrop::sqlite
