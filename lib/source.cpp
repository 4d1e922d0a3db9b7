// Source: the files of a directory, or those compiled in, read by the format that they are laid out in.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "nearest.hpp"
#include "sources/common.hpp"
#include "sources/names.hpp"
#include "try.hpp"

namespace undrop {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

using sources::File;
using sources::Files;
using sources::Format;

constexpr std::string_view format_file = ".undrop-format";  // of undrop_embed_migrations(... FORMAT)

// What some format looks into; of all others only the name counts.
bool is_read(std::string_view name) {
    constexpr std::array<std::string_view, 4> ends = {".conf", ".plan", "metadata.toml", "_journal.json"};
    return sources::ends_in_sql(name) || std::any_of(ends.begin(), ends.end(), [&](auto const end) { return name.ends_with(end); });
}

Result<std::string> read_file(std::filesystem::path const& path) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored))
        return sources::refused("this is no file that can be read to its end", path.string(), "put the script itself there");
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in.is_open() || in.bad()) {
        return sources::refused("this file cannot be read", path.string(), "see that the file is there and that you may read it");
    }
    return text;
}

// How the names of further files end that are to be read.
std::vector<std::string> named_in_conf(std::filesystem::path const& path) {
    std::error_code ignored;
    auto const conf = path / "sqitch.conf";
    if (!std::filesystem::is_regular_file(conf, ignored)) return {};
    auto text = read_file(conf);
    return text ? sources::named_in_sqitch_conf({"sqitch.conf", conf.string(), std::move(text).value()}) : std::vector<std::string>{};
}

// A Supabase project, or its folder supabase/, where the migrations' own is meant. seed.sql lies beside them, and is none.
std::filesystem::path own_directory(std::filesystem::path const& path, std::string const& format) {
    std::error_code error;
    if (!format.empty() && format != "supabase") return path;
    auto const absolute = std::filesystem::canonical(path, error);
    bool const is_supabase = !error && absolute.filename() == "supabase";
    auto const below = is_supabase ? path / "migrations" : path / "supabase" / "migrations";
    if (!std::filesystem::is_directory(below, error)) return path;
    if (is_supabase) return below;
    for (auto const& entry : std::filesystem::directory_iterator(path, error))
        if (sources::ends_in_sql(entry.path().filename().string())) return path;
    return below;
}

Result<Files> files_of(std::filesystem::path const& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
        bool const exists = std::filesystem::exists(path, error);
        return sources::refused(exists ? "this is no directory" : "there is no such directory of migrations", path.string(),
                                "name the directory with --dir, or make the first migration with `undrop new NAME`");
    }
    Files files;
    auto const further = named_in_conf(path);
    std::filesystem::recursive_directory_iterator at(path, error);
    for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
        std::error_code ignored;
        auto const base = at->path().filename().string();
        bool const hidden = base.starts_with('.') || base == "node_modules";
        if (at->is_directory(ignored)) {
            if (hidden) at.disable_recursion_pending();
            continue;
        }
        if (hidden) continue;
        File file{.name = at->path().lexically_relative(path).generic_string(), .where = at->path().string(), .text = {}};
        auto const ends = [&](std::string const& end) { return !end.empty() && file.name.ends_with(end); };
        if (is_read(base) || std::any_of(further.begin(), further.end(), ends)) {
            UNDROP_TRY(file.text, read_file(at->path()));
        }
        files.push_back(std::move(file));
    }
    if (error) return sources::refused("this directory cannot be read: " + error.message(), path.string(), "see that you may read it");
    return files;
}

Error unknown_format(std::string const& name) {
    std::vector<std::string_view> known;
    for (auto const* format : sources::formats()) known.push_back(format->name());
    auto const meant = nearest(name, known);
    return {.code = Code::usage,
            .left = Left::untouched,
            .message = fmt::format("there is no source format \"{}\"", name),
            .next = {.advice = meant.empty() ? fmt::format("the formats are {}", fmt::join(known, ", "))
                                             : fmt::format("did you mean --source-format {}?", meant)}};
}

Result<Format const*> format_of(Files const& files, std::string const& origin, SourceWish const& wish) {
    if (!wish.format.empty()) {
        auto const* format = sources::format_of(wish.format);
        if (!format) return unknown_format(wish.format);
        return format;
    }
    std::vector<Format const*> fitting;
    for (auto const* format : sources::formats())
        if (format->fits(files)) fitting.push_back(format);
    if (fitting.size() == 1) return fitting.front();
    if (fitting.size() > 1)
        return sources::refused(
            fmt::format("these files may be {}'s as well as {}'s", fitting[0]->name(), fitting[1]->name()), origin,
            fmt::format("say which with --source-format {} or --source-format {}", fitting[0]->name(), fitting[1]->name()));
    auto const none =
        std::find_if(files.begin(), files.end(), [](File const& file) { return file.folder().empty() && sources::ends_in_sql(file.name); });
    if (none != files.end()) return sources::misspelt(*none);
    auto const below = std::find_if(files.begin(), files.end(), [](File const& file) { return sources::ends_in_sql(file.name); });
    if (below != files.end())
        return sources::refused(
            "no migration is here, and this file in a sub-folder is of no layout", below->where,
            "name the folder that has the migrations with --dir; --source-format plain takes all below it by their numbers");
    return &sources::pairs();  // nothing to read
}

