#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "checks.hpp"
#include "run.hpp"
#include "screen.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    std::optional<std::int64_t> run;
    std::string report;
};

std::string who(LogEntry const& entry) {
    auto result = entry.user;
    if (!entry.host.empty()) result += "@" + entry.host;
    return entry.role.empty() ? result : fmt::format("{} as {}", result, entry.role);
}

// What an event saved and brought back, in a few words.
std::string summary(LogEntry const& entry) {
    auto const detail = nlohmann::json::parse(entry.detail, nullptr, false);
    if (!detail.is_object()) return "";
    std::vector<std::string> parts;
    auto const none = nlohmann::json::array();
    for (auto const& step : detail.value("steps", none)) {
        for (auto const& outside : step.value("outside", none)) parts.push_back(outside.get<std::string>());
        for (auto const& saved : step.value("saved", none)) {
            parts.push_back(fmt::format("saved {} ({} rows)", saved.value("what", ""), thousands(saved.value("rows", std::int64_t{0}))));
        }
        for (auto const& waived : step.value("waived", none)) parts.push_back(fmt::format("let go {} unsaved", waived.get<std::string>()));
        for (auto const& merged : step.value("merged", none)) {
            parts.push_back(
                fmt::format("back {} ({} restored)", merged.value("what", ""), thousands(merged.value("restored", std::int64_t{0}))));
        }
    }
    for (auto const& step : detail.value("steps", none)) {
        auto const older = step.value("taken_back_for", std::string());
        if (!older.empty()) parts.push_back(fmt::format("for an older program, whose newest migration is {}", older));
    }
    // Of snapshots: purged, erased, imported.
    for (auto const& snapshot : detail.value(entry.kind, none)) {
        parts.push_back(fmt::format("{} {} (snapshot {}, {} rows)", entry.kind, snapshot.value("what", ""),
                                    snapshot.value("id", std::int64_t{0}), thousands(snapshot.value("rows", std::int64_t{0}))));
    }
    for (auto const& rehearsed : entry.kind == "rehearsed" ? detail.value("migrations", none) : none)
        parts.push_back(fmt::format("{}, on the rows of `{}`, for {}", rehearsed.value("grade", ""), detail.value("data", ""),
                                    detail.value("target", "")));
    if (auto const how = detail.value("adopted", std::string()); !how.empty()) parts.push_back("adopted " + how + ", not run");
    auto const error = detail.value("error", std::string());
    if (!error.empty()) parts.push_back(error.substr(0, error.find('\n')));
    return fmt::format("{}", fmt::join(parts, "; "));
}

std::vector<std::vector<std::string>> rows_of(std::vector<LogEntry> const& log) {
    std::vector<std::vector<std::string>> rows = {{"ID", "RUN", "EVENT", "VERSION", "NAME", "AT", "SECONDS", "WHO", "LABEL", "WHAT"}};
    for (auto const& entry : log) {
        rows.push_back({std::to_string(entry.id), std::to_string(entry.run), entry.kind, entry.version, entry.name, to_the_second(entry.at),
                        fmt::format("{:.2f}", entry.seconds), who(entry), entry.label, summary(entry)});
    }
    return rows;
}

std::string markdown(std::vector<LogEntry> const& log) {
    std::string result = "# Log\n\n";
    auto const rows = rows_of(log);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (auto const& cell : rows[i]) {
            std::string text;
            for (char const c : cell) text += c == '|' ? std::string("\\|") : c == '\n' ? std::string(" ") : std::string(1, c);
            result += "| " + text + " ";
        }
        result += "|\n";
        if (i == 0) result += std::string("|---|---:|---|---|---|---|---:|---|---|---|\n");
    }
    return result;
}

void write_report(std::string const& file, std::vector<LogEntry> const& log) {
    if (file.ends_with(".md")) {
        write_file(file, markdown(log));
    } else if (file.ends_with(".json")) {
        write_file(file, to_json(log));
    } else {
        wrong_use("a report ends in .md or .json", {.command = "log --report log.md"});
    }
}

}  // namespace

Action declare_log(CLI::App& app) {
    auto given = std::make_shared<Given>();
    app.add_option("--run", given->run, "Of this run only")->type_name("ID")->check(at_least_one());
    app.add_option("--report", given->report, "Write it here, too: Markdown or JSON")->type_name("FILE.md|.json");
    return [given](Session& session) {
        auto target = session.open();
        auto const log = undrop::log(target, given->run, session.options()).value();
        if (!given->report.empty()) write_report(given->report, log);
        if (session.flags().json) {
            say(to_json(log));
        } else {
            say(target.description() + "\n" + (log.empty() ? std::string("Nothing was done yet.\n") : table(rows_of(log))));
        }
        return 0;
    };
}

}  // namespace undrop::cli
