#include "neighbours.hpp"

#include <algorithm>

#include "look.hpp"

namespace undrop {
namespace {

bool is_on(ObjectId const& id, Object const& object, ObjectId const& table) {
    TableName const name{table.parent, table.name};
    auto const of_it = [&](ObjectId const& need) { return need == table || (need.kind == "column" && names_table(need.parent, name)); };
    if (std::none_of(object.needs.begin(), object.needs.end(), of_it)) return false;
    return names_table(id.parent, name) || id.kind == "partition" || id.kind.starts_with("comment on ") ||
           id.kind.starts_with("grants on ");
}

std::set<ObjectId> on_any(Catalog const& now, std::set<ObjectId> const& tables) {
    std::set<ObjectId> found;
    if (tables.empty()) return found;
    for (auto const& [id, object] : now)
        if (std::any_of(tables.begin(), tables.end(), [&, &id = id, &object = object](ObjectId const& t) { return is_on(id, object, t); }))
            found.insert(id);
    return found;
}

}  // namespace

Neighbours neighbours_of(Catalog const& now, std::vector<Recorded> const& changed) {
    Neighbours all;
    auto const made = [&](ObjectId const& table) {
        return std::any_of(changed.begin(), changed.end(), [&](Recorded const& one) { return one.id == table && !one.before; });
    };
    auto const add = [&](ObjectId const& id) {
        if (id.kind == "table" && now.contains(id) && !made(id)) all.tables.insert(id);
    };
    for (auto const& one : changed) {
        add(one.id);
        for (auto const* object : {&one.before, &one.after})
            if (*object) std::for_each((*object)->needs.begin(), (*object)->needs.end(), add);
    }
    all.others = on_any(now, all.tables);
    return all;
}

std::vector<ObjectId> new_neighbours(Catalog const& now, Neighbours const& then) {
    std::vector<ObjectId> found;
    for (auto const& id : on_any(now, then.tables))
        if (!then.others.contains(id)) found.push_back(id);
    return found;
}

}  // namespace undrop
