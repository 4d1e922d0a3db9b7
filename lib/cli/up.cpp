#include <CLI/CLI.hpp>
#include <memory>

#include "policy.hpp"
#include "range.hpp"
#include "rehearsed.hpp"
#include "run.hpp"
#include "screen.hpp"
#include "stored_plan.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    RangeFlags range;
    PolicyFlags policies;
    RehearsalFlags rehearsal;
    std::string label;
    std::string plan;
    bool atomic = false;
    bool dry_run = false;
    bool without_snapshot = false;
    bool create = false;
    bool out_of_order = false;
};

Options options_of(Session const& session, Given const& given) {
    auto options = with_policies(session, given.policies);
    if (!given.label.empty()) options.label = given.label;
    options.atomic = given.atomic;
    options.out_of_order = given.out_of_order;
    options.without_snapshot = given.without_snapshot;
    return options;
}

Report joined(Report first, Report second) {
    if (second.run == 0) second.run = first.run;
    second.seconds += first.seconds;
    second.steps.insert(second.steps.begin(), first.steps.begin(), first.steps.end());
    second.findings.insert(second.findings.begin(), first.findings.begin(), first.findings.end());
    return second;
}

int up_by_plan(Session& session, Given const& given) {
    auto const plan = read_plan(given.plan);
    if (plan.direction == Direction::down) {
        wrong_use("this plan goes down", {.command = "down --plan " + given.plan, .advice = "it is applied by down"});
    }
    auto const policy = rehearsal_policy(session, given.rehearsal);
    auto options = options_of(session, given);
    if (session.settings().ledger.empty()) options.ledger = plan.ledger;
    auto target = session.open(given.create);
    check_stored(session, target, plan, given.plan);
    auto const make = [&] { return judged(plan, target, policy, options); };
    if (given.dry_run) return show_plan(session, make().value());
    Wish const wish{.plan = make, .stored = true, .command = "up --plan " + given.plan};
    return show_report(session, carry_out(session, target, options, wish), "Nothing is pending.\n");
}

int up(Session& session, Given const& given) {
    if (!given.plan.empty()) return up_by_plan(session, given);
    auto const range = range_of(given.range);
    auto const source = session.source();
    auto const policy = rehearsal_policy(session, given.rehearsal);
    auto const options = options_of(session, given);
    auto target = session.open(given.create);
    auto const make = [&] { return judged(plan_up(target, source, range, options), target, policy, options); };
    if (given.dry_run) return show_plan(session, make().value());
    wait_while_ahead(target, source, options).value();
    Wish const wish{.plan = make, .command = "up"};
    auto report = carry_out(session, target, options, wish);
    // What was newer is taken back; what is pending comes now.
    if (!report.steps.empty() && report.steps.front().direction == Direction::down) {
        if (!session.flags().json) (void)show_report(session, report, "");
        auto next = carry_out(session, target, options, wish);
        if (session.flags().json) next = joined(std::move(report), std::move(next));
        report = std::move(next);
    }
    return show_report(session, report, report.elsewhere ? "Nothing was done here.\n" : "Nothing is pending.\n");
}

}  // namespace

Action declare_up(CLI::App& app) {
    auto given = std::make_shared<Given>();
    declare_range(app, given->range);
    app.add_option("--label", given->label, "A release's name; taken back as one with `down --label`")->type_name("LABEL");
    app.add_flag("--atomic", given->atomic, "The whole run or nothing");
    app.add_option("--plan", given->plan, "Do what a stored plan says, if the target is still what it was made for")
        ->type_name("FILE")
        ->excludes(app.get_option("--to"))
        ->excludes(app.get_option("--steps"));
    declare_without_snapshot(app, given->without_snapshot);
    app.add_flag("--dry-run", given->dry_run, "Print the plan only");
    app.add_flag("--create", given->create, "Make the SQLite file if it is not there");
    declare_ahead(app, given->policies);
    declare_busy(app, given->policies);
    declare_rehearsal(app, given->rehearsal);
    app.add_flag("--out-of-order", given->out_of_order, "Take pending migrations older than the newest applied one");
    return [given](Session& session) { return up(session, *given); };
}

}  // namespace undrop::cli
