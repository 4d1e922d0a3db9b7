#include "partitions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <optional>
#include <set>

#include "look.hpp"
#include "try.hpp"

namespace undrop {
namespace {

// Null: it is not said.
ObjectId const* parent_of(ObjectId const& partition, Object const& object) {
    auto const found = std::find_if(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) {
        return need.kind == "table" && (need.parent != partition.parent || need.name != partition.name);
    });
    return found == object.needs.end() ? nullptr : &*found;
}

bool has_column(std::vector<Table> const& tables, TableName const& name, std::string const& column) {
    auto const found = std::find_if(tables.begin(), tables.end(),
                                    [&](Table const& table) { return names_table(name.first + "." + name.second, table_name(table)); });
    return found != tables.end() && found->column(column);
}

Table const* named(std::vector<Table> const& tables, ObjectId const& table) {
    auto const is = [&](Table const& t) { return names_table(table.parent + "." + table.name, table_name(t)); };
    auto const found = std::find_if(tables.begin(), tables.end(), is);
    return found == tables.end() ? nullptr : &*found;
}

// The table that a partition is of in the end: its columns are objects.
ObjectId root_of(ObjectId const& partition, Object const& object, Catalog const& now, Wanted const& wanted) {
    ObjectId root{"table", partition.parent, partition.name};
    std::set<ObjectId> seen;
    for (auto const* next = &object; next && seen.insert(root).second;) {
        auto const* parent = parent_of({"partition", root.parent, root.name}, *next);
        if (!parent) break;
        root = *parent;
        ObjectId const of_parent{"partition", root.parent, root.name};
        auto const want = wanted.find(of_parent);
        auto const is = now.find(of_parent);
        if (want != wanted.end())
            next = want->second ? &*want->second : nullptr;
        else
            next = is == now.end() ? nullptr : &is->second;
    }
    return root;
}

void replace_all(std::string& text, std::string const& from, std::string const& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
}

// A column of one table as one of another: its texts say the table's name as its parent does.
Object of_other_table(Object column, ObjectId const& id, std::string const& parent, ObjectId const& from, ObjectId const& to) {
    for (auto* text : {&column.make, &column.remove, &column.alter})
        if (auto const at = text->find(" " + id.parent + " "); at != std::string::npos) text->replace(at + 1, id.parent.size(), parent);
    for (auto& need : column.needs) {
        if (need == from) need = to;
        if (need.kind == "column" && need.parent == id.parent) need.parent = parent;
    }
    return column;
}

// Columns of a key are parts of their table, and no objects: the type alone is known of them.
std::optional<Object> of_key(Dialect const& dialect, Catalog const& now, ObjectId const& id, Table const& table, Column const& wanted) {
    auto const is = now.find(id);
    auto const* column = table.column(id.name);
    if (!column)
        return Object{.make = fmt::format("ALTER TABLE {} ADD COLUMN {} {};", id.parent, dialect.quote(id.name), wanted.type),
                      .remove = fmt::format("ALTER TABLE {} DROP COLUMN {};", id.parent, dialect.quote(id.name)),
                      .alter = {},
                      .shape = {},
                      .needs = {{"table", table.schema, table.name}},
                      .holds_rows = true};
    if (is == now.end() || column->type == wanted.type) return {};
    auto object = is->second;
    for (auto* text : {&object.make, &object.alter}) replace_all(*text, " " + column->type, " " + wanted.type);
    return object;
}

}  // namespace