// As the tools have it done themselves: what a step is anyway, and what no database would take.
Result<void> prepare(Migration& migration, Format const& format, std::string_view dialect) {
    // A slip in undrop's own files is told to who can still mend it; another tool has run its files as they are.
    bool const superfluous = &format != &sources::pairs();
    for (auto* script : {&migration.up, migration.down ? &*migration.down : nullptr}) {
        if (!script) continue;
        UNDROP_CHECK(sources::no_template(*script, false));
        sources::take_transaction_off(*script, dialect, {.superfluous = superfluous});
    }
    for (auto* check : {&migration.check, &migration.down_check})
        if (*check) sources::take_transaction_off(**check, dialect, {.rollback = true, .superfluous = superfluous});
    return outcome::success();
}

// Would the tool run b before a? What is not digits alone is compared by version_less.
bool comes_first(std::string_view b, std::string_view a, sources::Order order) {
    if (order == sources::Order::bytes) return b < a;
    if (order == sources::Order::listed || !sources::is_digits(a) || !sources::is_digits(b)) return false;
    auto const number = [](std::string_view digits) { return digits.substr(std::min(digits.find_first_not_of('0'), digits.size())); };
    return number(b).size() != number(a).size() ? number(b).size() < number(a).size() : number(b) < number(a);
}

Error two_orders(Format const& format, std::string const& first, std::string const& second, std::string const& file) {
    return sources::refused(fmt::format("{} runs {} before {}, and undrop the other way round", format.name(), first, second), file,
                            "name the files so that there is one order only: numbers of one width");
}

// What undrop compares by version has to be in the tool's own order.
Result<void> check_order(std::vector<Migration> const& migrations, Format const& format) {
    for (std::size_t i = 1; i < migrations.size(); ++i) {
        auto const& a = migrations[i - 1];
        auto const& b = migrations[i];
        if (b.kind == Migration::Kind::repeatable) continue;
        if (version_less(a.version, b.version)) {
            if (comes_first(b.version, a.version, format.order())) return two_orders(format, b.version, a.version, b.up.file);
            continue;
        }
        if (a.kind != b.kind && !version_less(b.version, a.version)) continue;  // a baseline and what it stands for
        if (!version_less(b.version, a.version))
            return sources::refused(fmt::format("version {} is there twice: {} is of the same version", b.version, a.up.file), b.up.file,
                                    "give one of the two migrations another version");
        return two_orders(format, a.version, b.version, b.up.file);
    }
    return outcome::success();
}

// A baseline's version may be a migration's, too, and no history is compared with it.
std::map<std::string, std::string> tool_checksums(std::vector<Migration> const& migrations, Format const& format, Files const& files,
                                                  SourceWish const& wish) {
    std::map<std::string_view, std::string> versions;
    for (auto const& migration : migrations)
        if (migration.kind != Migration::Kind::baseline) versions.emplace(migration.up.file, migration.version);
    std::map<std::string, std::string> result;
    for (auto const& file : files)
        if (auto const version = versions.find(file.where); version != versions.end())
            if (auto checksum = format.checksum_of(file, wish)) result.emplace(version->second, std::move(*checksum));
    return result;
}

Result<Source> read(Files files, std::string origin, SourceWish const& wish) {
    std::sort(files.begin(), files.end(), [](File const& a, File const& b) { return a.name < b.name; });
    for (auto& file : files)  // a script's own stays in its text
        if (!sources::ends_in_sql(file.name) && file.text.starts_with("\xEF\xBB\xBF")) file.text.erase(0, 3);
    UNDROP_TRY(auto const* format, format_of(files, origin, wish));
    UNDROP_TRY(auto migrations, format->read(files, wish));
    for (auto& migration : migrations) UNDROP_CHECK(prepare(migration, *format, wish.dialect));
    UNDROP_CHECK(check_order(migrations, *format));
    auto checksums = tool_checksums(migrations, *format, files, wish);
    return Source{std::move(migrations), std::move(origin), std::string(format->name()), std::move(checksums)};
}

}  // namespace

Result<Source> Source::directory(std::filesystem::path const& path, SourceWish const& wish) {
    auto const directory = own_directory(path, wish.format);
    UNDROP_TRY(auto files, files_of(directory));
    return read(std::move(files), directory.string(), wish);
}

Result<Source> Source::embedded(std::span<EmbeddedFile const> files, std::string origin, SourceWish const& wish) {
    Files all;
    auto chosen = wish;
    for (auto const& file : files) {
        if (file.name == format_file) {
            if (chosen.format.empty()) chosen.format = std::string(sources::trimmed(file.text));
            continue;
        }
        if (!file.name.starts_with('.') || sources::ends_in_sql(file.name)) {
            all.push_back({std::string(file.name), std::string(file.name), is_read(file.name) ? std::string(file.text) : std::string()});
        }
    }
    return read(std::move(all), std::move(origin), chosen);
}

}  // namespace undrop
