// undrop convert: the migrations of any layout, written out as pairs.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "new.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

struct Given {
    std::string to = "pairs";
    std::string directory;
    bool derive = false;
};

struct Converted {
    std::size_t files = 0;
    bool renumbered = false;
    std::size_t derived = 0;
    std::vector<std::string> notes;
};

bool is_number(std::string const& version) { return !version.empty() && version.find_first_not_of("0123456789") == std::string::npos; }

// Numbers that pairs can keep: each greater than the one before, whatever times they stand for.
bool are_numbers_in_order(std::vector<Migration> const& migrations) {
    auto const digits = [](Migration const& m) { return m.version.substr(std::min(m.version.find_first_not_of('0'), m.version.size())); };
    auto const not_less = [&](Migration const& a, Migration const& b) {
        auto const first = digits(a);
        auto const second = digits(b);
        return first.size() != second.size() ? first.size() > second.size() : first >= second;
    };
    return std::all_of(migrations.begin(), migrations.end(), [](Migration const& m) { return is_number(m.version); }) &&
           std::adjacent_find(migrations.begin(), migrations.end(), not_less) == migrations.end();
}

// What a file's name can hold.
std::string file_name(std::string const& name) {
    std::string result;
    for (char const c : name) result += c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '_' : c;
    return result.substr(0, 180);
}

void make_directory(std::filesystem::path const& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (!error && std::filesystem::is_empty(path, error) && !error) return;
    throw Failure(
        {.code = Code::refused,
         .message = error ? "this directory cannot be made: " + error.message() : "this directory is not empty; nothing is written over",
         .where = {.file = path.string()},
         .next = {.advice = "name a new one"}});
}

// Without --derive nothing here needs a database.
class Derivation {
public:
    Derivation(Session const& session, bool wanted) : session_(session) {
        if (wanted) target_.emplace(session.open());
    }

    // The down script of a migration that has none; empty: there is none, and `why` says why.
    std::string of(Source const& source, Migration const& migration, std::string& why) {
        if (!target_ || migration.down) return {};
        auto const down = derive_down(*target_, source, {.version = migration.version, .on_empty = true}, session_.options());
        if (down) return down.value().text;
        why = fmt::format("{} {}: no down script can be derived: {}", migration.version, migration.name, down.error().message);
        return {};
    }

private:
    Session const& session_;
    std::optional<Target> target_;
};

Converted write_pairs(Source const& source, std::filesystem::path const& directory, Derivation& derivation) {
    Converted done;
    auto const& all = source.migrations;
    done.renumbered = !are_numbers_in_order(all);
    auto const width = std::max<std::size_t>(4, std::to_string(all.size()).size());
    std::size_t number = 0;
    for (auto const& migration : all) {
        if (migration.kind == Migration::Kind::baseline) {
            done.notes.push_back(
                fmt::format("baseline {} {} is left out: pairs begin with the first migration", migration.version, migration.name));
            continue;
        }
        if (migration.kind == Migration::Kind::repeatable)
            done.notes.push_back(fmt::format("{} is repeatable, and its pair runs once: write a new one when it changes", migration.name));
        auto const version = done.renumbered ? fmt::format("{:0{}}", ++number, width) : migration.version;
        auto const base = directory / fmt::format("{}_{}", version, file_name(migration.name));
        auto const write = [&](char const* part, std::string const& text) {
            write_new(base.string() + part, text);
            ++done.files;
        };
        write(".up.sql", migration.up.text);
        if (migration.down) write(".down.sql", migration.down->text);
        if (migration.check) write(".check.sql", migration.check->text);
        if (migration.down_check) write(".down.check.sql", migration.down_check->text);
        std::string why;
        if (auto const down = derivation.of(source, migration, why); !down.empty()) {
            write(".down.sql", down);
            ++done.derived;
        }
        if (!why.empty()) done.notes.push_back(std::move(why));
    }
    return done;
}

int convert(Session& session, Given const& given) {
    auto const source = session.source();
    std::filesystem::path const directory = given.directory;
    Derivation derivation(session, given.derive);
    make_directory(directory);
    auto const done = write_pairs(source, directory, derivation);
    // What was written says the same: a name that reads otherwise as a pair's would be seen here.
    auto const again = Source::directory(directory, {.format = "pairs"}).value();
    if (session.flags().json) {
        nlohmann::ordered_json const json = {{"format", 1},
                                             {"kind", "conversion"},
                                             {"from", source.format},
                                             {"to", given.to},
                                             {"directory", directory.string()},
                                             {"migrations", again.migrations.size()},
                                             {"files", done.files},
                                             {"renumbered", done.renumbered},
                                             {"derived", done.derived},
                                             {"notes", done.notes}};
        say(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
        return 0;
    }
    for (auto const& note : done.notes) remark("undrop: " + note + ".");
    if (session.flags().quiet) return 0;
    say(fmt::format("{}: {} {} migrations written as pairs, {} files{}{}.\n", directory.string(), again.migrations.size(), source.format,
                    done.files, done.derived > 0 ? fmt::format(", {} down scripts derived", done.derived) : "",
                    done.renumbered ? "; numbered anew" : ""));
    return 0;
}

}  // namespace

Action declare_convert(CLI::App& app) {
    auto given = std::make_shared<Given>();
    app.add_option("--to", given->to, "The layout to write (pairs)")->check(CLI::IsMember({"pairs"}))->type_name("pairs");
    app.add_option("directory", given->directory, "A new directory")->required()->type_name("DIR");
    app.add_flag("--derive", given->derive, "Also a down script for each that has none: derived, and tried, in databases made for it");
    return [given](Session& session) { return convert(session, *given); };
}

}  // namespace undrop::cli
