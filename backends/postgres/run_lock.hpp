// RunLock: one migrator at a time on a database. A session-level advisory lock, asked for again and again in autocommit: a waiter inside
// the server would deadlock with CREATE INDEX CONCURRENTLY elsewhere. Where a session is not ours for long, a lease.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <undrop/options.hpp>
#include <undrop/result.hpp>

#include "connection.hpp"
#include "lease.hpp"
#include "session.hpp"

namespace undrop::postgres {

class RunLock {
public:
    RunLock(Connection& connection, Session& session) : connection_(connection), session_(session), lease_(connection, session) {}
    [[nodiscard]] Result<bool> is_lease(Options const& options);
    [[nodiscard]] Result<void> lock(Options const& options);
    void unlock();
    void lost() { held_ = lease_.held(); }                      // with its session; a lease outlives it
    [[nodiscard]] Result<void> regain(Options const& options);  // what was lost
    // False if it was taken and a script has released it.
    [[nodiscard]] Result<bool> intact();

    // Of a transaction: where it begins, and before COMMIT. Code::conflict if another one has taken over.
    [[nodiscard]] Result<void> enter(Options const& options) { return lease_.enter(options); }
    [[nodiscard]] Result<void> leave() { return lease_.prolong(); }
    [[nodiscard]] std::function<void()> keeper(Options const& options) { return lease_.keeper(options); }

private:
    [[nodiscard]] Result<bool> try_lock(Options const& options, bool lease);
    [[nodiscard]] Result<void> ask(Options const& options, bool told);
    [[nodiscard]] std::string holder(Options const& options);
    [[nodiscard]] Error busy(Options const& options);

    Connection& connection_;
    Session& session_;
    Lease lease_;
    std::int64_t key_ = 0;
    bool held_ = false;
    bool wanted_ = false;  // from when it was got to unlock()
};

// From a constant and the ledger's name, so that a restored database has the same.
[[nodiscard]] std::int64_t run_key(std::string const& ledger);

}  // namespace undrop::postgres
