// The part of a step that goes back by renaming what was renamed.
#include "step.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "attributes.hpp"
#include "fitting.hpp"
#include "labels.hpp"
#include "named.hpp"
#include "partitions.hpp"
#include "renaming_order.hpp"
#include "try.hpp"
#include "untouched.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// What tables or types that move back need of what is gone, as the schema that they move to; others are no matter of theirs.
Wanted homes_of(char const* kind, std::map<TableName, TableName> const& moves, Catalog const& now, Wanted const& wanted) {
    Wanted homes;
    for (auto const& [id, table] : wanted) {
        auto const moves_back = [&](ObjectId const& object) {
            return object.kind == kind && std::any_of(moves.begin(), moves.end(), [&](auto const& move) {
                       return names_table(object.parent + "." + object.name, move.second);
                   });
        };
        if (!table || !moves_back(id)) continue;
        for (auto const& need : table->needs)
            if (auto const home = wanted.find(need);
                home != wanted.end() && home->second && !home->second->holds_rows && !now.contains(need) && !moves_back(need))
                homes.insert(*home);
    }
    return homes;
}

// Of tables that are there, each after those that it is a partition of or inherits from; then the others.
std::vector<TableName> parents_first(Catalog const& now, std::vector<TableName> const& named) {
    Catalog tables;
    for (auto const& [id, object] : now)
        if (id.kind == "table") tables[id].needs = object.needs;
    std::vector<TableName> in_order;
    for (auto const& id : in_making_order(tables))
        for (auto const& name : named)
            if (names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, name)) in_order.push_back(name);
    for (auto const& name : named)
        if (std::find(in_order.begin(), in_order.end(), name) == in_order.end()) in_order.push_back(name);
    return in_order;
}

std::string text(TableName const& name) { return name.first.empty() ? name.second : name.first + "." + name.second; }

// And no sequence, nor a column.
bool is_table(Rename const& rename, Wanted const& wanted) {
    return rename.column_before.empty() && std::any_of(wanted.begin(), wanted.end(), [&](auto const& entry) {
               auto const& [id, object] = entry;
               return object && id.kind == "table" && names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, rename.before);
           });
}

// What the opposite step gave another name, and others one more or dropped: its old name would be that of something new and empty.
Error renamed_away(char const* kind, std::string const& what, std::string const& old_name) {
    return Error{
        .code = Code::refused,
        .left = Left::rolled_back,
        .message = fmt::format("{} {}, which the up had called so, is not there any more: others renamed or dropped it since, and {} would "
                               "come back empty",
                               kind, what, old_name),
        .next = {.command = "down",
                 .advice = fmt::format("give the {} its name {} again first; or make it anew, if {} is to come back empty", kind, what,
                                       old_name)}};
}

std::string rename_of_column(Dialect const& dialect, Table const& table, std::string const& from, std::string const& to) {
    return fmt::format("alter table {} rename column {} to {}", dialect.relation(table.schema, table.name), dialect.quote(from),
                       dialect.quote(to));
}

}  // namespace

void StepRunner::log(Mended done) {
    if (log_) log_->push_back(std::move(done));
}

Result<void> StepRunner::mend_by(Catalog const& now, std::vector<MendAction> actions) {
    for (auto& action : actions) {
        if (action.kind == MendAction::Kind::make && is_unfilled(action.id)) action.object = unfilled(std::move(action.object));
        log(mended(action, now));
    }
    auto const run = [&](std::vector<MendAction> const& some) {
        return run_mend_over_rows(backend_, ledger_.name(), some,
                                  {.direction = step_.direction, .script = step_.origin != Origin::derived, .backfill = backfill_});
    };
    // An index that others put on a table which is built anew: on a column that goes with it the index goes, too.
    auto const is_others = [&](MendAction const& action) {
        auto const rebuilt = [&](ObjectId const& need) {
            auto const wanted = opposite_.wanted.find(need);
            auto const was = catalog_.find(need);
            return wanted != opposite_.wanted.end() && wanted->second && was != catalog_.end() && was->second.holds_rows &&
                   !was->second.same(*wanted->second);
        };
        return action.kind == MendAction::Kind::make && action.id.kind == "index" && catalog_.contains(action.id) &&
               !opposite_.left.contains(action.id) && std::any_of(action.object.needs.begin(), action.object.needs.end(), rebuilt);
    };
    for (auto const& action : actions) {
        if (!is_others(action)) {
            UNDROP_CHECK(run({action}));
            continue;
        }
        UNDROP_CHECK(backend_.run("savepoint undrop_others"));
        auto made = run({action});
        if (!made && (made.error().code == Code::refused || backend_.means_unfitting(made.error()))) return made;
        UNDROP_CHECK(backend_.run(made ? "release savepoint undrop_others"
                                       : "rollback to savepoint undrop_others; release savepoint undrop_others"));
        if (made) continue;
        opposite_.wanted.insert_or_assign(action.id, std::nullopt);
        report_.notes.push_back(fmt::format("{}, which others had made, needed what went; it went too, its definition is in the ledger: {}",
                                            action.id.text(), action.object.make));
    }
    return success();
}

