// The part of a step that saves rows of tables that stay, after its script.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "merge.hpp"
#include "restore_rows.hpp"
#include "rows.hpp"
#include "sql_tokens.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr char const* foreign_keys_off = "put `PRAGMA foreign_keys=OFF;` at the top of the script: it holds for the whole step";

bool of_another_type(Table const& before, Table const& now, std::string const& then, std::string const& current) {
    return before.column(then)->full_type() != now.column(current)->full_type();
}

bool any_of_another_type(TableChange const& change) {
    return std::any_of(change.kept.begin(), change.kept.end(),
                       [&](auto const& pair) { return of_another_type(*change.before, *change.after, pair.first, pair.second); });
}

// What is saved has the labels that were there before the step: the way back gives them their names before it reads a row.
Table in_labels_of(Table const& before, Table now) {
    for (auto& column : now.columns) {
        auto const* then = before.column_by_id(column.id);
        if (!then || then->labels == column.labels) continue;
        for (auto const& [id, label] : column.labels) {
            auto const was = std::find_if(then->labels.begin(), then->labels.end(), [&id = id](auto const& l) { return l.first == id; });
            if (was != then->labels.end() && was->second != label) column.saved_labels.emplace_back(label, was->second);
        }
    }
    return now;
}

void add(Writes& sum, Writes const& more) {
    sum.inserted += more.inserted;
    sum.updated += more.updated;
    sum.deleted += more.deleted;
    sum.rows_may_differ = sum.rows_may_differ || more.rows_may_differ;
    sum.needs_copy = sum.needs_copy || more.needs_copy;
}

}  // namespace

// The table that had this name before it and its columns were renamed, with the columns' names of then; and a FROM item of its rows. What
// has the name of a renamed column by now was not there.
std::optional<std::pair<Table, std::string>> StepRunner::under_old_names(TableName const& then) const {
    auto name = then;
    for (auto const& rename : opposite_.renames)
        if (rename.column_before.empty() && rename.before == then) name = rename.after;
    auto const* found = find_table(before_, name);
    if (!found) return std::nullopt;
    auto const& dialect = backend_.dialect();
    auto table = *found;
    std::vector<std::string> columns;
    std::map<std::string, std::string> before;
    std::set<std::string> renamed;
    for (auto const& rename : opposite_.renames)
        if (rename.before == then && !rename.column_before.empty() && before.emplace(rename.column_after, rename.column_before).second)
            renamed.insert(rename.column_before);
    std::erase_if(table.columns, [&](Column const& c) { return renamed.contains(c.name) && !before.contains(c.name); });
    for (auto& column : table.columns) {
        auto const quoted = dialect.quote(column.name);
        if (auto const old = before.find(column.name); old != before.end()) column.name = old->second;
        columns.push_back(fmt::format("{} as {}", quoted, dialect.quote(column.name)));
    }
    auto rows = dialect.own_rows(*found);
    if (!opposite_.renames.empty()) rows = fmt::format("(select {} from {} as r)", fmt::join(columns, ", "), rows);
    return std::pair{std::move(table), std::move(rows)};
}

// Cells whose column has another type by the end of the script cannot be compared then any more.
Result<void> StepRunner::note_unchanged_cells() {
    for (auto const& snapshot : opposite_.snapshots) {
        if (snapshot.kind != Snapshot::Kind::updated) continue;
        auto const table = under_old_names(table_name(snapshot.table));
        if (!table) continue;
        UNDROP_TRY(auto store, note_unchanged(backend_, ledger_, snapshot, table->first, table->second, next_id_));
        if (store.empty()) continue;
        ++next_id_;
        unchanged_cells_.emplace(snapshot.id, std::move(store));
    }
    return success();
}

