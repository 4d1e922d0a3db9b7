// `undrop new --derive-down FILE.up.sql`: the down file that a derivation in a disposable database gives.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <undrop/derive.hpp>

#include "new.hpp"
#include "screen.hpp"

namespace undrop::cli {
namespace {

namespace files = std::filesystem;
constexpr std::string_view up_end = ".up.sql";

// As it was called, or in the directory of migrations.
files::path up_file(Session const& session, std::string const& given) {
    std::error_code ignored;
    files::path const directory = session.directory();
    files::path file = given;
    if (!files::exists(file, ignored) && !file.has_parent_path()) file = directory / file;
    if (!given.ends_with(up_end))
        wrong_use(fmt::format("{} is no up script's name", given), {.command = "new --derive-down migrations/VERSION_NAME.up.sql"});
    if (!files::exists(file, ignored))
        wrong_use(fmt::format("there is no file {}", given), {.command = "status", .advice = "it lists what there is"});
    auto const parent = file.has_parent_path() ? file.parent_path() : files::path(".");
    if (!files::equivalent(parent, directory, ignored))
        wrong_use(fmt::format("{} is not in the directory of migrations, {}", given, directory.string()),
                  {.command = fmt::format("--dir {} new --derive-down {}", parent.string(), given)});
    return file;
}

// Its version, as the source has it; a misspelt name was refused with the source.
std::string version_of(Source const& source, files::path const& file) {
    auto const found = std::find_if(source.migrations.begin(), source.migrations.end(),
                                    [&](Migration const& m) { return files::path(m.up.file).filename() == file.filename(); });
    if (found == source.migrations.end())
        wrong_use(fmt::format("{} is no migration of {}", file.string(), source.origin), {.command = "status"});
    return found->version;
}

}  // namespace

int make_new_down(Session& session, DownGiven const& given) {
    auto const up = up_file(session, given.file);
    auto const source = session.source();
    auto const version = version_of(source, up);
    auto const name = up.string();
    files::path const file = name.substr(0, name.size() - up_end.size()) + ".down.sql";
    auto target = session.open();
    auto const down =
        derive_down(target, source, {.version = version, .on_empty = given.on_empty, .sandbox = given.sandbox}, session.options()).value();
    write_new(file, down.text);
    if (session.flags().json) {
        nlohmann::ordered_json const json = {{"format", 1},
                                             {"kind", "new"},
                                             {"version", version},
                                             {"files", {file.string()}},
                                             {"derived", nlohmann::ordered_json::parse(to_json(down))}};
        say(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
        return 0;
    }
    if (session.flags().quiet) return 0;
    say(file.string() + "\n");
    auto const tried = down.from_target ? "on the target's schema" : "on an empty database";
    auto const first = down.applied.empty() ? std::string() : fmt::format(" with {} earlier migration(s)", down.applied.size());
    remark(fmt::format("undrop: derived and tried {}{}: {} statement(s), and {} more that undrop runs once values are back.", tried, first,
                       down.statements.size(), down.left.size()));
    return 0;
}

}  // namespace undrop::cli
