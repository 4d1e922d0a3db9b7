// `undrop new --derive-down FILE`: the way back that a derivation in a disposable database gives, where the folder's layout has it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include <undrop/derive.hpp>

#include "layouts.hpp"
#include "new.hpp"
#include "screen.hpp"

namespace undrop::cli {
namespace {

namespace files = std::filesystem;

// As it was called, or in the directory of migrations.
files::path up_file(files::path const& directory, std::string const& given) {
    std::error_code ignored;
    files::path file = given;
    if (!files::exists(file, ignored)) file = directory / file;
    if (!files::is_regular_file(file, ignored))
        wrong_use(fmt::format("there is no file {}", given), {.command = "status", .advice = "it lists what there is"});
    auto const below = files::weakly_canonical(file, ignored).lexically_relative(files::weakly_canonical(directory, ignored));
    if (below.empty() || below.begin()->string() == "..") {
        auto const parent = file.has_parent_path() ? file.parent_path() : files::path(".");
        wrong_use(fmt::format("{} is not in the directory of migrations, {}", given, directory.string()),
                  {.command = fmt::format("--dir {} new --derive-down {}", parent.string(), given)});
    }
    return file;
}

// A misspelt name was refused with the source.
Migration& migration_of(Source& source, files::path const& file) {
    std::error_code ignored;
    auto const found = std::find_if(source.migrations.begin(), source.migrations.end(), [&](Migration const& m) {
        return files::equivalent(m.up.file.substr(0, m.up.file.find(" (and ")), file, ignored);
    });
    if (found == source.migrations.end())
        wrong_use(fmt::format("{} is no migration's way up in {}", file.string(), source.origin), {.command = "status"});
    return *found;
}

std::string read(files::path const& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A section that the tool's template left empty: `head` has its mark. It is the last one.
bool has_mark(files::path const& file, std::string_view head) {
    auto const is_part = [](char c) { return std::string_view("\n\r\t -").find(c) == std::string_view::npos; };
    auto const plain = [&](std::string_view line) {
        std::string words;
        for (char const c : line)
            if (is_part(c)) words += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        return words;
    };
    auto const text = read(file);
    for (std::size_t at = 0; at < text.size(); at = std::min(text.find('\n', at), text.size() - 1) + 1) {
        auto const line = std::string_view(text).substr(at, text.find('\n', at) - at);
        if (line.find("--") < line.find_first_not_of("- \t") && plain(line).starts_with(plain(head))) return true;
    }
    return false;
}

// The comments at the top, and each statement between goose's marks: it would cut a trigger's body at each `;`.
std::string between_marks(DerivedDown const& down) {
    std::string text;
    std::string_view rest = down.text;
    while (rest.starts_with("--")) {
        auto const end = std::min(rest.find('\n'), rest.size() - 1) + 1;
        text += rest.substr(0, end);
        rest.remove_prefix(end);
    }
    for (auto const& statement : down.statements)
        text += fmt::format("\n-- +goose StatementBegin\n{}\n-- +goose StatementEnd\n", statement);
    return text;
}

void append(files::path const& file, std::string const& text) {
    auto const before = read(file);
    std::ofstream out(file, std::ios::binary | std::ios::app);
    out << (before.empty() || before.ends_with('\n') ? "" : "\n") << text;
    out.close();
    if (!out)
        throw Failure({.code = Code::failed,
                       .message = "this file cannot be written",
                       .where = {.file = file.string()},
                       .next = {.advice = "see that you may write to it"}});
}

// Gives the file that has it.
std::string write_down(DownPlace const& place, DerivedDown const& down, files::path const& up, bool has_section) {
    auto const text = (has_section ? "" : place.head) + (place.in_statements ? between_marks(down) : down.text) + place.tail;
    if (place.file.empty()) {
        append(up, text);
        return up.string();
    }
    std::error_code ignored;
    files::create_directories(files::path(place.file).parent_path(), ignored);
    write_new(place.file, text);
    return place.file;
}

}  // namespace

int make_new_down(Session& session, DownGiven const& given) {
    auto source = session.source();
    auto const up = up_file(source.origin, given.file);
    auto& migration = migration_of(source, up);
    auto const place = down_place(source, migration, up.string());
    bool const has_section = place.file.empty() && !migration.down && has_mark(up, place.head);
    auto const version = migration.version;
    auto target = session.open();
    auto const down =
        derive_down(target, source, {.version = version, .on_empty = given.on_empty, .sandbox = given.sandbox}, session.options()).value();
    auto const file = write_down(place, down, up, has_section);
    if (session.flags().json) {
        nlohmann::ordered_json const json = {{"format", 1},
                                             {"kind", "new"},
                                             {"version", version},
                                             {"files", {file}},
                                             {"derived", nlohmann::ordered_json::parse(to_json(down))}};
        say(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
        return 0;
    }
    if (session.flags().quiet) return 0;
    say(file + "\n");
    auto const tried = down.from_target ? "on the target's schema" : "on an empty database";
    auto const first = down.applied.empty() ? std::string() : fmt::format(" with {} earlier migration(s)", down.applied.size());
    remark(fmt::format("undrop: derived and tried {}{}: {} statement(s), and {} more that undrop runs once values are back.", tried, first,
                       down.statements.size(), down.left.size()));
    return 0;
}

}  // namespace undrop::cli
