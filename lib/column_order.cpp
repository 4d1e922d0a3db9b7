#include "column_order.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <set>

namespace undrop {
namespace {

using Objects = Catalog;

bool has(ColumnNames const& names, std::string const& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

// What the opposite step renamed is called as before it.
ColumnNames names_before(Table const& table, std::vector<Rename> const& renames) {
    auto names = names_of(table);
    for (auto& name : names) {
        auto const renamed = std::find_if(renames.begin(), renames.end(), [&](Rename const& r) {
            return !r.column_before.empty() && r.after == table_name(table) && r.column_after == name;
        });
        if (renamed != renames.end()) name = renamed->column_before;
    }
    return names;
}

Catalog columns_of(Catalog const& now, Table const& table, ColumnNames const& names) {
    Objects found;
    for (auto const& [id, object] : now)
        if (id.kind == "column" && names_table(id.parent, table_name(table)) &&
            std::find(names.begin(), names.end(), id.name) != names.end())
            found.emplace(id, object);
    return found;
}

// The partitions of a table, and theirs.
std::set<ObjectId> partitions_of(Catalog const& now, Table const& table) {
    std::set<ObjectId> found;
    auto const is_parent = [&](ObjectId const& id) {
        return id.kind == "table" && (found.contains(id) || names_table(id.parent + "." + id.name, table_name(table)));
    };
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : now) {
            ObjectId const partition{"table", id.parent, id.name};
            if (id.kind != "partition" || found.contains(partition)) continue;
            grown = std::any_of(object.needs.begin(), object.needs.end(),
                                [&](auto const& need) { return need != partition && is_parent(need); }) &&
                    found.insert(partition).second;
            if (grown) break;
        }
    }
    return found;
}

// What keeps a column from being dropped. The catalog has no columns of partitions, so nothing tells which one it needs.
bool may_need_column(ObjectId const& id) {
    for (auto const* kind :
         {"view", "materialized_view", "rule", "policy", "trigger", "function", "procedure", "foreign_key", "statistics"})
        if (id.kind == kind) return true;
    return false;
}

// With all that must step aside for them; partitions follow their table.
Objects with_dependents(Catalog const& now, Table const& table, Objects moved) {
    auto const its = partitions_of(now, table);
    Objects partitions;
    for (auto const& [id, object] : now) {
        if (id.kind == "table" && now.contains({"partition", id.parent, id.name})) partitions.emplace(id, object);
        if (!object.remove.empty() && may_need_column(id) &&
            std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) { return its.contains(need); }))
            moved.emplace(id, object);
    }
    add_dependents(now, moved, partitions, {});
    return moved;
}

// A generated column is computed from columns that are there already, and so cannot stand before one that has just been made.
std::string computed_from_later(Move const& move) {
    auto const place = [&](ObjectId const& id) { return std::find(move.columns.begin(), move.columns.end(), id.name); };
    for (auto const& [id, object] : move.of_them) {
        if (object.holds_rows) continue;
        for (auto const& need : object.needs)
            if (move.of_them.contains(need) && place(need) > place(id))
                return fmt::format("{} is computed from {}, which stood behind it", id.name, need.name);
    }
    return {};
}

}  // namespace

ColumnNames names_of(Table const& table) {
    ColumnNames names;
    for (auto const& column : table.columns) names.push_back(column.name);
    return names;
}

std::optional<ColumnNames> recorded_order(Opposite const& opposite, TableName const& table) {
    for (auto const& [id, object] : opposite.wanted)
        if (id.kind == "column" && object && !object->columns.empty() && names_table(id.parent, table)) return object->columns;
    // An older program recorded it with what it saved alone.
    for (auto const& snapshot : opposite.snapshots)
        if (snapshot.kind == Snapshot::Kind::column && table_name(snapshot.table) == table) return names_of(snapshot.table);
    return {};
}

ColumnNames as_recorded(ColumnNames const& there, ColumnNames const& recorded) {
    ColumnNames wanted;
    std::copy_if(recorded.begin(), recorded.end(), std::back_inserter(wanted), [&](auto const& name) { return has(there, name); });
    std::copy_if(there.begin(), there.end(), std::back_inserter(wanted), [&](auto const& name) { return !has(recorded, name); });
    return wanted;
}

ColumnNames to_move(ColumnNames const& there, ColumnNames const& wanted) {
    auto stays = wanted.begin();
    for (auto place = there.begin(); stays != wanted.end(); ++stays) {
        auto const found = std::find(place, there.end(), *stays);
        if (found == there.end()) break;
        place = found + 1;
    }
    return {stays, wanted.end()};
}

OrderAhead order_ahead(Table const& now, Opposite const& opposite) {
    OrderAhead ahead;
    auto const recorded = recorded_order(opposite, name_before(opposite.renames, table_name(now)));
    if (!recorded) return ahead;
    auto there = names_before(now, opposite.renames);
    // What the opposite step made goes.
    std::erase_if(there, [&](std::string const& name) {
        return std::any_of(opposite.wanted.begin(), opposite.wanted.end(), [&](auto const& entry) {
            return entry.first.kind == "column" && !entry.second && entry.first.name == name &&
                   names_table(entry.first.parent, table_name(now));
        });
    });
    auto const stay = there;
    std::copy_if(recorded->begin(), recorded->end(), std::back_inserter(there), [&](auto const& name) { return !has(stay, name); });
    ahead.wanted = as_recorded(there, *recorded);
    ahead.moved = to_move(there, ahead.wanted);
    if (ahead.moved.empty()) return ahead;
    auto const first = std::find_if(recorded->rbegin(), recorded->rend(), [&](auto const& name) { return has(stay, name); });
    for (auto name = first; name != recorded->rend(); ++name)
        if (!has(stay, *name)) ahead.last.insert(ahead.last.begin(), *name);
    return ahead;
}

Move plan_move(Catalog const& now, Table const& table, ColumnNames const& wanted, ColumnNames columns) {
    for (;;) {
        auto const of_them = columns_of(now, table, columns);
        auto aside = with_dependents(now, table, of_them);
        auto const goes = columns_of(aside, table, wanted);
        auto const first = std::find_if(wanted.begin(), wanted.end(), [&](std::string const& name) {
            return std::any_of(goes.begin(), goes.end(), [&](auto const& entry) { return entry.first.name == name; });
        });
        if (static_cast<std::size_t>(wanted.end() - first) > columns.size()) {
            columns.assign(first, wanted.end());
            continue;
        }
        erase_if(aside, [&](auto const& entry) { return entry.second.holds_rows && of_them.contains(entry.first); });
        return {.columns = std::move(columns), .of_them = of_them, .aside = std::move(aside)};
    }
}

std::string why_not(Move const& move, Table const& table) {
    for (auto const& name : move.columns)
        if (table.column(name) &&
            std::none_of(move.of_them.begin(), move.of_them.end(), [&](auto const& entry) { return entry.first.name == name; }))
            return fmt::format("{} cannot be dropped and made again by itself", name);
    for (auto const& [id, object] : move.aside)
        if (object.holds_rows) return fmt::format("{} depends on one of them, and holds rows", id.text());
    return computed_from_later(move);
}

}  // namespace undrop
