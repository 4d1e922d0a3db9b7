#include "renames.hpp"

#include <algorithm>
#include <cctype>

#include "named.hpp"

namespace undrop {
namespace {

std::string full_name(ObjectId const& id) { return id.parent.empty() ? id.name : id.parent + "." + id.name; }

// Is the object's text the wanted one, but for the name that a type has now?
bool names_renamed_type(ObjectId const& id, Object const& wanted, Rename const& rename, Catalog const& now) {
    auto const is = now.find(id);
    if (!rename.column_before.empty() || is == now.end()) return false;
    auto const type = std::find_if(now.begin(), now.end(), [&](auto const& entry) {
        return entry.first.kind == "type" && names_table(full_name(entry.first), rename.after);
    });
    if (type == now.end()) return false;
    auto const is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '"'; };
    auto const before = rename.before.first + "." + rename.before.second;
    auto text = is->second.make;
    for (auto const& after : {full_name(type->first), type->first.parent + ".\"" + rename.after.second + "\""})
        for (std::size_t at = 0; (at = text.find(after, at)) != std::string::npos; ++at) {
            auto const end = at + after.size();
            if ((at == 0 || !is_part(text[at - 1])) && (end == text.size() || !is_part(text[end]))) text.replace(at, after.size(), before);
        }
    return text == wanted.make;
}

}  // namespace

bool is_renamed(ObjectId const& id, Rename const& rename, ObjectId const& other) {
    if (other.kind != id.kind) return false;
    if (rename.column_before.empty() && names_table(full_name(id), rename.before)) return names_table(full_name(other), rename.after);
    if (!names_table(id.parent, rename.before)) return false;
    auto const& name = !rename.column_before.empty() && id.name == rename.column_before ? rename.column_after : id.name;
    return other.name == name && names_table(other.parent, rename.after);
}

bool there_as_renamed(ObjectId const& id, Rename const& rename, Catalog const& catalog) {
    if (!(rename.column_before.empty() && names_table(full_name(id), rename.before)) && !names_table(id.parent, rename.before))
        return false;
    return std::any_of(catalog.begin(), catalog.end(), [&](auto const& entry) { return is_renamed(id, rename, entry.first); });
}

Rename reversed(Rename const& rename) { return {rename.after, rename.before, rename.column_after, rename.column_before}; }

Wanted without_renamed(Wanted wanted, std::vector<Rename> const& renames, Catalog const& now) {
    Catalog then;
    for (auto const& [id, object] : wanted)
        if (object) then.emplace(id, *object);
    std::erase_if(wanted, [&](auto const& entry) {
        auto const& [id, object] = entry;
        if (auto const is = now.find(id); object && is != now.end() && differs_by_columns_names(id, is->second, *object, renames))
            return true;
        return std::any_of(renames.begin(), renames.end(), [&, &id = id, &object = object](Rename const& rename) {
            // A computed column whose name another one took comes back by its rename, too: nothing need be made anew.
            auto const makes_room = object && rename.replaced && !object->holds_rows;
            if (object && names_renamed_type(id, *object, rename, now)) return true;
            return object ? (makes_room || !now.contains(id)) && there_as_renamed(id, rename, now)
                          : there_as_renamed(id, reversed(rename), then);
        });
    });
    return wanted;
}

std::vector<Rename> renames_between(std::vector<Table> const& now, std::vector<Table> const& start, std::vector<Rename> known) {
    for (auto const& table : now) {
        auto const* was = find_table_by_id(start, table.id);
        if (!was) continue;
        if (table_name(*was) != table_name(table)) known.push_back({table_name(table), table_name(*was), "", ""});
        for (auto const& column : table.columns)
            if (auto const* then = was->column_by_id(column.id); then && then->name != column.name)
                known.push_back({table_name(table), table_name(*was), column.name, then->name});
    }
    return known;
}

void leave_out_renamed(Wanted& added, std::vector<Rename> const& renames, Catalog const& start, Wanted const& wanted) {
    Catalog others;  // their names
    for (auto const& [id, object] : start)
        if (auto const found = wanted.find(id); found == wanted.end() || found->second) others.emplace(id, Object{});
    std::erase_if(added, [&](auto const& entry) {
        return std::any_of(renames.begin(), renames.end(),
                           [&](Rename const& rename) { return there_as_renamed(entry.first, rename, others); });
    });
}

}  // namespace undrop