Wanted without_inherited(Wanted wanted, Catalog const& now, std::vector<Table> const& tables) {
    std::set<ObjectId> inherited;
    for (auto const& [partition, object] : wanted) {
        auto const* parent = partition.kind == "partition" && object ? parent_of(partition, *object) : nullptr;
        if (!parent) continue;
        bool const is_there = now.contains({"table", partition.parent, partition.name});  // else made like its parent
        auto const is_parents = [&](ObjectId const& id, ObjectId const& part) {
            return id.kind == part.kind && id.name == part.name && names_table(id.parent, {parent->parent, parent->name});
        };
        for (auto const& [id, own] : wanted) {
            if (own || (id.kind != "column" && id.kind != "check") || !names_table(id.parent, {partition.parent, partition.name})) continue;
            auto const of_parent = [&, &id = id](auto const& entry) { return is_parents(entry.first, id); };
            // Columns of a key are parts of their table, and no objects.
            auto const recorded = std::find_if(wanted.begin(), wanted.end(), of_parent);
            auto const stays = recorded != wanted.end()
                                   ? recorded->second.has_value()
                                   : std::any_of(now.begin(), now.end(), of_parent) ||
                                         (id.kind == "column" && has_column(tables, {parent->parent, parent->name}, id.name));
            if (!is_there || stays) inherited.insert(id);
        }
    }
    std::erase_if(wanted, [&](auto const& entry) { return inherited.contains(entry.first); });
    return wanted;
}

Wanted with_columns_of_parents(Dialect const& dialect, Wanted wanted, Catalog const& now, std::vector<Table> const& tables) {
    Wanted more;
    for (auto const& [partition, object] : wanted) {
        ObjectId const id{"table", partition.parent, partition.name};
        auto const* table = partition.kind == "partition" && object && !now.contains(partition) ? named(tables, id) : nullptr;
        if (!table || !now.contains(id)) continue;
        auto const root = root_of(partition, *object, now, wanted);
        auto const* whole = named(tables, root);
        if (!whole) continue;
        auto const is_on = [&](auto const& entry) { return names_table(entry.first.parent, table_name(*table)); };
        auto const on = std::find_if(now.begin(), now.end(), is_on);
        if (on == now.end()) continue;
        auto const own = on->first.parent;
        auto const add = [&](ObjectId const& column, Object const& of_root) {
            ObjectId const part{"column", own, column.name};
            auto mine = of_other_table(of_root, column, own, root, id);
            auto const is = now.find(part);
            if (is == now.end() || !is->second.same(mine)) more.insert_or_assign(part, std::move(mine));
        };
        for (auto const& [column, want] : wanted)
            if (column.kind == "column" && want && names_table(column.parent, table_name(*whole))) add(column, *want);
        for (auto const& [column, is] : now)
            if (column.kind == "column" && !wanted.contains(column) && names_table(column.parent, table_name(*whole))) add(column, is);
        for (auto const& column : whole->columns) {
            ObjectId const part{"column", own, column.name};
            auto const is_of = [&](auto const& entry) {
                return entry.first.kind == "column" && entry.first.name == column.name &&
                       names_table(entry.first.parent, table_name(*whole));
            };
            if (std::any_of(now.begin(), now.end(), is_of)) continue;
            if (auto key = of_key(dialect, now, part, *table, column)) more.insert_or_assign(part, std::move(*key));
        }
    }
    for (auto& [id, object] : more) wanted.insert_or_assign(id, std::move(object));
    return wanted;
}

std::vector<ObjectId> columns_beside_parents(Wanted const& wanted, Catalog const& now, std::vector<Table> const& tables) {
    std::vector<ObjectId> found;
    for (auto const& [partition, object] : wanted) {
        ObjectId const id{"table", partition.parent, partition.name};
        auto const* table = partition.kind == "partition" && object && !now.contains(partition) ? named(tables, id) : nullptr;
        auto const* whole = table ? named(tables, root_of(partition, *object, now, wanted)) : nullptr;
        if (!whole || whole == table) continue;
        auto const has = [&](std::string const& name) {
            return whole->column(name) || std::any_of(wanted.begin(), wanted.end(), [&](auto const& entry) {
                       return entry.second && entry.first.kind == "column" && entry.first.name == name &&
                              names_table(entry.first.parent, table_name(*whole));
                   });
        };
        for (auto const& [column, is] : now)
            if (column.kind == "column" && names_table(column.parent, table_name(*table)) && !wanted.contains(column) && !has(column.name))
                found.push_back(column);
    }
    return found;
}

Error beside_parents(std::vector<ObjectId> const& columns) {
    std::vector<std::string> names;
    for (auto const& column : columns) names.push_back(column.text());
    return {.code = Code::refused,
            .left = Left::rolled_back,
            .message = fmt::format("others have added columns to what comes back as a partition, and a partition has its table's columns "
                                   "alone: {}",
                                   fmt::join(names, ", ")),
            .next = {.command = "down", .advice = "drop them first, or add them to the partitioned table as well"}};
}