// What the opposite step left in this table, whatever its name was then (P3); in a partition, as part of its table.
Traces StepRunner::left_in(Table const& table) const {
    Traces left;
    std::set<TableName> then{name_before(opposite_.renames, table_name(table))};
    if (auto const* root = table.root.empty() ? nullptr : find_table_by_id(before_, table.root))
        then.insert(name_before(opposite_.renames, table_name(*root)));
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind == Snapshot::Kind::updated && then.contains(table_name(snapshot.table))) left.updated.push_back(&snapshot);
    for (auto const& print : opposite_.footprints) {
        if (TableName{print.schema, print.table} != table_name(table)) continue;
        if (print.of == Footprint::Of::column)
            left.columns.push_back(print);
        else if (print.of != Footprint::Of::keys && print.of != Footprint::Of::untouched && !print.store.empty())
            left.rows.push_back(print);
    }
    return left;
}

// The partitions of a table are looked at together, so that a row that moved between them is one row; but not where one of them went.
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
        if (!change.after || change.after->root != root || change.reshaped || !found->after) apart.insert(root);
    }
    std::vector<Unit> units;
    for (auto const& change : changes) {
        auto writes = writes_of(*change.before);
        // Whoever would read a value of a type that is changed waits for us.
        writes.needs_copy = writes.needs_copy || change.reshaped;
        if (!change.after || change.before->partitioned || waived(table_name(*change.before), "")) continue;
        // A column of another type without anything written is the same bytes.
        auto const written = writes.rows_may_differ || writes.inserted + writes.updated + writes.deleted > 0;
        if (!written && !change.rebuilt && !change.replaced && change.emptied.empty()) continue;
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
        if (!waived(table_name(*unit.change.before), "")) units.push_back(std::move(unit));
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

void StepRunner::keep(RowChanges changes) {
    for (auto& snapshot : changes.snapshots) {
        tell(Event::Kind::saved, fmt::format("{}: {} rows", snapshot.what(), snapshot.rows));
        saved_.push_back(std::move(snapshot));
    }
    footprints_.insert(footprints_.end(), changes.footprints.begin(), changes.footprints.end());
}

Result<StepRunner::Round> StepRunner::save_unit(Unit const& unit, OldRowsTable const& old, std::string const& written, Changes which) {
    auto kept = unit.change.kept;
    if (which == Changes::updates)
        std::erase_if(kept, [&](auto const& pair) {
            auto const& key = unit.change.before->key;
            return std::find(key.begin(), key.end(), pair.first) == key.end() &&
                   !of_another_type(*unit.change.before, *unit.change.after, pair.first, pair.second);
        });
    std::set<std::string> lost;
    for (auto const& [then, now] : kept)
        if (waived(table_name(*unit.change.before), then)) lost.insert(then);
    auto const now = in_labels_of(*unit.change.before, *unit.change.after);
    UNDROP_TRY(auto changes,
               save_row_changes(backend_, ledger_, old, now, kept, lost, left_in(*unit.change.before), written, which, next_id_));
    if (asks_trial(*unit.change.before, changes)) return once_more({});
    keep(std::move(changes));
    auto const is_copy = std::any_of(copies_.begin(), copies_.end(), [&](auto const& copied) { return copied.store == old.store; });
    if (!is_copy) UNDROP_CHECK(backend_.run("drop table " + old.store));
    return Round::done;
}

// P9: a value that lost an attribute is told by its row's key alone.
Result<void> StepRunner::rows_are_told(TableChange const& change) {
    auto const& table = *change.before;
    auto const waived_here = [&](std::string const& column) { return waived(table_name(table), column); };
    if (std::all_of(change.emptied.begin(), change.emptied.end(), waived_here) || !table.key.empty()) return success();
    UNDROP_TRY(auto const any, backend_.rows(fmt::format("select 1 from {} limit 1", backend_.dialect().own_rows(table))));
    if (any.empty()) return success();
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("the step takes an attribute out of the type of column {} of {}, which has no key: which value was "
                                        "whose could not be told afterwards",
                                        change.emptied.front(), table.text()),
                 .where = {script_.file, 0, 0},
                 .next = {.advice = fmt::format("give {} a primary key first; `-- undrop: lose {}.{}` lets the values go", table.text(),
                                                table.text(), change.emptied.front())}};
}

