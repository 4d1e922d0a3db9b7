#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "new.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    std::string name;
    bool sequential = false;
};

constexpr char const* up_template = R"(-- {0}: the way up. Columns and tables that this drops are saved first.
-- Plain SQL; the whole file is one transaction, so no BEGIN or COMMIT.

)";
constexpr char const* down_template = R"(-- {0}: the way back. What the up took is put back by undrop once this has run.
-- Without this file the way back is derived: remove it, if there is nothing to compute.

)";

// Letters and digits of any script stay; everything else is one underscore.
std::string safe_name(std::string const& name) {
    std::string result;
    for (char const c : name) {
        bool const keeps =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
        if (keeps) {
            result += c;
        } else if (!result.empty() && result.back() != '_') {
            result += '_';
        }
    }
    while (!result.empty() && result.back() == '_') result.pop_back();
    if (result.empty()) wrong_use(fmt::format("\"{}\" is no name", name), {.command = "new add_email_to_users"});
    if (result.size() > 180) wrong_use("this name is too long for a file", {.command = "new add_email_to_users"});
    return result;
}

std::string utc_version(std::chrono::system_clock::time_point time) {
    auto const seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                       utc.tm_sec);
}

// Two made within one second must not be of one version.
std::string time_version(Source const& source) {
    auto time = std::chrono::system_clock::now();
    auto const taken = [&](std::string const& version) {
        return std::any_of(source.migrations.begin(), source.migrations.end(), [&](auto const& m) { return m.version == version; });
    };
    while (taken(utc_version(time))) time += std::chrono::seconds(1);
    return utc_version(time);
}

// One more than the newest, as wide; the first is 0001.
std::string next_version(Source const& source) {
    if (source.migrations.empty()) return "0001";
    auto version = source.migrations.back().version;
    for (auto digit = version.rbegin(); digit != version.rend(); ++digit) {
        if (*digit != '9') {
            ++*digit;
            return version;
        }
        *digit = '0';
    }
    return "1" + version;
}

int make_new(Session& session, Given const& given) {
    auto const name = safe_name(given.name);
    std::filesystem::path const directory = session.directory();
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
        throw Failure({.code = Code::failed,
                       .message = "this directory cannot be made: " + error.message(),
                       .where = {.file = directory.string()},
                       .next = {.advice = "name another one with --dir"}});
    }
    auto const source = Source::directory(directory, session.source_wish()).value();
    if (source.format != "pairs")
        throw Failure({.code = Code::refused,
                       .message = fmt::format("these are {} files, and `new` makes pairs", source.format),
                       .where = {.file = directory.string()},
                       .next = {.command = "convert --to pairs DIRECTORY",
                                .advice = "writes them out as pairs; or make the next one with the tool that made these"}});
    auto const version = given.sequential ? next_version(source) : time_version(source);
    auto const up = directory / fmt::format("{}_{}.up.sql", version, name);
    auto const down = directory / fmt::format("{}_{}.down.sql", version, name);
    write_new(up, fmt::format(fmt::runtime(up_template), name));
    write_new(down, fmt::format(fmt::runtime(down_template), name));
    if (session.flags().json) {
        nlohmann::ordered_json const json = {{"format", 1}, {"kind", "new"}, {"version", version}, {"files", {up.string(), down.string()}}};
        say(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else if (!session.flags().quiet) {
        say(fmt::format("{}\n{}\n", up.string(), down.string()));
    }
    return 0;
}

}  // namespace

void write_new(std::filesystem::path const& file, std::string const& text) {
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) {
        throw Failure({.code = Code::refused,
                       .message = "this file is there already; it is not overwritten",
                       .where = {.file = file.string()},
                       .next = {.advice = "choose another name"}});
    }
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    if (!out) {
        throw Failure({.code = Code::failed,
                       .message = "this file cannot be written",
                       .where = {.file = file.string()},
                       .next = {.advice = "name a directory that you may write to with --dir"}});
    }
}

Action declare_new(CLI::App& app) {
    auto given = std::make_shared<Given>();
    auto down = std::make_shared<DownGiven>();
    auto* name = app.add_option("name", given->name, "What the migration does, e.g. add_email_to_users")->type_name("NAME");
    auto* sequential = app.add_flag("--sequential", given->sequential, "The version is the newest plus one, not the time in UTC");
    auto* file = app.add_option("--derive-down", down->file,
                                "Write the down file of this up file, which has none: derived, and tried, in a database made for it")
                     ->type_name("FILE.up.sql")
                     ->excludes(name)
                     ->excludes(sequential);
    app.add_flag("--on-empty", down->on_empty, "Derive it after the earlier migrations alone, whatever the target is like")->needs(file);
    app.add_option("--sandbox", down->sandbox, "Another server to make that database on")->type_name("URL")->needs(file);
    return [given, down](Session& session) {
        if (!down->file.empty()) return make_new_down(session, *down);
        if (given->name.empty()) wrong_use("new wants a name", {.command = "new add_email_to_users"});
        return make_new(session, *given);
    };
}

}  // namespace undrop::cli
