// What takes away: purge and erase.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "checks.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "snapshots.hpp"

namespace undrop::cli {
namespace {

struct PurgeGiven {
    std::vector<std::int64_t> ids;
    std::string older_than;
    bool all = false;
};

struct EraseGiven {
    std::string table;
    std::vector<std::string> keys;
};

std::string command_of(PurgeGiven const& given) {
    std::string command = "snapshots purge";
    for (auto const id : given.ids) command += fmt::format(" {}", id);
    if (!given.older_than.empty()) command += " --older-than " + given.older_than;
    return command + (given.all ? " --all" : "");
}

std::string text_of(Purge const& purge, std::string const& of_each) {
    std::string text;
    for (auto const& info : purge.snapshots) text += fmt::format("{} {}\n", of_each, line_of(info));
    for (auto const& [info, why] : purge.kept) text += fmt::format("kept   {}: {}\n", line_of(info), why);
    return text;
}

std::string cost_of(Purge const& purge) {
    std::string text;
    for (auto const& line : purge.irreversible) text += fmt::format("irreversible in data: {}\n", line);
    return text;
}

int purge(Session& session, PurgeGiven const& given) {
    PurgeWish wish{.ids = given.ids, .all = given.all};
    if (!given.older_than.empty()) wish.older_than = hours_of(given.older_than).value();
    auto target = session.open();
    auto const options = session.options();
    auto const planned = plan_purge(target, wish, options).value();
    auto done = planned;
    if (!planned.snapshots.empty()) {
        ask_before(session, planned.target + "\n" + text_of(planned, "purges") + cost_of(planned), command_of(given));
        done = purge_snapshots(target, planned, options).value();
    }
    if (session.flags().json) {
        say(to_json(done));
    } else if (!session.flags().quiet) {
        auto const nothing = done.snapshots.empty() ? "Nothing to purge.\n" : "";
        say(done.target + "\n" + text_of(done, "purged") + cost_of(done) + nothing);
    }
    return 0;
}

// "42" is the key's value, "customer=42" that of a column, "=a=b" a key's value with an equals sign.
EraseWish::Value value_of(std::string const& word) {
    auto const equals = word.find('=');
    if (equals == std::string::npos) return {"", word};
    return {word.substr(0, equals), word.substr(equals + 1)};
}

int erase(Session& session, EraseGiven const& given) {
    EraseWish wish{.table = given.table};
    for (auto const& word : given.keys) wish.key.push_back(value_of(word));
    auto target = session.open();
    ask_before(session, fmt::format("{}\ntakes these rows of {} out of every snapshot, for good\n", target.description(), given.table),
               "snapshots erase --table " + given.table + " --key ...");
    auto const done = erase_from_snapshots(target, wish, session.options()).value();
    if (session.flags().json) {
        say(to_json(done));
        return 0;
    }
    auto text = done.target + "\n";
    for (auto const& from : done.snapshots)
        text += fmt::format("erased {} {} of snapshot {}: {}\n", thousands(from.rows), from.rows == 1 ? "row" : "rows", from.id, from.what);
    if (done.digests > 0) text += fmt::format("erased {} digests of what migrations themselves had written\n", thousands(done.digests));
    for (auto const& line : done.not_searched) text += "not searched: " + line + "\n";
    if (done.rows == 0 && done.digests == 0) text += "No snapshot has such rows.\n";
    if (!session.flags().quiet) say(text);
    return 0;
}

}  // namespace

SnapshotVerb declare_purge(CLI::App& app) {
    auto given = std::make_shared<PurgeGiven>();
    auto* ids = app.add_option("id", given->ids, "These")->check(at_least_one())->type_name("ID");
    auto* older = app.add_option("--older-than", given->older_than, "Those of that age: 12h, 30d, 4w, 1y")->type_name("AGE")->excludes(ids);
    app.add_flag("--all", given->all, "All, but for those that a directive `keep` keeps")->excludes(ids)->excludes(older);
    return [given](Session& session) { return purge(session, *given); };
}

SnapshotVerb declare_erase(CLI::App& app) {
    auto given = std::make_shared<EraseGiven>();
    app.add_option("--table", given->table, "Whose rows, by the name that it had then")->required()->type_name("TABLE");
    app.add_option("--key", given->keys, "The key's value, or COLUMN=VALUE; again for each further column")
        ->required()
        ->type_name("KEY")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    return [given](Session& session) { return erase(session, *given); };
}

}  // namespace undrop::cli
