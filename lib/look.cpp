#include "look.hpp"

#include <algorithm>

#include "attributes.hpp"
#include "waiver.hpp"

namespace undrop {
namespace {

bool blind = false;

void compare_columns(TableChange& change) {
    for (auto const& column : change.before->columns) {
        auto const* now = change.rebuilt ? nullptr : change.after->column_by_id(column.id);
        if (column.generated && now && now->name != column.name) change.renamed = true;
        if (column.generated) continue;
        auto const by_name = now == nullptr;
        if (by_name) now = change.after->column(column.name);
        // Another old column that took the name is not this one.
        if (by_name && now && !change.rebuilt && change.before->column_by_id(now->id)) now = nullptr;
        if (!now || now->generated) {
            change.lost.push_back(column.name);
            continue;
        }
        change.kept.emplace_back(column.name, now->name);
        // Dropped and added again, or of another type: the name is there, the values may not be.
        if (by_name && !change.rebuilt) change.replaced = true;
        if (by_name || now->full_type() != column.full_type()) change.compare = true;
        if (!by_name && !same_attributes(column.attributes, now->attributes)) change.reshaped = true;
        if (!by_name && loses_attributes(column, *now)) change.emptied.push_back(column.name);
        if (now->name != column.name) change.renamed = true;
    }
}

std::string quoted(std::string const& name) {
    std::string out = "\"";
    for (char const c : name) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + '"';
}

bool holds_type(Table const& table, Foreseen::Touch const& type) {
    return std::any_of(table.columns.begin(), table.columns.end(),
                       [&](Column const& c) { return find_attribute(c.attributes, type.schema, type.table, type.column) != nullptr; });
}

template <class Set>
bool includes(Set const& all, Set const& some) {
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

}  // namespace

Table const* find_table(std::vector<Table> const& tables, TableName const& name) {
    auto const found =
        std::find_if(tables.begin(), tables.end(), [&](Table const& t) { return t.schema == name.first && t.name == name.second; });
    return found == tables.end() ? nullptr : &*found;
}

Table const* find_table_by_id(std::vector<Table> const& tables, std::string const& id) {
    auto const found = std::find_if(tables.begin(), tables.end(), [&](Table const& t) { return t.id == id; });
    return found == tables.end() ? nullptr : &*found;
}

std::vector<TableChange> look(std::vector<Table> const& before, std::vector<Table> const& after,
                              std::map<std::string, Writes> const& writes) {
    std::map<std::string, Table const*> by_id;
    std::map<TableName, Table const*> by_name;
    for (auto const& table : after) {
        by_id.emplace(table.id, &table);
        by_name.emplace(TableName{table.schema, table.name}, &table);
    }
    std::vector<TableChange> changes;
    for (auto const& table : before) {
        TableChange change{.before = &table};
        if (auto const same = by_id.find(table.id); same != by_id.end()) {
            change.after = same->second;
            change.renamed = TableName{table.schema, table.name} != TableName{change.after->schema, change.after->name};
        } else if (auto const successor = by_name.find({table.schema, table.name});
                   successor != by_name.end() && !find_table_by_id(before, successor->second->id)) {
            change.after = successor->second;
            change.rebuilt = change.compare = true;
        }
        if (change.after) compare_columns(change);
        auto const written = writes.find(table.id);
        if (written != writes.end() && written->second.rows_may_differ) change.compare = true;
        if (!change.after || change.compare || change.renamed || !change.lost.empty() || written != writes.end() || table.partitioned)
            changes.push_back(std::move(change));
    }
    return changes;
}

bool Foresight::covers(Foresight const& other) const {
    return includes(tables, other.tables) && includes(columns, other.columns) && includes(copies, other.copies) &&
           includes(views, other.views);
}

void Foresight::add(Foresight const& other) {
    tables.insert(other.tables.begin(), other.tables.end());
    columns.insert(other.columns.begin(), other.columns.end());
    copies.insert(other.copies.begin(), other.copies.end());
    locks.insert(other.locks.begin(), other.locks.end());
    writes.insert(other.writes.begin(), other.writes.end());
    views.insert(other.views.begin(), other.views.end());
}

bool Foresight::saves_values(TableName const& name) const {
    return tables.contains(name) || std::any_of(columns.begin(), columns.end(), [&](auto const& column) { return column.first == name; });
}

bool Foresight::locks_table(TableName const& name) const { return saves_values(name) || copies.contains(name) || locks.contains(name); }

void foresee_nothing(bool nothing) { blind = nothing; }
bool foresees_nothing() { return blind; }

Foresight resolve(Foreseen const& foreseen, std::vector<Table> const& tables) {
    using Kind = Foreseen::Touch::Kind;
    Foresight out;
    if (blind) return out;
    for (auto const& touch : foreseen.touches) {
        for (auto const& table : tables) {
            if (touch.kind == Kind::rewrite_type && holds_type(table, touch)) out.copies.insert({table.schema, table.name});
            if (touch.kind == Kind::rewrite_type) continue;
            if (table.name != touch.table || (!touch.schema.empty() && table.schema != touch.schema)) continue;
            TableName const name{table.schema, table.name};
            if (touch.kind == Kind::drop_table) out.tables.insert(name);
            if (touch.kind == Kind::drop_column && table.column(touch.column)) out.columns.insert({name, touch.column});
            if (touch.kind == Kind::alter || touch.kind == Kind::rewrite_table) out.locks.insert(name);
            if (touch.kind == Kind::rewrite_table) out.copies.insert(name);
            if (touch.kind == Kind::rewrite_rows) out.writes.insert(name);
        }
    }
    return out;
}

bool waives(std::vector<std::string> const& lose, TableName const& table, std::string const& column) {
    auto const dot = column.empty() ? std::string{} : "." + column;
    return std::any_of(lose.begin(), lose.end(), [&](std::string const& waiver) {
        // Where there are no schemas, what the database calls its own file may be said.
        auto const& schema = table.first.empty() ? no_schema : table.first;
        return waiver == table.second + dot || waiver == schema + "." + table.second + dot;
    });
}

bool names_table(std::string const& text, TableName const& table) {
    if (table.first.empty()) return text == table.second || text == quoted(table.second);
    for (auto const& schema : {table.first, quoted(table.first)})
        for (auto const& name : {table.second, quoted(table.second)})
            if (text == schema + "." + name) return true;
    return false;
}

}  // namespace undrop
