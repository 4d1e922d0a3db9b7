// A step's transaction: its lock, its settings, its end.
#include <fmt/format.h>
#include <sqlite3.h>

#include <exception>
#include <thread>

#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
using Clock = std::chrono::steady_clock;

constexpr auto ask_every = std::chrono::milliseconds{50};
constexpr int steps_between_questions = 4000;  // of SQLite's virtual machine: a fraction of a millisecond
constexpr int memory_for_changes = 256 << 20;  // bytes of changed pages that a step keeps in memory

Error already_open() {
    return Error{.code = Code::usage,
                 .message = "a transaction is open on this connection already",
                 .next = {.command = {}, .advice = "commit it or roll it back first"}};
}

Error interrupted(std::string why) { return Error{.code = Code::interrupted, .message = std::move(why)}; }

// The callbacks are the caller's code: nothing that they throw goes further.
Result<void> ask_caller(Options const& options, bool tell, std::string const& name) {
    try {
        if (tell && options.on_event)
            options.on_event(
                {.kind = Event::Kind::waiting, .text = "waiting for another connection that is writing to " + name, .version = {}});
        if (options.cancelled && options.cancelled()) return interrupted("cancelled while waiting for " + name);
    } catch (std::exception const& e) {
        return interrupted(std::string("a callback of the program failed: ") + e.what());
    } catch (...) {
        return interrupted("a callback of the program failed");
    }
    return outcome::success();
}

// A COMMIT that failed at the very end: a journal may be gone from the disk, cut off or overwritten though that is said to have failed, and
// then the step is committed (P6). Before that SQLite takes it back from the journal.
bool may_be_done(int result) {
    return result == SQLITE_IOERR_DELETE || result == SQLITE_IOERR_DIR_FSYNC || result == SQLITE_IOERR_TRUNCATE ||
           result == SQLITE_IOERR_FSYNC;
}

Error cannot_write(std::string const& name, std::string const& why, std::string native) {
    auto error = refused(fmt::format("{} cannot be written: {}", name, why),
                         "check the rights on the file and on its directory, where SQLite keeps its journal");
    error.native = std::move(native);
    return error;
}

}  // namespace

Result<void> SqliteBackend::lock_run(Options const&) { return outcome::success(); }
Result<void> SqliteBackend::lock(std::vector<Table> const&, LockLevel) { return outcome::success(); }
// A file has one lock for all; it is worth a word where it was waited for.
Result<std::vector<LockedTable>> SqliteBackend::locked_tables() {
    std::vector<LockedTable> locked;
    if (waited_seconds_ > 0) locked.push_back({.id = {}, .name = connection_.name(), .waited_seconds = waited_seconds_});
    return locked;
}
Result<void> SqliteBackend::sees_all_rows(std::vector<Table> const&) { return outcome::success(); }

int SqliteBackend::progress(void* watch) {
    auto& self = *static_cast<Watch*>(watch);
    auto const now = Clock::now();
    if (self.deadline && now > *self.deadline) return self.late = true;
    if (!self.cancelled || now < self.next_question) return 0;
    self.next_question = now + ask_every;
    try {
        return self.cancelled() ? 1 : 0;
    } catch (...) {
        return 1;
    }
}

// The progress handler of an attached handle is the program's, and cannot be read to be put back.
void SqliteBackend::watch(Options const& options) {
    statement_timeout_ = options.statement_timeout;
    watch_ = Watch{.cancelled = options.cancelled, .next_question = Clock::now() + ask_every, .deadline = {}, .late = false};
    if (!connection_.borrowed()) sqlite3_progress_handler(handle(), steps_between_questions, &SqliteBackend::progress, &watch_);
}

void SqliteBackend::unwatch() {
    if (!connection_.borrowed()) sqlite3_progress_handler(handle(), 0, nullptr, nullptr);
}

Result<void> SqliteBackend::start(Options const& options) {
    if (connection_.in_transaction()) return already_open();
    tracker_.clear();
    before_ = Before{.foreign_keys = is_on(handle(), Switch::foreign_keys),
                     .triggers = is_on(handle(), Switch::triggers),
                     .defensive = is_on(handle(), Switch::defensive),
                     .script = ScriptSettings::of(handle()),
                     .busy_timeout = pragma(handle(), "busy_timeout"),
                     .cache_spill = pragma(handle(), "cache_spill"),
                     .query_only = pragma(handle(), "query_only") != 0};
    connection_.busy_timeout(options.lock_timeout);
    // A cache that spills locks the file against the second pair of eyes, where the journal is no write-ahead log.
    set_cache_spill(handle(), std::max(before_->cache_spill, memory_for_changes / std::max(512, pragma(handle(), "page_size"))));
    second_allowed_ = options.second_connection;
    return outcome::success();
}

