#include "busy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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
         .text = fmt::format("{}; not waited for. Pending when this program looked: {}", error.message, fmt::join(names, ", "))});
    return report;
}

}  // namespace undrop
