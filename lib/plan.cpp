#include "planner.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <limits>

#include "adopt.hpp"
#include "ahead.hpp"
#include "busy.hpp"
#include "check.hpp"
#include "encoding.hpp"
#include "journal.hpp"
#include "rules.hpp"
#include "source_for.hpp"
#include "stays.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Severity = Finding::Severity;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

Error wrong_range(std::string message, std::string advice) {
    return Error{.code = Code::usage,
                 .left = Left::untouched,
                 .message = std::move(message),
                 .next = {.command = "status", .advice = std::move(advice)}};
}

Applied const* newest_of(History const& history) {
    Applied const* newest = nullptr;
    for (auto const& applied : history.applied)  // by version
        if (!is_repeatable(applied.version)) newest = &applied;
    return newest;
}

// Is there a step already that goes on with this version?
bool plans(Plan const& plan, Direction direction, std::string const& version) {
    return std::any_of(plan.steps.begin(), plan.steps.end(), [&](PlannedStep const& s) {
        return s.unfinished != 0 && !s.takes_back && s.direction == direction && s.version == version;
    });
}

}  // namespace

Planner::Planner(Backend& backend, Source const& source, Options const& options, bool full)
    : backend_(backend),
      ledger_(backend, options.ledger),
      given_(source),
      source_{{}, source.origin, source.format},
      options_(options),
      full_(full) {}

Result<void> Planner::read_history() {
    return patiently(backend_, options_, [&]() -> Result<void> {
        UNDROP_TRY(history_, ledger_.history());
        source_ = source_for(given_, history_);
        return success();
    });
}

// Only `up` minds the files: a rollback has everything in the ledger (P4).
Result<void> Planner::compare_source(Plan& plan) {
    auto const newer = newer_than(source_, history_);
    for (auto const& applied : history_.applied) {
        auto const* migration = find_migration(source_, applied.version);
        if (std::any_of(newer.begin(), newer.end(), [&](Applied const& a) { return a.step == applied.step; })) continue;
        if (!migration && is_earlier_text(source_, applied.version)) continue;
        if (!migration) {
            plan.findings.push_back(missing_file_finding(applied, source_.origin));
        } else if (edited_up(applied, *migration)) {
            UNDROP_TRY(auto const ran, ledger_.script(applied.up_script));
            plan.findings.push_back(edited_up_finding(applied, *migration, ran));
        }
    }
    for (auto const& applied : newer) {
        UNDROP_TRY(auto finding, ahead_finding(backend_, ledger_, applied, source_, history_, options_));
        plan.findings.push_back(std::move(finding));
    }
    return success();
}

Result<Plan> Planner::up(Range const& wanted) {
    UNDROP_CHECK(read_history());
    auto const range = with_full_version(wanted);
    if (auto const newer = newer_than(source_, history_); !newer.empty() && options_.ahead == Ahead::roll_back) return roll_back(newer);
    Plan plan{.direction = Direction::up, .target = backend_.description(), .ledger = options_.ledger};
    UNDROP_CHECK(compare_source(plan));
    if (range.to && !find_migration(source_, *range.to))
        return wrong_range(fmt::format("there is no migration {}", *range.to), "it lists what there is");
    if (range.run || range.label) return wrong_range("--run and --label choose what to take back", "use --to or --steps");
    auto const* newest = newest_of(history_);
    if (history_.unfinished) UNDROP_CHECK(add_unfinished(goes_on_up(range), plan));
    for (auto const& migration : source_.migrations) {
        if (history_.find(migration.version) || plans(plan, Direction::up, migration.version)) continue;
        if (range.to && version_less(*range.to, migration.version)) break;
        if (range.steps && static_cast<int>(plan.steps.size()) >= *range.steps) break;
        if (newest && version_less(migration.version, newest->version) && !options_.out_of_order)
            plan.findings.push_back(out_of_order_finding(migration, *newest));
        PlannedStep step{.version = migration.version,
                         .name = migration.name,
                         .direction = Direction::up,
                         .origin = Origin::file,
                         .up = migration.up,
                         .down = migration.down,
                         .check = migration.check,
                         .down_check = migration.down_check};
        for (auto& finding : script_findings(backend_.dialect(), migration.up, step.statements))
            plan.findings.push_back(std::move(finding));
        look_at_check(step, plan);
        for (auto const& recorded : {migration.down, migration.down_check})
            if (auto bad = recorded ? not_utf8(*recorded) : std::nullopt) plan.findings.push_back(std::move(*bad));
        if (!migration.down)
            for (auto& finding : one_way_findings(backend_.dialect(), migration.up)) plan.findings.push_back(std::move(finding));
        if (auto const reason = reason_of(migration.up); !reason.empty())
            plan.findings.push_back(irreversible_finding(step, reason));
        else if (!migration.down)
            step.notes.push_back("no down script: the way back is derived from what the ledger records");
        plan.steps.push_back(std::move(step));
    }
    if (!plan.steps.empty()) UNDROP_CHECK(look_at_target(plan));
    return plan;
}

