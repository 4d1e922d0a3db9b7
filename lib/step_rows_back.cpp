// The part of a step that brings rows of tables that stay back, and takes out those that the opposite step inserted.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "fitting.hpp"
#include "follow_keys.hpp"
#include "inserted.hpp"
#include "merge.hpp"
#include "restore_rows.hpp"
#include "returning_parents.hpp"
#include "row_match.hpp"
#include "script_writes.hpp"
#include "sql_tokens.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Columns of a table that a down script's own statements do not name, where all that it changed there is known: triggers have written them.
std::set<std::string> written_beside(std::vector<Statement> const& statements, Snapshot const& s, std::vector<Snapshot const*> const& own) {
    std::set<std::string> beside;
    if (own.empty() || !script_writes(statements).known) return beside;
    auto const is_named = [&](std::string const& column) {
        return std::any_of(statements.begin(), statements.end(), [&](Statement const& one) { return names_word(one.text, column); });
    };
    for (auto const* update : own)
        for (auto const& column : update->values) {
            if (!is_named(column)) beside.insert(column);
            if (is_named(column) && std::find(s.values.begin(), s.values.end(), column) == s.values.end()) return {};
        }
    return beside;
}

// Which rows cannot come back is told before any does; where that could not tell, the refusal names what is at stake.
Error naming_rows(Backend const& backend, std::vector<Snapshot const*> const& rows, Error error) {
    if (error.code != Code::failed || !backend.means_unfitting(error)) return error;
    std::vector<std::string> what;
    for (auto const* s : rows) what.push_back(fmt::format("{} rows of {}", s->rows, s->table.text()));
    return Error{
        .code = Code::refused,
        .left = Left::rolled_back,
        .message = fmt::format("{} were to come back, and not all of them fit beside what was written since: {}; nothing is changed",
                               fmt::join(what, " and "), error.message),
        .where = error.where,
        .native = error.native,
        .next = {.command = "down", .advice = "change what was written since first, or say in the down script what becomes of it"},
        .trail = error.trail};
}

}  // namespace

namespace {

std::vector<Snapshot const*> deleted_of(std::vector<Snapshot> const& snapshots, TableName const& table) {
    std::vector<Snapshot const*> found;
    for (auto const& s : snapshots)
        if (s.kind == Snapshot::Kind::deleted && table_name(s.table) == table && !s.purged()) found.push_back(&s);
    return found;
}

}  // namespace

// Rows that the up inserted go again where nobody changed them and nobody refers to them: children before parents. Those of a detached
// partition before it is one again, whose bounds may not take them.
// Does the down script leave it to undrop to take out again what the up inserted? Before the script, while the rows are as the up left
// them.
bool StepRunner::asks_to_remove_inserted() const { return !part_ && step_.direction == Direction::down && removes_inserted(script_); }

