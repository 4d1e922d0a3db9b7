#include "stored_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "session.hpp"

namespace undrop::cli {
namespace {

// Without who asks, and by which version: "db1:5432/shop" of "db1:5432/shop as shop_owner (PostgreSQL 15.20)".
std::string place_of(std::string const& target) {
    auto end = target.rfind(" (");
    if (auto const as = target.substr(0, end).rfind(" as "); as != std::string::npos) end = as;
    return target.substr(0, end);
}

// A file of SQLite may be named from another folder.
bool same_place(std::string const& a, std::string const& b) {
    auto const ends_with = [](std::string const& whole, std::string const& end) { return whole.ends_with("/" + end); };
    return a == b || (a.starts_with('/') && ends_with(a, b)) || (b.starts_with('/') && ends_with(b, a));
}

// Directives are no part of a script's checksum, and a part of what it does.
std::string directives_of(std::string const& text) {
    std::string result;
    std::size_t at = 0;
    while (at < text.size()) {
        auto const end = std::min(text.find('\n', at), text.size());
        auto line = text.substr(at, end - at);
        line.erase(line.find_last_not_of(" \t\r") + 1);
        auto const start = line.find_first_not_of(" \t");
        if (start != std::string::npos && line.compare(start, 2, "--") == 0 && line.find("undrop:") != std::string::npos)
            result += line.substr(start) + "\n";
        at = end + 1;
    }
    return result;
}

bool same(std::optional<Script> const& planned, std::optional<Script> const& file) {
    if (!planned || !file) return !planned && !file;
    return checksum(planned->text) == checksum(file->text) && directives_of(planned->text) == directives_of(file->text);
}

[[noreturn]] void refuse(std::string message, Plan const& plan, std::string const& file, Place where = {}) {
    throw Failure({.code = Code::conflict,
                   .left = Left::untouched,
                   .message = std::move(message),
                   .where = std::move(where),
                   .next = {.command = fmt::format("plan{} --out {}", plan.direction == Direction::down ? " down" : "", file),
                            .advice = "plans again, for what is there now"}});
}

}  // namespace

void check_stored(Session const& session, Target const& target, Plan const& plan, std::string const& file) {
    if (auto const here = target.description(); !same_place(place_of(here), place_of(plan.target)))
        refuse(fmt::format("this plan was made for {}, and this is {}", place_of(plan.target), place_of(here)), plan, file);
    std::error_code ignored;
    if (!std::filesystem::is_directory(session.directory(), ignored)) return;
    auto const source = session.source();
    for (auto const& step : plan.steps) {
        if (step.origin != Origin::file || step.unfinished != 0) continue;
        auto const found =
            std::find_if(source.migrations.begin(), source.migrations.end(), [&](Migration const& m) { return m.version == step.version; });
        auto const name = step.version + " " + step.name;
        if (found == source.migrations.end())
            refuse(fmt::format("{}, which this plan runs, is not in {} any more", name, source.origin), plan, file);
        auto const up = step.direction == Direction::down || same(step.up, found->up);
        if (up && same(step.down, found->down)) continue;
        auto const& script = up && found->down ? *found->down : found->up;
        refuse(fmt::format("the {} script of {} was edited since this plan was made", up ? "down" : "up", name), plan, file,
               {script.file, 0, 0});
    }
}

}  // namespace undrop::cli
