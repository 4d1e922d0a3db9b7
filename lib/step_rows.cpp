// The part of a step that minds rows of tables that stay: saved after the script, brought back with the rest.
#include <fmt/format.h>
#include <algorithm>

#include "merge.hpp"
#include "restore_rows.hpp"
#include "rows.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

TableName name_of(Table const& table) { return {table.schema, table.name}; }

// The opposite step knows a table by the name that it had before it.
TableName name_before(std::vector<Rename> const& renames, TableName const& name) {
    for (auto const& rename : renames)
        if (rename.column_before.empty() && rename.after == name) return rename.before;
    return name;
}

bool of_another_type(Table const& before, Table const& now, std::string const& then, std::string const& current) {
    return before.column(then)->type != now.column(current)->type;
}

bool any_of_another_type(TableChange const& change) {
    return std::any_of(change.kept.begin(), change.kept.end(),
                       [&](auto const& pair) { return of_another_type(*change.before, *change.after, pair.first, pair.second); });
}

void add(Writes& sum, Writes const& more) {
    sum.inserted += more.inserted;
    sum.updated += more.updated;
    sum.deleted += more.deleted;
    sum.rows_may_differ = sum.rows_may_differ || more.rows_may_differ;
}

}  // namespace

// Cells whose column has another type by the end of the script cannot be compared then any more.
Result<void> StepRunner::note_unchanged_cells() {
    for (auto const& snapshot : opposite_.snapshots) {
        if (snapshot.kind != Snapshot::Kind::updated) continue;
        auto const* table = find_table(before_, {snapshot.table.schema, snapshot.table.name});
        if (!table) continue;
        UNDROP_TRY(auto store, note_unchanged(backend_, ledger_, snapshot, *table, next_id_));
        if (store.empty()) continue;
        ++next_id_;
        unchanged_cells_.emplace(snapshot.id, std::move(store));
    }
    return success();
}

// What the opposite step left in this table, whatever its name was then (P3).
Traces StepRunner::left_in(Table const& table) const {
    Traces left;
    auto const then = name_before(opposite_.renames, name_of(table));
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind == Snapshot::Kind::updated && TableName{snapshot.table.schema, snapshot.table.name} == then)
            left.updated = &snapshot;
    for (auto const& print : opposite_.footprints) {
        if (TableName{print.schema, print.table} != name_of(table)) continue;
        if (print.of == Footprint::Of::column)
            left.columns.push_back(print);
        else if (!print.store.empty())
            left.rows.push_back(print);
    }
    return left;
}

// The partitions of a table are looked at together, so that a row that moved between them is one row; but not where the old rows of one
// of them cannot be read any more.
std::vector<StepRunner::Unit> StepRunner::written_units(std::vector<TableChange> const& changes) const {
    std::map<std::string, Unit> roots;
    std::set<std::string> apart;
    auto const change_of = [&](std::string const& id) {
        return std::find_if(changes.begin(), changes.end(), [&](TableChange const& c) { return c.before->id == id; });
    };
    auto const writes_of = [&](Table const& table) {
        auto const found = after_script_.writes.find(table.id);
        return found == after_script_.writes.end() ? Writes{} : found->second;
    };
    for (auto const& change : changes) {
        auto const& root = change.before->root;
        auto const found = root.empty() ? changes.end() : change_of(root);
        if (found == changes.end()) continue;
        if (!change.after || change.after->root != root || writes_of(*change.before).needs_copy || !found->after) apart.insert(root);
    }
    std::vector<Unit> units;
    for (auto const& change : changes) {
        auto const writes = writes_of(*change.before);
        if (!change.after || change.before->partitioned || waived(name_of(*change.before), "")) continue;
        // A column of another type without anything written is the same bytes.
        auto const written = writes.rows_may_differ || writes.inserted + writes.updated + writes.deleted > 0;
        if (!written && !change.rebuilt && !change.replaced) continue;
        auto const& root = change.before->root;
        if (root.empty() || apart.contains(root) || change_of(root) == changes.end()) {
            units.push_back({change, writes});
            continue;
        }
        auto const& whole = *change_of(root);
        auto& unit = roots.emplace(root, Unit{whole, {}}).first->second;
        add(unit.writes, writes);
        unit.change.compare = unit.change.compare || change.compare;
    }
    for (auto& [id, unit] : roots)
        if (!waived(name_of(*unit.change.before), "")) units.push_back(std::move(unit));
    return units;
}

