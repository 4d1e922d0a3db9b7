#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "range.hpp"
#include "run.hpp"
#include "screen.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    bool without_snapshot = false;
    bool keep_order = false;
    ConflictFlags conflicts;
};

[[noreturn]] void refuse(std::string message, Next next) {
    throw Failure({.code = Code::refused, .message = std::move(message), .next = std::move(next)});
}

// The way up must be open before the way down is taken. P7.
void check_way_up(Status const& status, Source const& source, std::string const& version) {
    bool const is_there =
        std::any_of(source.migrations.begin(), source.migrations.end(), [&](auto const& m) { return m.version == version; });
    if (!is_there) {
        refuse(fmt::format("the files of {} are gone: it could not go up again", version),
               {.command = "down", .advice = "take it back only, or bring its files back"});
    }
    for (auto const& applied : status.applied) {
        if (applied.version == version || (!applied.edited_up && !applied.missing)) continue;
        refuse(fmt::format("migration {} is {}: the way up would be refused", applied.version, applied.missing ? "missing" : "edited"),
               {.command = applied.missing ? "status" : "accept " + applied.version});
    }
    for (auto const& pending : status.pending) {
        if (pending.out_of_order) {
            refuse(fmt::format("migration {} is pending and older than {}", pending.version, version),
                   {.command = "up --out-of-order", .advice = "apply it first"});
        }
    }
}

int redo(Session& session, Given const& given) {
    auto const source = session.source();
    auto options = session.options();
    options.without_snapshot = given.without_snapshot;
    options.keep_order = given.keep_order;
    set_conflicts(options, given.conflicts);
    auto target = session.open();
    Range const newest{.steps = 1};
    auto const make_down = [&] { return plan_down(target, source, newest, options); };
    auto const first = make_down().value();
    if (first.steps.empty()) {
        Report nothing_done;
        nothing_done.target = first.target;
        return show_report(session, nothing_done, "Nothing is applied.\n");
    }
    auto const version = first.steps.front().version;
    auto const status = undrop::status(target, source, options).value();
    check_way_up(status, source, version);
    auto const down = carry_out(session, target, options, {.plan = make_down, .command = "redo"});
    if (!session.flags().json) (void)show_report(session, down, "");

    auto again = options;
    again.on_conflict = OnConflict::keep_current;  // what was said is about the way back
    again.on_orphan = OnOrphan::stop;
    for (auto const& applied : status.applied)
        if (applied.version == version && again.label.empty()) again.label = applied.label;
    again.out_of_order = true;  // The newest step need not be the newest version; nothing else is out of order.
    Range const same{.to = version};
    auto const up = carry_out(session, target, again, {.plan = [&] { return plan_up(target, source, same, again); }, .command = "up"});
    if (!session.flags().json) return show_report(session, up, "");
    nlohmann::ordered_json const json = {{"format", 1},
                                         {"kind", "redo"},
                                         {"down", nlohmann::ordered_json::parse(to_json(down))},
                                         {"up", nlohmann::ordered_json::parse(to_json(up))}};
    say(json.dump(2));
    return 0;
}

}  // namespace

Action declare_redo(CLI::App& app) {
    auto given = std::make_shared<Given>();
    declare_without_snapshot(app, given->without_snapshot);
    declare_keep_order(app, given->keep_order);
    declare_conflicts(app, given->conflicts);
    return [given](Session& session) { return redo(session, *given); };
}

}  // namespace undrop::cli
