// A SOCI session that the program already has, on PostgreSQL or on SQLite.
#pragma once

#include <undrop/target.hpp>

namespace soci {
class session;
}

namespace undrop {

// As postgres::attach and sqlite::attach, for the connection inside the session. Code::usage for a session on another database.
[[nodiscard]] UNDROP_EXPORT Result<Target> attach(soci::session& session);

}  // namespace undrop
