#include "sqlite/backend.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "grouped.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/functions.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
constexpr std::string_view drop_table = "DROP TABLE ";  // as Object::remove has it

SqliteBackend::SqliteBackend(sqlite3* handle, Connection::Ownership ownership, std::string name)
    : connection_(handle, ownership, std::move(name)), soci_(handle), observer_(handle) {}

SqliteBackend::~SqliteBackend() {
    rollback();
    if (connection_.borrowed()) unregister_functions(handle());
}

Result<void> SqliteBackend::prepare() { return register_functions(handle()); }

std::string SqliteBackend::description() const { return fmt::format("{} (SQLite {})", connection_.name(), sqlite3_libversion()); }

Result<void> SqliteBackend::set_role(std::string const&) {
    return Error{.code = Code::usage, .message = "SQLite has no roles", .next = {.command = {}, .advice = "leave --role out"}};
}

Result<void> SqliteBackend::sync(Tracker::Cause cause) {
    UNDROP_TRY(auto const changes, tracker_.sync(connection_, cause));
    if (!changes.any) return outcome::success();
    observer_.bind(tracker_.names());
    return observer_.watching() ? see_filled(changes.made) : outcome::success();
}

Result<std::int64_t> SqliteBackend::run(std::string const& sql) {
    auto const follow = [this]() -> Result<void> {
        if (tracker_.following()) return sync(Tracker::Cause::own);
        return outcome::success();
    };
    if (sql.starts_with(drop_table)) {
        UNDROP_TRY(auto const rows, drop(sql));
        UNDROP_CHECK(follow());
        return rows;
    }
    if (!sql.starts_with("alter table") || sql.find(" rename ") == std::string::npos) return connection_.run(sql, follow);
    UNDROP_TRY(auto const rows, rename(sql));
    UNDROP_CHECK(follow());
    return rows;
}

Result<Rows> SqliteBackend::rows(std::string const& sql) { return connection_.rows(sql); }

Result<Rows> SqliteBackend::query(std::string const& sql, std::span<Cell const> parameters, int columns) {
    UNDROP_CHECK(connection_.intact());
    return soci_.query(sql, parameters, columns);
}

Result<void> SqliteBackend::run_script(Script const& script, Statement const& statement) {
    UNDROP_CHECK(still_ours());
    observer_.script(true);
    if (statement_timeout_.count() > 0) watch_.deadline = std::chrono::steady_clock::now() + statement_timeout_;
    auto done = connection_.run_script(script, statement);
    watch_.deadline.reset();
    observer_.script(false);
    if (done) done = still_ours();  // P6: nothing of a script may commit by itself
    if (done && tracker_.following()) done = sync(Tracker::Cause::script);
    if (done) return done;
    auto error = std::move(done).error();
    if (watch_.late) {
        error.code = Code::failed;
        error.message = fmt::format("the statement ran for longer than the {} ms it may", statement_timeout_.count());
        error.next.advice = "give it more time (--statement-timeout)";
    }
    if (names_shadow(error.message)) {
        error.code = Code::refused;
        error.message += ": a virtual table keeps its data there, and undrop could not tell what was taken";
        error.next.advice = "write to the virtual table itself";
    }
    if (error.where.line == 0) error.where = in_its_file(script, {script.file, statement.line, statement.column});
    return error;
}

// SQLite's own words, where it is on the defensive: "table f_data may not be modified".
bool SqliteBackend::names_shadow(std::string const& message) const {
    return std::any_of(tracker_.entries().begin(), tracker_.entries().end(), [&](Entry const& entry) {
        return entry.kind == Kind::shadow && message.starts_with(fmt::format("table {} may not be ", entry.name));
    });
}

// SQLite sends no notices.
void SqliteBackend::on_notice(std::function<void(std::string const&)>) {}

}  // namespace undrop::sqlite
