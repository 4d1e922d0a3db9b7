#include "mend.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <tuple>

#include "removal.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Objects = Catalog;

// Who loses the rights on a table that stays loses those on its columns, whoever gave them.
bool loses_rights(ObjectId const& id, Object const& object, Objects const& removed) {
    auto const& needs = object.needs;
    auto const goes = [&](bool rights) {
        return std::any_of(needs.begin(), needs.end(),
                           [&](ObjectId const& need) { return grants_rights(need) == rights && removed.contains(need); });
    };
    return goes(true) && !goes(false) && !goes_with_table(id, removed);
}

// What is to go, and is still needed by a column until that has its other type, or by a type until that has its other default.
std::set<ObjectId> needed_until_altered(Catalog const& now, Objects const& removed, std::set<ObjectId> const& altered) {
    std::set<ObjectId> late;
    auto waiting = std::vector<ObjectId>(altered.begin(), altered.end());
    while (!waiting.empty()) {
        auto const found = now.find(waiting.back());
        waiting.pop_back();
        if (found == now.end()) continue;
        for (auto const& need : found->second.needs)
            if (removed.contains(need) && !removed.at(need).holds_rows && late.insert(need).second) waiting.push_back(need);
    }
    return late;
}

// Does anything that holds rows need this, or something that does?
bool carries_rows(Catalog const& now, ObjectId const& of) {
    std::set<ObjectId> found{of};
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : now) {
            auto const& needs = object.needs;
            if (found.contains(id) || std::none_of(needs.begin(), needs.end(), [&](ObjectId const& n) { return found.contains(n); }))
                continue;
            if (object.holds_rows) return true;
            found.insert(id);
            grown = true;
        }
    }
    return false;
}

MendAction action(MendAction::Kind kind, ObjectId const& id, Object object, Object now = {}) {
    return {.kind = kind, .id = id, .object = std::move(object), .now = std::move(now)};
}

// What others may need before it can be made, as a view: its shape is a statement that makes one of the same columns.
bool can_stand_in(ObjectId const& id, Object const& object) { return id.kind == "view" && !object.shape.empty() && !object.alter.empty(); }

MendAction stand_in(MendAction::Kind kind, ObjectId const& id, Object object) {
    object.make = object.shape;
    object.alter = object.shape;
    return action(kind, id, std::move(object));
}

// What needs itself, by way of others.
std::set<ObjectId> in_circles(Objects const& objects) {
    std::set<ObjectId> found;
    for (auto const& [start, object] : objects) {
        if (!can_stand_in(start, object)) continue;
        std::set<ObjectId> seen;
        std::vector<ObjectId> waiting{start};
        while (!waiting.empty() && !found.contains(start)) {
            auto const at = objects.find(waiting.back());
            waiting.pop_back();
            if (at == objects.end()) continue;
            for (auto const& need : at->second.needs) {
                if (need == start) found.insert(start);
                if (seen.insert(need).second) waiting.push_back(need);
            }
        }
    }
    return found;
}

}  // namespace

bool is_stand_in(MendAction const& action) { return !action.object.shape.empty() && action.object.make == action.object.shape; }

bool grants_rights(ObjectId const& id) { return id.kind.starts_with("grants on "); }

void add_dependents(Catalog const& now, Objects& remake, Objects const& removed, std::set<ObjectId> const& altered) {
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : now) {
            if (remake.contains(id) || removed.contains(id) || altered.contains(id)) continue;
            // A partition, made of its parent's columns, changes with them.
            auto const follows = object.holds_rows;
            auto const disturbed = [&](ObjectId const& need) { return remake.contains(need) || (!follows && altered.contains(need)); };
            if (std::any_of(object.needs.begin(), object.needs.end(), disturbed) || loses_rights(id, object, removed)) {
                remake.emplace(id, object);
                grown = true;
            }
        }
    }
}