Result<void> StepRunner::remove_inserted_rows(Rows which) {
    if (step_.direction == Direction::up) return success();
    auto const early = which == Rows::before_script;
    if (early ? !asks_to_remove_inserted() : step_.origin != Origin::derived) return success();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    auto const becomes_part = [&](Table const& table) {
        auto const is_its = [&](auto const& entry) {
            auto const& [id, object] = entry;
            return object && id.kind == "partition" && names_table(id.parent + "." + id.name, table_name(table));
        };
        return table.root.empty() && std::any_of(opposite_.wanted.begin(), opposite_.wanted.end(), is_its);
    };
    std::map<std::int64_t, Merged> done;
    for (bool progress = true; progress;) {
        progress = false;
        for (auto const& print : opposite_.footprints) {
            auto const then = early ? TableName{print.schema, print.table} : name_before(opposite_.renames, {print.schema, print.table});
            auto const* table = print.of == Footprint::Of::rows ? find_table(tables, then) : nullptr;
            // Of equal rows without a key as many as were inserted go, once.
            if (!table || (table->key.empty() && done.contains(print.id)) || removed_.contains(print.id)) continue;
            if (which == Rows::of_parts && !becomes_part(*table)) continue;
            UNDROP_TRY(auto references, backend_.references(*table));
            if (!early) UNDROP_CHECK(leave_out_returning(backend_, ledger_, deleted_of(opposite_.snapshots, then), tables, references));
            UNDROP_TRY(auto const removed, remove_inserted(backend_, ledger_, print, *table, references));
            auto const [at, first] = done.emplace(print.id, removed.merged);
            if (!early) expected_[table->id].deleted += removed.deleted;  // else seen with what the script does
            progress = progress || removed.deleted > 0;
            if (first) continue;
            // What went in an earlier pass does not count as changed.
            at->second.changed_since = removed.merged.changed_since - at->second.removed;
            at->second.removed += removed.deleted;
            at->second.in_use = removed.merged.in_use;
        }
    }
    for (auto const& [id, merged] : done) {
        removed_.insert(id);
        if (merged.in_use > 0) {
            auto const print = std::find_if(opposite_.footprints.begin(), opposite_.footprints.end(),
                                            [&id = id](Footprint const& f) { return f.id == id; });
            auto const back = name_before(opposite_.renames, {print->schema, print->table});
            auto const& table = *find_table(tables, early ? TableName{print->schema, print->table} : back);
            UNDROP_TRY(auto noted, note_in_use(backend_, ledger_, *print, table, next_id_++));
            in_use_.push_back({back, std::move(noted), report_.merged.size()});
        }
        report_.merged.push_back(merged);
    }
    return success();
}

// What referred to them may have been the step's own work, which is taken back by now.
Result<void> StepRunner::remove_rows_in_use(std::vector<Table> const& tables) {
    for (bool progress = true; progress;) {
        progress = false;
        for (auto const& rows : in_use_) {
            auto const* table = find_table(tables, rows.table);
            if (!table) continue;
            UNDROP_TRY(auto const removed, remove_noted(backend_, rows.noted, *table, rows.references));
            expected_[table->id].deleted += removed;
            report_.merged[rows.merged].removed += removed;
            report_.merged[rows.merged].in_use -= removed;
            progress = progress || removed > 0;
        }
    }
    return success();
}

// A value that comes back need not be converted first, and often cannot be: it makes room before its column gets the old type again.
Result<std::set<ObjectId>> StepRunner::empty_changing_cells(std::vector<MendAction> const& actions) {
    std::set<ObjectId> emptied;
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    for (auto const& action : actions) {
        if (action.kind != MendAction::Kind::alter || action.id.kind != "column") continue;
        for (auto const& snapshot : opposite_.snapshots) {
            auto const unchanged = unchanged_cells_.find(snapshot.id);
            TableName const name{snapshot.table.schema, snapshot.table.name};
            auto const* table = find_table(tables, name);
            if (unchanged == unchanged_cells_.end() || !names_table(action.id.parent, name) || !table) continue;
            auto const at = std::find(snapshot.values.begin(), snapshot.values.end(), action.id.name);
            auto const& key = snapshot.table.key;  // the present one may have stepped aside
            auto const in_key = std::find(key.begin(), key.end(), action.id.name) != key.end();
            if (at == snapshot.values.end() || in_key) continue;
            UNDROP_CHECK(backend_.quiet(*table));
            UNDROP_TRY(auto const count,
                       empty_cells(backend_, *table, snapshot, unchanged->second, static_cast<std::size_t>(at - snapshot.values.begin())));
            UNDROP_CHECK(backend_.loud(*table));
            UNDROP_CHECK(expect(*table, count, 0));
            emptied.insert(action.id);
        }
    }
    UNDROP_CHECK(bring_keys_back(actions, tables));
    return emptied;
}

