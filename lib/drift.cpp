#include "drift.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <cctype>

#include "added_columns.hpp"
#include "busy.hpp"
#include "named.hpp"
#include "planner.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Does the database take `id` along with what it needs, as a part of it or of the table that it is on? Not what is in a schema.
bool is_part(ObjectId const& id, ObjectId const& need, Catalog const& now, std::set<ObjectId> const& gone) {
    constexpr std::array apart{"column", "policy", "rule", "trigger"};  // that are on a table, and keep a column of it from going
    if (id.kind.starts_with("comment on ") || id.kind.starts_with("owner of ") || grants_rights(id)) return true;
    if (need.kind == "schema") return false;
    if ((id.kind == "index" || id.kind == "trigger") && (need.kind == "table" || need.kind == "view")) return true;
    if (id.kind == "table") return now.contains({"partition", id.parent, id.name});
    auto const goes = [&](ObjectId const& other) { return other.kind == "table" && names_table(id.parent, {other.parent, other.name}); };
    return std::any_of(gone.begin(), gone.end(), goes) || id.parent == (need.parent.empty() ? need.name : need.parent + "." + need.name) ||
           (need.parent == id.parent && need.kind == "column" && std::find(apart.begin(), apart.end(), id.kind) == apart.end());
}

// Partitions are told by their parents' columns, and constraints of both by each other's. Not what else a constraint needs, as the function
// that a CHECK calls.
bool is_of_its_table(ObjectId const& id, ObjectId const& need) {
    constexpr std::array kinds{"partition", "index_partition", "not_null", "primary_key", "unique", "exclusion", "check", "identity"};
    constexpr std::array other{"function", "operator", "operator_class", "type", "domain", "collation", "extension"};
    return std::find(kinds.begin(), kinds.end(), id.kind) != kinds.end() && std::find(other.begin(), other.end(), need.kind) == other.end();
}

// Has the step given this its name, or that of the table it is on, rather than made it? What needs it may be older than the step.
bool may_be_renamed(ObjectId const& id, Catalog const& now, Opposite const& opposite) {
    auto const is_its = [&](Rename const& rename) {
        auto const of_table =
            names_table(id.parent, rename.after) || names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, rename.after);
        return of_table && (rename.column_after.empty() || rename.column_after == id.name);
    };
    return std::any_of(opposite.renames.begin(), opposite.renames.end(), is_its) ||
           std::any_of(opposite.wanted.begin(), opposite.wanted.end(), [&](auto const& entry) {
               return entry.second && entry.first.kind == id.kind && entry.first.parent == id.parent && !now.contains(entry.first);
           });
}

// The table that this is on, or of, where it is not there, nor comes back.
ObjectId const* missing_home(Object const& object, Catalog const& now, Wanted const& wanted) {
    auto const found = std::find_if(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) {
        auto const want = wanted.find(need);
        return need.kind == "table" && !now.contains(need) && (want == wanted.end() || !want->second);
    });
    return found == object.needs.end() ? nullptr : &*found;
}

// Tables of which the step wrote rows alone, or changed parts, and which are not there under their names, though neither it nor a later one
// took these away.
std::set<std::string> gone_by_hand(Catalog const& now, Opposite const& opposite, std::vector<Recorded> const& recorded,
                                   std::set<ObjectId> const& seen) {
    auto const is = [](ObjectId const& id, TableName const& table) {
        return names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, table);
    };
    std::set<std::string> gone;
    auto const look = [&](TableName const& table) {
        auto const there = std::any_of(now.begin(), now.end(), [&](auto const& entry) { return is(entry.first, table); });
        auto const known = std::any_of(recorded.begin(), recorded.end(), [&](Recorded const& object) { return is(object.id, table); }) ||
                           std::any_of(seen.begin(), seen.end(), [&](ObjectId const& id) { return is(id, table); });
        if (!there && !known) gone.insert(table.first.empty() ? table.second : table.first + "." + table.second);
    };
    for (auto const& print : opposite.footprints)
        if (print.of == Footprint::Of::rows) look({print.schema, print.table});
    for (auto const& snapshot : opposite.snapshots)
        if ((snapshot.of_rows() || snapshot.kind == Snapshot::Kind::column) && !snapshot.purged())
            look(name_now(opposite.renames, table_name(snapshot.table)));
    for (auto const& [id, object] : opposite.wanted)
        if (auto const* need = object ? missing_home(*object, now, opposite.wanted) : nullptr) {
            auto const is_renamed = [&](Rename const& rename) { return is(*need, rename.before); };
            if (std::none_of(opposite.renames.begin(), opposite.renames.end(), is_renamed)) look({need->parent, need->name});
        }
    return gone;
}