// Always the first by rank of those whose needs are made; of a cycle, the first of all.
std::vector<ObjectId> in_making_order(Objects const& objects) {
    auto const earlier = [&](ObjectId const& a, ObjectId const& b) {
        auto const& x = objects.at(a);
        auto const& y = objects.at(b);
        return std::tie(x.section, x.rank, x.order, a) < std::tie(y.section, y.rank, y.order, b);
    };
    std::map<ObjectId, int> missing;
    std::map<ObjectId, std::vector<ObjectId>> needed_by;
    for (auto const& [id, object] : objects) {
        auto const needs = std::set<ObjectId>(object.needs.begin(), object.needs.end());
        missing[id] = 0;
        for (auto const& need : needs)
            if (need != id && objects.contains(need)) ++missing[id], needed_by[need].push_back(id);
    }
    std::set<ObjectId, decltype(earlier)> ready(earlier);
    std::set<ObjectId, decltype(earlier)> waiting(earlier);
    for (auto const& [id, count] : missing) (count == 0 ? ready : waiting).insert(id);
    std::vector<ObjectId> ordered;
    while (!ready.empty() || !waiting.empty()) {
        auto& from = ready.empty() ? waiting : ready;
        auto const id = *from.begin();
        from.erase(from.begin());
        ordered.push_back(id);
        for (auto const& next : needed_by[id])
            if (--missing[next] == 0 && waiting.erase(next) == 1) ready.insert(next);
    }
    return ordered;
}

std::vector<MendAction> removals(Objects const& gone) {
    std::vector<MendAction> actions;
    for (auto const& id : in_removal_order(gone, {}))
        if (auto const& object = gone.at(id); !object.remove.empty()) actions.push_back(action(MendAction::Kind::remove, id, object));
    return actions;
}

namespace {

// In a circle of views one is there as another of the same columns until those that it reads are there.
void add_in_making_order(MendPlan& plan, Objects const& made, std::vector<MendAction> const& in_place) {
    auto add = [&](MendAction a) {
        (a.object.section == Section::before_data ? plan.before_data : plan.after_data).push_back(std::move(a));
    };
    Objects ordered = made;
    for (auto const& a : in_place) ordered.emplace(a.id, a.object);
    std::set<ObjectId> there;
    std::set<ObjectId> standing_in;
    auto const missing = [&](ObjectId const& need) { return made.contains(need) && !there.contains(need); };
    auto const lacks = [&](ObjectId const& id) {
        auto const& needs = ordered.at(id).needs;
        return std::any_of(needs.begin(), needs.end(), [&](ObjectId const& need) { return need != id && missing(need); });
    };
    for (auto const& id : in_making_order(ordered)) {
        auto const changed = std::find_if(in_place.begin(), in_place.end(), [&](MendAction const& a) { return a.id == id; });
        if (changed != in_place.end()) {
            add(*changed);
        } else if (lacks(id) && can_stand_in(id, ordered.at(id))) {
            add(stand_in(MendAction::Kind::make, id, ordered.at(id)));
            standing_in.insert(id);
        } else {
            add(action(MendAction::Kind::make, id, ordered.at(id)));
        }
        there.insert(id);
        std::erase_if(standing_in, [&](ObjectId const& view) {
            if (lacks(view)) return false;
            add(action(MendAction::Kind::alter, view, ordered.at(view)));
            return true;
        });
    }
}

}  // namespace

