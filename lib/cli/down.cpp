#include <CLI/CLI.hpp>
#include <memory>

#include "range.hpp"
#include "run.hpp"
#include "screen.hpp"
#include "stored_plan.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

constexpr char const* nothing = "Nothing to take back.\n";

struct Given {
    RangeFlags range;
    std::string plan;
    bool derive = false;
    bool accept_drift = false;
    bool atomic = false;
    bool dry_run = false;
    bool without_snapshot = false;
    bool keep_order = false;
    ConflictFlags conflicts;
    std::string down_from = "files";
};

Options options_of(Session const& session, Given const& given) {
    auto options = session.options();
    options.derive = given.derive;
    options.accept_drift = given.accept_drift;
    options.atomic = given.atomic;
    options.without_snapshot = given.without_snapshot;
    options.keep_order = given.keep_order;
    set_conflicts(options, given.conflicts);
    options.down_from = given.down_from == "ledger" ? DownFrom::ledger : DownFrom::files;
    return options;
}

int down_by_plan(Session& session, Given const& given) {
    auto const plan = read_plan(given.plan);
    if (plan.direction == Direction::up) {
        wrong_use("this plan goes up", {.command = "up --plan " + given.plan, .advice = "it is applied by up"});
    }
    auto options = options_of(session, given);
    if (session.settings().ledger.empty()) options.ledger = plan.ledger;
    auto target = session.open();
    check_stored(session, target, plan, given.plan);
    if (given.dry_run) return show_plan(session, plan);
    Wish const wish{.plan = [&] { return Result<Plan>(plan); }, .stored = true, .command = "down --plan " + given.plan};
    return show_report(session, carry_out(session, target, options, wish), nothing);
}

int down(Session& session, Given const& given) {
    if (!given.plan.empty()) return down_by_plan(session, given);
    auto const range = range_of(given.range);
    auto const source = session.source_or_ledger();
    auto const options = options_of(session, given);
    auto target = session.open();
    auto const make = [&] { return plan_down(target, source, range, options); };
    if (given.dry_run) return show_plan(session, make().value());
    return show_report(session, carry_out(session, target, options, {.plan = make, .command = "down"}), nothing);
}

}  // namespace

Action declare_down(CLI::App& app) {
    auto given = std::make_shared<Given>();
    declare_down_range(app, given->range);
    app.add_option("--plan", given->plan, "Do what a stored plan says, if the target is still what it was made for")
        ->type_name("FILE")
        ->excludes(app.get_option("--to"))
        ->excludes(app.get_option("--steps"))
        ->excludes(app.get_option("--run"))
        ->excludes(app.get_option("--label"));
    app.add_flag("--derive", given->derive, "Ignore down scripts, go back by mend and restore alone");
    app.add_option("--down-from", given->down_from, "Whose down script, where file and ledger differ")
        ->check(CLI::IsMember({"files", "ledger"}))
        ->type_name("files|ledger");
    app.add_flag("--accept-drift", given->accept_drift, "Objects that were changed by hand since are taken as they are");
    app.add_flag("--atomic", given->atomic, "The whole run or nothing");
    declare_without_snapshot(app, given->without_snapshot);
    declare_keep_order(app, given->keep_order);
    declare_conflicts(app, given->conflicts);
    app.add_flag("--dry-run", given->dry_run, "Print the plan only");
    return [given](Session& session) { return down(session, *given); };
}

}  // namespace undrop::cli