// The rows as they were, from the copy made before the script, or read through the second pair of eyes; nothing: only a copy would have
// them.
Result<std::optional<OldRowsTable>> StepRunner::old_rows(Unit const& unit, bool all) {
    auto const& table = *unit.change.before;
    for (auto const& copied : copies_)
        if (copied.table.id == table.id) return std::optional(copied);
    if (unit.writes.needs_copy) return std::optional<OldRowsTable>{};
    UNDROP_TRY(auto old, make_old_rows(backend_, ledger_, table, next_id_++));
    auto const nothing_taken = unit.writes.updated + unit.writes.deleted == 0 && !unit.change.compare;
    if (nothing_taken && !all) return std::optional(std::move(old));
    UNDROP_TRY(auto const read,
               backend_.read_old(table, all ? OldRows::all : OldRows::taken, saved_values(backend_.dialect(), old), old.store));
    old.complete = all;
    if (read) return std::optional(std::move(old));
    UNDROP_CHECK(backend_.run("drop table " + old.store));
    return std::optional<OldRowsTable>{};
}

Result<void> StepRunner::save_unit(Unit const& unit, OldRowsTable const& old, std::string const& written, Changes which) {
    auto kept = unit.change.kept;
    if (which == Changes::updates)
        std::erase_if(kept, [&](auto const& pair) {
            auto const& key = unit.change.before->key;
            return std::find(key.begin(), key.end(), pair.first) == key.end() &&
                   !of_another_type(*unit.change.before, *unit.change.after, pair.first, pair.second);
        });
    std::set<std::string> lost;
    for (auto const& [then, now] : kept)
        if (waived(name_of(*unit.change.before), then)) lost.insert(then);
    UNDROP_TRY(auto changes, save_row_changes(backend_, ledger_, old, *unit.change.after, kept, lost, left_in(*unit.change.before), written,
                                              which, next_id_));
    for (auto& snapshot : changes.snapshots) {
        tell(Event::Kind::saved, fmt::format("{}: {} rows", snapshot.what(), snapshot.rows));
        saved_.push_back(std::move(snapshot));
    }
    footprints_.insert(footprints_.end(), changes.footprints.begin(), changes.footprints.end());
    auto const is_copy = std::any_of(copies_.begin(), copies_.end(), [&](auto const& copied) { return copied.store == old.store; });
    if (!is_copy) UNDROP_CHECK(backend_.run("drop table " + old.store));
    return success();
}

// Dropping a table that others refer to deletes their rows, where foreign keys are on: nobody who only builds a table anew means that.
Result<void> StepRunner::no_rebuild_empties_others(std::vector<TableChange> const& changes) {
    for (auto const& change : changes) {
        if (!change.rebuilt) continue;
        UNDROP_TRY(auto const references, backend_.references(*change.after));
        for (auto const& reference : references) {
            auto const* child = find_table(before_, {reference.schema, reference.child});
            auto const writes = child ? after_script_.writes.find(child->id) : after_script_.writes.end();
            if (writes == after_script_.writes.end() || writes->second.deleted == 0 || planned_.writes.contains(name_of(*child))) continue;
            return Error{.code = Code::refused,
                         .left = Left::rolled_back,
                         .message = fmt::format("building {} anew would delete {} rows of {}, which refer to it", change.before->text(),
                                                writes->second.deleted, child->text()),
                         .where = {script_.file, 0, 0},
                         .next = {.advice = "put `PRAGMA foreign_keys=OFF;` at the top of the script: it holds for the whole step"}};
        }
    }
    return success();
}

// P1 for rows: after the script, before anything is brought back.
Result<StepRunner::Round> StepRunner::save_rows() {
    auto const changes = look(before_, scripted_, after_script_.writes);
    struct Found {
        Unit unit;
        OldRowsTable old;
        std::string written;
    };
    std::vector<Found> found;
    Foresight needed;
    for (auto& unit : written_units(changes)) {
        UNDROP_TRY(auto written, backend_.written_by_us(*unit.change.after, "t"));
        auto const all = written.empty() || unit.change.rebuilt || unit.change.replaced || any_of_another_type(unit.change);
        UNDROP_TRY(auto old, old_rows(unit, all));
        if (!old) {
            needed.copies.insert(name_of(*unit.change.before));
            continue;
        }
        old->only_updated = unit.writes.updated > 0 && unit.writes.inserted + unit.writes.deleted == 0 && !unit.change.rebuilt;
        found.push_back({std::move(unit), std::move(*old), std::move(written)});
    }
    UNDROP_CHECK(no_rebuild_empties_others(changes));
    // A column that went with nothing saved sends the step back as well: both are mended by one more round.
    auto const lost = unsaved(changes);
    if (!foresight_.covers(needed) || !foresight_.covers(lost)) {
        tell(Event::Kind::again, "something was taken that was not foreseen: once more, with it saved");
        foresight_.add(needed);
        foresight_.add(lost);
        return Round::again;
    }
    for (auto const& one : found) UNDROP_CHECK(save_unit(one.unit, one.old, one.written, Changes::all));
    return Round::done;
}

