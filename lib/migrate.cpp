// What a program calls: migrate, status, accept, log.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <chrono>
#include <optional>

#include <undrop/evidence.hpp>

#include "ahead.hpp"
#include "apply.hpp"
#include "busy.hpp"
#include "journal.hpp"
#include "planner.hpp"
#include "rules.hpp"
#include "source_for.hpp"
#include "try.hpp"
#include "waived.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

Report nothing_to_do(Target const& target, Plan const& plan, Options const& options) {
    return Report{.target = target.description(), .label = options.label, .findings = plan.findings};
}

bool edited(std::optional<Script> const& file, std::optional<std::string> const& recorded) {
    return file && (!recorded || checksum(file->text) != checksum(*recorded));
}

// Adds to the report what this call does. What was pending before the lock may be done by now, so it is planned anew; after a plan that
// took newer migrations back, too.
Result<void> migrate_locked(Target& target, Source const& source, RehearsalPolicy const* policy, Options const& options, Report& report) {
    for (bool up = false; !up;) {
        UNDROP_TRY(auto plan, Planner(target.backend(), source, options, false).up({}));
        if (policy) {
            UNDROP_TRY(plan, with_evidence(target, std::move(plan), *policy, options));
        }
        UNDROP_TRY(auto const approved, approve(std::move(plan)));
        up = approved.plan().direction == Direction::up;
        auto part = nothing_to_do(target, approved.plan(), options);
        if (!approved.plan().steps.empty()) {
            UNDROP_TRY(part, apply_locked(target.backend(), approved.plan(), options, &report.steps));
        }
        if (part.run != 0) report.run = part.run;
        report.seconds += part.seconds;
        report.steps.insert(report.steps.end(), part.steps.begin(), part.steps.end());
        report.findings.insert(report.findings.end(), part.findings.begin(), part.findings.end());
    }
    return success();
}

// `policy`: null where nobody asks for evidence.
Result<Report> migrate_by(Target& target, Source const& source, RehearsalPolicy const* policy, Options const& options) {
    auto& backend = target.backend();
    UNDROP_CHECK(wait_while_ahead(target, source, options));
    auto planned = Planner(backend, source, options, false).up({});
    if (!planned && is_elsewhere(backend, options, planned.error(), false)) return elsewhere(backend, options, {}, planned.error());
    UNDROP_TRY(auto const first, std::move(planned));
    if (first.steps.empty()) {
        UNDROP_CHECK(approve(first));
        return nothing_to_do(target, first, options);
    }
    auto const patience = patient(backend, options);
    auto const give_up = Clock::now() + options.wait;
    Report report = nothing_to_do(target, {}, options);  // also of steps before another migrator came between
    while (true) {
        bool held = false;
        auto worked = with_run_lock(backend, patience, [&]() -> Result<void> {
            held = true;
            return migrate_locked(target, source, policy, patience, report);
        });
        if (worked) return report;
        auto error = std::move(worked).error();
        if (report.steps.empty() && is_elsewhere(backend, patience, error, held)) return elsewhere(backend, options, first, error);
        if (!report.steps.empty() && error.left != Left::unknown) error.left = Left::changed;
        // Where a step's own transaction is the lock, another migrator may have come between: look again.
        if (error.code != Code::conflict || Clock::now() >= give_up) return error;
        if (options.cancelled && options.cancelled())
            return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
    }
}

// What evidence the ledger has of what is pending.
Result<void> tell_of_evidence(Target& target, Options const& options, Status& status) {
    std::vector<std::string> versions;
    for (auto const& migration : status.pending) versions.push_back(migration.version);
    UNDROP_TRY(auto const known, recorded_evidence(target, versions, options));
    for (auto const& pending : status.pending) {
        std::string newest;
        for (auto const& evidence : known)
            for (auto const& rehearsed : evidence.migrations)
                if (rehearsed.version == pending.version) newest = summary(evidence, rehearsed);
        if (!newest.empty())
            status.findings.push_back({.code = "rehearsed", .text = fmt::format("{} {} was {}", pending.version, pending.name, newest)});
    }
    return success();
}

}  // namespace

Result<Report> migrate(Target& target, Source const& source, Options const& options) {
    return migrate_by(target, source, nullptr, options);
}

Result<Report> migrate_rehearsed(Target& target, Source const& source, RehearsalPolicy const& policy, Options const& options) {
    return migrate_by(target, source, &policy, options);
}

bool Status::clean() const {
    return !in_progress && pending.empty() &&
           std::none_of(applied.begin(), applied.end(), [](AppliedMigration const& a) { return a.edited_up || a.missing; });
}