Result<void> StepRunner::bring_keys_back(std::vector<MendAction> const& actions, std::vector<Table> const& tables) {
    for (auto const& snapshot : opposite_.snapshots) {
        auto const unchanged = unchanged_cells_.find(snapshot.id);
        auto const* table = find_table(tables, table_name(snapshot.table));
        if (unchanged == unchanged_cells_.end() || !table || !keys_come_back_first(*table, snapshot)) continue;
        auto const& key = snapshot.table.key;
        auto const of_key = [&](MendAction const& action) {
            return action.kind == MendAction::Kind::alter && action.id.kind == "column" &&
                   names_table(action.id.parent, table_name(*table)) && std::find(key.begin(), key.end(), action.id.name) != key.end();
        };
        if (std::none_of(actions.begin(), actions.end(), of_key)) continue;
        rewritten_.clear();
        UNDROP_CHECK(number_rows(*table));
        UNDROP_CHECK(let_keys_be_text(backend_, *table, snapshot));
        UNDROP_CHECK(find_numbered_rows());
        UNDROP_CHECK(backend_.quiet(*table));
        UNDROP_TRY(auto back, keys_back(backend_, ledger_, *table, snapshot, unchanged->second, next_id_++));
        UNDROP_CHECK(backend_.loud(*table));
        UNDROP_CHECK(expect(*table, back.updated, 0));
        for (auto const& [id, referring] : referring_) {
            auto const* child = id == table->id ? find_table_by_id(tables, referring.child.id) : nullptr;
            auto const refers = [&, &by = referring.by](MendAction const& action) {
                return action.kind == MendAction::Kind::alter && action.id.kind == "column" &&
                       names_table(action.id.parent, table_name(*child)) &&
                       std::find(by.columns.begin(), by.columns.end(), action.id.name) != by.columns.end();
            };
            if (!child || std::none_of(actions.begin(), actions.end(), refers)) continue;
            UNDROP_CHECK(backend_.quiet(*child));
            UNDROP_TRY(auto const followed, follow_keys_back(backend_, ledger_, snapshot, back.moved, *child, referring.by));
            UNDROP_CHECK(backend_.loud(*child));
            UNDROP_CHECK(expect(*child, followed, 0));
        }
        keys_back_.emplace(snapshot.id, std::move(back.moved));
    }
    return success();
}

Result<void> StepRunner::restore_rows(std::vector<Table> const& tables) {
    std::vector<Snapshot const*> rows;
    std::vector<Table> touched;
    for (auto const& snapshot : opposite_.snapshots) {
        if (!snapshot.of_rows()) continue;
        auto const* table = find_table(tables, {snapshot.table.schema, snapshot.table.name});
        if (!table) {
            report_.notes.push_back(fmt::format("{} is not there any more: its rows stay in snapshot {}", snapshot.what(), snapshot.id));
            continue;
        }
        rows.push_back(&snapshot);
        if (!find_table_by_id(touched, table->id)) touched.push_back(*table);
    }
    for (auto const& one : in_use_)
        if (auto const* table = find_table(tables, one.table); table && !find_table_by_id(touched, table->id)) touched.push_back(*table);
    for (auto const& [id, referring] : referring_)
        if (find_table_by_id(touched, id) && !find_table_by_id(touched, referring.child.id)) touched.push_back(referring.child);
    if (rows.empty() && in_use_.empty()) return settle_orphans(tables);
    // A key's own cells come last: rows that refer to it are brought back first, and no ON UPDATE finds anything to do.
    std::stable_partition(rows.begin(), rows.end(), [](Snapshot const* s) { return !changes_key(*s); });
    UNDROP_CHECK(match_keyless(rows, tables));
    for (auto& one : in_use_)
        if (auto const* table = find_table(tables, one.table); table && references_.empty()) {  // before a foreign key steps aside
            UNDROP_TRY(one.references, backend_.references(*table));
        }
    UNDROP_TRY(auto const aside, set_aside(rows, tables));
    for (auto const& table : touched) UNDROP_CHECK(backend_.quiet(table));
    UNDROP_CHECK(backend_.defer_references(touched));
    auto const bring_back_kind = [&](Snapshot::Kind kind) -> Result<void> {
        for (auto const* snapshot : rows) {
            if (snapshot->kind != kind) continue;
            auto const& table = *find_table(tables, {snapshot->table.schema, snapshot->table.name});
            auto const done =
                kind == Snapshot::Kind::deleted ? restore_deleted_rows(*snapshot, table) : restore_cells(*snapshot, table, tables);
            if (!done) return naming_rows(backend_, {snapshot}, done.error());
        }
        return success();
    };
    UNDROP_CHECK(bring_back_kind(Snapshot::Kind::updated));
    UNDROP_CHECK(remove_rows_in_use(tables));
    UNDROP_CHECK(bring_back_kind(Snapshot::Kind::deleted));
    UNDROP_CHECK(settle_orphans(tables));
    UNDROP_CHECK(backend_.check_references());
    for (auto const& table : touched) UNDROP_CHECK(backend_.loud(table));
    auto const again = come_again(aside);
    return again ? again : naming_rows(backend_, rows, again.error());
}

