// Patience: how long a statement outside of a transaction may wait for other sessions. One thread.
#pragma once

#include <chrono>
#include <string>

#include <undrop/options.hpp>
#include <undrop/result.hpp>

#include "blockers.hpp"
#include "connection.hpp"

namespace undrop::postgres {

class Patience {
public:
    Patience(Connection& working, Options const& options);

    [[nodiscard]] bool look();  // while the statement runs, now and then: may it go on?
    [[nodiscard]] bool over() const { return waited_ >= options_.outside_wait; }
    [[nodiscard]] Error error() const;  // who it waited for

private:
    using Clock = std::chrono::steady_clock;

    Options const& options_;
    Blockers blockers_;
    Clock::time_point looked_ = Clock::now();
    Clock::duration waited_{};  // in which others were seen to be in the way
    std::string told_;
};

}  // namespace undrop::postgres
