// Apply: the steps of a plan, one after the other, under the run's lock.
#include "apply.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "busy.hpp"
#include "drift.hpp"
#include "purge.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// The run's lock, given back however the run ends.
class RunLock {
public:
    explicit RunLock(Backend& backend) : backend_(backend) {}
    RunLock(RunLock const&) = delete;
    RunLock& operator=(RunLock const&) = delete;
    ~RunLock() { backend_.unlock_run(); }

private:
    Backend& backend_;
};

// Waits a random while that doubles with each try; false if cancelled meanwhile.
bool pause_before_try(int tries, Options const& options) {
    static thread_local std::mt19937 random{std::random_device{}()};
    auto const most = std::chrono::milliseconds{50} * (1 << std::min(tries, 5));
    auto left = std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{most.count() / 2, most.count()}(random)};
    for (auto const slice = std::chrono::milliseconds{20}; left.count() > 0; left -= slice) {
        if (options.cancelled && options.cancelled()) return false;
        std::this_thread::sleep_for(std::min(slice, left));
    }
    return true;
}

// False: the callback threw. What it throws goes no further.
bool told(Options const& options, Event const& event) {
    try {
        if (options.on_event) options.on_event(event);
        return true;
    } catch (...) {
        return false;
    }
}

Result<StepReport> run_step(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step, std::string const& base,
                            std::int64_t& run) {
    if (runs_in_parts(backend.dialect(), step)) return run_in_parts(backend, ledger, options, step, base, run);
    return retried(options, step, [&]() -> Result<StepReport> {
        StepRunner runner(backend, ledger, options, step, base, run);
        auto done = runner.run();
        if (done) run = runner.run_id();
        return done;
    });
}

// A failure is written down apart from the step that was taken back. If even that fails, the step's error says what matters.
void record_failure(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step, Error const& error,
                    std::int64_t& run) {
    if (error.code == Code::in_doubt || error.code == Code::conflict || error.code == Code::busy) return;
    auto written = [&]() -> Result<void> {
        UNDROP_CHECK(backend.begin(options, {}));
        UNDROP_TRY(auto const id, ledger.next_event());
        if (run == 0) {
            UNDROP_TRY(run, ledger.next_run());
        }
        nlohmann::json const detail = {{"error", error.text()}, {"direction", name_of(step.direction)}};
        UNDROP_CHECK(ledger.add(id,
                                {.run = run,
                                 .kind = "failed",
                                 .version = step.version,
                                 .name = step.name,
                                 .detail = detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)},
                                options));
        return backend.commit();
    }();
    if (!written) backend.rollback();
}

// Options::atomic: the run's earlier steps, newest first, by the way that they came. What was applied `before` has its run and its label
// again.
Result<void> take_back(Backend& backend, Ledger& ledger, Options const& options, std::vector<PlannedStep> const& done,
                       History const& before, std::int64_t run) {
    for (auto step = done.rbegin(); step != done.rend(); ++step) {
        auto as = options;
        auto of = run;
        if (auto const* applied = before.find(step->version); applied && step->direction == Direction::down) {
            as.label = applied->label;
            of = applied->run;
        }
        auto opposite = *step;
        opposite.direction = step->direction == Direction::up ? Direction::down : Direction::up;
        opposite.origin = opposite.direction == Direction::up ? Origin::ledger : opposite.down ? Origin::file : Origin::derived;
        UNDROP_CHECK(run_step(backend, ledger, as, opposite, "", of));
    }
    return success();
}

std::string taken_back(std::vector<PlannedStep> const& done) {
    std::vector<std::string> names;
    for (auto const& step : done) names.push_back(step.version + " " + step.name);
    auto const down = done.front().direction == Direction::down;
    return fmt::format("; {}, which this run had {}, {} {} again", fmt::join(names, ", "), down ? "taken back" : "applied",
                       names.size() == 1 ? "was" : "were", down ? "applied" : "taken back");
}

Error with_trail(Error error, PlannedStep const& step) {
    error.trail.insert(error.trail.begin(),
                       fmt::format("{} {} {}", step.direction == Direction::up ? "up" : "down", step.version, step.name));
    return error;
}

