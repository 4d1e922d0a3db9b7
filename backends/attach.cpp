// attach for a SOCI session: finds the connection inside. Only SOCI's own two backends are known.
#include <soci/soci.h>
#ifdef UNDROP_POSTGRES
#include <soci/postgresql/soci-postgresql.h>
#include <undrop/postgres.hpp>
#endif
#ifdef UNDROP_SQLITE
#include <soci/sqlite3/soci-sqlite3.h>
#include <undrop/sqlite.hpp>
#endif

#include <undrop/soci.hpp>

namespace undrop {

// The sanitizer's check would need the type information of SOCI's PostgreSQL library, which undrop does not link.
#ifdef __GNUC__
__attribute__((no_sanitize("vptr")))
#endif
Result<Target>
attach(soci::session& session) {
    auto* const backend = session.get_backend();
    if (!backend) return Error{.code = Code::usage, .message = "the SOCI session that was given to attach is not open"};
    auto const name = backend->get_backend_name();
#ifdef UNDROP_POSTGRES
    if (name == "postgresql") return postgres::attach(static_cast<soci::postgresql_session_backend*>(backend)->conn_);
#endif
#ifdef UNDROP_SQLITE
    // SOCI declares SQLite inside a namespace of its own; the type is the same.
    if (name == "sqlite3")
        return sqlite::attach(reinterpret_cast<struct ::sqlite3*>(static_cast<soci::sqlite3_session_backend*>(backend)->conn_));
#endif
    return Error{.code = Code::usage, .message = "undrop cannot use a SOCI session on " + name};
}

}  // namespace undrop
