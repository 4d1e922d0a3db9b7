#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <memory>

#include "checks.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "snapshots.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    CLI::App* list = nullptr;
    CLI::App* show = nullptr;
    CLI::App* verify = nullptr;
    std::vector<std::pair<CLI::App*, SnapshotVerb>> others;
    std::int64_t id = 0;
    std::int64_t limit = 100;
    bool conflicts = false;
    std::vector<std::int64_t> ids;
};

// "5 h", "12 d": of a time in ISO 8601.
std::string age_of(std::string const& at) {
    std::tm parts{};
    if (strptime(at.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return "";
    auto const since = std::chrono::system_clock::now() - std::chrono::system_clock::from_time_t(timegm(&parts));
    auto const hours = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::hours>(since).count());
    return hours < 48 ? fmt::format("{} h", hours) : fmt::format("{} d", thousands(hours / 24));
}

int list(Session& session) {
    auto target = session.open();
    auto const snapshots = undrop::snapshots(target, session.options()).value();
    if (session.flags().json) {
        say(to_json(snapshots));
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {
        {"ID", "STEP", "VERSION", "", "WHAT", "KIND", "ROWS", "BYTES", "AT", "AGE", "NEEDED BY", "HASH"}};
    for (auto const& s : snapshots) {
        rows.push_back({std::to_string(s.id), std::to_string(s.step), s.version, name_of(s.direction), s.what, s.kind, thousands(s.rows),
                        s.purged ? "purged" : thousands(s.bytes), to_the_second(s.at), age_of(s.at),
                        s.needed_by.empty() ? "-" : s.needed_by, s.hash});
    }
    say(target.description() + "\n" + (snapshots.empty() ? std::string("No snapshots.\n") : table(rows)));
    return 0;
}

// "changed since": as reports say it.
std::string in_words(std::string const& why) {
    auto text = why;
    for (auto& letter : text)
        if (letter == '_') letter = ' ';
    if (why == "key_taken") return "key taken since";
    if (why == "not_found") return "changed or deleted since";
    if (why == "orphaned") return "refers to what is gone";
    return why == "emptied" ? "came back without its reference" : text;
}

int show_conflicts(Session& session, Given const& given) {
    auto target = session.open();
    auto const found = snapshot_conflicts(target, given.id, given.limit, session.options()).value();
    if (session.flags().json) {
        say(to_json(found));
        return 0;
    }
    auto const& info = found.info;
    auto text = fmt::format("{}\nSnapshot {}: {} {}, {} rows, from {} {} at {}\n", target.description(), info.id, info.kind, info.what,
                            thousands(info.rows), info.version, name_of(info.direction), to_the_second(info.at));
    if (found.total == 0) {
        say(text + "Nothing of it was kept aside: no step restored from it, or all of it came back.\n");
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"WHY", "VALUE OF"}};
    rows.front().insert(rows.front().end(), found.columns.begin(), found.columns.end());
    for (auto const& row : found.rows) {
        auto& cells = rows.emplace_back(std::vector<std::string>{in_words(row.why), row.column.empty() ? "-" : row.column});
        for (auto const& cell : row.values) cells.push_back(cell.value_or("NULL"));
    }
    text += "Not put back as it was saved:\n" + table(rows);
    auto const shown = static_cast<std::int64_t>(found.rows.size());
    if (shown < found.total) text += fmt::format("{} of {} rows; --limit shows more.\n", thousands(shown), thousands(found.total));
    say(text);
    return 0;
}

int show(Session& session, Given const& given) {
    if (given.conflicts) return show_conflicts(session, given);
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

int verify(Session& session, Given const& given) {
    auto target = session.open();
    auto const done = verify_snapshots(target, given.ids, session.options()).value();
    if (session.flags().json) {
        say(to_json(done));
        return done.holds() ? 0 : 3;
    }
    auto text = done.target + "\n";
    std::int64_t fine = 0;
    std::int64_t purged = 0;
    for (auto const& [info, fault] : done.snapshots) {
        if (!fault.empty()) text += fmt::format("snapshot {} of {} {}\n", info.id, info.what, fault);
        if (info.purged)
            ++purged;
        else if (fault.empty())
            ++fine;
    }
    text += fmt::format("{} of {} verified{}.\n", thousands(fine), thousands(std::ssize(done.snapshots)),
                        purged == 0 ? "" : fmt::format(", {} purged", thousands(purged)));
    if (!done.holds())
        text +=
            "Nothing is restored from those named here. `undrop snapshots import FILE` brings them back from an export, `undrop down "
            "--without-snapshot` goes without them.\n";
    if (!session.flags().quiet || !done.holds()) say(text);
    return done.holds() ? 0 : 3;
}

}  // namespace

void ask_before(Session const& session, std::string const& concern, std::string const& command) {
    if (session.flags().yes) return;
    Next const yes{.command = command + " --yes", .advice = "say that it is meant"};
    if (!can_ask()) throw Failure({.code = Code::refused, .message = concern + "there is no terminal to ask on", .next = yes});
    remark(concern);
    if (!confirmed("Go on?")) throw Failure({.code = Code::refused, .message = "not done: the answer was no", .next = yes});
}

std::string line_of(SnapshotInfo const& info) {
    return fmt::format("snapshot {}: {} ({}), {} {}, saved by {} {} at {}", info.id, info.what, info.kind, thousands(info.rows),
                       info.rows == 1 ? "row" : "rows", name_of(info.direction), info.version, to_the_second(info.at));
}

Action declare_snapshots(CLI::App& app) {
    auto given = std::make_shared<Given>();
    given->list = app.add_subcommand("list", "All snapshots, oldest first")->fallthrough();
    given->show = app.add_subcommand("show", "The rows of one: values of the database")->fallthrough();
    given->show->add_option("id", given->id, "The snapshot's number in `snapshots list`")
        ->required()
        ->check(at_least_one())
        ->type_name("ID");
    given->show->add_flag("--conflicts", given->conflicts, "Those that were not put back, and why");
    given->show->add_option("--limit", given->limit, "So many rows (100)")->check(at_least_one())->type_name("N");
    given->verify = app.add_subcommand("verify", "Is everything there that was saved? Exit status 3 if not")->fallthrough();
    given->verify->add_option("id", given->ids, "Of these only")->check(at_least_one())->type_name("ID");
    auto* purge = app.add_subcommand("purge", "Take snapshots, and columns kept aside, away for good")->fallthrough();
    given->others.emplace_back(purge, declare_purge(*purge));
    auto* erase = app.add_subcommand("erase", "Take one person's rows out of every snapshot")->fallthrough();
    given->others.emplace_back(erase, declare_erase(*erase));
    auto* export_verb = app.add_subcommand("export", "Write snapshots to a file")->fallthrough();
    given->others.emplace_back(export_verb, declare_export(*export_verb));
    auto* import_verb = app.add_subcommand("import", "Bring snapshots of a file back")->fallthrough();
    given->others.emplace_back(import_verb, declare_import(*import_verb));
    return [given](Session& session) {
        if (given->list->parsed()) return list(session);
        if (given->show->parsed()) return show(session, *given);
        if (given->verify->parsed()) return verify(session, *given);
        for (auto const& [verb, action] : given->others)
            if (verb->parsed()) return action(session);
        wrong_use("snapshots wants a verb: list, show, verify, purge, erase, export or import", {.command = "snapshots list"});
    };
}

}  // namespace undrop::cli