// Dropping a table that others refer to deletes their rows, where foreign keys are on: nobody who only builds a table anew means that.
Result<void> StepRunner::no_rebuild_empties_others(std::vector<TableChange> const& changes) {
    for (auto const& change : changes) {
        if (!change.rebuilt) continue;
        UNDROP_TRY(auto const references, backend_.references(*change.after));
        for (auto const& reference : references) {
            auto const* child = find_table(before_, {reference.schema, reference.child});
            auto const writes = child ? after_script_.writes.find(child->id) : after_script_.writes.end();
            if (writes == after_script_.writes.end() || planned_.writes.contains(table_name(*child))) continue;
            auto const& [deleted, updated] = std::pair(writes->second.deleted, writes->second.updated);
            if (deleted + updated == 0) continue;
            auto const what = deleted > 0 ? fmt::format("delete {} rows", deleted) : fmt::format("change {} rows", updated);
            return Error{
                .code = Code::refused,
                .left = Left::rolled_back,
                .message = fmt::format("building {} anew would {} of {}, which refer to it", change.before->text(), what, child->text()),
                .where = {script_.file, 0, 0},
                .next = {.advice = foreign_keys_off}};
        }
    }
    return success();
}

// What refers to nothing before the step may do so again when it is taken back. Where it has taken rows away that can be known only now.
Result<void> StepRunner::note_orphans() {
    orphans_.clear();
    if (!opposite_.orphans.empty()) {  // any table's may be in question
        UNDROP_TRY(orphans_, orphans_in(backend_, before_));
        return success();
    }
    std::vector<Table> touched;
    for (auto const& table : before_)
        if (auto const name = table_name(table);
            foresight_.saves_values(name) || foresight_.copies.contains(name) || foresight_.writes.contains(name))
            touched.push_back(table);
    UNDROP_TRY(orphans_, orphans_in(backend_, touched));
    return success();
}

// A rebuild leaves references that are checked at the end of the transaction behind, though the rows are there again.
Result<void> StepRunner::constraints_hold() {
    auto held = backend_.check_constraints();
    for (auto& remark : backend_.remarks())
        if (std::find(report_.notes.begin(), report_.notes.end(), remark) == report_.notes.end())
            report_.notes.push_back(std::move(remark));
    if (held) return success();
    auto error = std::move(held).error();
    // Such references can only be those of before: no row makes them hold, and whoever writes there is told so by the database.
    if (step_.direction == Direction::down && error.native.starts_with("no such table")) {
        report_.notes.push_back(error.message + ": definitions of before refer to tables that are not there, and come back so");
        return success();
    }
    if (error.code == Code::refused && !opposite_.orphans.empty()) {
        UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
        UNDROP_TRY(auto const now, orphans_in(backend_, tables));
        if (are_within(now, orphans_, opposite_.orphans)) {
            report_.notes.push_back("as before: " + text_of(now));
            return success();
        }
    }
    for (auto const& change : look(before_, scripted_, after_script_.writes)) {
        if (!change.rebuilt || !backend_.remarks().empty()) continue;  // it has said that foreign keys are off
        UNDROP_TRY(auto const references, backend_.references(*change.after));
        if (references.empty()) continue;
        error.message += fmt::format("; the script builds {} anew, and {} refers to it", change.before->text(), references.front().child);
        error.next = {.advice = foreign_keys_off};
        break;
    }
    return minding_keyless(std::move(error));
}

