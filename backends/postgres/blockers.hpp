// Blockers: who keeps our statements waiting, seen from a second connection while they wait. One thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "connection.hpp"

namespace undrop::postgres {

class Blockers {
public:
    explicit Blockers(Connection& first) : first_(first) {}

    void allow(bool allowed) { allowed_ = allowed; }  // the second connection
    bool look();                                      // while the first one waits for an answer; is anybody in its way?
    void forget();

    // "process 4711 (psql as app), idle in transaction for 312 s: update ..." of the last look that saw a wait; empty: none did.
    [[nodiscard]] std::string const& who() const { return who_; }
    [[nodiscard]] double waited(std::string const& relation) const;  // seconds, as far as they were seen; by oid

private:
    [[nodiscard]] bool open();

    Connection& first_;
    std::unique_ptr<Connection> second_;
    bool allowed_ = true;
    bool tried_ = false;
    std::string who_;
    std::map<std::string, double> waited_;
};

// Sessions whose transaction has lasted for more than a second and which have one of these tables in use, one text for each.
[[nodiscard]] Result<std::vector<std::string>> long_users(Connection& connection, std::vector<Table> const& tables);

// Tables that others have locked, or wait to lock, even against readers, one text for each.
[[nodiscard]] Result<std::vector<std::string>> kept_from_readers(Connection& connection);

// In a transaction: `read`, with so much time for each lock. False: a lock was not had, and all that `read` did is taken back. No lock
// stays.
[[nodiscard]] Result<bool> read_in_time(Connection& connection, std::chrono::milliseconds wait, std::function<Result<void>()> const& read);

}  // namespace undrop::postgres