MendPlan plan_mend(Catalog const& now, Wanted const& wanted) {
    Objects removed;  // there now, not wanted
    Objects remake;   // there now, wanted differently, and no way to change them in place
    Objects made;     // wanted, not there in that form
    MendPlan plan;
    std::vector<MendAction> in_place;

    for (auto const& [id, want] : wanted) {
        auto const is = now.find(id);
        if (is == now.end()) {
            if (want) made.emplace(id, *want);
        } else if (!want) {
            removed.emplace(id, is->second);
        } else if (!is->second.same(*want)) {
            if (!want->alter.empty() && want->shape == is->second.shape)
                in_place.push_back(action(MendAction::Kind::alter, id, *want));
            else if (want->holds_rows && is->second.holds_rows)
                in_place.push_back(action(MendAction::Kind::reshape, id, *want, is->second));
            else
                remake.emplace(id, is->second), made.emplace(id, *want);
        }
    }
    // A foreign key that is as it was, over an index that goes, comes again over the constraint that was there.
    for (auto const& [id, want] : wanted) {
        auto const is = now.find(id);
        if (!want || is == now.end() || want->holds_rows || !is->second.same(*want) || is->second.remove.empty()) continue;
        auto const& needs = is->second.needs;
        if (std::any_of(needs.begin(), needs.end(), [&](ObjectId const& need) { return removed.contains(need); }))
            remake.emplace(id, is->second), made.emplace(id, *want);
    }
    // Wanted without values, as a column that is computed is: those that it has now go, and are saved like any other.
    std::set<ObjectId> emptied;
    for (auto const& [id, object] : remake)
        if (!wanted.at(id)->holds_rows) emptied.insert(id);
    // What merely reads a changed function goes on; what reads a column must step aside while its type changes.
    std::set<ObjectId> altered;
    for (auto const& a : in_place)
        if (a.kind == MendAction::Kind::alter && a.object.holds_rows) altered.insert(a.id);
    // A column's default is converted with it, and that cannot always be done: one that becomes another anyway steps aside, a partition's
    // too; and so does what needs what goes, as a view, unless rows hang on it: then that goes last.
    auto kept = altered;
    std::erase_if(in_place, [&](MendAction const& a) {
        auto const& is = now.at(a.id);
        if (is.holds_rows || is.remove.empty()) return false;
        auto const converted = a.id.kind == "default" && std::any_of(altered.begin(), altered.end(), [&](ObjectId const& column) {
                                   return column.kind == "column" && column.name == a.id.name;
                               });
        auto const loses = std::any_of(is.needs.begin(), is.needs.end(), [&](ObjectId const& need) { return removed.contains(need); });
        auto const aside = converted || (loses && !carries_rows(now, a.id));
        if (loses && !aside) kept.insert(a.id);
        if (aside) remake.emplace(a.id, now.at(a.id)), made.emplace(a.id, a.object);
        return aside;
    });
    add_dependents(now, remake, removed, altered);
    for (auto const& [id, object] : remake) {
        if (!made.contains(id)) made.emplace(id, object);
        if (object.holds_rows && !emptied.contains(id))
            plan.refused = fmt::format("{} depends on what must be made anew, and holds rows", id.text());
    }

    Objects gone = removed;
    gone.insert(remake.begin(), remake.end());
    auto const late = needed_until_altered(now, removed, kept);
    std::vector<MendAction> last;
    for (auto const& id : in_circles(gone)) plan.before_data.push_back(stand_in(MendAction::Kind::alter, id, gone.at(id)));
    for (auto const& id : in_removal_order(gone, removed))
        if (auto const& object = gone.at(id); !object.remove.empty())
            (late.contains(id) ? last : plan.before_data).push_back(action(MendAction::Kind::remove, id, object));

    add_in_making_order(plan, made, in_place);
    plan.before_data.insert(plan.before_data.end(), last.begin(), last.end());
    return plan;
}

Mended mended(MendAction const& action, Catalog const& now) {
    using Kind = MendAction::Kind;
    auto const& object = action.object;
    Mended done{.id = action.id, .needs = object.needs, .holds_rows = object.holds_rows};
    done.kind = action.kind == Kind::remove  ? Mended::Kind::remove
                : action.kind == Kind::make  ? Mended::Kind::make
                : action.kind == Kind::alter ? Mended::Kind::alter
                                             : Mended::Kind::reshape;
    done.sql = action.kind == Kind::remove ? object.remove : action.kind == Kind::alter ? object.alter : object.make;
    if (auto const is = now.find(action.id); is != now.end()) done.needed = is->second.needs;
    return done;
}

Result<void> run_mend(Backend& backend, std::vector<MendAction> const& actions) {
    using Kind = MendAction::Kind;
    for (auto const& a : actions) {
        auto done = [&]() -> Result<void> {
            if (a.kind == Kind::reshape) return backend.reshape(a.id, a.now, a.object);
            auto const& sql = a.kind == Kind::remove ? a.object.remove : a.kind == Kind::alter ? a.object.alter : a.object.make;
            auto const run = [&]() -> Result<void> {
                UNDROP_CHECK(backend.run(sql));
                return BOOST_OUTCOME_V2_NAMESPACE::success();
            };
            return a.kind == Kind::make && a.id.kind == "foreign_key" ? backend.naming_orphans(sql, run) : run();
        }();
        if (done) continue;
        auto error = std::move(done).error();
        error.trail.insert(error.trail.begin(), fmt::format("{} {}", a.kind == Kind::remove ? "removing" : "bringing back", a.id.text()));
        return error;
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

std::vector<std::string> differences(Catalog const& now, Wanted const& wanted) {
    std::vector<std::string> found;
    for (auto const& [id, want] : wanted) {
        auto const is = now.find(id);
        if (!want && is != now.end()) found.push_back(id.text() + " is still there");
        if (want && is == now.end()) found.push_back(id.text() + " is missing");
        if (want && is != now.end() && !is->second.same(*want)) found.push_back(id.text() + " differs");
    }
    return found;
}

}  // namespace undrop
