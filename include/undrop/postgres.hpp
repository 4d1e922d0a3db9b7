// PostgreSQL: a connection that the program already has.
#pragma once

#include <undrop/target.hpp>

struct pg_conn;  // libpq's PGconn

namespace undrop::postgres {

// Uses the caller's connection; it stays the caller's and must outlive the Target. No transaction may be open (Code::usage otherwise).
// Session settings that a step changes are put back when it ends; where a connection pooler is in between, before its COMMIT. A notice receiver of the caller's is put back too.
[[nodiscard]] UNDROP_EXPORT Result<Target> attach(pg_conn* connection);

}  // namespace undrop::postgres