// Where an object that is missing is under another name: a column by its number, an index or constraint by all else of its definition.
ObjectId const* renamed_by_hand(Recorded const& missing, Catalog const& now, std::vector<Recorded> const& recorded,
                                std::set<ObjectId> const& seen) {
    auto const& kind = missing.id.kind;
    auto const& was = *missing.after;
    constexpr std::array by_shape{"index", "primary_key", "unique", "exclusion", "check", "foreign_key"};
    bool const told_by_shape = std::find(by_shape.begin(), by_shape.end(), kind) != by_shape.end();
    auto const is_it = [&](Object const& object) {
        if (kind == "column") return object.order == was.order && object.order > 0;
        return told_by_shape && !was.shape.empty() && was.shape == object.shape;
    };
    for (auto const& [id, object] : now) {
        auto const is_known = [&, &id = id](Recorded const& one) { return one.id == id; };
        if (id.kind == kind && id.parent == missing.id.parent && !seen.contains(id) && is_it(object) &&
            std::none_of(recorded.begin(), recorded.end(), is_known))
            return &id;
    }
    return nullptr;
}

std::string full_name(ObjectId const& id) { return id.parent.empty() ? id.name : id.parent + "." + id.name; }

bool is_word(std::string const& text, std::string const& word) {
    auto const is_part = [&](std::size_t at) {
        return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_' || text[at] == '$');
    };
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; ++at)
        if (!is_part(at - 1) && !is_part(at + word.size())) return true;
    return false;
}

// Columns that a view loses where it is made anew as it was; those that the step renamed get their names back, unless others have these.
std::vector<std::string> columns_lost(ObjectId const& id, Object const& is, Object const& wanted, std::vector<Rename> const& renames) {
    auto const had = columns_of_view(wanted);
    auto const has = columns_of_view(is);
    auto const among = [](std::vector<std::string> const& names, std::string const& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    std::vector<std::string> lost;
    for (auto const& name : has) {
        auto const gets_name_back = [&](Rename const& r) {
            auto const of_it = !r.column_before.empty() && names_table(full_name(id), r.after);
            auto const moves_away = [&](Rename const& other) { return other.after == r.after && other.column_after == r.column_before; };
            return of_it && r.column_after == name &&
                   (!among(has, r.column_before) || std::any_of(renames.begin(), renames.end(), moves_away));
        };
        if (!among(had, name) && std::none_of(renames.begin(), renames.end(), gets_name_back)) lost.push_back(name);
    }
    return lost;
}

}  // namespace

// Of what others have: what is on such a column of a view, and what reads it.
Added added_to_columns(Catalog const& now, Opposite const& opposite, std::set<ObjectId> const& seen) {
    Added added;
    for (auto const& [view, wanted] : opposite.wanted) {
        auto const is = now.find(view);
        if (!wanted || is == now.end() || is->second.same(*wanted) || (view.kind != "view" && view.kind != "materialized_view")) continue;
        // What has that name by now goes back to another one, or away.
        auto const is_renamed = [&, &view = view](Rename const& r) {
            return r.column_before.empty() && (names_table(full_name(view), r.before) || names_table(full_name(view), r.after));
        };
        if (std::any_of(opposite.renames.begin(), opposite.renames.end(), is_renamed)) continue;
        for (auto const& name : columns_lost(view, is->second, *wanted, opposite.renames))
            for (auto const& [id, object] : now) {
                auto const needs = std::find(object.needs.begin(), object.needs.end(), view) != object.needs.end();
                if (!needs || opposite.wanted.contains(id) || seen.contains(id)) continue;
                if (id.parent == full_name(view) && id.name == name)
                    added.along.push_back(id);
                else if (id.parent != full_name(view) && is_word(object.make, name) &&
                         std::find(added.in_the_way.begin(), added.in_the_way.end(), id) == added.in_the_way.end())
                    added.in_the_way.push_back(id);
            }
    }
    return added;
}