Result<Status> status(Target& target, Source const& given, Options const& options) {
    Ledger ledger(target.backend(), options.ledger);
    UNDROP_TRY(auto const history, ledger.history());
    auto const source = source_for(given, history);
    Status status{.target = target.description(), .origin = source.origin, .format = source.format, .has_ledger = history.has_ledger};
    for (auto const& applied : history.applied) {
        auto const* migration = find_migration(source, applied.version);
        UNDROP_TRY(auto irreversible, why_irreversible(ledger, applied, migration));
        status.applied.push_back({.version = applied.version,
                                  .name = applied.name,
                                  .run = applied.run,
                                  .at = applied.at,
                                  .label = applied.label,
                                  .has_down = !applied.down_script.empty(),
                                  .edited_up = migration && edited_up(applied, *migration),
                                  .edited_down = migration && edited_down(applied, *migration),
                                  .missing = !migration && !is_earlier_text(source, applied.version),
                                  .irreversible = std::move(irreversible)});
    }
    for (auto const& migration : source.migrations) {
        if (history.find(migration.version)) continue;
        auto const older = std::any_of(history.applied.begin(), history.applied.end(), [&](Applied const& a) {
            return !is_repeatable(a.version) && version_less(migration.version, a.version);
        });
        auto const reverted = std::find(history.reverted.begin(), history.reverted.end(), migration.version) != history.reverted.end();
        status.pending.push_back({.version = migration.version, .name = migration.name, .out_of_order = older, .was_reverted = reverted});
    }
    if (!history.has_ledger) return status;
    UNDROP_TRY(status.findings, target.backend().concerns(options.ledger));
    UNDROP_CHECK(tell_of_evidence(target, options, status));
    UNDROP_CHECK(describe_ahead(target.backend(), ledger, source, history, options, status));
    UNDROP_TRY(auto const store, target.backend().store_state(options.ledger));
    if (auto const error = not_ours(store.foreign); !store.foreign.empty())
        status.findings.push_back({.severity = Finding::Severity::warning, .code = "store", .text = error.message, .next = error.next});
    UNDROP_TRY(auto const waived, waived_by_version(target.backend(), ledger));
    for (auto const& [version, what] : waived)
        if (history.find(version))
            status.findings.push_back(
                {.code = "waived",
                 .text = fmt::format("{} let go unsaved, as `-- undrop: lose` said: {}", version, fmt::join(what, ", "))});
    if (auto const& unfinished = history.unfinished) {
        UNDROP_TRY(auto const standing, standing_of(target.backend(), ledger, *unfinished));
        status.in_progress =
            StepInProgress{unfinished->version, unfinished->name, unfinished->direction, unfinished->run, unfinished->at, standing.text()};
    }
    UNDROP_TRY(auto const snapshots, ledger.list_snapshots(history));
    for (auto const& snapshot : snapshots) {
        if (snapshot.purged) {
            for (auto& applied : status.applied)
                if (snapshot.needed_by == "down " + applied.version) ++applied.purged;
            continue;
        }
        ++status.snapshots;
        status.snapshot_bytes += snapshot.bytes;
        if (status.oldest_snapshot.empty() || snapshot.at < status.oldest_snapshot) status.oldest_snapshot = snapshot.at;
    }
    return status;
}

Result<LogEntry> accept(Target& target, Source const& source, std::string const& wanted, Options const& options) {
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    LogEntry entry;
    UNDROP_CHECK(with_run_lock(backend, options, [&]() -> Result<void> {
        UNDROP_TRY(auto const history, ledger.history());
        auto const version = full_version(wanted, source, history);
        auto const* applied = history.find(version);
        auto const* migration = find_migration(source, version);
        if (!applied || !migration)
            return Error{.code = Code::usage,
                         .left = Left::untouched,
                         .message = fmt::format("{} is not {}", version, applied ? "in " + source.origin : std::string{"applied"}),
                         .next = {.command = "status"}};
        UNDROP_TRY(auto const recorded, ledger.checks(applied->recorded));
        if (!edited_up(*applied, *migration) && !edited_down(*applied, *migration) && !edited(migration->check, recorded.check) &&
            !edited(migration->down_check, recorded.down_check))
            return Error{.code = Code::usage,
                         .left = Left::untouched,
                         .message = fmt::format("{} was not edited since it was applied", version),
                         .next = {.command = "status"}};
        UNDROP_CHECK(ledger.ensure(options));
        UNDROP_CHECK(backend.begin(options, {}));
        auto written = [&]() -> Result<void> {
            UNDROP_TRY(auto const id, ledger.next_event());
            UNDROP_TRY(auto const run, ledger.next_run());
            UNDROP_CHECK(ledger.add(id,
                                    {.run = run,
                                     .kind = "accepted",
                                     .version = version,
                                     .name = migration->name,
                                     .up = migration->up,
                                     .down = migration->down,
                                     .check = migration->check,
                                     .down_check = migration->down_check},
                                    options));
            UNDROP_CHECK(backend.commit());
            UNDROP_TRY(auto const log, ledger.log(run));
            entry = log.back();
            return success();
        }();
        if (!written) backend.rollback();
        return written;
    }));
    return entry;
}

Result<std::vector<LogEntry>> log(Target& target, std::optional<std::int64_t> run, Options const& options) {
    Ledger ledger(target.backend(), options.ledger);
    UNDROP_TRY(auto const history, ledger.history());
    if (!history.has_ledger) return std::vector<LogEntry>{};
    return ledger.log(run);
}

}  // namespace undrop
