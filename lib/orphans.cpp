#include "orphans.hpp"

#include <fmt/format.h>

#include "balanced.hpp"
#include "try.hpp"

namespace undrop {

std::string is_orphan(Dialect const& dialect, ForeignKey const& key, std::string const& strangers) {
    std::vector<std::string> present;
    std::vector<std::string> joined;
    for (std::size_t i = 0; i < key.columns.size(); ++i) {
        auto const column = "t." + dialect.quote(key.columns[i]);
        present.push_back(column + " is not null");
        joined.push_back(fmt::format("p.{} = {}", dialect.quote(key.parents_columns[i]), column));
    }
    auto const missing = fmt::format("not exists (select 1 from {} as p where {})", dialect.relation(key.parents_schema, key.parent),
                                     balanced(joined, " and "));
    auto const taken =
        strangers.empty() ? std::string{"1 = 0"} : fmt::format("t.{} in ({})", dialect.quote(key.columns.front()), strangers);
    return fmt::format("({}) and ({} or {})", balanced(present, key.full ? " or " : " and "), missing, taken);
}

Result<Orphans> orphans_in(Backend& backend, std::vector<Table> const& tables) {
    Orphans found;
    for (auto const& table : tables) {
        UNDROP_TRY(auto const keys, backend.foreign_keys(table, {}));
        for (auto const& key : keys) {
            auto const rows = backend.rows(fmt::format("select count(*) from {} as t where {}", backend.dialect().own_rows(table),
                                                       is_orphan(backend.dialect(), key, "")));
            if (!rows) continue;
            auto const count = std::stoll(rows.value().at(0).at(0).value_or("0"));
            if (count > 0) found[{table_name(table), {key.parents_schema, key.parent}}] += count;
        }
    }
    return found;
}

bool are_within(Orphans const& now, Orphans const& before, Orphans const& recorded) {
    auto const of = [](Orphans const& orphans, ChildAndParent const& reference) {
        auto const found = orphans.find(reference);
        return found == orphans.end() ? std::int64_t{0} : found->second;
    };
    for (auto const& [reference, count] : now)
        if (count > std::max(of(before, reference), of(recorded, reference))) return false;
    return true;
}

std::string text_of(Orphans const& orphans) {
    auto const name = [](TableName const& table) { return table.first.empty() ? table.second : table.first + "." + table.second; };
    std::string text;
    for (auto const& [reference, count] : orphans)
        text += fmt::format("{}{} row(s) of {} refer to rows of {} that are not there", text.empty() ? "" : ", ", count,
                            name(reference.first), name(reference.second));
    return text;
}

}  // namespace undrop
