// The part of a step that makes room for what gets its old name back: what the opposite step had put there goes, and what users wrote into
// it is saved like any other loss.
#include <fmt/format.h>
#include <algorithm>

#include "named.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// What reads the one with the name, and is to be as it is, but over the one that gets it: it is made anew when that has it.
Catalog to_be_made_anew(TableName const& name, Catalog const& now, Wanted const& wanted) {
    Catalog found;
    auto const is_of = [&](ObjectId const& id) { return is_relation(id, name) || names_table(id.parent, name); };
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : now) {
            auto const want = wanted.find(id);
            if (is_of(id) || id.kind == "partition" || object.holds_rows || found.contains(id) || want == wanted.end() || !want->second ||
                !object.same(*want->second))
                continue;
            auto const reads = [&](ObjectId const& need) { return is_of(need) || found.contains(need); };
            if (std::any_of(object.needs.begin(), object.needs.end(), reads)) grown |= found.emplace(id, object).second;
        }
    }
    return found;
}

std::string kind_in_words(ObjectId const& id) { return id.kind == "materialized_view" ? "materialized view" : id.kind; }

}  // namespace

// Only where what had the name is still there under the other one, and no script has done this before.
Result<void> StepRunner::evict_relations() {
    std::vector<TableName> names;
    for (auto const& rename : opposite_.renames) {
        if (!rename.column_before.empty() || !rename.replaced) continue;
        auto const* marked = find_table(before_, rename.after);
        auto const* now = marked ? find_table_by_id(scripted_, marked->id) : nullptr;
        if (now && is_called_so(table_name(*now), rename, opposite_.renames)) names.push_back(rename.before);
        if (auto const* kind = kind_of_view(named_, rename.after)) {
            UNDROP_TRY(auto const named, backend_.named_objects());
            if (is_still(named_, named, kind, rename.after)) names.push_back(rename.before);
        }
    }
    // A name that something else moves away from by itself is none that is taken.
    std::erase_if(names, [&](TableName const& name) {
        return std::any_of(opposite_.renames.begin(), opposite_.renames.end(),
                           [&](Rename const& r) { return r.column_before.empty() && r.after == name; });
    });
    if (names.empty()) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    for (auto const& name : names) {
        UNDROP_CHECK(mend_by(now, removals(to_be_made_anew(name, now, opposite_.wanted))));
        for (auto const& [id, object] : now) {
            if (!is_relation(id, name)) continue;
            // A partition would go with its parent, and may be what had the name.
            for (auto const& [part, place] : now)
                if (part.kind == "partition" && std::find(place.needs.begin(), place.needs.end(), id) != place.needs.end())
                    UNDROP_CHECK(mend_by(now, {{.kind = MendAction::Kind::remove, .id = part, .object = place, .now = {}}}));
            UNDROP_CHECK(evict(id, name, object));
        }
    }
    // Where views and triggers are texts, they have followed it under its other name, and mean what has the name of now on.
    if (names.front().first.empty()) {
        UNDROP_TRY(auto const followed, backend_.catalog_after(ledger_.name(), catalog_));
        Catalog made_anew;
        for (auto const& [id, object] : followed) {
            auto const was = now.find(id);
            if (was == now.end() || was->second.same(object)) continue;
            if (object.holds_rows)
                opposite_.wanted.emplace(id, was->second);
            else
                made_anew.emplace(id, object);
        }
        UNDROP_CHECK(mend_by(followed, removals(made_anew)));
    }
    UNDROP_TRY(scripted_, backend_.tables(ledger_.name()));
    return success();
}

