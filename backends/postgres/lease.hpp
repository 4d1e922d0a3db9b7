// Lease: one migrator at a time where no session of the server is ours for long, as behind a connection pooler. One row in the store says
// who has it, until when by the server's clock, and the how-manieth holder that is. One thread at a time.
//
// A step's transaction updates that row where it begins: it has the row, and an advisory lock, until it ends, however long that takes, and
// the server lets both go when it ends the session. So nobody takes over while it runs, and who has lost the lease meanwhile cannot begin,
// and so not commit, another one (fencing). Between transactions the time in the row counts.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <undrop/options.hpp>
#include <undrop/result.hpp>

#include "connection.hpp"
#include "session.hpp"

namespace undrop::postgres {

class Lease {
public:
    Lease(Connection& connection, Session& session) : connection_(connection), session_(session) {}

    // Makes the table where there is none, in a transaction of its own. The store is there.
    [[nodiscard]] Result<void> prepare(Options const& options);
    // One try, which waits for nothing. `key`: of the advisory lock by which holders of a session's lock and of a lease keep each other
    // out.
    [[nodiscard]] Result<bool> take(Options const& options, std::int64_t key);
    void give_back();
    [[nodiscard]] bool held() const { return fence_ != 0; }

    // In a transaction that was just opened: ours until it ends. Code::conflict if another one has it or had it since.
    [[nodiscard]] Result<void> enter(Options const& options);
    // Before COMMIT, so that its time runs from there.
    [[nodiscard]] Result<void> prolong();
    // What prolongs it from another connection, sent now and then while a statement outside of a transaction keeps ours busy; never waits.
    [[nodiscard]] std::function<void()> keeper(Options const& options);

    // For who has got the session's lock: false while a lease is good. One that is not will not come back.
    [[nodiscard]] static Result<bool> ended(Connection& connection, Session const& session, std::string const& ledger);
    // Who has it, for people; empty: nobody, or nobody can tell.
    [[nodiscard]] static std::string holder(Connection& connection, Session const& session, std::string const& ledger);

private:
    [[nodiscard]] Result<bool> is_ours();
    [[nodiscard]] Result<bool> renew(std::string const& gate);
    [[nodiscard]] std::string renewal(std::string const& gate) const;
    [[nodiscard]] Error lost();

    Connection& connection_;
    Session& session_;
    std::string ledger_;
    std::string holder_;      // a random token
    std::int64_t fence_ = 0;  // 0: not ours
    std::int64_t key_ = 0;
    std::chrono::milliseconds time_{};
};

}  // namespace undrop::postgres