// What undrop's own mend changed on top: values of columns that it gave another type.
Result<StepRunner::Round> StepRunner::save_retyped(std::vector<TableChange> const& changes) {
    Foresight needed;
    for (auto const& change : changes) {
        if (!change.after || change.rebuilt || change.before->partitioned || !any_of_another_type(change) ||
            waived(name_of(*change.before), ""))
            continue;
        auto const* scripted = find_table_by_id(scripted_, change.before->id);
        auto const by_script = scripted && std::any_of(change.kept.begin(), change.kept.end(), [&](auto const& pair) {
                                   auto const* then = change.before->column(pair.first);
                                   auto const* column = scripted->column_by_id(then->id);
                                   return column && column->type != then->type;
                               });
        if (by_script) continue;
        Unit const unit{change, {.needs_copy = false}};
        UNDROP_TRY(auto old, old_rows(unit, true));
        if (!old)
            needed.copies.insert(name_of(*change.before));
        else
            UNDROP_CHECK(save_unit(unit, *old, "", Changes::updates));
    }
    if (foresight_.covers(needed)) return Round::done;
    tell(Event::Kind::again, "something was taken that was not foreseen: once more, with it saved");
    foresight_.add(needed);
    return Round::again;
}

// Rows that the up inserted go again where nobody changed them and nobody refers to them: children before parents.
Result<void> StepRunner::remove_inserted_rows() {
    if (step_.direction == Direction::up || step_.origin != Origin::derived) return success();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    std::map<std::int64_t, Merged> done;
    for (bool progress = true; progress;) {
        progress = false;
        for (auto const& print : opposite_.footprints) {
            auto const then = name_before(opposite_.renames, {print.schema, print.table});
            auto const* table = print.of == Footprint::Of::rows ? find_table(tables, then) : nullptr;
            // Of equal rows without a key as many as were inserted go, once.
            if (!table || (table->key.empty() && done.contains(print.id))) continue;
            UNDROP_TRY(auto const references, backend_.references(*table));
            UNDROP_TRY(auto const removed, remove_inserted(backend_, ledger_, print, *table, references));
            auto const [at, first] = done.emplace(print.id, removed.merged);
            expected_[table->id].deleted += removed.deleted;
            progress = progress || removed.deleted > 0;
            if (first) continue;
            // What went in an earlier pass does not count as changed.
            at->second.changed_since = removed.merged.changed_since - at->second.removed;
            at->second.removed += removed.deleted;
            at->second.in_use = removed.merged.in_use;
        }
    }
    for (auto const& [id, merged] : done) {
        if (merged.in_use > 0) {
            auto const print = std::find_if(opposite_.footprints.begin(), opposite_.footprints.end(),
                                            [&id = id](Footprint const& f) { return f.id == id; });
            auto const& table = *find_table(tables, name_before(opposite_.renames, {print->schema, print->table}));
            UNDROP_TRY(auto noted, note_in_use(backend_, ledger_, *print, table, next_id_++));
            in_use_.push_back({name_of(table), std::move(noted), report_.merged.size()});
        }
        report_.merged.push_back(merged);
    }
    return success();
}

// What referred to them may have been the step's own work, which is taken back by now.
Result<void> StepRunner::remove_rows_in_use() {
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    for (bool progress = true; progress;) {
        progress = false;
        for (auto const& rows : in_use_) {
            auto const* table = find_table(tables, rows.table);
            if (!table) continue;
            UNDROP_TRY(auto const references, backend_.references(*table));
            UNDROP_TRY(auto const removed, remove_noted(backend_, rows.noted, *table, references));
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
            auto const in_key = std::find(table->key.begin(), table->key.end(), action.id.name) != table->key.end();
            if (at == snapshot.values.end() || in_key) continue;
            UNDROP_CHECK(backend_.quiet(*table));
            UNDROP_TRY(auto const count,
                       empty_cells(backend_, *table, snapshot, unchanged->second, static_cast<std::size_t>(at - snapshot.values.begin())));
            UNDROP_CHECK(backend_.loud(*table));
            UNDROP_CHECK(expect(*table, count, 0));
            emptied.insert(action.id);
        }
    }
    return emptied;
}

