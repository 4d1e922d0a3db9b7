#include "layouts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>

#include "screen.hpp"

namespace undrop::cli {
namespace {

using Time = std::chrono::system_clock::time_point;

constexpr char const* up_head = R"(-- {0}: the way up. Columns and tables that this drops are saved first.
-- Plain SQL; the whole file is one transaction, so no BEGIN or COMMIT.

)";
constexpr char const* down_head = R"(-- {0}: the way back. What the up took is put back by undrop once this has run.
-- Without this file the way back is derived: remove it, if there is nothing to compute.

)";

bool is_digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

std::string in_utc(Time time, char const* format) {
    auto const seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &utc)};
}

std::string milliseconds(Time time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

// The newest that has a version of its own; none: there is none.
Migration const* newest(Source const& source) {
    auto const found = std::find_if(source.migrations.rbegin(), source.migrations.rend(),
                                    [](Migration const& m) { return m.kind == Migration::Kind::usual; });
    return found == source.migrations.rend() ? nullptr : &*found;
}

// 20260131120000_add_x: the number before the name.
std::string number_of(std::string const& version) { return version.substr(0, version.find_first_not_of("0123456789.")); }

bool is_time(std::string const& version) {
    return version.size() >= 12 && is_digits(version) && (version.starts_with("19") || version.starts_with("20"));
}

// One more than the newest in the last of its numbers, as wide.
std::string one_more(std::string version, std::string const& first) {
    if (version.empty()) return first;
    auto const begin = version.rfind('.') + 1;  // npos + 1: 0
    for (auto at = version.size(); at-- > begin;) {
        if (version[at] != '9') {
            ++version[at];
            return version;
        }
        version[at] = '0';
    }
    return version.insert(begin, "1");
}

// Two made within one second must not be of one version.
Time free_time(Source const& source, Time time) {
    auto const taken = [&](std::string const& version) {
        return std::any_of(source.migrations.begin(), source.migrations.end(),
                           [&](auto const& m) { return number_of(m.version).starts_with(version); });
    };
    while (taken(in_utc(time, "%Y%m%d%H%M%S"))) time += std::chrono::seconds(1);
    return time;
}

[[noreturn]] void only_the_tool(Source const& source, std::string const& why, std::string advice) {
    throw Failure({.code = Code::refused, .message = why, .where = {.file = source.origin}, .next = {.advice = std::move(advice)}});
}

// A number where the folder counts, else the time.
std::string next_number(Source const& source, bool sequential, bool counts_by_itself, std::string const& first, Time now) {
    auto const* last = newest(source);
    auto const version = last ? number_of(last->version) : std::string();
    bool const counts = sequential || (last ? !is_time(version) : counts_by_itself);
    return counts ? one_more(version, first) : in_utc(free_time(source, now), "%Y%m%d%H%M%S");
}

std::string separator_of(Source const& source) {
    auto const* last = newest(source);
    auto const base = last ? std::filesystem::path(last->up.file).filename().string() : std::string();
    auto const at = base.find_first_not_of("vV0123456789.");
    return at == std::string::npos || std::string_view("-_ ").find(base[at]) == std::string_view::npos ? "-" : std::string(1, base[at]);
}

// supabase/migrations, of which the Supabase CLI runs every file.
bool is_supabase(Source const& source) {
    std::error_code ignored;
    auto const path = std::filesystem::weakly_canonical(source.origin, ignored);
    return path.filename() == "migrations" && path.parent_path().filename() == "supabase";
}

// N_name.sql, as sqlx and Supabase have it: the way up alone.
bool has_ups_alone(Source const& source) {
    auto const* last = newest(source);
    return source.format == "pairs" && (last ? !last->up.file.ends_with(".up.sql") : is_supabase(source));
}

}  // namespace

