// What a step is going to touch and to take, as far as is known before it runs.
#include <algorithm>

#include "partitions.hpp"
#include "renames.hpp"
#include "step.hpp"

namespace undrop {

std::set<ObjectId> at_stake(Catalog const& catalog, Foresight const& foresight, Wanted const& wanted) {
    auto tables = foresight.tables;
    tables.insert(foresight.locks.begin(), foresight.locks.end());
    for (auto const& [table, column] : foresight.columns) tables.insert(table);
    auto ids = objects_of(catalog, tables);
    for (auto const& [id, object] : wanted) ids.insert(id);
    return ids;
}

Foresight foresee(Dialect const& dialect, std::vector<Statement> const& statements, std::vector<Table> const& tables,
                  std::vector<std::string> const& lose, Opposite const& opposite) {
    auto const& wanted = opposite.wanted;
    auto foresight = resolve(dialect.foresee(statements), tables);
    auto const goes = without_renamed(wanted, opposite.renames, {});
    // What has the place of something that gets its name back goes.
    for (auto const& rename : opposite.renames) {
        if (wanted.empty() || !rename.replaced) continue;
        // What gets another name back itself, as one of two that swapped theirs, is no loss.
        auto const is_swapped = std::any_of(opposite.renames.begin(), opposite.renames.end(), [&](Rename const& other) {
            return rename.column_before.empty() ? other.column_before.empty() && other.after == rename.before
                                                : other.after == rename.after && other.column_after == rename.column_before;
        });
        if (is_swapped) {
            foresight.locks.insert(rename.after);
            continue;
        }
        if (auto const* there = find_table(tables, rename.column_before.empty() ? rename.before : rename.after)) {
            if (rename.column_before.empty())
                foresight.tables.insert(rename.before);
            else if (there->column(rename.column_before))
                foresight.columns.insert({rename.after, rename.column_before});
        }
    }
    for (auto const& table : tables) {
        TableName const name{table.schema, table.name};
        for (auto const& [id, object] : wanted) {
            if (goes.contains(id) && !object && id.kind == "table" &&
                names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, name))
                foresight.tables.insert(name);
            if (!names_table(id.parent, name)) continue;
            foresight.locks.insert(name);
            if (goes.contains(id) && !object && id.kind == "column" && table.column(id.name) &&
                !is_inherited(id, wanted, opposite.renames, tables))
                foresight.columns.insert({name, id.name});
        }
        if (waives(lose, name, "")) foresight.tables.erase(name);
        std::erase_if(foresight.columns,
                      [&](auto const& c) { return c.first == name && (waives(lose, name, c.second) || foresight.tables.contains(name)); });
    }
    return foresight;
}

}  // namespace undrop
