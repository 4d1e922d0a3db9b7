#include "sqlite/tracker.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sqlite/tokens.hpp"
#include "sqlite/virtual_table.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

// Those of `entries` whose names `others` lacks.
std::vector<Entry const*> only_in(std::vector<Entry> const& entries, std::vector<Entry> const& others, bool virtual_only) {
    std::set<std::string_view> names;
    for (auto const& other : others) names.insert(other.name);
    std::vector<Entry const*> found;
    for (auto const& entry : entries)
        if (!names.contains(entry.name) && (!virtual_only || entry.kind == Kind::virtual_table)) found.push_back(&entry);
    return found;
}

Result<std::set<std::string>> shadow_tables(Connection& connection) {
    UNDROP_TRY(auto const rows, connection.rows("select name from pragma_table_list where schema = 'main' and type = 'shadow'"));
    std::set<std::string> names;
    for (auto const& row : rows) names.insert(row[0].value_or(""));
    return names;
}

// Everything of undrop's own as text: tables, and what hangs on them.
std::string store_text(std::vector<Entry> const& entries, Rows const& schema) {
    std::set<std::string> stores;
    for (auto const& entry : entries)
        if (entry.kind == Kind::store) stores.insert(lower(entry.name));
    std::set<std::string> texts;
    for (auto const& row : schema)
        if (stores.contains(lower(row[2].value_or(""))))
            texts.insert(row[0].value_or("") + ' ' + row[1].value_or("") + ' ' + row[4].value_or("") + '\n');
    return fmt::format("{}", fmt::join(texts, ""));
}

}  // namespace

std::string Entry::column_id(std::string const& column) const {
    for (auto const& named : columns)
        if (named.name == column) return named.id;
    return "";
}

void Tracker::clear() {
    cookie_ = -1;
    ++generation_;
    for (auto& entry : entries_)
        if (entry.kind == Kind::table) columns_of_.insert_or_assign(std::move(entry.sql), std::move(entry.columns));
    entries_.clear();
    schema_.clear();
    by_name_.clear();
    known_.clear();
    mark();
}

void Tracker::mark() {
    vanished_.clear();
    store_changed_ = false;
}

Entry const* Tracker::find(std::string const& name) const {
    auto const found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &entries_[found->second];
}

Entry const* Tracker::known(std::string const& id) const {
    auto const found = known_.find(id);
    return found == known_.end() ? nullptr : &found->second;
}

std::map<std::string, std::string> Tracker::names() const {
    std::map<std::string, std::string> names;
    for (auto const& entry : entries_) names.emplace(entry.name, entry.id);
    return names;
}

Entry const* Tracker::owner_of(Entry const& shadow) const {
    for (auto const& [id, entry] : known_)
        if (entry.kind == Kind::virtual_table && shadow.name.starts_with(entry.name + "_")) return &entry;
    return nullptr;
}

Result<std::vector<Entry>> Tracker::read(Connection& connection, Rows const& schema) {
    std::vector<Entry> entries;
    std::vector<std::string> names;
    std::set<std::string> known_stores;  // what makes a store of a table is in its text
    bool has_virtual = false;
    for (auto const& row : schema) {
        if (row[0] != "table" || lower(row[1]->substr(0, 7)) == "sqlite_") continue;
        auto& entry = entries.emplace_back();
        entry.name = *row[1];
        entry.root = std::stoll(row[3].value_or("0"));
        entry.sql = row[4].value_or("");
        if (auto const* old = find(entry.name); old != nullptr && old->kind == Kind::store && old->sql == entry.sql)
            known_stores.insert(entry.name);
        if (entry.root == 0) entry.kind = Kind::virtual_table;
        has_virtual = has_virtual || entry.root == 0;
        names.push_back(entry.name);
    }
    std::set<std::string> shadows;
    if (has_virtual) {
        UNDROP_TRY(shadows, shadow_tables(connection));
    }
    UNDROP_TRY(auto const stores, store_tables(connection, names, known_stores));
    for (auto& entry : entries) {
        if (shadows.contains(entry.name)) entry.kind = Kind::shadow;
        if (stores.contains(entry.name)) entry.kind = Kind::store;
        if (auto const* old = find(entry.name); old != nullptr && old->sql == entry.sql) {
            entry.columns = old->columns;
            continue;
        }
        if (entry.kind != Kind::table) continue;
        if (auto const read_before = columns_of_.find(entry.sql); read_before != columns_of_.end()) {
            for (auto const& column : read_before->second) entry.columns.push_back({.id = {}, .name = column.name});
            continue;
        }
        UNDROP_TRY(auto const columns,
                   connection.rows(
                       fmt::format("select name from pragma_table_xinfo({}, 'main') where hidden <> 1 order by cid", literal(entry.name))));
        for (auto const& column : columns) entry.columns.push_back({.id = {}, .name = *column[0]});
    }
    return entries;
}

