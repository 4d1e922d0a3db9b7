// The sandbox: SQLite's own temporary database. It has no name, only this handle reaches it, and it is gone with the handle or with the
// process, however that ends: nothing to mark, nothing to sweep (P10).
#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <thread>

#include "sandbox.hpp"
#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/made_values.hpp"
#include "sqlite/sandbox_rows.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

class SqliteSandbox final : public Sandbox {
public:
    explicit SqliteSandbox(sqlite3* handle) : backend_(handle, Connection::Ownership::owned, ":memory:") {}
    [[nodiscard]] SqliteBackend& backend() override { return backend_; }
    [[nodiscard]] Result<void> end() override { return outcome::success(); }
    [[nodiscard]] std::unique_ptr<ValueSource> values() override { return std::make_unique<MadeValues>(backend_); }
    // Temporary tables.
    [[nodiscard]] Result<void> end_session() override {
        UNDROP_TRY(auto const left,
                   backend_.rows(
                       "select 'drop ' || type || ' temp.\"' || replace(name, '\"', '\"\"') || '\"' from sqlite_temp_schema where type in "
                       "('table', 'view', 'trigger') and name not like 'sqlite\\_%' escape '\\' order by type desc"));
        for (auto const& row : left) UNDROP_CHECK(backend_.run(row[0].value_or("")));
        return outcome::success();
    }
    [[nodiscard]] bool is_to_blame(Error const& error) const override {
        return error.native.starts_with("SQLITE_FULL") || error.native.starts_with("SQLITE_IOERR") ||
               error.native.starts_with("SQLITE_NOMEM");
    }

private:
    SqliteBackend backend_;
};

constexpr int pages_at_once = 2000;
constexpr char const* wants_room = "The copy needs room, all of it as much as the database; SQLITE_TMPDIR names a directory that has it.";

// Extended codes count by their primary one.
bool is_of_room(int state) {
    constexpr int primary = 0xFF;
    return (state & primary) == SQLITE_FULL || (state & primary) == SQLITE_IOERR;
}

// The whole database in one read transaction, so that it is of one moment and nobody's writes make the backup begin anew.
Result<void> copy(sqlite3* from, sqlite3* to, SandboxWish const& wish) {
    struct Reading {
        sqlite3* handle;
        explicit Reading(sqlite3* of) : handle(of) {
            sqlite3_exec(handle, "begin; select 1 from sqlite_schema limit 1", nullptr, nullptr, nullptr);
        }
        ~Reading() { sqlite3_exec(handle, "rollback", nullptr, nullptr, nullptr); }
        Reading(Reading const&) = delete;
        Reading& operator=(Reading const&) = delete;
    } const reading(from);
    auto* const backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == nullptr) return error_of(to);
    auto const until = std::chrono::steady_clock::now() + Options{}.lock_timeout;
    // In one piece, unless somebody wants to hear of it or may end it.
    auto const pages = wish.on_rows || wish.cancelled ? pages_at_once : -1;
    auto state = sqlite3_backup_step(backup, pages);
    while (state == SQLITE_OK || ((state == SQLITE_BUSY || state == SQLITE_LOCKED) && std::chrono::steady_clock::now() < until)) {
        if (wish.is_cancelled()) break;
        if (state != SQLITE_OK) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (wish.on_rows)
            wish.on_rows({.table = "pages",
                          .done = sqlite3_backup_pagecount(backup) - sqlite3_backup_remaining(backup),
                          .all = sqlite3_backup_pagecount(backup)});
        state = sqlite3_backup_step(backup, pages);
    }
    sqlite3_backup_finish(backup);
    if (state == SQLITE_DONE) return outcome::success();
    if (wish.is_cancelled()) return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
    auto error = error_of(state, sqlite3_errstr(state));
    error.message = "the database cannot be copied for the rehearsal: " + error.message;
    if (is_of_room(state)) error.next.advice = wants_room;
    return error;
}

}  // namespace

Result<std::unique_ptr<Sandbox>> SqliteBackend::make_sandbox(SandboxWish const& wish) {
    if (!wish.elsewhere.empty())
        return Error{.code = Code::usage,
                     .message = "a sandbox of SQLite is a temporary file and needs no other server",
                     .next = {.advice = "Leave --sandbox out; SQLITE_TMPDIR names the directory for temporary files."}};
    sqlite3* opened = nullptr;
    // The empty name: a temporary database, in memory as long as it is small.
    if (auto const state = sqlite3_open_v2("", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr); state != SQLITE_OK) {
        auto error = error_of(state, sqlite3_errstr(state));
        sqlite3_close(opened);
        return error;
    }
    auto sandbox = std::make_unique<SqliteSandbox>(opened);
    if (wish.by_rows()) {
        if (auto copied = copy_by_rows(handle(), opened, wish); !copied) {
            auto error = std::move(copied).error();
            error.left = Left::untouched;
            if (is_of_room(sqlite3_errcode(opened)) || error.native.find("FULL") != std::string::npos ||
                error.native.find("IOERR") != std::string::npos)
                error.next.advice = wants_room;
            return error;
        }
    } else if (wish.data.mode == DataMode::full)
        UNDROP_CHECK(copy(handle(), opened, wish));
    UNDROP_CHECK(sandbox->backend().prepare());
    set(opened, Switch::foreign_keys, is_on(handle(), Switch::foreign_keys));
    if (wish.data.mode == DataMode::synthetic) {
        MadeValues values(sandbox->backend());
        UNDROP_CHECK(make_synthetic_rows(sandbox->backend(), values, wish, *sandbox));
    }
    return std::unique_ptr<Sandbox>(std::move(sandbox));
}

}  // namespace undrop::sqlite