// A step that was interrupted comes first. Going up it goes on if it was an up of the very script that is still wanted; what is not wanted
// any more is taken back.
bool Planner::goes_on_up(Range const& range) const {
    auto const& unfinished = *history_.unfinished;
    auto const* migration = find_migration(source_, unfinished.version);
    return unfinished.direction == Direction::up && migration && checksum(migration->up.text) == unfinished.up_sum &&
           (!range.to || !version_less(*range.to, unfinished.version));
}

Result<void> Planner::add_unfinished(bool goes_on, Plan& plan) {
    auto const& unfinished = *history_.unfinished;
    UNDROP_TRY(auto const standing, standing_of(backend_, ledger_, unfinished));
    goes_on = goes_on && !standing.progress.only_back();
    PlannedStep step{.version = unfinished.version,
                     .name = unfinished.name,
                     .direction = goes_on ? unfinished.direction : Direction::down,
                     .origin = goes_on ? Origin::ledger : Origin::derived};
    auto const base = unfinished.version + "_" + unfinished.name + ".";
    auto const read = [&](std::string const& key, char const* end) -> Result<std::optional<Script>> {
        if (key.empty()) return std::optional<Script>{};
        UNDROP_TRY(auto text, ledger_.script(key));
        return std::optional{Script{std::move(text), base + end + ".sql (ledger)"}};
    };
    UNDROP_TRY(step.up, read(unfinished.up_script, "up"));
    UNDROP_TRY(step.down, read(unfinished.down_script, "down"));
    UNDROP_TRY(auto recorded, ledger_.checks(unfinished.step));
    if (recorded.check) step.check = Script{*recorded.check, base + "check.sql (ledger)"};
    if (recorded.down_check) step.down_check = Script{*recorded.down_check, base + "down.check.sql (ledger)"};
    step.statements = standing.statements;
    step.unfinished = unfinished.step;
    step.takes_back = !goes_on;
    step.notes.push_back(goes_on
                             ? fmt::format("goes on where run {} was interrupted: {}", unfinished.run, standing.text())
                             : fmt::format("takes back what run {} did before it was interrupted: {}", unfinished.run, standing.text()));
    plan.steps.push_back(std::move(step));
    return success();
}

Range Planner::with_full_version(Range range) const {
    if (range.to) range.to = full_version(*range.to, source_, history_);
    return range;
}

// The first step that goes when all after `version` go. A repeatable migration has no place among the versions: it goes with those before
// it.
std::int64_t Planner::first_step_after(std::string const& version) const {
    auto first = std::numeric_limits<std::int64_t>::max();
    if (auto const* applied = history_.find(version); applied && is_repeatable(version)) return applied->step + 1;
    for (auto const& applied : history_.applied)
        if (!is_repeatable(applied.version) && version_less(version, applied.version)) first = std::min(first, applied.step);
    return first;
}