// Options::keep_snapshots. What the run did stays done, whatever comes of this.
void retire_snapshots(Backend& backend, Ledger& ledger, Options const& options, Report& report) {
    auto const hours = options.keep_snapshots.count();
    if (hours <= 0) return;
    auto const purged = purge_old(backend, ledger, options);
    if (!purged) {
        report.findings.push_back({.severity = Finding::Severity::warning,
                                   .code = "purged",
                                   .text = "old snapshots could not be purged: " + purged.error().message,
                                   .next = {.command = fmt::format("snapshots purge --older-than {}h", hours)}});
    } else if (!purged.value().snapshots.empty()) {
        Finding finding{.code = "purged",
                        .text = fmt::format("{} snapshot(s) older than {} hours were purged", purged.value().snapshots.size(), hours)};
        for (auto const& line : purged.value().irreversible) finding.text += "; " + line;
        report.findings.push_back(std::move(finding));
    }
}

}  // namespace

Result<StepReport> retried(Options const& options, PlannedStep const& step, std::function<Result<StepReport>()> const& attempt) {
    for (int n = 1;; ++n) {
        auto done = attempt();
        if (done) {
            done.value().tries = n;
            return done;
        }
        if (done.error().code != Code::busy || n >= options.tries || !pause_before_try(n, options)) {
            if (n > 1) done.error().trail.insert(done.error().trail.begin(), fmt::format("{} tries", n));
            return done;
        }
        if (!told(options,
                  {.kind = Event::Kind::waiting, .text = done.error().message, .version = step.version, .direction = step.direction}))
            return Error{
                .code = Code::interrupted, .left = Left::rolled_back, .message = "the program's event callback threw an exception"};
    }
}

Result<Report> apply_locked(Backend& backend, Plan const& plan, Options const& options, std::vector<StepReport>* committed) {
    auto const start = Clock::now();
    Ledger ledger(backend, options.ledger);
    Report report{.target = backend.description(), .label = options.label, .findings = plan.findings};
    UNDROP_CHECK(ledger.ensure(options));
    History before;
    if (options.atomic) {
        UNDROP_TRY(before, ledger.history());
    }
    std::vector<PlannedStep> done;
    for (auto const& step : plan.steps) {
        auto ran = run_step(backend, ledger, options, step, done.empty() ? plan.base : std::string{}, report.run);
        if (ran) {
            report.steps.push_back(std::move(ran).value());
            done.push_back(step);
            continue;
        }
        auto error = with_trail(std::move(ran).error(), step);
        record_failure(backend, ledger, options, step, error, report.run);
        (void)told(options, {.kind = Event::Kind::failed, .text = error.message, .version = step.version, .direction = step.direction});
        if (done.empty() || error.code == Code::in_doubt) return error;
        if (!options.atomic) {
            error.left = Left::changed;
            if (committed) committed->insert(committed->end(), report.steps.begin(), report.steps.end());
            return error;
        }
        if (auto back = take_back(backend, ledger, options, done, before, report.run); back) {
            error.message += taken_back(done);
        } else {
            error.left = Left::changed;
            error.trail.push_back("taking the run's earlier steps back failed: " + back.error().message);
        }
        return error;
    }
    report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    retire_snapshots(backend, ledger, options, report);
    return report;
}

Result<void> with_run_lock(Backend& backend, Options const& options, std::function<Result<void>()> const& work) {
    UNDROP_TRY(bool const in_store, backend.locks_in_store(options));
    if (in_store) UNDROP_CHECK(Ledger(backend, options.ledger).ensure(options));
    UNDROP_CHECK(backend.lock_run(patient(backend, options)));
    RunLock const lock(backend);
    if (options.on_event)
        backend.on_notice([&](std::string const& text) { options.on_event({.kind = Event::Kind::notice, .text = text}); });
    auto done = work();
    backend.on_notice(nullptr);
    return done;
}

Result<Report> apply(Target& target, Approved const& approved, Options const& given) {
    auto options = patient(target.backend(), given);
    options.ledger = approved.plan().ledger;
    Report report{.target = target.description(), .label = options.label};
    if (approved.plan().steps.empty()) return report;
    bool held = false;
    auto worked = with_run_lock(target.backend(), options, [&]() -> Result<void> {
        held = true;
        Ledger ledger(target.backend(), options.ledger);
        UNDROP_CHECK(not_drifted_since(target.backend(), ledger, approved.plan(), options));
        UNDROP_TRY(report, apply_locked(target.backend(), approved.plan(), options));
        return success();
    });
    if (worked) return report;
    auto const serves = approved.plan().direction == Direction::up && is_elsewhere(target.backend(), options, worked.error(), held);
    if (serves) return elsewhere(target.backend(), options, approved.plan(), worked.error());
    return std::move(worked).error();
}

}  // namespace undrop