Result<void> StepRunner::rename_by(std::string const& sql) {
    log({.kind = Mended::Kind::rename, .id = {}, .sql = sql + ";"});
    UNDROP_CHECK(backend_.run(sql));
    return success();
}

// Only what the script has left under its new name: its identity tells, for names may have been swapped.
Result<void> StepRunner::rename_tables_back() {
    if (step_.origin != Origin::derived && !part_) {
        auto const slips = slipped_names({report_, saved_, footprints_, before_, catalog_}, scripted_, opposite_);
        for (auto const& slip : slips) {
            if (slip.column_before.empty()) {
                UNDROP_CHECK(make_homes("table", {{slip.before, slip.after}}));
                UNDROP_CHECK(rename_all("table", {{slip.before, slip.after}}));
                continue;
            }
            UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
            auto const* table = find_table(tables, slip.before);
            if (!table || !table->column(slip.column_before)) continue;  // it was inherited, and went along
            UNDROP_CHECK(rename_by(rename_of_column(backend_.dialect(), *table, slip.column_before, slip.column_after)));
            report_.mended.push_back(fmt::format("name of column {}.{}", table->text(), slip.column_after));
        }
        if (!slips.empty()) {
            UNDROP_TRY(scripted_, backend_.tables(ledger_.name()));
        }
    }
    std::map<TableName, TableName> moves;
    for (auto const& rename : opposite_.renames) {
        auto const* marked = rename.column_before.empty() ? find_table(before_, rename.after) : nullptr;
        auto const* now = marked ? find_table_by_id(scripted_, marked->id) : nullptr;
        if (now && is_called_so(table_name(*now), rename, opposite_.renames) && table_name(*now) != rename.before)
            moves.emplace(table_name(*now), rename.before);
        if (!find_table(before_, rename.after) && is_table(rename, opposite_.wanted) && !find_table(scripted_, rename.before))
            return renamed_away("table", text(rename.after), text(rename.before));
    }
    UNDROP_CHECK(make_homes("table", moves));
    // What others have put on a view would go with it, and a materialized one would be filled anew. One room for all names.
    NamedObjects there;
    if (!opposite_.renames.empty()) {
        UNDROP_TRY(there, backend_.named_objects());
    }
    for (auto const& [kind, word] : {std::pair("view", "view"), std::pair("materialized view", "materialized_view")}) {
        std::map<TableName, TableName> views;
        for (auto const& [name, id] : there[kind])
            for (auto const& rename : opposite_.renames) {
                auto const then = rename.column_before.empty() ? named_[kind].find(rename.after) : named_[kind].end();
                if (then != named_[kind].end() && then->second == id && is_called_so(name, rename, opposite_.renames) &&
                    name != rename.before)
                    views.emplace(name, rename.before);
            }
        UNDROP_CHECK(make_homes(word, views));
        moves.merge(views);
    }
    auto const taken = [&](TableName const& name) {
        return find_table(scripted_, name) != nullptr || kind_of_view(there, name) != nullptr;
    };
    auto const aside = [](TableName const& name, int n) { return TableName{name.first, fmt::format("undrop_renaming_{}", n)}; };
    return rename_all("table", in_renaming_order(std::move(moves), taken, aside));
}

Result<void> StepRunner::make_homes(char const* kind, std::map<TableName, TableName> const& moves) {
    if (std::all_of(moves.begin(), moves.end(), [](auto const& move) { return move.first.first == move.second.first; })) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    auto const homes = plan_mend(now, homes_of(kind, moves, now, opposite_.wanted));
    for (auto const& action : homes.before_data) report_.mended.push_back(action.id.text());
    return mend_by(now, homes.before_data);
}

