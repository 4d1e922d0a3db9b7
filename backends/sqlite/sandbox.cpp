// The sandbox: SQLite's own temporary database. It has no name, only this handle reaches it, and it is gone with the handle or with the
// process, however that ends: nothing to mark, nothing to sweep (P10).
#include <fmt/format.h>
#include <sqlite3.h>

#include <chrono>
#include <thread>

#include "sandbox.hpp"
#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

class SqliteSandbox final : public Sandbox {
public:
    explicit SqliteSandbox(sqlite3* handle) : backend_(handle, Connection::Ownership::owned, ":memory:") {}
    [[nodiscard]] SqliteBackend& backend() override { return backend_; }
    [[nodiscard]] Result<void> end() override { return outcome::success(); }

private:
    SqliteBackend backend_;
};

// The whole database in one read transaction, so that it is of one moment.
Result<void> copy(sqlite3* from, sqlite3* to) {
    auto* const backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == nullptr) return error_of(to);
    auto const until = std::chrono::steady_clock::now() + Options{}.lock_timeout;
    auto state = sqlite3_backup_step(backup, -1);
    while ((state == SQLITE_BUSY || state == SQLITE_LOCKED) && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        state = sqlite3_backup_step(backup, -1);
    }
    sqlite3_backup_finish(backup);
    if (state == SQLITE_DONE) return outcome::success();
    auto error = error_of(state, sqlite3_errstr(state));
    error.message = "the database cannot be copied for the rehearsal: " + error.message;
    if (state == SQLITE_FULL || state == SQLITE_IOERR)
        error.next.advice = "The copy needs as much room as the database; SQLITE_TMPDIR names a directory that has it.";
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
    if (wish.data.mode == DataMode::full) UNDROP_CHECK(copy(handle(), opened));
    UNDROP_CHECK(sandbox->backend().prepare());
    set(opened, Switch::foreign_keys, is_on(handle(), Switch::foreign_keys));
    return std::unique_ptr<Sandbox>(std::move(sandbox));
}

}  // namespace undrop::sqlite
