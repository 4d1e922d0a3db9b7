#include "waiver.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <string_view>

#include "nearest.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// What names of objects begin with, as the databases call them.
constexpr std::array<std::string_view, 26> object_words{
    "access",     "aggregate",    "cast",     "collation", "conversion", "default",     "definition", "event",  "extension",
    "foreign",    "function",     "language", "operator",  "procedure",  "publication", "routine",    "rows",   "server",
    "statistics", "subscription", "text",     "transform", "type",       "user",        "view",       "virtual"};

// The forms in which a waiver may name a table and its columns.
std::vector<std::string> names_of(Table const& table) {
    std::vector<std::string> names;
    for (auto const& name : {table.name, (table.schema.empty() ? no_schema : table.schema) + "." + table.name}) {
        names.push_back(name);
        for (auto const& column : table.columns) names.push_back(name + "." + column.name);
    }
    return names;
}

// Does the text drop something of that name, whether it is there or not?
bool drops(Foreseen const& foreseen, std::string const& waiver, bool has_schemas) {
    using Kind = Foreseen::Touch::Kind;
    auto const is_it = [&](std::string const& schema, std::string const& name) {
        if (waiver == name) return true;
        if (!has_schemas) return waiver == no_schema + "." + name;
        return schema.empty() ? waiver.ends_with("." + name) : waiver == schema + "." + name;
    };
    return std::any_of(foreseen.touches.begin(), foreseen.touches.end(),
                       [&](Foreseen::Touch const& touch) {
                           return (touch.kind == Kind::drop_table && is_it(touch.schema, touch.table)) ||
                                  (touch.kind == Kind::drop_column && is_it(touch.schema, touch.table + "." + touch.column));
                       }) ||
           std::any_of(foreseen.bodies.begin(), foreseen.bodies.end(),
                       [&](Foreseen::Body const& body) { return is_it(body.schema, body.name); });
}

Error matches_nothing(Script const& script, std::string const& waiver, char const* why, std::string advice) {
    auto const line = line_of(script, waiver);
    return {.code = Code::refused,
            .left = Left::untouched,
            .message = fmt::format("`-- undrop: lose {}` matches nothing: {}", waiver, why),
            .where = {script.file, line, line == 0 ? 0 : 1},
            .next = {.advice = std::move(advice)}};
}

}  // namespace

int line_of(Script const& script, std::string const& waiver) {
    int number = script.line;
    for (std::size_t from = 0; from < script.text.size(); ++number) {
        auto const end = std::min(script.text.find('\n', from), script.text.size());
        auto const line = std::string_view(script.text).substr(from, end - from);
        if (line.find("undrop") != std::string_view::npos && line.find(waiver) != std::string_view::npos) return number;
        from = end + 1;
    }
    return 0;
}

bool waives_object(std::string const& waiver) {
    auto const blank = waiver.find(' ');
    return blank != std::string::npos &&
           std::find(object_words.begin(), object_words.end(), std::string_view(waiver).substr(0, blank)) != object_words.end();
}

Result<void> waivers_exist(Script const& script, std::vector<std::string> const& lose, std::vector<Table> const& tables,
                           Foreseen const& foreseen) {
    std::vector<std::string> known;
    if (!lose.empty())
        for (auto const& table : tables) {
            auto names = names_of(table);
            std::move(names.begin(), names.end(), std::back_inserter(known));
        }
    auto const has_schemas =
        tables.empty() || std::any_of(tables.begin(), tables.end(), [](Table const& table) { return !table.schema.empty(); });
    for (auto const& waiver : lose) {
        if (waives_object(waiver) || std::find(known.begin(), known.end(), waiver) != known.end() || drops(foreseen, waiver, has_schemas))
            continue;
        std::vector<std::string_view> const words(known.begin(), known.end());
        auto const meant = nearest(waiver, words);
        return matches_nothing(script, waiver, "there is no such table or column here",
                               meant.empty() ? "name a table, or TABLE.COLUMN, as the database has it before the script"
                                             : fmt::format("did you mean `-- undrop: lose {}`?", meant));
    }
    return success();
}

Result<void> waived_objects_went(Script const& script, std::vector<std::string> const& lose, Catalog const& before,
                                 std::vector<std::string> const& went) {
    for (auto const& waiver : lose) {
        if (!waives_object(waiver) || std::find(went.begin(), went.end(), waiver) != went.end()) continue;
        auto const is_it = [&](auto const& entry) {
            auto text = entry.first.text();
            std::replace(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(entry.first.kind.size()), '_', ' ');
            return text == waiver || "rows of " + text == waiver;  // whether there are any is no matter of the text
        };
        if (std::any_of(before.begin(), before.end(), is_it)) continue;
        auto error = matches_nothing(script, waiver, "the step takes no such object away", "take the directive out, or name what goes");
        error.left = Left::rolled_back;
        return error;
    }
    return success();
}

std::vector<std::string> idle_waivers(std::vector<std::string> const& lose, std::vector<std::string> const& went) {
    std::vector<std::string> idle;
    for (auto const& waiver : lose)
        if (!waives_object(waiver) && std::none_of(went.begin(), went.end(), [&](std::string const& what) {
                return what == waiver || no_schema + "." + what == waiver || what.ends_with("." + waiver) ||
                       what.starts_with(waiver + ".") || what.find("." + waiver + ".") != std::string::npos;
            }))
            idle.push_back(waiver);
    return idle;
}

}  // namespace undrop