// A composite type that were made anew would have no attributes yet while columns are converted to it.
Result<void> StepRunner::rename_types_back() {
    auto const has = [](std::vector<Table> const& tables, TableName const& type, std::string const& attribute) {
        return std::any_of(tables.begin(), tables.end(), [&](Table const& table) {
            return std::any_of(table.columns.begin(), table.columns.end(), [&](Column const& column) {
                return find_attribute(column.attributes, type.first, type.second, attribute) != nullptr;
            });
        });
    };
    std::map<TableName, TableName> moves;
    for (auto const& rename : opposite_.renames)
        if (!rename.column_before.empty() && rename.before != rename.after && !find_table(before_, rename.after) &&
            has(before_, rename.after, rename.column_after) && has(scripted_, rename.after, rename.column_after))
            moves.emplace(rename.after, rename.before);
    if (moves.empty()) return success();
    UNDROP_CHECK(make_homes("type", moves));
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    UNDROP_TRY(auto named, backend_.named_objects());
    std::erase_if(moves, [&](auto const& move) {  // renamed by its identity already
        auto const is = named["type"].find(move.first);
        auto const was = named_["type"].find(move.first);
        return is == named["type"].end() || was == named_["type"].end() || is->second != was->second;
    });
    auto const taken = [&](TableName const& name) {
        return std::any_of(now.begin(), now.end(), [&](auto const& entry) {
            return entry.first.kind == "type" && names_table(entry.first.parent + "." + entry.first.name, name);
        });
    };
    auto const aside = [](TableName const& name, int n) { return TableName{name.first, fmt::format("undrop_renaming_{}", n)}; };
    return rename_all("type", in_renaming_order(std::move(moves), taken, aside));
}

Result<void> StepRunner::rename_all(char const* kind, std::vector<std::pair<TableName, TableName>> const& in_order) {
    auto const& dialect = backend_.dialect();
    auto const view_before = [&](TableName const& name) -> char const* {
        for (auto const& rename : opposite_.renames)
            if (rename.column_before.empty() && rename.before == name) return kind_of_view(named_, rename.after);
        return nullptr;
    };
    for (auto const& [from, to] : in_order) {
        if (from.first != to.first)
            UNDROP_CHECK(rename_by(
                fmt::format("alter {} {} set schema {}", kind, dialect.relation(from.first, from.second), dialect.quote(to.first))));
        if (from.second != to.second)
            UNDROP_CHECK(rename_by(
                fmt::format("alter {} {} rename to {}", kind, dialect.relation(to.first, from.second), dialect.quote(to.second))));
        if (to.second.starts_with("undrop_renaming_")) continue;
        auto const* view = std::string_view(kind) == "table" ? view_before(to) : nullptr;
        report_.mended.push_back(fmt::format("name of {} {}", view ? view : kind, to.second));
    }
    return success();
}

// A sequence that were made anew would give numbers again that it gave under its other name, and what is of a type would be converted to
// another one.
Result<void> StepRunner::rename_objects_back() {
    auto const no_column = [](Rename const& rename) { return rename.column_before.empty(); };
    if (named_.empty() || std::none_of(opposite_.renames.begin(), opposite_.renames.end(), no_column)) return success();
    UNDROP_TRY(auto const now, backend_.named_objects());
    UNDROP_TRY(auto const catalog, backend_.catalog_after(ledger_.name(), catalog_));
    for (auto const& [kind, there] : now) {
        if (kind != "sequence" && kind != "type") continue;
        auto const& marked = named_[kind];
        std::map<TableName, TableName> moves;
        for (auto const& rename : opposite_.renames) {
            auto const then = marked.find(rename.after);
            if (!no_column(rename) || then == marked.end()) continue;
            for (auto const& [name, id] : there)
                if (id == then->second && (is_called_so(name, rename, opposite_.renames) || !there.contains(rename.before)) &&
                    name != rename.before)
                    moves.emplace(name, rename.before);
        }
        // A relation's name is that of a type, too.
        auto const taken = [&, &kind = kind, &there = there](TableName const& name) {
            return there.contains(name) || (kind != "sequence" && std::any_of(catalog.begin(), catalog.end(), [&](auto const& entry) {
                                                return is_relation(entry.first, name);
                                            }));
        };
        auto const aside = [](TableName const& name, int n) { return TableName{name.first, fmt::format("undrop_renaming_{}", n)}; };
        UNDROP_CHECK(make_homes(kind.c_str(), moves));
        UNDROP_CHECK(rename_all(kind.c_str(), in_renaming_order(std::move(moves), taken, aside)));
    }
    return success();
}

// A column that other tables inherit takes theirs along: parents come first, and each table is looked at when its turn comes.
Result<void> StepRunner::rename_columns_back() {
    std::vector<TableName> named;
    for (auto const& rename : opposite_.renames)
        if (!rename.column_before.empty() && std::find(named.begin(), named.end(), rename.before) == named.end())
            named.push_back(rename.before);
    if (named.size() > 1) {
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        named = parents_first(now, named);
    }
    for (auto const& name : named) UNDROP_CHECK(rename_columns_of(name));
    return success();
}