Result<void> SqliteBackend::wait_for_lock(Options const& options) {
    using namespace std::chrono_literals;
    auto const start = Clock::now();
    auto const until = start + options.wait;
    waited_seconds_ = 0;
    connection_.busy_timeout(0ms);  // so that `cancelled` is asked
    auto pause = 5ms;
    for (bool first = true;; first = false) {
        auto begun = connection_.run("BEGIN IMMEDIATE");
        if (begun || begun.error().code != Code::busy) {
            connection_.busy_timeout(options.lock_timeout);
            if (!begun) return std::move(begun).error();
            connection_.stay_in_transaction(true);
            if (!first) waited_seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
            return outcome::success();
        }
        UNDROP_CHECK(ask_caller(options, first, connection_.name()));
        if (Clock::now() + pause > until) {
            auto error = std::move(begun).error();
            error.message = fmt::format("{} was locked by another connection for {} ms", connection_.name(), options.wait.count());
            return error;
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, 50ms);
    }
}

// BEGIN IMMEDIATE succeeds on files that nobody can write. Writing a header field as it is opens the journal and changes nothing.
Result<void> SqliteBackend::prove_writable() {
    if (connection_.read_only())
        return cannot_write(connection_.name(), "the file is read-only", "SQLITE_READONLY: attempt to write a readonly database");
    UNDROP_TRY(auto const version, connection_.number("PRAGMA main.user_version"));
    if (auto written = connection_.run(fmt::format("PRAGMA main.user_version = {}", version)); !written) {
        auto error = std::move(written).error();
        if (error.code == Code::busy) return error;
        bool const directory =
            sqlite3_extended_errcode(handle()) == SQLITE_READONLY_DIRECTORY || error.native.starts_with("SQLITE_CANTOPEN");
        if (directory) error.message = "no journal can be made in its directory";
        return cannot_write(connection_.name(), error.message, error.native);
    }
    return outcome::success();
}

Result<void> SqliteBackend::begin(Options const& options, std::vector<Statement> const& statements) {
    UNDROP_CHECK(start(options));
    auto begun = [&]() -> Result<void> {
        // Within a transaction the pragma does nothing, so where a script has it the time before is meant.
        if (auto const wanted = foreign_keys_pragma(statements); wanted >= 0) set(handle(), Switch::foreign_keys, wanted == 1);
        UNDROP_CHECK(wait_for_lock(options));
        UNDROP_CHECK(prove_writable());
        orphans_.reset();
        let_be_.clear();
        loosened_.clear();
        // With foreign keys on SQLite lets no new orphan through, unless violations are deferred and the deferring is ended.
        if (!is_on(handle(), Switch::foreign_keys) || defers_foreign_keys(statements)) {
            UNDROP_TRY(orphans_, violations());
        }
        watch(options);
        return outcome::success();
    }();
    if (!begun) rollback();
    return begun;
}

std::vector<std::string> SqliteBackend::remarks() const {
    bool const on = is_on(handle(), Switch::foreign_keys);
    std::vector<std::string> remarks;
    if (before_ && on != before_->foreign_keys)
        remarks.push_back(
            fmt::format("foreign keys are {} in this step, as its script says by PRAGMA foreign_keys", on ? "enforced" : "not enforced"));
    else if (!on)
        remarks.emplace_back(
            "foreign keys are not enforced: the connection has them off; what referred to nothing was counted before and after");
    if (!let_be_.empty()) remarks.push_back("more rows than before refer to nothing: " + let_be_);
    return remarks;
}

void SqliteBackend::wait_for_locks(std::chrono::milliseconds most) {
    if (connection_.borrowed()) return;
    reads_wait_ = most;
    connection_.busy_timeout(most);
}

Result<void> SqliteBackend::begin_reading() {
    UNDROP_CHECK(start(Options{.lock_timeout = reads_wait_}));
    auto begun = connection_.run("PRAGMA query_only = ON; BEGIN; SELECT count(*) FROM main.sqlite_schema");
    connection_.stay_in_transaction(begun.has_value());
    if (begun) return outcome::success();
    rollback();
    return std::move(begun).error();
}

Result<void> SqliteBackend::commit() {
    for (auto const& table : temporary_) UNDROP_CHECK(connection_.run("DROP TABLE IF EXISTS temp." + quote(table)));
    temporary_.clear();
    unwatch();
    auto done = connection_.run("COMMIT");
    connection_.stay_in_transaction(false);
    if (done) {
        end();
        return outcome::success();
    }
    auto error = std::move(done).error();
    auto const decided = connection_.in_transaction() || !may_be_done(sqlite3_extended_errcode(handle()));
    if (decided) return error;
    rollback();
    error.code = Code::in_doubt;
    error.left = Left::unknown;
    error.message = fmt::format("COMMIT failed ({}): the step is in the file whole, or not at all", error.message);
    error.next = {.command = "status", .advice = "the ledger was to be committed with the step: it tells which it is"};
    return error;
}

