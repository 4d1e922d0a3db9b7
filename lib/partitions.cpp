#include "partitions.hpp"

#include <algorithm>
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

bool is_inherited(ObjectId const& column, Wanted const& wanted, std::vector<Rename> const& renames, std::vector<Table> const& tables) {
    auto const is = [](ObjectId const& table, TableName const& name) { return names_table(table.parent + "." + table.name, name); };
    return std::any_of(wanted.begin(), wanted.end(), [&](auto const& entry) {
        auto const& [partition, object] = entry;
        if (partition.kind != "partition" || !object || !names_table(column.parent, {partition.parent, partition.name})) return false;
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

bool becomes_partition(ObjectId const& table, Wanted const& wanted) {
    auto const found = table.kind == "table" ? wanted.find({"partition", table.parent, table.name}) : wanted.end();
    return found != wanted.end() && found->second;
}

bool attaches(MendAction const& action) { return action.id.kind == "partition" && action.kind != MendAction::Kind::remove; }

Result<bool> try_to_attach(Backend& backend, MendAction const& action) {
    UNDROP_CHECK(backend.run("savepoint undrop_part"));
    auto const fits = run_mend(backend, {action});
    UNDROP_CHECK(backend.run(fits ? "release savepoint undrop_part" : "rollback to savepoint undrop_part; release savepoint undrop_part"));
    return static_cast<bool>(fits);
}

}  // namespace undrop
