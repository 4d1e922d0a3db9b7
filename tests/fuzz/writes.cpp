#include "fuzz/writes.hpp"

#include <fmt/format.h>

#include "fuzz/values.hpp"

namespace undrop::test {

std::string Writes::tag() {
    if (told_) return quoted_text(who_ + std::to_string(++number_));
    return random_.of(std::vector<std::string>{"null", "'a'", "'b'", "'c'"});
}

std::string Writes::insert(FuzzTable const& table) {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (auto const& column : table.columns) {
        if (!column.written || (column.drawn && !random_.one_in(4))) continue;
        if (column.name != tag_column && !column.not_null && random_.one_in(10)) continue;
        names.push_back(column.name);
        values.push_back(column.name == tag_column ? tag() : literal(session_, engine_, random_, column));
    }
    if (names.empty()) return fmt::format("insert into {} default values", table.name);
    return fmt::format("insert into {} ({}) values ({})", table.name, fmt::join(names, ", "), fmt::join(values, ", "));
}

std::string Writes::computed(FuzzColumn const& column) {
    bool const postgres = engine_ == Engine::postgres;
    if (column.type == "integer" || column.type == "INTEGER") return column.name + " + 1000";
    if (column.type == "text" || column.type == "TEXT") return postgres ? column.name + " || '!'" : "upper(" + column.name + ")";
    return literal(session_, engine_, random_, column);
}

std::string Writes::update(FuzzTable const& table, bool also_unique) {
    std::vector<std::string> set;
    std::vector<FuzzColumn> open;
    for (auto const& column : table.columns)
        if (column.written && column.name != tag_column && (also_unique || !column.unique)) open.push_back(column);
    if (open.empty()) return {};
    for (auto const& column : random_.some(open))
        if (set.size() < 3)
            set.push_back(column.name + " = " + (random_.one_in(3) ? computed(column) : literal(session_, engine_, random_, column)));
    return fmt::format("update {} set {} where {}", table.name, fmt::join(set, ", "), condition(table));
}

std::string Writes::remove(FuzzTable const& table) { return fmt::format("delete from {} where {}", table.name, condition(table)); }

std::string Writes::condition(FuzzTable const& table) {
    auto const& column = random_.of(table.columns);
    if (random_.one_in(8)) return "true";
    if (random_.one_in(4)) return column.name + (random_.one_in(2) ? " is null" : " is not null");
    if (!table.column(tag_column)) return column.name + " is not null";
    // Without those that triggers draw, which are others in the next run.
    auto const tags = session_.rows(fmt::format("select distinct {2}({0}) from {1} where {0} not like 'x%' order by 1", tag_column,
                                                table.name, engine_ == Engine::postgres ? "quote_literal" : "quote"));
    std::vector<std::string> chosen;
    for (auto const& line : tags)
        if (random_.one_in(3)) chosen.push_back(*line[0]);
    if (chosen.empty() && !tags.empty()) chosen.push_back(*random_.of(tags)[0]);
    return chosen.empty() ? "false" : fmt::format("{} in ({})", tag_column, fmt::join(chosen, ", "));
}

}  // namespace undrop::test