// Before anything of them comes back: which row is which.
Result<void> StepRunner::match_keyless(std::vector<Snapshot const*> const& rows, std::vector<Table> const& tables) {
    for (auto const* snapshot : rows) {
        if (snapshot->kind != Snapshot::Kind::updated || snapshot->keyed()) continue;
        auto const& table = *find_table(tables, {snapshot->table.schema, snapshot->table.name});
        auto own = own_updates(table);
        std::erase_if(own, [](Snapshot const* s) { return s->keyed(); });
        UNDROP_TRY(auto matched, match_rows(backend_, ledger_, *snapshot, table, own.empty() ? nullptr : own.front(), next_id_));
        matched_.emplace(snapshot->id, std::move(matched));
    }
    return success();
}

// What this step's script changed of the table; of a partition in its table.
std::vector<Snapshot const*> StepRunner::own_updates(Table const& table) const {
    std::vector<Snapshot const*> own;
    for (auto const& snapshot : saved_)
        if (snapshot.kind == Snapshot::Kind::updated && (snapshot.table.id == table.id || snapshot.table.id == table.root))
            own.push_back(&snapshot);
    return own;
}

// Rows that swap unique values cannot be put back one before the other; what forbids it steps aside, with what depends on it.
Result<Catalog> StepRunner::set_aside(std::vector<Snapshot const*> const& rows, std::vector<Table> const& tables) {
    std::set<ObjectId> wanted;
    for (auto const* snapshot : rows) {
        auto const& table = *find_table(tables, {snapshot->table.schema, snapshot->table.name});
        auto swapped = false;
        if (snapshot->kind == Snapshot::Kind::updated) {
            auto const matched = matched_.find(snapshot->id);
            auto const back = keys_back_.find(snapshot->id);
            auto const saved = saved_rows(backend_.dialect(), ledger_, *snapshot, table, matched == matched_.end() ? "" : matched->second,
                                          back != keys_back_.end() ? &back->second : changes_keys(own_updates(table), *snapshot, table));
            UNDROP_TRY(swapped, unique_values_collide(backend_, *snapshot, table, saved));
        }
        UNDROP_TRY(auto const ids, backend_.in_the_way(table, snapshot->values, swapped));
        if (swapped && ids.empty()) swapped_.insert(snapshot->id);
        wanted.insert(ids.begin(), ids.end());
    }
    return set_aside(wanted);
}

// With what depends on them.
Result<Catalog> StepRunner::set_aside(std::set<ObjectId> const& wanted) {
    Catalog aside;
    if (wanted.empty()) return aside;
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : now) {
            auto const depends =
                std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) { return aside.contains(need); });
            if (!object.holds_rows && (wanted.contains(id) || depends)) grown = aside.emplace(id, object).second || grown;
        }
    }
    auto const order = in_making_order(aside);
    for (auto id = order.rbegin(); id != order.rend(); ++id)
        if (auto const& object = aside.at(*id); !object.remove.empty()) UNDROP_CHECK(backend_.run(object.remove));
    return aside;
}