// Into the store, where the names of its indexes and sequences are nobody's; a database without schemas has one room for all names.
Result<void> StepRunner::evict(ObjectId const& id, TableName const& name, Object const& object) {
    auto const& dialect = backend_.dialect();
    report_.mended.push_back("removed " + id.text());
    log({.kind = Mended::Kind::remove,
         .id = id,
         .sql = object.remove,
         .needs = {},
         .needed = object.needs,
         .holds_rows = object.holds_rows});
    if (name.first.empty() && id.kind != "table") {
        UNDROP_CHECK(backend_.run(object.remove));
        return success();
    }
    auto const aside = fmt::format("undrop_evicted_{}", evicted_.size() + 1);
    UNDROP_CHECK(backend_.run(fmt::format("alter table {} rename to {}", dialect.relation(name.first, name.second), dialect.quote(aside))));
    if (name.first.empty()) {
        evicted_.push_back({"", {name.first, aside}, ""});
        return success();
    }
    UNDROP_CHECK(
        backend_.run(fmt::format("alter table {} set schema {}", dialect.relation(name.first, aside), dialect.quote(ledger_.name()))));
    evicted_.push_back({kind_in_words(id), {ledger_.name(), aside}, ""});
    return success();
}

Result<void> StepRunner::evict_column(Table const& table, std::string const& column) {
    auto const& dialect = backend_.dialect();
    auto const aside = fmt::format("undrop_evicted_{}", evicted_.size() + 1);
    UNDROP_CHECK(backend_.run(fmt::format("alter table {} rename column {} to {}", dialect.relation(table.schema, table.name),
                                          dialect.quote(column), dialect.quote(aside))));
    report_.mended.push_back(fmt::format("removed column {}.{}", table.text(), column));
    auto const relation = dialect.relation(table.schema, table.name);
    log({.kind = Mended::Kind::remove,
         .id = {"column", relation, column},
         .sql = fmt::format("ALTER TABLE {} DROP COLUMN {};", relation, dialect.quote(column)),
         .needs = {},
         .needed = {},
         .holds_rows = true});
    evicted_.push_back({"", table_name(table), aside});
    return success();
}

// What needs it is the opposite step's as well, and goes with the mend: then it is tried once more. What is somebody else's is named.
Result<void> StepRunner::drop_evicted(bool at_last) {
    auto const& dialect = backend_.dialect();
    for (auto at = evicted_.begin(); at != evicted_.end();) {
        if (at->kind.empty()) {
            ++at;
            continue;
        }
        auto const drop = fmt::format("drop {} {}", at->kind, dialect.relation(at->relation.first, at->relation.second));
        if (!at_last) UNDROP_CHECK(backend_.run("savepoint undrop_evicted"));
        auto const dropped = backend_.run(drop);
        if (at_last && !dropped) return dropped.error();
        if (!at_last)
            UNDROP_CHECK(backend_.run(dropped ? "release savepoint undrop_evicted"
                                              : "rollback to savepoint undrop_evicted; release savepoint undrop_evicted"));
        at = dropped ? evicted_.erase(at) : at + 1;
    }
    return success();
}

// With all that belongs to it. But what is there under such a name by now may be others', who put it on what has its name again.
void StepRunner::unwant_evicted(Catalog const& now) {
    std::erase_if(opposite_.wanted, [&](auto const& entry) {
        auto const& [id, object] = entry;
        return !object && now.contains(id) && std::any_of(catalog_.begin(), catalog_.end(), [&, &id = id](auto const& marked) {
            return marked.first.kind == id.kind && !opposite_.left.contains(marked.first) &&
                   std::any_of(opposite_.renames.begin(), opposite_.renames.end(),
                               [&](Rename const& rename) { return is_renamed(id, rename, marked.first); });
        });
    });
    for (auto const& evicted : evicted_)
        for (auto const& [id, object] : now) {
            auto const is_its = evicted.column.empty() ? is_relation(id, evicted.relation) || names_table(id.parent, evicted.relation)
                                                       : id.name == evicted.column && names_table(id.parent, evicted.relation);
            if (is_its) {
                opposite_.wanted.insert_or_assign(id, std::nullopt);
                continue;
            }
            // A key of the same name and text over the one column and then over the other is no change to the ledger.
            auto const is_evicted = [&](ObjectId const& need) {
                return need.kind == "column" && need.name == evicted.column && names_table(need.parent, evicted.relation);
            };
            auto const start = catalog_.find(id);
            if (start != catalog_.end() && !object.holds_rows && std::any_of(object.needs.begin(), object.needs.end(), is_evicted))
                opposite_.wanted.emplace(id, start->second);
        }
}

}  // namespace undrop
