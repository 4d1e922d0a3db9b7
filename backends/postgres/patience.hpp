// Patience: how long a statement outside of a transaction may wait for other sessions. Asked again and again while it runs; looks through a
// connection of its own, since the statement's is busy. One thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <undrop/options.hpp>

#include "connection.hpp"

namespace undrop::postgres {

class Patience {
public:
    Patience(Connection& working, Options const& options) : working_(working), options_(options) {}

    // Code::interrupted where the program wants to stop; Code::busy, with who it waits for, where that took too long.
    [[nodiscard]] Result<void> ask();

private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] Result<void> look();
    [[nodiscard]] std::string blocker();

    Connection& working_;
    Options const& options_;
    Clock::time_point looked_ = Clock::now();
    Clock::duration waited_{};  // in which others were seen to be in the way
    std::string told_;
    bool tried_ = false;
    std::unique_ptr<Connection> looking_;
};

}  // namespace undrop::postgres