std::vector<ObjectDifference> drift_of(Catalog const& now, Opposite const& opposite, std::vector<Recorded> const& recorded,
                                       std::string const& migration, std::set<ObjectId>& seen) {
    std::vector<ObjectDifference> drifted;
    for (auto const& object : recorded) {
        if (!opposite.wanted.contains(object.id) || !seen.insert(object.id).second) continue;
        auto const is = now.find(object.id);
        auto const there = is != now.end();
        if (purged_with_aside(opposite, object.id)) continue;
        if (there == object.after.has_value() && (!there || is->second.same(*object.after))) continue;
        auto const* renamed = there || !object.after ? nullptr : renamed_by_hand(object, now, recorded, seen);
        drifted.push_back({.object = object.id.text() + (renamed ? ", renamed to " + renamed->name : ""),
                           .before = object.after ? object.after->make : "",
                           .after = there     ? is->second.make
                                    : renamed ? now.at(*renamed).make
                                              : "",
                           .before_when = "recorded after " + migration,
                           .after_when = "now"});
    }
    for (auto const& table : gone_by_hand(now, opposite, recorded, seen))
        drifted.push_back({.object = "table " + table,
                           .before = "-- it was changed, or rows of it",
                           .after = "",
                           .before_when = "recorded of " + migration,
                           .after_when = "now"});
    return drifted;
}

Result<void> homes_are_there(MendPlan const& plan, Catalog const& now, Wanted const& wanted) {
    for (auto const* actions : {&plan.before_data, &plan.after_data})
        for (auto const& action : *actions) {
            auto const* home = action.kind == MendAction::Kind::make ? missing_home(action.object, now, wanted) : nullptr;
            if (!home) continue;
            return Error{.code = Code::refused,
                         .left = Left::rolled_back,
                         .message = fmt::format("{} is not there any more, and {}, which comes back, needs it: others renamed or dropped "
                                                "it since, or its schema",
                                                home->text(), action.id.text()),
                         .next = {.command = "down",
                                  .advice = fmt::format("give {} its name again first; or make it anew, if {} is to come back empty",
                                                        home->text(), action.id.text())}};
        }
    return success();
}

Finding drift_finding(std::vector<ObjectDifference> drifted, Options const& options) {
    std::string names;
    for (auto const& object : drifted) names += (names.empty() ? "" : ", ") + object.object;
    return {.severity = options.accept_drift ? Finding::Severity::warning : Finding::Severity::stop,
            .code = "drift",
            .text = "changed by hand since the migration ran, and the rollback would overwrite it: " + names,
            .next = {.command = "down --accept-drift", .advice = "if what the migration had found is to come back all the same"},
            .differences = std::move(drifted)};
}

namespace {

// What needs a relation that has the old name of another one, and makes room when that gets it back. What was recorded, and its own parts,
// the step knows. Where a database has no schemas views are texts, and mean what has the name.
std::vector<ObjectId> needing_replaced(Catalog const& now, Opposite const& opposite, std::set<ObjectId> const& seen) {
    std::vector<ObjectId> found;
    for (auto const& rename : opposite.renames) {
        auto const is_there = [&](auto const& entry) { return is_relation(entry.first, rename.after); };
        auto const moves_away = [&](Rename const& other) { return other.column_before.empty() && other.after == rename.before; };
        if (!rename.replaced || !rename.column_before.empty() || rename.before.first.empty() ||
            std::none_of(now.begin(), now.end(), is_there) || std::any_of(opposite.renames.begin(), opposite.renames.end(), moves_away))
            continue;
        for (auto const& [id, object] : now) {
            auto const is_its = [&, &id = id](ObjectId const& need) {
                return (is_relation(need, rename.before) || names_table(need.parent, rename.before)) && !is_part(id, need, now, {need});
            };
            if (!is_relation(id, rename.before) && !names_table(id.parent, rename.before) && !opposite.wanted.contains(id) &&
                !seen.contains(id) && std::any_of(object.needs.begin(), object.needs.end(), is_its))
                found.push_back(id);
        }
    }
    return found;
}

}  // namespace

Added added_since(Catalog const& now, Opposite const& opposite, std::set<ObjectId> const& seen) {
    auto const& wanted = opposite.wanted;
    std::set<ObjectId> gone;
    for (auto const& [id, object] : wanted)
        if (!object && now.contains(id) && !grants_rights(id) && !may_be_renamed(id, now, opposite)) gone.insert(id);
    auto added = added_to_columns(now, opposite, seen);
    for (auto& id : needing_replaced(now, opposite, seen))
        if (std::find(added.in_the_way.begin(), added.in_the_way.end(), id) == added.in_the_way.end())
            added.in_the_way.push_back(std::move(id));
    gone.insert(added.along.begin(), added.along.end());
    gone.insert(added.in_the_way.begin(), added.in_the_way.end());
    for (bool grown = !gone.empty(); grown;) {
        grown = false;
        for (auto const& [id, object] : now) {
            if (gone.contains(id) || wanted.contains(id) || seen.contains(id)) continue;
            // Where a column of its parent goes, a partition or whoever inherits it loses that, and stays.
            auto const goes_for = [&, &id = id](ObjectId const& n) {
                return gone.contains(n) && !is_of_its_table(id, n) && (id.kind != "table" || n.kind != "column");
            };
            auto const need = std::find_if(object.needs.begin(), object.needs.end(), goes_for);
            if (need == object.needs.end()) continue;
            auto const part = is_part(id, *need, now, gone);
            if (!id.kind.starts_with("owner of ")) (part ? added.along : added.in_the_way).push_back(id);
            gone.insert(id);
            grown = true;
        }
    }
    return added;
}

