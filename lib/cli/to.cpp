#include <CLI/CLI.hpp>
#include <memory>

#include "range.hpp"
#include "rehearsed.hpp"
#include "run.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    std::string version;
    bool dry_run = false;
    bool without_snapshot = false;
    bool keep_order = false;
    ConflictFlags conflicts;
    RehearsalFlags rehearsal;
};

int to(Session& session, Given const& given) {
    check_version(given.version);
    auto const source = session.source_or_ledger();
    auto options = session.options();
    options.without_snapshot = given.without_snapshot;
    options.keep_order = given.keep_order;
    set_conflicts(options, given.conflicts);
    auto const policy = rehearsal_policy(session, given.rehearsal);
    auto target = session.open();
    auto const make = [&] { return judged(plan_to(target, source, given.version, options), target, policy, options); };
    if (given.dry_run) return show_plan(session, make().value());
    Wish const wish{.plan = make, .command = "to " + given.version};
    return show_report(session, carry_out(session, target, options, wish), "That version is the newest applied already.\n");
}

}  // namespace

Action declare_to(CLI::App& app) {
    auto given = std::make_shared<Given>();
    app.add_option("version", given->version, "The version that is to be the newest applied; 0: none")->required()->type_name("VERSION");
    declare_without_snapshot(app, given->without_snapshot);
    declare_keep_order(app, given->keep_order);
    declare_conflicts(app, given->conflicts);
    declare_rehearsal(app, given->rehearsal);
    app.add_flag("--dry-run", given->dry_run, "Print the plan only");
    return [given](Session& session) { return to(session, *given); };
}

}  // namespace undrop::cli