Result<std::vector<Applied>> Planner::chosen_for_down(Range const& range, Plan& plan) const {
    auto newest_first = history_.applied;
    std::sort(newest_first.begin(), newest_first.end(), [](Applied const& a, Applied const& b) { return a.step > b.step; });
    std::vector<Applied> chosen;
    auto take = [&](auto const& wanted) { std::copy_if(newest_first.begin(), newest_first.end(), std::back_inserter(chosen), wanted); };
    if (range.to) {
        if (*range.to != "0" && !history_.find(*range.to))
            return wrong_range(fmt::format("{} is not applied", *range.to), "it lists what is");
        auto const from = first_step_after(*range.to);
        take([&](Applied const& a) {
            if (*range.to == "0") return true;
            if (is_repeatable(a.version) || is_repeatable(*range.to)) return a.step >= from;
            return version_less(*range.to, a.version);
        });
    } else if (range.run) {
        auto const run = *range.run == 0 && !newest_first.empty() ? newest_first.front().run : *range.run;
        take([&](Applied const& a) { return a.run == run; });
        if (chosen.empty() && *range.run != 0)
            return wrong_range(fmt::format("nothing that run {} applied is still applied", run), "it lists what is");
    } else if (range.label) {
        take([&](Applied const& a) { return a.label == *range.label; });
        if (chosen.empty())
            return wrong_range(fmt::format("nothing is applied under the label \"{}\"", *range.label), "log lists the labels");
    } else {
        // What was interrupted is one of the steps that are asked for.
        auto const taken = history_.unfinished && history_.unfinished->direction == Direction::up ? 1 : 0;
        auto const count =
            std::min<std::size_t>(newest_first.size(), static_cast<std::size_t>(std::max(0, range.steps.value_or(1) - taken)));
        chosen.assign(newest_first.begin(), newest_first.begin() + static_cast<std::ptrdiff_t>(count));
    }
    // What came later may build on what is to go.
    if (!chosen.empty())
        for (auto const& later : newest_first)
            if (later.step > chosen.back().step &&
                std::none_of(chosen.begin(), chosen.end(), [&](Applied const& a) { return a.step == later.step; }))
                plan.findings.push_back(
                    {.severity = Severity::stop,
                     .code = "not-newest",
                     .text = fmt::format("{} {} was applied after {} {}, and would stay", later.version, later.name, chosen.back().version,
                                         chosen.back().name),
                     .next = {.command = "down --to " + chosen.back().version, .advice = "takes the later ones back first"}});
    return chosen;
}

// A file wins over the ledger; --down-from ledger says otherwise for what a down runs.
Result<void> Planner::find_checks(Applied const& applied, PlannedStep& step) {
    auto const* migration = find_migration(source_, applied.version);
    UNDROP_TRY(auto recorded, ledger_.checks(applied.recorded));
    auto const base = applied.version + "_" + applied.name + ".";
    if (recorded.check) step.check = Script{*recorded.check, base + "check.sql (ledger)"};
    if (recorded.down_check) step.down_check = Script{*recorded.down_check, base + "down.check.sql (ledger)"};
    if (migration && migration->check) step.check = migration->check;
    if (migration && migration->down_check && (options_.down_from == DownFrom::files || !step.down_check))
        step.down_check = migration->down_check;
    return success();
}

// P7: what the text of a check shows to be none is refused before the step.
void Planner::look_at_check(PlannedStep& step, Plan& plan) const {
    auto const* check = check_of(step);
    if (!check) return;
    for (auto& finding : script_findings(backend_.dialect(), *check, step.check_statements, RunsAs::check))
        plan.findings.push_back(std::move(finding));
}

Result<PlannedStep> Planner::step_down(Applied const& applied, Plan& plan) {
    PlannedStep step{.version = applied.version, .name = applied.name, .direction = Direction::down};
    UNDROP_TRY(auto up, ledger_.script(applied.up_script));
    step.up = Script{std::move(up), applied.version + "_" + applied.name + ".up.sql (ledger)"};
    auto const* migration = find_migration(source_, applied.version);
    // Directives are no part of a script's identity: a `backfill` that was added since is heard.
    if (migration && !edited_up(applied, *migration)) step.up = migration->up;
    if (auto const reason = reason_of(*step.up); !reason.empty()) plan.findings.push_back(irreversible_finding(step, reason));
    auto const in_file = migration && migration->down;
    auto const in_ledger = !applied.down_script.empty();
    auto const from_file = in_file && (options_.down_from == DownFrom::files || !in_ledger);
    if (in_ledger) {
        UNDROP_TRY(auto down, ledger_.script(applied.down_script));
        step.down = Script{std::move(down), applied.version + "_" + applied.name + ".down.sql (ledger)"};
        if (in_file && edited_down(applied, *migration) && !options_.derive)
            plan.findings.push_back(edited_down_finding(applied, *migration, step.down->text, from_file));
    }
    if (from_file) step.down = migration->down;
    step.origin = options_.derive || !step.down ? Origin::derived : from_file ? Origin::file : Origin::ledger;
    UNDROP_TRY(bool const adopted, was_adopted(backend_, ledger_, applied));
    if (adopted) plan.findings.push_back(adopted_finding(step));
    for (auto& what : what_stays(backend_.dialect(), step)) step.notes.push_back(std::move(what));
    if (step.origin == Origin::derived) {
        step.notes.push_back(options_.derive ? "the way back is derived; down scripts are not looked at"
                                             : "no down script: the way back is derived");
        return step;
    }
    for (auto& finding : script_findings(backend_.dialect(), *step.down, step.statements)) {
        if (finding.severity == Severity::stop && finding.next.command.empty())
            finding.next = {.command = "down --derive", .advice = "goes back without the script"};
        plan.findings.push_back(std::move(finding));
    }
    return step;
}