Next added_next(bool rows) {
    if (rows) return {.advice = "some of it holds rows: drop it first, or take it off what goes, if it is not needed any more"};
    return {.command = "down --accept-drift",
            .advice =
                "takes it along, and keeps its definition in the ledger; or drop it first, and make it again afterwards on what is there "
                "then"};
}

// P7. A script may do without what is in the way, or drop it itself: the step tells.
void find_added(Added const& added, PlannedStep const& step, Catalog const& now, Options const& options, Plan& plan) {
    using Severity = Finding::Severity;
    auto const names = [](std::vector<ObjectId> const& ids) {
        std::string text;
        for (auto const& id : ids) text += (text.empty() ? "" : ", ") + id.text();
        return text;
    };
    if (!added.along.empty())
        plan.findings.push_back(
            {.code = "added",
             .text = "others have put on what the rollback removes, and it goes too, with its definition in the ledger: " +
                     names(added.along)});
    if (added.in_the_way.empty()) return;
    auto const rows =
        std::any_of(added.in_the_way.begin(), added.in_the_way.end(), [&](ObjectId const& id) { return now.at(id).holds_rows; });
    auto const stops = step.origin == Origin::derived && (rows || !options.accept_drift);
    plan.findings.push_back({.severity = stops ? Severity::stop : Severity::warning,
                             .code = "dependents",
                             .text = "others have made what needs what the rollback removes: " + names(added.in_the_way),
                             .next = added_next(rows)});
}

void find_beside(Added const& added, Opposite const& opposite, std::set<ObjectId> const& seen, Catalog const& now, Plan& plan) {
    std::string names;
    auto const among = [](std::vector<ObjectId> const& ids, ObjectId const& id) {
        return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    for (auto const& id : new_neighbours(now, opposite.neighbours))
        if (!opposite.wanted.contains(id) && !seen.contains(id) && !among(added.along, id) && !among(added.in_the_way, id))
            names += (names.empty() ? "" : ", ") + id.text();
    if (!names.empty()) plan.findings.push_back({.code = "added", .text = "others have added since, and it stays: " + names});
}

Result<void> not_drifted_since(Backend& backend, Ledger& ledger, Plan const& plan, Options const& options) {
    if (plan.direction == Direction::up || plan.steps.size() < 2 || options.accept_drift) return success();
    UNDROP_TRY(auto const history, ledger.history());
    UNDROP_CHECK(patiently(backend, options, [&] { return backend.begin_reading(); }));
    auto looked = [&]() -> Result<void> {
        Catalog catalog;
        UNDROP_TRY(bool const read, backend.read_in_time(options.lock_timeout, [&]() -> Result<void> {
            UNDROP_TRY(catalog, backend.catalog(ledger.name()));
            return success();
        }));
        if (!read) return success();  // the steps wait for these locks, too, and say whose they are
        std::set<ObjectId> seen;
        for (auto const& step : plan.steps) {
            auto const* applied = history.find(step.version);
            if (step.unfinished != 0 || !applied) continue;
            UNDROP_TRY(auto opposite, read_opposite(ledger, applied->step, Direction::down));
            UNDROP_TRY(auto recorded, ledger.objects(applied->step));
            (void)keep_added_columns(recorded, catalog, opposite.wanted, seen);
            auto drifted = drift_of(catalog, opposite, recorded, step.version + " " + step.name, seen);
            if (drifted.empty()) continue;
            auto const finding = drift_finding(std::move(drifted), options);
            auto const known = [&](Finding const& found) { return found.text == finding.text; };
            if (&step == &plan.steps.front() || std::any_of(plan.findings.begin(), plan.findings.end(), known)) continue;
            return Error{.code = Code::refused,
                         .left = Left::untouched,
                         .message = finding.text,
                         .next = finding.next,
                         .differences = finding.differences};
        }
        return success();
    }();
    backend.rollback();
    return looked;
}

}  // namespace undrop