NewMigration new_migration(Source const& source, std::string const& name, bool sequential, Time now) {
    auto const& format = source.format;
    auto const up = fmt::format(fmt::runtime(up_head), name);
    auto const down = fmt::format(fmt::runtime(down_head), name);
    auto const next = [&](bool counts_by_itself, std::string const& first) {
        return next_number(source, sequential, counts_by_itself, first, now);
    };
    if (format == "pairs" || format == "maragudk" || format == "pop") {
        auto const* last = newest(source);
        auto const version =
            sequential ? one_more(last ? number_of(last->version) : "", "0001") : in_utc(free_time(source, now), "%Y%m%d%H%M%S");
        auto const base = fmt::format("{}_{}", version, name);
        if (has_ups_alone(source)) return {version, {{base + ".sql", up}}};
        return {version, {{base + ".up.sql", up}, {base + ".down.sql", down}}};
    }
    if (format == "dbmate") {
        auto const version = next(false, "0001");
        return {version, {{fmt::format("{}_{}.sql", version, name), "-- migrate:up\n\n\n-- migrate:down\n\n"}}};
    }
    if (format == "goose") {
        auto const version = next(false, "00001");
        return {version, {{fmt::format("{}_{}.sql", version, name), "-- +goose Up\n\n\n-- +goose Down\n\n"}}};
    }
    if (format == "flyway") {
        auto const version = next(true, "1");
        return {version, {{fmt::format("V{}__{}.sql", version, name), up}, {fmt::format("U{}__{}.sql", version, name), down}}};
    }
    if (format == "postgrator") {
        auto const version = next(true, "001");
        return {version, {{fmt::format("{}.do.{}.sql", version, name), up}, {fmt::format("{}.undo.{}.sql", version, name), down}}};
    }
    if (format == "plain") {
        auto const version = next(true, "001");
        return {version, {{fmt::format("{}{}{}.sql", version, separator_of(source), name), up}}};
    }
    if (format == "diesel" || format == "hasura") {
        auto const time = free_time(source, now);
        auto const version = format == "hasura" ? milliseconds(now) : in_utc(time, "%Y-%m-%d-%H%M%S");
        auto const folder = fmt::format("{}_{}/", version, name);
        return {version, {{folder + "up.sql", up}, {folder + "down.sql", down}}};
    }
    if (format == "prisma") {
        auto const version = fmt::format("{}_{}", in_utc(free_time(source, now), "%Y%m%d%H%M%S"), name);
        return {version, {{version + "/migration.sql", up}}};
    }
    if (format == "sqitch")
        only_the_tool(source, "a change of Sqitch's has its planner in the plan",
                      fmt::format("make it with `sqitch add {}`; or leave the layout with `undrop convert DIRECTORY`", name));
    if (format == "drizzle")
        only_the_tool(
            source, "a migration of Drizzle's has a snapshot and a line in its journal",
            fmt::format("make it with `drizzle-kit generate --custom --name={}`; or leave the layout with `undrop convert DIRECTORY`",
                        name));
    only_the_tool(source, fmt::format("undrop makes no {} files", format),
                  "make the next one with the tool that made these; or leave the layout with `undrop convert DIRECTORY`");
}

DownPlace down_place(Source const& source, Migration const& migration, std::string const& up) {
    auto const& format = source.format;
    std::filesystem::path const path = up;
    auto const base = path.filename().string();
    auto const beside = [&](std::string const& name) { return DownPlace{.file = (path.parent_path() / name).string()}; };
    auto const ends = [&](std::string_view end) { return base.size() > end.size() && base.ends_with(end); };
    auto const without = [&](std::string_view end) { return base.substr(0, base.size() - end.size()); };
    if (migration.kind != Migration::Kind::usual)
        only_the_tool(source, "only a migration with a version has a way back of its own", "the way back of this one is its earlier text");
    if (migration.up.file.ends_with(" as one)"))
        only_the_tool(source, "this migration is of several files, each with a way back of its own",
                      "write them by hand; or leave the layout with `undrop convert DIRECTORY`");
    if (ends(".up.sql")) return beside(without(".up.sql") + ".down.sql");
    if (is_supabase(source))
        only_the_tool(
            source, "Supabase would run a down script as one more migration",
            "undrop derives the way back when it is asked to go back; or leave the layout with `undrop convert --derive DIRECTORY`");
    if (format == "pairs" && ends(".sql")) return beside(without(".sql") + ".down.sql");
    if (base == "up.sql" || base == "migration.sql") return beside("down.sql");
    if (format == "dbmate") return {.file = {}, .head = "\n-- migrate:down\n", .tail = {}, .in_statements = false};
    if (format == "goose") return {.file = {}, .head = "\n-- +goose Down\n", .tail = {}, .in_statements = true};
    if (format == "flyway") return beside("U" + base.substr(1));
    if (auto const at = base.find(".do."); format == "postgrator" && at != std::string::npos)
        return beside(base.substr(0, at) + ".undo." + base.substr(at + 4));
    if (format == "sqitch") {
        auto const text = path.generic_string();
        auto const at = text.rfind("deploy/");
        if (at != std::string::npos && (at == 0 || text[at - 1] == '/'))
            return {.file = text.substr(0, at) + "revert/" + text.substr(at + 7),
                    .head = fmt::format("-- Revert {}\n\nBEGIN;\n\n", migration.name),
                    .tail = "\nCOMMIT;\n",
                    .in_statements = false};
    }
    only_the_tool(source, fmt::format("there is no place for a way back among {} files", format),
                  "undrop derives it when it is asked to go back; `undrop convert --derive DIRECTORY` writes pairs with down scripts");
}

}  // namespace undrop::cli