bool is_inherited(ObjectId const& column, Wanted const& wanted, std::vector<Rename> const& renames, std::vector<Table> const& tables) {
    auto const is = [](ObjectId const& table, TableName const& name) { return names_table(table.parent + "." + table.name, name); };
    return std::any_of(wanted.begin(), wanted.end(), [&](auto const& entry) {
        auto const& [partition, object] = entry;
        if (partition.kind != "partition" || !object) return false;
        auto const named = std::find_if(renames.begin(), renames.end(), [&](Rename const& rename) {
            return rename.column_before.empty() && is({"table", partition.parent, partition.name}, rename.before);
        });
        if (!names_table(column.parent, named != renames.end() ? named->after : TableName{partition.parent, partition.name})) return false;
        auto const* parent = parent_of(partition, *object);
        if (!parent) return false;
        for (auto const& [id, own] : wanted)
            if (id.kind == "column" && id.name == column.name && names_table(id.parent, {parent->parent, parent->name}))
                return own.has_value();
        auto const of_parent = [&](Rename const& rename) { return is(*parent, rename.before); };
        auto const gets_name = [&](Rename const& rename) { return of_parent(rename) && rename.column_before == column.name; };
        if (std::any_of(renames.begin(), renames.end(), gets_name)) return true;
        auto const whole = std::find_if(tables.begin(), tables.end(), [&](Table const& table) {
            auto const moved = [&](Rename const& rename) { return of_parent(rename) && rename.column_before.empty(); };
            auto const found = std::find_if(renames.begin(), renames.end(), moved);
            return found != renames.end() ? found->after == table_name(table) : is(*parent, table_name(table));
        });
        return whole != tables.end() && whole->column(column.name);
    });
}

Wanted without_columns_of_parents(Wanted const& wanted, std::vector<Rename> const& renames, Catalog const& now,
                                  std::vector<Table> const& tables) {
    auto own = wanted;
    std::erase_if(own, [&](auto const& entry) {
        return entry.first.kind == "column" && !entry.second && is_inherited(entry.first, wanted, renames, tables);
    });
    return without_inherited(std::move(own), now, tables);
}

std::string partitioned_otherwise(Catalog const& now, Wanted const& wanted) {
    auto const is_partitioned = [](Object const& table) { return table.make.find(" PARTITION BY ") != std::string::npos; };
    std::string found;
    for (auto const& [id, want] : wanted) {
        auto const is = now.find(id);
        if (id.kind != "table" || !want || is == now.end() || is_partitioned(is->second) == is_partitioned(*want)) continue;
        found += fmt::format("{}{} is{} partitioned, and was{} before: neither becomes the other", found.empty() ? "" : "; ", id.text(),
                             is_partitioned(*want) ? " not" : "", is_partitioned(*want) ? "" : " not");
    }
    return found;
}

bool becomes_partition(ObjectId const& table, Wanted const& wanted) {
    auto const found = table.kind == "table" ? wanted.find({"partition", table.parent, table.name}) : wanted.end();
    return found != wanted.end() && found->second;
}

bool attaches(MendAction const& action) { return action.id.kind == "partition" && action.kind != MendAction::Kind::remove; }

bool is_part_of_remade(ObjectId const& id, Object const& object, Catalog const& now, Wanted const& wanted) {
    if (id.kind != "index" && id.kind != "index_partition") return false;
    return std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) {
        auto const is = need.kind == "index" ? now.find(need) : now.end();
        auto const want = wanted.find(need);
        return is != now.end() && want != wanted.end() && want->second && !is->second.same(*want->second);
    });
}

Result<bool> try_to_attach(Backend& backend, MendAction const& action) {
    UNDROP_CHECK(backend.run("savepoint undrop_part"));
    auto const fits = run_mend(backend, {action});
    UNDROP_CHECK(backend.run(fits ? "release savepoint undrop_part" : "rollback to savepoint undrop_part; release savepoint undrop_part"));
    return static_cast<bool>(fits);
}

}  // namespace undrop
