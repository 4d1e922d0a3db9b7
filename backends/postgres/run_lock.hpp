// RunLock: one migrator at a time on a database. A session-level advisory lock, asked for again and again in autocommit: a waiter inside
// the server would deadlock with CREATE INDEX CONCURRENTLY elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include <undrop/options.hpp>
#include <undrop/result.hpp>

#include "connection.hpp"

namespace undrop::postgres {

class RunLock {
public:
    explicit RunLock(Connection& connection) : connection_(connection) {}
    [[nodiscard]] Result<void> lock(Options const& options);
    void unlock();
    void lost() { held_ = false; }                              // with its session
    [[nodiscard]] Result<void> regain(Options const& options);  // what was lost
    // False if it was taken and a script has released it.
    [[nodiscard]] Result<bool> intact();

private:
    [[nodiscard]] Result<bool> try_lock();
    [[nodiscard]] static Result<void> ask(Options const& options, bool told);
    [[nodiscard]] Error busy(Options const& options);

    Connection& connection_;
    std::int64_t key_ = 0;
    bool held_ = false;
    bool wanted_ = false;  // from when it was got to unlock()
};

// From a constant and the ledger's name, so that a restored database has the same.
[[nodiscard]] std::int64_t run_key(std::string const& ledger);

}  // namespace undrop::postgres