void SqliteBackend::rollback() {
    if (!before_) return;  // a transaction that is not ours is none of our business
    unwatch();
    connection_.stay_in_transaction(false);
    if (connection_.in_transaction()) sqlite3_exec(handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    end();
}

void SqliteBackend::end() {
    observer_.stop();
    tracker_.clear();
    marked_.clear();
    temporary_.clear();
    orphans_.reset();
    quiet_ = 0;
    quieted_.clear();
    if (!before_) return;
    set(handle(), Switch::foreign_keys, before_->foreign_keys);
    set(handle(), Switch::triggers, before_->triggers);
    set(handle(), Switch::defensive, before_->defensive);
    before_->script.apply(handle());
    if (pragma(handle(), "query_only") != 0 && !before_->query_only)
        sqlite3_exec(handle(), "PRAGMA query_only = OFF", nullptr, nullptr, nullptr);
    connection_.busy_timeout(connection_.borrowed() ? std::chrono::milliseconds(before_->busy_timeout) : reads_wait_);
    set_cache_spill(handle(), before_->cache_spill);
    before_.reset();
}

Result<void> SqliteBackend::enter_script() {
    UNDROP_CHECK(still_ours());
    if (tracker_.following()) UNDROP_CHECK(sync(Tracker::Cause::own));
    entered_ = ScriptSettings::of(handle());
    set(handle(), Switch::defensive, true);
    return outcome::success();
}

Result<void> SqliteBackend::leave_script() {
    entered_.apply(handle());
    set(handle(), Switch::defensive, before_ && before_->defensive);
    return outcome::success();
}

Result<void> SqliteBackend::enter_check(Options const&) {
    read_only_before_check_ = pragma(handle(), "query_only") != 0;
    return connection_.exec("PRAGMA query_only = ON");
}

Result<void> SqliteBackend::leave_check() {
    if (!read_only_before_check_) UNDROP_CHECK(connection_.exec("PRAGMA query_only = OFF"));
    return outcome::success();
}

Result<Answer> SqliteBackend::ask(Script const& script, Statement const& statement) { return connection_.ask(script, statement); }

Result<void> SqliteBackend::still_ours() {
    if (connection_.in_transaction()) return outcome::success();
    return refused("the step's transaction was ended by the script itself (ON CONFLICT ROLLBACK, or RAISE(ROLLBACK) in a trigger)",
                   "use ABORT instead of ROLLBACK there");
}

// A foreign key cannot be checked where there is no unique index on the other side.
Result<std::optional<SqliteBackend::Violations>> SqliteBackend::violations() {
    UNDROP_TRY(
        auto const children,
        connection_.rows(
            "select distinct m.name from main.sqlite_schema m join pragma_foreign_key_list(m.name, 'main') f where m.type = 'table'"));
    Violations found;
    for (auto const& child : children) {
        auto const counts = connection_.rows(
            fmt::format("select parent, count(*) from pragma_foreign_key_check({}, 'main') group by parent", literal(*child[0])));
        if (!counts) found[{*child[0], ""}] = -1;
        if (!counts) continue;
        for (auto const& row : counts.value()) found[{*child[0], row[0].value_or("")}] = std::stoll(row[1].value_or("0"));
    }
    return std::optional(std::move(found));
}

Result<void> SqliteBackend::check_constraints() {
    UNDROP_CHECK(rebuild_indexes());
    if (has_deferred_violations(handle()))
        return refused("rows refer to rows that do not exist: a foreign key that is checked at the end of the transaction does not hold",
                       "PRAGMA foreign_key_check lists them after the statement that makes them");
    if (!orphans_) return outcome::success();
    UNDROP_TRY(auto const now, violations());
    std::int64_t before = 0;
    std::int64_t after = 0;
    std::string where;
    std::string missing;  // a table that every one of these rows refers to, where no such table is there
    bool parents_missing = true;
    for (auto const& [reference, count] : *orphans_) before += std::max<std::int64_t>(count, 0);
    for (auto const& [reference, count] : now.value()) {
        after += std::max<std::int64_t>(count, 0);
        auto const old = orphans_->find(reference);
        auto const more = count - (old == orphans_->end() ? 0 : std::max<std::int64_t>(old->second, 0));
        if (more <= 0) continue;
        where += fmt::format("{}{} row(s) of {} refer to rows of {} that are not there", where.empty() ? "" : ", ", more, reference.first,
                             reference.second);
        UNDROP_TRY(auto const parents, connection_.number(fmt::format("select count(*) from main.sqlite_schema where type = 'table' and "
                                                                      "lower(name) = lower({})",
                                                                      literal(reference.second))));
        missing = reference.second;
        parents_missing = parents_missing && parents == 0;
    }
    if (after <= before) return outcome::success();
    if (before_ && !before_->foreign_keys) {  // whoever opened the database does not ask for them
        let_be_ = where;
        return outcome::success();
    }
    auto error = refused("foreign keys do not hold: " + where,
                         "make the missing rows again, or delete or change the rows that refer to them, and try again (saved rows stay in "
                         "their snapshot with --on-orphan keep); PRAGMA foreign_key_check lists them. Who opens the database with "
                         "?foreign_keys=off lets them be");
    if (parents_missing) error.native = "no such table: main." + missing;  // SQLite's words for each row that is written there
    return error;
}

}  // namespace undrop::sqlite