// Which row of the one would be which of the other nobody can know, and what has the table's name on the way back is not what had it.
Result<void> StepRunner::is_no_other_table(TableChange const& change, OldRowsTable const& old) {
    if (!change.rebuilt || !change.kept.empty()) return success();
    UNDROP_TRY(auto const rows, backend_.rows("select count(*) from " + old.store));
    if (number_of(rows.at(0).at(0)) == 0) return success();
    return Error{
        .code = Code::refused,
        .left = Left::rolled_back,
        .message = fmt::format("the step drops {}, which has {} rows, and makes another table of that name, which has none of its "
                               "columns: which row would be which could not be told on the way back",
                               change.before->text(), number_of(rows.at(0).at(0))),
        .where = {script_.file, 0, 0},
        .next = {.advice = fmt::format("drop it in this migration, and make the new one in the next; `-- undrop: lose {}` lets its "
                                       "rows go",
                                       change.before->text())}};
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
    bool follow = false;
    auto const puts_in_order = names_word(script_.text, "cluster");
    auto const may_empty_tables = names_word(script_.text, "truncate") || names_word(script_.text, "delete");
    for (auto& unit : written_units(changes)) {
        if (!unit.change.rebuilt) UNDROP_CHECK(rows_can_be_told(backend_.dialect(), *unit.change.before));
        UNDROP_CHECK(rows_are_told(unit.change));
        UNDROP_TRY(auto written, backend_.written_by_us(*unit.change.after, "t"));
        auto const all = written.empty() || unit.change.rebuilt || unit.change.replaced || any_of_another_type(unit.change);
        UNDROP_TRY(auto old, old_rows(unit, all));
        auto const& table = *unit.change.before;
        UNDROP_TRY(auto const lost_sight, lost_sight_of(unit, old.value_or(OldRowsTable{}), !written.empty()));
        auto const follow_now = lost_sight && follow_from_now_on(table);
        follow = follow || follow_now;
        if (!old || follow_now) needed.copies.insert(table_name(table));
        if (!old) continue;
        UNDROP_CHECK(is_no_other_table(unit.change, *old));
        if (unit.change.rebuilt || may_empty_tables) old->copied = copied_columns(statements_, *unit.change.after);
        old->updated = unit.writes.updated > 0;
        old->only_updated = unit.writes.updated > 0 && unit.writes.inserted + unit.writes.deleted == 0 && !unit.change.rebuilt;
        // An UPDATE that moves a row to another partition counts as both.
        old->may_have_moved = unit.change.before->partitioned && unit.writes.inserted > 0 && unit.writes.deleted > 0;
        old->only_moved = old->may_have_moved && unit.writes.inserted == unit.writes.deleted;
        // CLUSTER writes no rows, and puts them into another order.
        old->only_rewritten =
            !unit.change.rebuilt && unit.writes.inserted + unit.writes.updated + unit.writes.deleted == 0 && !puts_in_order;
        for (auto const& column : unit.change.before->columns)
            if (!names_word(script_.text, column.name)) old->unnamed.push_back(column.name);
        found.push_back({std::move(unit), std::move(*old), std::move(written)});
    }
    UNDROP_CHECK(no_rebuild_empties_others(changes));
    // A column that went with nothing saved sends the step back as well: both are mended by one more round.
    needed.add(unsaved(changes));
    UNDROP_TRY(auto const views, unsaved_views());
    needed.add(views);
    if (follow || !foresight_.covers(needed)) return once_more(needed);
    for (auto const& one : found) {
        UNDROP_TRY(auto const saved, save_unit(one.unit, one.old, one.written, Changes::all));
        if (saved == Round::again) return saved;
    }
    return Round::done;
}

// What undrop's own mend changed on top: values of columns that it gave another type.
Result<StepRunner::Round> StepRunner::save_retyped(std::vector<TableChange> const& changes) {
    Foresight needed;
    for (auto const& change : changes) {
        if (!change.after || change.rebuilt || change.before->partitioned || !any_of_another_type(change) ||
            waived(table_name(*change.before), ""))
            continue;
        auto const* scripted = find_table_by_id(scripted_, change.before->id);
        auto const by_script = scripted && std::any_of(change.kept.begin(), change.kept.end(), [&](auto const& pair) {
                                   // One that was dropped and added again is another column.
                                   auto const* column = scripted->column_by_id(change.after->column(pair.second)->id);
                                   return column && column->full_type() != change.before->column(pair.first)->full_type();
                               });
        if (by_script) continue;
        UNDROP_CHECK(rows_are_told(change));
        Unit const unit{change, {.needs_copy = change.reshaped}};
        UNDROP_TRY(auto old, old_rows(unit, true));
        if (!old) {
            needed.copies.insert(table_name(*change.before));
            continue;
        }
        UNDROP_TRY(auto const saved, save_unit(unit, *old, "", Changes::updates));
        if (saved == Round::again) return saved;
    }
    return foresight_.covers(needed) ? Round::done : once_more(needed);
}

}  // namespace undrop