Result<Plan> Planner::down(Range const& wanted) {
    UNDROP_CHECK(read_history());
    auto const range = with_full_version(wanted);
    Plan plan{.direction = Direction::down, .target = backend_.description(), .ledger = options_.ledger};
    UNDROP_TRY(auto const chosen, chosen_for_down(range, plan));
    if (auto const& unfinished = history_.unfinished)
        UNDROP_CHECK(add_unfinished(
            unfinished->direction == Direction::down &&
                std::any_of(chosen.begin(), chosen.end(), [&](Applied const& a) { return a.version == unfinished->version; }),
            plan));
    for (auto const& applied : chosen) {
        if (plans(plan, Direction::down, applied.version)) continue;
        UNDROP_TRY(auto step, step_down(applied, plan));
        UNDROP_CHECK(find_checks(applied, step));
        look_at_check(step, plan);
        plan.steps.push_back(std::move(step));
    }
    if (!plan.steps.empty()) UNDROP_CHECK(look_at_target(plan));
    return plan;
}

Result<Plan> Planner::to(std::string const& wanted) {
    UNDROP_CHECK(read_history());
    auto const version = full_version(wanted, source_, history_);
    if (version != "0" && !history_.find(version)) return up({.to = version});
    auto const newer = std::any_of(history_.applied.begin(), history_.applied.end(), [&](Applied const& a) {
        return is_repeatable(version) ? history_.find(version)->step < a.step
                                      : !is_repeatable(a.version) && version_less(version, a.version);
    });
    if (newer) return down({.to = version});
    if (version == "0" && history_.unfinished) return down({.to = version});
    if (version == "0") return Plan{.direction = Direction::down, .target = backend_.description(), .ledger = options_.ledger};
    return up({.to = version});
}

bool Plan::go() const {
    return std::none_of(findings.begin(), findings.end(), [](Finding const& f) { return f.severity == Severity::stop; });
}

Result<Approved> approve(Plan plan) {
    if (plan.go()) return Approved(std::move(plan));
    // What others have locked for now is no fault of the plan's.
    auto const only_locked = std::all_of(plan.findings.begin(), plan.findings.end(), [](Finding const& finding) {
        return finding.severity != Severity::stop || finding.code == "locked";
    });
    Error error{.code = only_locked ? Code::busy : Code::refused, .left = Left::untouched};
    for (auto const& finding : plan.findings) {
        if (finding.severity != Severity::stop) continue;
        error.differences.insert(error.differences.end(), finding.differences.begin(), finding.differences.end());
        if (error.message.empty()) {
            error.message = finding.text;
            error.where = finding.where;
            error.next = finding.next;
        } else {
            error.message += "\n" + finding.text;
        }
    }
    return error;
}

Result<Plan> plan_up(Target& target, Source const& source, Range const& range, Options const& options) {
    return Planner(target.backend(), source, options, true).up(range);
}

Result<Plan> plan_down(Target& target, Source const& source, Range const& range, Options const& options) {
    return Planner(target.backend(), source, options, true).down(range);
}

Result<Plan> plan_to(Target& target, Source const& source, std::string const& version, Options const& options) {
    return Planner(target.backend(), source, options, true).to(version);
}

}  // namespace undrop
