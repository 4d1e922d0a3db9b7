#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "range.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

using State = AdoptedMigration::State;

char const* name_of(State state, bool dry_run) {
    switch (state) {
        case State::adopted:
            return dry_run ? "would be adopted" : "adopted";
        case State::known:
            return "applied before";
        case State::pending:
            return "pending";
        case State::no_file:
            break;
    }
    return "no file";
}

std::string text_of(Adoption const& adoption) {
    std::vector<std::vector<std::string>> rows = {{"VERSION", "NAME", "STATE"}};
    for (auto const& m : adoption.migrations) rows.push_back({m.version, m.name, name_of(m.state, adoption.dry_run)});
    auto const count = [&](State state) {
        return std::count_if(adoption.migrations.begin(), adoption.migrations.end(), [&](auto const& m) { return m.state == state; });
    };
    auto text = adoption.target + "\n" + (rows.size() > 1 ? table(rows) : std::string());
    if (auto const without = count(State::no_file); without > 0)
        text += fmt::format("{} of {} have no file here, and are left out.\n", without, adoption.table);
    return text + fmt::format("{} {}, {} pending. Nothing was run.\n", count(State::adopted),
                              adoption.dry_run ? "would be adopted" : "adopted", count(State::pending));
}

}  // namespace

Action declare_adopt(CLI::App& app) {
    auto wish = std::make_shared<AdoptWish>();
    auto* at = app.add_option("--at", wish->at, "The last version that the database has")->type_name("VERSION");
    app.add_option("--from", wish->from,
                   "The tool whose history table says it: golang-migrate, goose, dbmate, diesel, flyway, prisma, sqlx, drizzle, supabase")
        ->type_name("TOOL")
        ->excludes(at);
    app.add_flag("--skip-missing", wish->skip_missing, "With --from: leave out what the tool's history has and the directory has not")
        ->excludes(at);
    app.add_flag("--dry-run", wish->dry_run, "Say what would be adopted");
    return [wish](Session& session) {
        if (!wish->at && !wish->from) wrong_use("adopt wants --at VERSION or --from TOOL", {.command = "adopt --help"});
        if (wish->at) check_version(*wish->at);
        auto const source = session.source();
        auto target = session.open();
        auto const adoption = undrop::adopt(target, source, *wish, session.options()).value();
        if (session.flags().json)
            say(to_json(adoption));
        else if (!session.flags().quiet)
            say(text_of(adoption));
        return 0;
    };
}

}  // namespace undrop::cli
