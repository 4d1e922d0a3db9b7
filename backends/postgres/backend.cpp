#include <libpq-fe.h>

#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "calls.hpp"
#include "capture.hpp"
#include "catalog.hpp"
#include "concerns.hpp"
#include "errors.hpp"
#include "implicit_casts.hpp"
#include "orphans.hpp"
#include "path_for_rows.hpp"
#include "postgres_backend.hpp"
#include "reader.hpp"
#include "store.hpp"
#include "tables.hpp"
#include "try.hpp"
#include "writable.hpp"

namespace undrop::postgres {

namespace {

bool names(std::string const& text, std::string_view word) {
    auto const folded = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    auto const same = [&](char a, char b) { return folded(a) == folded(b); };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

std::string or_empty(char const* text) { return text ? text : ""; }

}  // namespace

PostgresBackend::PostgresBackend(pg_conn* handle, Connection::Ownership ownership, std::string old_encoding)
    : connection_(handle, ownership),
      soci_(connection_),
      session_(connection_),
      run_lock_(connection_, session_),
      quiet_(connection_),
      references_(connection_),
      second_(connection_),
      known_(connection_),
      blockers_(connection_),
      old_encoding_(std::move(old_encoding)) {}

PostgresBackend::~PostgresBackend() {
    if (connection_.lost()) return;
    if (!connection_.borrowed() && !connection_.pooled()) return;  // the end of the session ends all that it holds
    session_.rollback();
    run_lock_.unlock();
    session_.forget_role();
    if (!old_encoding_.empty()) PQsetClientEncoding(connection_.handle(), old_encoding_.c_str());
}

std::string PostgresBackend::description() const {
    auto const host = or_empty(PQhost(connection_.handle()));
    auto const where = host.empty() || host.front() == '/' || host.front() == '@' ? std::string("local")
                                                                                  : host + ":" + or_empty(PQport(connection_.handle()));
    auto const version = connection_.parameter("server_version");
    return fmt::format("{}/{} as {} (PostgreSQL {})", where, or_empty(PQdb(connection_.handle())), role(),
                       version.substr(0, version.find(' ')));
}

Result<Rows> PostgresBackend::query(std::string const& sql, std::span<Cell const> parameters, int columns) {
    return soci_.query(sql, parameters, columns);
}

// Only what goes to the store leaves the users' objects as they are.
Result<std::int64_t> PostgresBackend::run(std::string const& statement) {
    auto const sql = without_implicit_casts(statement);
    auto const is_stores = [&](std::string_view verb) { return sql.starts_with(fmt::format("{} {}.", verb, quote_identifier(ledger_))); };
    auto const verbs = {"insert into", "delete from", "create table", "drop table"};
    if (std::none_of(verbs.begin(), verbs.end(), is_stores)) known_.changed();
    if (sql.starts_with("rollback to ") || sql.starts_with("ROLLBACK TO ")) known_.took_back();
    if (session_.transaction().empty()) return connection_.run(sql);
    auto const rows_change = {"insert into", "update", "delete from"};
    if (std::any_of(rows_change.begin(), rows_change.end(),
                    [&](std::string_view verb) { return sql.starts_with(verb) && (!is_stores(verb) || evaluates_users_function(sql)); })) {
        UNDROP_TRY(auto const path,
                   evaluates_users_function(sql) ? authors_path(connection_, session_) : path_for_rows(connection_, session_));
        return path.empty() ? connection_.run(sql) : run_under_path(connection_, path, sql);
    }
    if (!calls_users_function(sql)) return connection_.run(sql);
    UNDROP_CHECK(session_.enter_script());
    UNDROP_TRY(auto const rows, connection_.run(sql));
    UNDROP_CHECK(session_.leave_script());
    return rows;
}

Result<void> PostgresBackend::run_script(Script const& script, Statement const& statement) {
    known_.changed();
    if (names(statement.text, "rollback")) known_.took_back();
    if (ledger_.empty() || names(statement.text, ledger_) || names(statement.text, "execute") || names(statement.text, "call"))
        store_state_.reset();
    script_sets_counters_ = script_sets_counters_ || names(statement.text, "track_counts");
    if (script_sets_counters_) known_.doubt_counters();
    auto done = connection_.run_script(script, statement);
    if (done.has_value()) return done;
    auto error = std::move(done).error();
    if (sqlstate(error) == "55P03") return with_blocker(std::move(error), "no lock in time");
    if (sqlstate(error) == "2D000")
        error.next.advice =
            "a step is one transaction; if this is a procedure or a block that commits, say `-- undrop: no-transaction` at the top of the "
            "script: "
            "what it takes is then saved with each of its transactions";
    if (sqlstate(error) == "57014" && error.code == Code::failed) {
        error.message = "the statement ran for longer than it may (statement_timeout), or somebody ended it";
        error.next.advice = "give it more time (--statement-timeout), or find out what it waits for";
    }
    return error;
}

Error PostgresBackend::with_blocker(Error error, std::string message) const {
    error.message = std::move(message);
    if (!blockers_.who().empty()) error.message += ": held by " + blockers_.who();
    error.next.advice = blockers_.who().empty()
                            ? "try again when it has finished; pg_stat_activity and pg_locks show who it is"
                            : "try again when that session has finished, or end it: select pg_terminate_backend(PROCESS)";
    return error;
}

// Outside of a transaction a pooler's session has nobody's settings and role.
Result<Rows> PostgresBackend::rows(std::string const& sql) {
    if (!connection_.idle() && evaluates_users_function(sql)) return rows_under_path(connection_, session_, sql);
    return connection_.rows(connection_.pooled() ? session_.safely(sql) : sql);
}

// In a sandbox nobody else is, and a script that changes the store names it, or hides what it runs.
Result<StoreState> PostgresBackend::store_state(std::string const& ledger) {
    if (store_state_) return *store_state_;
    UNDROP_TRY(auto state, postgres::store_state(session_, ledger));
    if (alone_ && state.exists && state.foreign.empty()) store_state_ = state;
    return state;
}
Result<Rows> PostgresBackend::store_rows(std::string const& ledger, std::string const& sql) {
    // Within a step the store was looked at when the run began.
    if (!connection_.idle()) return connection_.rows(sql);
    auto rows = connection_.rows(session_.safely(store_guard(ledger) + sql));
    if (!rows.has_value()) return with_rights_that_lack(connection_, ledger, std::move(rows).error());
    return rows;
}
Result<std::vector<std::string>> PostgresBackend::publications(std::string const& ledger) {
    return postgres::publications(connection_, session_, ledger);
}
Result<std::vector<std::string>> PostgresBackend::event_triggers() { return postgres::event_triggers(connection_); }
Result<std::vector<Finding>> PostgresBackend::concerns(std::string const& ledger) {
    return postgres::concerns(connection_, session_, ledger);
}
Result<void> PostgresBackend::create_store(std::string const& ledger) { return postgres::create_store(connection_, session_, ledger); }
Result<void> PostgresBackend::seal(std::string const& store_table, Table const* source) {
    auto const hidden = source && mark_ && mark_->relations.contains(source->id) && mark_->relations.at(source->id).row_security;
    return postgres::seal(connection_, store_table, source, hidden);
}
Result<std::int64_t> PostgresBackend::bytes_of(std::string const& store_table) { return postgres::bytes_of(connection_, store_table); }
bool PostgresBackend::means_no_store(Error const& error) const { return postgres::means_no_store(error); }

Result<std::string> PostgresBackend::hash_of(std::string const& store_table, std::vector<std::string> const& columns) {
    return postgres::hash_of(connection_, session_, store_table, columns);
}

Result<void> PostgresBackend::lock_run(Options const& options) {
    UNDROP_CHECK(prove_writable(connection_));
    return run_lock_.lock(options);
}

// A lease needs a store first, which nobody can make on a server that only reads.
Result<bool> PostgresBackend::locks_in_store(Options const& options) {
    UNDROP_CHECK(prove_writable(connection_));
    return run_lock_.is_lease(options);
}

Result<Answer> PostgresBackend::ask(Script const& script, Statement const& statement) {
    auto answer = connection_.ask(script, statement);
    if (answer.has_value() || sqlstate(answer.error()) != "25006") return answer;
    auto error = std::move(answer).error();
    error.code = Code::refused;
    error.message = "a check may only read";
    error.next.advice = "take what writes out of the check";
    return error;
}

// What the script has put off is its own: it happens under its settings, and before anything is looked at.
Result<void> PostgresBackend::leave_script() {
    UNDROP_CHECK(check_constraints());
    return session_.leave_script();
}

Result<void> PostgresBackend::leave_check() {
    UNDROP_CHECK(session_.leave_check());
    UNDROP_TRY(auto const intact, run_lock_.intact());
    if (intact) return BOOST_OUTCOME_V2_NAMESPACE::success();
    return Error{.code = Code::refused,
                 .message = "the check released the lock that keeps other migrators out (pg_advisory_unlock_all)",
                 .next = {.advice = "take that out of the check"}};
}

Result<void> PostgresBackend::check_constraints() {
    if (checked_at_ == known_.changes()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    known_.changed();  // deferred triggers run now
    checked_at_ = known_.changes();
    return naming_orphans({}, [&]() -> Result<void> {
        UNDROP_CHECK(connection_.run("SET CONSTRAINTS ALL IMMEDIATE"));
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    });
}

Result<void> PostgresBackend::naming_orphans(std::string const& definition, std::function<Result<void>()> const& work) {
    return postgres::naming_orphans(connection_, definition, work);
}

Result<void> PostgresBackend::lock(std::vector<Table> const& tables, LockLevel level) {
    if (tables.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto sorted = tables;
    std::sort(sorted.begin(), sorted.end(),
              [](Table const& a, Table const& b) { return std::tie(a.schema, a.name) < std::tie(b.schema, b.name); });
    std::vector<std::string> items;
    std::vector<std::string> names;
    for (auto const& table : sorted) {
        items.push_back(dialect_.own_rows(table));
        names.push_back(table.text());
    }
    auto locked = connection_.run(fmt::format("LOCK TABLE {} IN {} MODE", fmt::join(items, ", "),
                                              level == LockLevel::everyone ? "ACCESS EXCLUSIVE" : "SHARE ROW EXCLUSIVE"));
    if (locked.has_value()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto error = std::move(locked).error();
    if (sqlstate(error) == "42P01" || sqlstate(error) == "3F000") {
        error.code = Code::busy;
        error.message = "another session removed or renamed a table that was about to be locked";
        error.next.advice = "try again";
    } else if (error.code == Code::busy) {
        return with_blocker(std::move(error), fmt::format("no lock on {} in time{}", fmt::join(names, ", "),
                                                          blockers_.who().empty() ? ": another session is using it" : ""));
    }
    return error;
}

// Locks that keep writers out; those of indexes, views and catalogs say nothing to a user.
Result<std::vector<LockedTable>> PostgresBackend::locked_tables() {
    UNDROP_TRY(auto const rows,
               connection_.repeated(
                   "select distinct c.oid, n.nspname || '.' || c.relname from pg_catalog.pg_locks l "
                   "join pg_catalog.pg_class c on c.oid = l.relation join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
                   "where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted and c.relkind in ('r', 'p') "
                   "and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"));
    std::vector<LockedTable> locked;
    for (auto const& row : rows)
        locked.push_back({.id = *row[0], .name = row[1].value_or(""), .waited_seconds = blockers_.waited(*row[0])});
    return locked;
}

Result<std::vector<std::string>> PostgresBackend::long_users(std::vector<Table> const& tables) {
    return postgres::long_users(connection_, tables);
}

Result<bool> PostgresBackend::read_in_time(std::chrono::milliseconds wait, std::function<Result<void>()> const& read) {
    return postgres::read_in_time(connection_, wait, read);
}

Result<std::vector<std::string>> PostgresBackend::kept_from_readers() { return postgres::kept_from_readers(connection_); }

// -1: no ANALYZE has been there yet.
Result<std::optional<std::int64_t>> PostgresBackend::estimated_rows(Table const& table) {
    UNDROP_TRY(auto const rows,
               connection_.rows(
                   fmt::format("select c.reltuples::int8 from pg_catalog.pg_class c where c.oid = {} and c.reltuples >= 0", table.id)));
    return rows.empty() ? std::optional<std::int64_t>{} : std::stoll(rows[0][0].value_or("0"));
}

Result<void> PostgresBackend::sees_all_rows(std::vector<Table> const& tables) {
    if (tables.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    std::vector<std::string> ids;
    for (auto const& table : tables) ids.push_back(table.id);
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(
                                    "select n.nspname || '.' || c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n "
                                    "on n.oid = c.relnamespace where c.oid in ({}) and pg_catalog.row_security_active(c.oid) "
                                    "order by 1",
                                    fmt::join(ids, ", "))));
    std::vector<std::string> names;
    for (auto const& row : rows) names.push_back(row[0].value_or(""));
    if (!names.empty()) return hidden_rows(fmt::format("{}", fmt::join(names, ", ")));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

std::string PostgresBackend::why_blind(Options const& options) const {
    if (!options.second_connection) return "a second connection is not allowed";
    return connection_.pooled() ? "behind a connection pooler a second connection might have to wait for this one" : "";
}

Result<std::vector<Reference>> PostgresBackend::references(Table const& table) { return read_references(connection_, table); }

Result<std::vector<ObjectId>> PostgresBackend::in_the_way(Table const& table, std::vector<std::string> const& columns, bool swapped) {
    return postgres::in_the_way(connection_, table, columns, swapped);
}

Result<std::vector<ForeignKey>> PostgresBackend::foreign_keys(Table const&, std::vector<std::string> const& definitions) {
    std::vector<ForeignKey> all;
    for (auto const& definition : definitions)
        if (auto key = foreign_key_of(definition)) all.push_back(std::move(*key));
    return all;
}

Result<void> PostgresBackend::defer_references(std::vector<Table> const& tables) {
    known_.changed();
    return references_.defer(tables);
}

Result<void> PostgresBackend::check_references() {
    known_.changed();  // deferred triggers run now
    return naming_orphans({}, [&] { return references_.check(); });
}

Result<void> PostgresBackend::quiet(Table const& table) {
    known_.changed();
    return quiet_.quiet(table);
}

Result<void> PostgresBackend::loud(Table const& table) {
    known_.changed();
    return quiet_.loud(table);
}

Result<void> PostgresBackend::reshape(ObjectId const& id, Object const&, Object const&) {
    return Error{
        .code = Code::refused,
        .message = fmt::format("{} cannot be brought into another form while it holds rows", id.text()),
        .next = {.advice = "write a down script that makes it anew under another name, fills that from it, drops it, and gives the "
                           "new one its name"}};
}

Result<void> PostgresBackend::set_position(std::string const& sequence, std::string const& position) {
    return advance(connection_, session_, sequence, position);
}

Result<void> PostgresBackend::gather_statistics(Table const& table) { return postgres::gather_statistics(connection_, table); }

Result<std::string> PostgresBackend::written_by_us(Table const& table, std::string const& alias) {
    if (!mark_) return std::string();
    return rows_made_by(connection_, *mark_, table, alias);
}

Result<std::string> PostgresBackend::written_after_rewrite(Table const& table, std::int64_t written) {
    if (!mark_) return std::string();
    return rows_made_after_rewrite(connection_, *mark_, table, written);
}

}  // namespace undrop::postgres
