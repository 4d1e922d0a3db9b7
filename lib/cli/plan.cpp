#include <CLI/CLI.hpp>
#include <memory>

#include "policy.hpp"
#include "range.hpp"
#include "rehearsed.hpp"
#include "run.hpp"
#include "screen.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    std::string direction = "up";
    RangeFlags range;
    PolicyFlags policies;
    RehearsalFlags rehearsal;
    std::string out;
    bool out_of_order = false;
    bool derive = false;
    bool accept_drift = false;
    bool without_snapshot = false;
    bool keep_order = false;
    std::string down_from = "files";
};

int plan(Session& session, Given const& given) {
    bool const down = given.direction == "down";
    if (!down && (given.range.run || given.range.label)) {
        wrong_use("--run and --label say what to take back", {.command = "plan down", .advice = "only a plan down takes them"});
    }
    auto const range = range_of(given.range);
    auto const source = down ? session.source_or_ledger() : session.source();
    auto const policy = rehearsal_policy(session, given.rehearsal);
    auto target = session.open();
    auto options = with_policies(session, given.policies);
    options.busy = Busy::fail;  // nothing is done, so nobody is waited for
    options.out_of_order = given.out_of_order;
    options.derive = given.derive;
    options.accept_drift = given.accept_drift;
    options.without_snapshot = given.without_snapshot;
    options.keep_order = given.keep_order;
    options.down_from = given.down_from == "ledger" ? DownFrom::ledger : DownFrom::files;
    auto const made =
        judged(down ? plan_down(target, source, range, options) : plan_up(target, source, range, options), target, policy, options).value();
    if (!given.out.empty()) write_file(given.out, to_json(made));
    return show_plan(session, made);
}

}  // namespace

Action declare_plan(CLI::App& app) {
    auto given = std::make_shared<Given>();
    app.add_option("direction", given->direction, "up (the default) or down")->check(CLI::IsMember({"up", "down"}))->type_name("up|down");
    declare_down_range(app, given->range);
    app.add_option("--out", given->out, "Keep the plan here, for `up --plan` or `down --plan`")->type_name("FILE");
    declare_ahead(app, given->policies);
    declare_rehearsal(app, given->rehearsal);
    app.add_flag("--out-of-order", given->out_of_order, "Take pending migrations older than the newest applied one");
    app.add_flag("--derive", given->derive, "Down: ignore down scripts, go back by mend and restore alone");
    app.add_flag("--accept-drift", given->accept_drift, "Down: objects that were changed by hand since are taken as they are");
    declare_without_snapshot(app, given->without_snapshot);
    declare_keep_order(app, given->keep_order);
    app.add_option("--down-from", given->down_from, "Down: whose down script, where file and ledger differ")
        ->check(CLI::IsMember({"files", "ledger"}))
        ->type_name("files|ledger");
    return [given](Session& session) { return plan(session, *given); };
}

}  // namespace undrop::cli