Entry const* Tracker::before(Entry const& now, std::vector<Entry> const& all_now) const {
    if (auto const* same = find(now.name)) return same;
    bool const is_virtual = now.kind == Kind::virtual_table;
    auto const gone = only_in(entries_, all_now, is_virtual);
    if (is_virtual) return gone.size() == 1 && only_in(all_now, entries_, true).size() == 1 ? gone.front() : nullptr;
    auto const renamed = std::find_if(gone.begin(), gone.end(), [&](Entry const* e) { return e->root == now.root; });
    return renamed == gone.end() ? nullptr : *renamed;
}

void Tracker::name_columns(Entry& now, Entry const* old, bool by_name_only) {
    std::size_t differ = 0;
    bool const same_length = old != nullptr && old->columns.size() == now.columns.size();
    for (std::size_t i = 0; same_length && i < now.columns.size(); ++i) differ += now.columns[i].name != old->columns[i].name ? 1U : 0U;
    bool const renamed = same_length && differ == 1 && !by_name_only;
    for (std::size_t i = 0; i < now.columns.size(); ++i) {
        auto& column = now.columns[i];
        column.id = renamed ? old->columns[i].id : old != nullptr ? old->column_id(column.name) : "";
        if (column.id.empty()) column.id = fresh('c');
    }
}

Result<Tracker::Changes> Tracker::sync(Connection& connection, Cause cause) {
    Changes changes;
    UNDROP_TRY(auto const cookie, connection.number("PRAGMA main.schema_version"));
    if (cookie == cookie_) return changes;
    bool const first = cookie_ < 0;
    UNDROP_TRY(auto schema, connection.rows("select type, name, tbl_name, rootpage, sql from main.sqlite_schema order by rowid"));
    UNDROP_TRY(auto now, read(connection, schema));
    if (cause == Cause::script && !first && store_text(now, schema) != store_text(entries_, schema_)) store_changed_ = true;
    std::set<std::string> still_there;
    for (auto& entry : now) {
        auto const* old = first ? nullptr : before(entry, now);
        if (old == nullptr && cause == Cause::script && entry.kind == Kind::table) changes.made.push_back(entry.name);
        entry.id = old != nullptr ? old->id : fresh('t');
        // Its text would come back with another name in it, which is no way back to the bytes that were there.
        if (old != nullptr && entry.kind == Kind::virtual_table && old->name != entry.name && !virtual_table(old->sql).is_index())
            vanished_.push_back("virtual table " + old->name);
        name_columns(entry, old, cause == Cause::rebuild);
        still_there.insert(entry.id);
    }
    for (auto const& entry : entries_)
        if (entry.kind == Kind::virtual_table && !still_there.contains(entry.id) && !virtual_table(entry.sql).is_index())
            vanished_.push_back("virtual table " + entry.name);
    entries_ = std::move(now);
    by_name_.clear();
    for (std::size_t i = 0; i < entries_.size(); ++i) by_name_.emplace(entries_[i].name, i);
    for (auto const& entry : entries_)
        if (auto const [known, is_new] = known_.try_emplace(entry.id, entry); !is_new && known->second != entry) known->second = entry;
    schema_ = std::move(schema);
    columns_of_.clear();
    cookie_ = cookie;
    ++generation_;
    changes.any = true;
    return changes;
}

}  // namespace undrop::sqlite
