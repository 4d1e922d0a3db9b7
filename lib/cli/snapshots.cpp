#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "checks.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    CLI::App* list = nullptr;
    CLI::App* show = nullptr;
    std::int64_t id = 0;
    std::int64_t limit = 100;
};

int list(Session& session) {
    auto target = session.open();
    auto const snapshots = undrop::snapshots(target, session.options()).value();
    if (session.flags().json) {
        say(to_json(snapshots));
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"ID", "STEP", "VERSION", "", "WHAT", "KIND", "ROWS", "BYTES", "AT"}};
    for (auto const& s : snapshots) {
        rows.push_back({std::to_string(s.id), std::to_string(s.step), s.version, name_of(s.direction), s.what, s.kind, thousands(s.rows),
                        thousands(s.bytes), to_the_second(s.at)});
    }
    say(target.description() + "\n" + (snapshots.empty() ? std::string("No snapshots.\n") : table(rows)));
    return 0;
}

int show(Session& session, Given const& given) {
    auto target = session.open();
    auto const found = snapshot_rows(target, given.id, given.limit, session.options()).value();
    if (session.flags().json) {
        say(to_json(found));
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {found.columns};
    for (auto const& row : found.rows) {
        auto& cells = rows.emplace_back();
        for (auto const& cell : row) cells.push_back(cell.value_or("NULL"));
    }
    auto const& info = found.info;
    auto text = fmt::format("{}\nSnapshot {}: {} {}, {} rows, from {} {} at {}\n", target.description(), info.id, info.kind, info.what,
                            thousands(info.rows), info.version, name_of(info.direction), to_the_second(info.at));
    text += table(rows);
    auto const shown = static_cast<std::int64_t>(found.rows.size());
    if (shown < info.rows) text += fmt::format("{} of {} rows; --limit shows more.\n", thousands(shown), thousands(info.rows));
    say(text);
    return 0;
}

}  // namespace

Action declare_snapshots(CLI::App& app) {
    auto given = std::make_shared<Given>();
    given->list = app.add_subcommand("list", "All snapshots, oldest first")->fallthrough();
    given->show = app.add_subcommand("show", "The rows of one: values of the database")->fallthrough();
    given->show->add_option("id", given->id, "The snapshot's number in `snapshots list`")
        ->required()
        ->check(at_least_one())
        ->type_name("ID");
    given->show->add_option("--limit", given->limit, "So many rows (100)")->check(at_least_one())->type_name("N");
    return [given](Session& session) {
        if (given->list->parsed()) return list(session);
        if (given->show->parsed()) return show(session, *given);
        wrong_use("snapshots wants list or show", {.command = "snapshots list"});
    };
}

}  // namespace undrop::cli