Result<void> StepRunner::rename_columns_of(TableName const& name) {
    auto const& dialect = backend_.dialect();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    auto const* table = find_table(tables, name);
    if (!table) {
        auto const is_its = [&](Rename const& rename) { return rename.before == name && kind_of_view(named_, rename.after); };
        if (std::none_of(opposite_.renames.begin(), opposite_.renames.end(), is_its)) return success();
        UNDROP_TRY(auto const named, backend_.named_objects());
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        for (auto const& [from, to] : columns_to_rename(name, opposite_.renames, {named_, catalog_}, {named, now})) {
            UNDROP_CHECK(rename_by(fmt::format("alter table {} rename column {} to {}", dialect.relation(name.first, name.second),
                                               dialect.quote(from), dialect.quote(to))));
            if (!to.starts_with("undrop_renaming_")) report_.mended.push_back(fmt::format("name of column {}.{}", text(name), to));
        }
        return success();
    }
    auto const* marked = find_table_by_id(before_, table->id);
    std::map<std::string, std::string> moves;
    for (auto const& rename : opposite_.renames) {
        if (rename.before != name || rename.column_before.empty()) continue;
        auto const* then = marked ? marked->column(rename.column_after) : nullptr;
        auto const* now = then ? table->column_by_id(then->id) : table->column(rename.column_after);
        if (now && now->name == rename.column_after) moves.emplace(rename.column_after, rename.column_before);
        if (marked && !marked->column(rename.column_after) && !table->column(rename.column_before))
            return renamed_away("column", fmt::format("{}.{}", table->text(), rename.column_after), rename.column_before);
    }
    std::set<std::string> freed;
    for (auto const& rename : opposite_.renames) {
        auto const& before = rename.column_before;
        auto const moves_there = std::any_of(moves.begin(), moves.end(), [&](auto const& move) { return move.second == before; });
        if (rename.before != name || !rename.replaced || !table->column(before) || !moves_there || moves.contains(before)) continue;
        UNDROP_CHECK(evict_column(*table, before));
        freed.insert(before);
    }
    auto const taken = [&](std::string const& column) { return table->column(column) != nullptr && !freed.contains(column); };
    auto const aside = [](std::string const&, int n) { return fmt::format("undrop_renaming_{}", n); };
    for (auto const& [from, to] : in_renaming_order(std::move(moves), taken, aside)) {
        UNDROP_CHECK(rename_by(rename_of_column(dialect, *table, from, to)));
        if (!to.starts_with("undrop_renaming_")) report_.mended.push_back(fmt::format("name of column {}.{}", table->text(), to));
    }
    return success();
}

// What a type calls its labels and which table is a partition of which come back in place and before all else: what names or inherits from
// them then follows by itself.
Result<void> StepRunner::rename_parts_back() {
    auto const is_part = [](auto const& entry) { return entry.first.kind == "type" || entry.first.kind == "partition"; };
    if (std::none_of(opposite_.wanted.begin(), opposite_.wanted.end(), is_part)) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    opposite_.wanted = without_inherited(std::move(opposite_.wanted), now, tables);
    Wanted parts;
    for (auto const& part : opposite_.wanted) {
        auto const& [id, object] = part;
        auto const there = [&](ObjectId const& need) { return now.contains(need); };
        auto const in_place = object ? !object->alter.empty() && std::all_of(object->needs.begin(), object->needs.end(), there)
                                     : id.kind == "partition" && opposite_.wanted.contains({"table", id.parent, id.name}) &&
                                           opposite_.wanted.at({"table", id.parent, id.name});
        if (!is_part(part) || !in_place || (id.kind != "partition" && !now.contains(id))) continue;
        if (id.kind == "partition" || now.at(id).shape == object->shape) {
            parts.insert(part);
        } else if (knows_labels_again(*object)) {  // some were renamed, perhaps; that others came or went is another matter
            UNDROP_CHECK(backend_.run(object->alter));
        }
    }
    auto plan = plan_mend(now, parts);
    std::erase_if(plan.before_data, [](MendAction const& a) { return a.id.kind == "type" && a.kind != MendAction::Kind::alter; });
    for (auto const* actions : {&plan.before_data, &plan.after_data})
        for (auto const& action : *actions) {
            bool back = true;
            if (attaches(action)) {
                UNDROP_TRY(back, try_to_attach(backend_, action));
                if (back) log(mended(action, now));
            } else {
                UNDROP_CHECK(mend_by(now, {action}));
            }
            if (back && is_part(std::pair(action.id, 0)))
                report_.mended.push_back((action.kind == MendAction::Kind::remove ? "removed " : "") + action.id.text());
        }
    return success();
}

}  // namespace undrop
