#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "layouts.hpp"
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
    auto const made = new_migration(source, name, given.sequential, std::chrono::system_clock::now());
    std::vector<std::string> files;
    for (auto const& file : made.files) {
        auto const path = std::filesystem::path(source.origin) / file.name;
        std::filesystem::create_directories(path.parent_path(), error);
        write_new(path, file.text);
        files.push_back(path.string());
    }
    if (session.flags().json) {
        nlohmann::ordered_json const json = {{"format", 1}, {"kind", "new"}, {"version", made.version}, {"files", files}};
        say(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else if (!session.flags().quiet) {
        for (auto const& file : files) say(file + "\n");
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
                                "Write the way back of this file, which has none: derived, and tried, in a database made for it")
                     ->type_name("FILE")
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
