#include "busy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <chrono>
#include <thread>

namespace undrop {

// Where a step's transaction is the lock, any writer may hold it for a moment: one lock_timeout is waited, and no further try is made.
Options patient(Backend const& backend, Options options) {
    if (options.busy == Busy::wait) return options;
    options.wait = std::chrono::milliseconds{0};
    if (backend.steps_lock_the_run()) options.tries = 1;
    return options;
}

bool is_elsewhere(Backend const& backend, Options const& options, Error const& error, bool held) {
    return options.busy == Busy::serve && error.code == Code::busy && error.left != Left::changed &&
           (!held || backend.steps_lock_the_run());
}

Report elsewhere(Backend const& backend, Options const& options, Plan const& pending, Error const& error) {
    std::vector<std::string> names;
    for (auto const& step : pending.steps) names.push_back(step.version + " " + step.name);
    Report report{.target = backend.description(), .label = options.label, .findings = pending.findings, .elsewhere = true};
    report.findings.push_back(
        {.severity = Finding::Severity::warning,
         .code = "elsewhere",
         .text = names.empty()
                     ? fmt::format("{}; not waited for, and what is pending could not be read", error.message)
                     : fmt::format("{}; not waited for. Pending when this program looked: {}", error.message, fmt::join(names, ", "))});
    return report;
}

Result<void> patiently(Backend& backend, Options const& options, std::function<Result<void>()> const& read) {
    if (!backend.steps_lock_the_run()) return read();
    using Clock = std::chrono::steady_clock;
    auto const start = Clock::now();
    auto const most = options.busy == Busy::wait ? std::max(options.wait, options.lock_timeout) : options.lock_timeout;
    backend.wait_for_locks(std::min(options.lock_timeout, std::chrono::milliseconds{20}));  // so that `cancelled` is asked
    auto done = read();
    try {
        for (bool told = false; !done && done.error().code == Code::busy && Clock::now() - start < most; told = true) {
            if (!told && options.on_event) options.on_event({.kind = Event::Kind::waiting, .text = done.error().message});
            if (options.cancelled && options.cancelled()) {
                done =
                    Error{.code = Code::interrupted, .left = Left::untouched, .message = "cancelled while waiting for the database's lock"};
                break;
            }
            std::this_thread::sleep_for(std::min<Clock::duration>(std::chrono::milliseconds{20}, most - (Clock::now() - start)));
            done = read();
        }
    } catch (...) {
        done = Error{.code = Code::interrupted, .left = Left::untouched, .message = "the program's event callback threw an exception"};
    }
    backend.wait_for_locks(options.lock_timeout);
    return done;
}

}  // namespace undrop
