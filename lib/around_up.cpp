#include "around_up.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "evidence.hpp"
#include "sql_tokens.hpp"

namespace undrop {
namespace {

constexpr std::array rules{"check", "exclusion", "foreign_key", "primary_key", "trigger", "unique"};
constexpr std::array words_of_rules{"check", "references", "unique"};

using Changed = std::vector<std::pair<ObjectId const*, Object const*>>;

// Objects that are others after than before, or gone, or made; what no write to a table meets is left out.
Changed changed_objects(Catalog const& before, Catalog const& after, bool made) {
    Changed found;
    auto const matters = [](ObjectId const& id) { return is_at_stake(id) && id.kind != "comment" && id.kind != "statistics"; };
    auto const add = [&](Catalog const& these, Catalog const& those, bool changed) {
        for (auto const& [id, object] : these) {
            auto const other = those.find(id);
            auto const counts = other == those.end() || (changed && !other->second.same(object));
            if (counts && matters(id)) found.emplace_back(&id, &object);
        }
    };
    add(before, after, true);
    if (made) add(after, before, false);
    return found;
}

// On SQLite what is on a table needs it, and has no parent.
bool is_of_table(ObjectId const& id, Object const& object, TableName const& table) {
    if (names_table(id.parent, table) || names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, table)) return true;
    auto const is_table = [&](ObjectId const& need) { return need.parent.empty() && names_table(need.name, table); };
    return id.parent.empty() && std::any_of(object.needs.begin(), object.needs.end(), is_table);
}

// An array's type has its elements' name.
bool is_of_type(Column const& column, ObjectId const& id) {
    if (id.kind == "domain_check") return column.type.starts_with(id.parent);
    return column.type.starts_with(id.parent + "." + id.name) || column.type.starts_with(id.parent + ".\"" + id.name);
}

// May it take what it did not? A rule is gone or another, or a type is.
bool may_be_freer(Table const& table, Changed const& gone_or_changed) {
    return std::any_of(gone_or_changed.begin(), gone_or_changed.end(), [&](auto const& entry) {
        auto const& [id, object] = entry;
        if (id->kind == "domain_check" || id->kind == "type")
            return std::any_of(table.columns.begin(), table.columns.end(), [&, &id = id](Column const& c) { return is_of_type(c, *id); });
        if (!is_of_table(*id, *object, table_name(table))) return false;
        if (id->kind == "column") return true;  // a type that takes more
        if (id->kind == "index") return names_word(object->make, "unique");
        if (id->kind != "table") return std::find(rules.begin(), rules.end(), id->kind) != rules.end();
        // On SQLite its rules are in its text.
        return std::any_of(words_of_rules.begin(), words_of_rules.end(), [&](char const* word) { return names_word(object->make, word); });
    });
}

}  // namespace

std::set<std::string> columns_of_other_types(Catalog const& before, Catalog const& after, Table const& table) {
    std::set<std::string> found;
    for (auto const& [id, object] : changed_objects(before, after, false))
        for (auto const& column : table.columns)
            if (id->kind == "type" && is_of_type(column, *id)) found.insert(column.name);
    return found;
}

AroundUp around_up(State const& before, State const& after, Touched const& touched, Renames const& renames) {
    AroundUp found;
    auto const changed = changed_objects(before.catalog, after.catalog, true);
    auto const gone_or_changed = changed_objects(before.catalog, after.catalog, false);
    for (auto const& [name, rows] : before.tables) {
        auto const& now = renames.of(name);
        auto const of_it = [&, &name = name](auto const& entry) {
            return is_of_table(*entry.first, *entry.second, name) || is_of_table(*entry.first, *entry.second, now);
        };
        if (!touched || touched->contains(now) || touched->contains(name) || std::any_of(changed.begin(), changed.end(), of_it))
            found.exercised.insert(name);
        if (may_be_freer(rows->table, gone_or_changed)) found.freer.insert(name);
    }
    return found;
}

}  // namespace undrop
