#include <CLI/CLI.hpp>
#include <memory>

#include "range.hpp"
#include "run.hpp"
#include "screen.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    RangeFlags range;
    std::string label;
    std::string plan;
    bool atomic = false;
    bool dry_run = false;
    bool create = false;
    bool out_of_order = false;
};

Options options_of(Session const& session, Given const& given) {
    auto options = session.options();
    if (!given.label.empty()) options.label = given.label;
    options.atomic = given.atomic;
    options.out_of_order = given.out_of_order;
    return options;
}

int up_by_plan(Session& session, Given const& given) {
    auto const plan = read_plan(given.plan);
    if (plan.direction == Direction::down) {
        wrong_use("this plan goes down", {.command = "down --plan " + given.plan, .advice = "it is applied by down"});
    }
    if (given.dry_run) return show_plan(session, plan);
    auto options = options_of(session, given);
    if (session.settings().ledger.empty()) options.ledger = plan.ledger;
    auto target = session.open(given.create);
    Wish const wish{.plan = [&] { return Result<Plan>(plan); }, .stored = true, .command = "up --plan " + given.plan};
    return show_report(session, carry_out(session, target, options, wish), "Nothing is pending.\n");
}

int up(Session& session, Given const& given) {
    if (!given.plan.empty()) return up_by_plan(session, given);
    auto const range = range_of(given.range);
    auto const source = session.source();
    auto const options = options_of(session, given);
    auto target = session.open(given.create);
    auto const make = [&] { return plan_up(target, source, range, options); };
    if (given.dry_run) return show_plan(session, make().value());
    return show_report(session, carry_out(session, target, options, {.plan = make, .command = "up"}), "Nothing is pending.\n");
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
    app.add_flag("--dry-run", given->dry_run, "Print the plan only");
    app.add_flag("--create", given->create, "Make the SQLite file if it is not there");
    app.add_flag("--out-of-order", given->out_of_order, "Take pending migrations older than the newest applied one");
    return [given](Session& session) { return up(session, *given); };
}

}  // namespace undrop::cli