Result<void> StepRunner::come_again(Catalog const& aside) {
    for (auto const& id : in_making_order(aside)) {
        auto const& object = aside.at(id);
        if (id.kind == "foreign_key") {
            UNDROP_CHECK(backend_.run(object.make));
            continue;
        }
        UNDROP_CHECK(run_mend_over_rows(backend_, ledger_.name(), {{.kind = MendAction::Kind::make, .id = id, .object = object, .now = {}}},
                                        {.direction = step_.direction, .script = step_.origin != Origin::derived, .backfill = backfill_}));
    }
    return success();
}

Result<void> StepRunner::restore_deleted_rows(Snapshot const& snapshot, Table const& table) {
    RestoreContext context{.direction = step_.direction,
                           .work_id = next_id_++,
                           .on_conflict = options_.on_conflict,
                           .overwrite_id = next_id_++,
                           .note_restored = notes_restored()};
    if (after_script_.writes.contains(table.id)) {
        UNDROP_TRY(context.written, backend_.written_by_us(table, "t"));
    }
    for (auto const& print : footprints_)
        if (print.of == Footprint::Of::rows && print.schema == table.schema && print.table == table.name) context.own = &print;
    note_missing_columns(snapshot, table);
    UNDROP_TRY(context.came_by_script, came_by_script(snapshot, table));
    if (context.came_by_script) context.copied_as_left = copied_as_left(snapshot);
    UNDROP_TRY(auto const read, as_saved(snapshot, table));
    UNDROP_TRY(auto const done, restore_deleted(backend_, ledger_, snapshot, read, context));
    report_.merged.push_back(done.merged);
    overwritten_.insert(overwritten_.end(), done.overwritten.begin(), done.overwritten.end());
    return expect(table, done.updated, done.inserted);
}

Result<void> StepRunner::restore_cells(Snapshot const& snapshot, Table const& table, std::vector<Table> const& tables) {
    CellsContext context{.direction = step_.direction,
                         .work_id = next_id_++,
                         .on_conflict = options_.on_conflict,
                         .overwrite_id = next_id_++,
                         .note_restored = notes_restored()};
    if (auto const found = unchanged_cells_.find(snapshot.id); found != unchanged_cells_.end()) context.unchanged = found->second;
    if (auto const found = keys_back_.find(snapshot.id); found != keys_back_.end()) context.moved = &found->second;
    context.own = own_updates(table);
    if (step_.direction == Direction::down && step_.origin != Origin::derived && !part_)
        context.beside = written_beside(statements_, snapshot, context.own);
    auto const matched = matched_.find(snapshot.id);
    if (matched != matched_.end()) context.matched = matched->second;
    context.replace_rows = swapped_.contains(snapshot.id);
    context.referring = referring_to(table, tables);
    next_id_ += 1 + static_cast<std::int64_t>(context.referring.size());
    note_missing_columns(snapshot, table);
    UNDROP_TRY(auto const read, as_saved(snapshot, table));
    UNDROP_TRY(context.merges, attribute_merges(snapshot, table));
    UNDROP_TRY(auto const done, restore_updated(backend_, ledger_, snapshot, read, context));
    report_.merged.insert(report_.merged.end(), done.merged.begin(), done.merged.end());
    overwritten_.insert(overwritten_.end(), done.overwritten.begin(), done.overwritten.end());
    if (matched != matched_.end()) UNDROP_CHECK(backend_.run("drop table " + matched->second));
    expected_[table.id].deleted += done.replaced;
    expect_followed(done.followed);
    return expect(table, done.updated, done.replaced);
}

}  // namespace undrop