namespace {

// A key's own cells come last: rows that refer to it are brought back first, and no ON UPDATE finds anything to do.
bool changes_key(Snapshot const& s) {
    return std::any_of(s.values.begin(), s.values.end(), [&](std::string const& name) {
        return std::find(s.table.key.begin(), s.table.key.end(), name) != s.table.key.end();
    });
}

}  // namespace

Result<void> StepRunner::restore_rows() {
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
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
    if (rows.empty() && in_use_.empty()) return success();
    std::stable_partition(rows.begin(), rows.end(), [](Snapshot const* s) { return !changes_key(*s); });
    UNDROP_TRY(auto const aside, set_aside(rows, tables));
    for (auto const& table : touched) UNDROP_CHECK(backend_.quiet(table));
    UNDROP_CHECK(backend_.defer_references(touched));
    auto const bring_back_kind = [&](Snapshot::Kind kind) -> Result<void> {
        for (auto const* snapshot : rows) {
            if (snapshot->kind != kind) continue;
            auto const& table = *find_table(tables, {snapshot->table.schema, snapshot->table.name});
            UNDROP_CHECK(kind == Snapshot::Kind::deleted ? restore_deleted_rows(*snapshot, table) : restore_cells(*snapshot, table));
        }
        return success();
    };
    UNDROP_CHECK(bring_back_kind(Snapshot::Kind::updated));
    UNDROP_CHECK(remove_rows_in_use());
    UNDROP_CHECK(bring_back_kind(Snapshot::Kind::deleted));
    UNDROP_CHECK(backend_.check_references());
    for (auto const& table : touched) UNDROP_CHECK(backend_.loud(table));
    for (auto const& id : in_making_order(aside)) UNDROP_CHECK(backend_.run(aside.at(id).make));
    return success();
}

// Rows that swap unique values cannot be put back one before the other; what forbids it steps aside, with what depends on it.
Result<std::map<ObjectId, Object>> StepRunner::set_aside(std::vector<Snapshot const*> const& rows, std::vector<Table> const& tables) {
    std::map<ObjectId, Object> aside;
    std::set<ObjectId> wanted;
    for (auto const* snapshot : rows) {
        auto const& table = *find_table(tables, {snapshot->table.schema, snapshot->table.name});
        auto swapped = false;
        if (snapshot->kind == Snapshot::Kind::updated) {
            UNDROP_TRY(swapped, unique_values_collide(backend_, ledger_, *snapshot, table));
        }
        UNDROP_TRY(auto const ids, backend_.in_the_way(table, snapshot->values, swapped));
        if (swapped && ids.empty()) swapped_.insert(snapshot->id);
        wanted.insert(ids.begin(), ids.end());
    }
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

Result<void> StepRunner::restore_deleted_rows(Snapshot const& snapshot, Table const& table) {
    RestoreContext context{.direction = step_.direction, .work_id = next_id_++};
    if (after_script_.writes.contains(table.id)) {
        UNDROP_TRY(context.written, backend_.written_by_us(table, "t"));
    }
    for (auto const& print : footprints_)
        if (print.of == Footprint::Of::rows && print.schema == table.schema && print.table == table.name) context.own = &print;
    UNDROP_TRY(auto const done, restore_deleted(backend_, ledger_, snapshot, table, context));
    report_.merged.push_back(done.merged);
    return expect(table, done.updated, done.inserted);
}

Result<void> StepRunner::restore_cells(Snapshot const& snapshot, Table const& table) {
    CellsContext context{.direction = step_.direction, .work_id = next_id_++};
    if (auto const found = unchanged_cells_.find(snapshot.id); found != unchanged_cells_.end()) context.unchanged = found->second;
    for (auto const& own : saved_)
        if (own.kind == Snapshot::Kind::updated && own.table.id == table.id) context.own = &own;
    context.replace_rows = swapped_.contains(snapshot.id);
    if (context.replace_rows) ++next_id_;
    UNDROP_TRY(auto const done, restore_updated(backend_, ledger_, snapshot, table, context));
    report_.merged.insert(report_.merged.end(), done.merged.begin(), done.merged.end());
    expected_[table.id].deleted += done.replaced;
    return expect(table, done.updated, done.replaced);
}

}  // namespace undrop
