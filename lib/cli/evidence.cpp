// `undrop evidence`: what a document of a rehearsal says, as the rehearsal itself said it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "rehearsed.hpp"
#include "run.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"
#include "verdict.hpp"

namespace undrop::cli {
namespace {

struct Given {
    std::string file;
    std::vector<std::string> versions;
    std::string split;
};

// What it says of these migrations; of one that the walk did not reach, that.
Evidence only(Evidence const& evidence, std::vector<std::string> const& versions) {
    auto some = evidence;
    auto const is_wanted = [&](std::string const& version) {
        return std::find(versions.begin(), versions.end(), version) != versions.end();
    };
    for (auto const& version : versions) {
        auto const known =
            std::any_of(evidence.migrations.begin(), evidence.migrations.end(), [&](Rehearsed const& r) { return r.version == version; }) ||
            std::find(evidence.not_reached.begin(), evidence.not_reached.end(), version) != evidence.not_reached.end();
        if (!known) wrong_use(fmt::format("this evidence says nothing of {}", version), {.command = "rehearse " + version});
    }
    std::erase_if(some.migrations, [&](Rehearsed const& r) { return !is_wanted(r.version); });
    std::erase_if(some.not_reached, [&](std::string const& version) { return !is_wanted(version); });
    some.only_applied = 0;
    some.seconds = 0;
    for (auto const& rehearsed : some.migrations) some.seconds += rehearsed.seconds;
    return some;
}

std::vector<std::string> versions_of(Evidence const& evidence) {
    auto versions = evidence.not_reached;
    for (auto const& rehearsed : evidence.migrations) versions.push_back(rehearsed.version);
    return versions;
}

int show(Session& session, Given const& given) {
    auto const evidence = read_evidence(given.file);
    if (!given.split.empty()) {
        std::error_code ignored;
        std::filesystem::create_directories(given.split, ignored);
        for (auto const& version : versions_of(evidence))
            write_file(fmt::format("{}/{}.json", given.split, version), to_json(only(evidence, {version})));
        return 0;
    }
    auto const shown = given.versions.empty() ? evidence : only(evidence, given.versions);
    return show_verdict(session, shown, shown.good());
}

}  // namespace

Action declare_evidence(CLI::App& app) {
    auto given = std::make_shared<Given>();
    app.add_option("file", given->file, "What `rehearse --report FILE.json` wrote")->required()->type_name("FILE");
    auto* versions = app.add_option("versions", given->versions, "Of these only")->type_name("VERSION");
    app.add_option("--split", given->split, "Write one file VERSION.json for each migration into this directory")
        ->type_name("DIR")
        ->excludes(versions);
    return [given](Session& session) { return show(session, *given); };
}

}  // namespace undrop::cli
