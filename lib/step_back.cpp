// The part of a step that brings things back, after its script: mend and restore.
#include <fmt/format.h>
#include <algorithm>

#include "backfill.hpp"
#include "check.hpp"
#include "constraint_names.hpp"
#include "drawn.hpp"
#include "drift.hpp"
#include "fitting.hpp"
#include "merge.hpp"
#include "named.hpp"
#include "partitions.hpp"
#include "renames.hpp"
#include "reprinted.hpp"
#include "restore.hpp"
#include "restore_unique.hpp"
#include "step.hpp"
#include "try.hpp"
#include "untouched.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// Rows that others refer to come back before these, as far as the foreign keys that are there already make no circle.
std::vector<Snapshot> parents_first(std::vector<Snapshot> tables, Catalog const& now) {
    Catalog order;
    auto const id_of = [](Snapshot const& s) { return ObjectId{"table", s.table.schema, s.table.name}; };
    for (auto const& child : tables) {
        auto& needs = order[id_of(child)].needs;
        for (auto const& [id, object] : now) {
            if (id.kind != "foreign_key" || !names_table(id.parent, {child.table.schema, child.table.name})) continue;
            for (auto const& parent : tables)
                if (std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) {
                        return names_table(need.parent, {parent.table.schema, parent.table.name});
                    }))
                    needs.push_back(id_of(parent));
        }
    }
    auto const ids = in_making_order(order);
    auto const place = [&](Snapshot const& s) { return std::find(ids.begin(), ids.end(), id_of(s)); };
    std::stable_sort(tables.begin(), tables.end(), [&](Snapshot const& a, Snapshot const& b) { return place(a) < place(b); });
    return tables;
}

// P8: what the mend makes, or makes anew, gets what today's defaults give to anything new: rights for whom nobody had given any. They have
// the name of what they came with, or are those on a sequence that came with it.
static Wanted what_came_along(Catalog const& now, Catalog const& start, Wanted const& wanted) {
    std::set<std::pair<std::string, std::string>> made;
    for (auto const& [id, object] : wanted)
        if (object) made.insert({id.parent, id.name});
    auto const is_wanted = [&](ObjectId const& need) {
        auto const found = wanted.find(need);
        return found != wanted.end() && found->second;
    };
    auto const came_along = [&](ObjectId const& id, Object const& object) {
        return made.contains({id.parent, id.name}) ||
               (grants_rights(id) && std::any_of(object.needs.begin(), object.needs.end(), is_wanted));
    };
    Wanted more;
    for (auto const& [id, object] : now)
        if (!object.holds_rows && !start.contains(id) &&
            ((!object.remove.empty() && came_along(id, object)) || is_part_of_remade(id, object, now, wanted)))
            more.emplace(id, std::nullopt);
    return more;
}

Result<void> StepRunner::bring_back() {
    if (opposite_.step == 0) return success();
    if (step_.direction == Direction::down && step_.origin != Origin::derived && !part_) {
        LeftByScript const left{report_, saved_, footprints_, before_, catalog_};
        for (auto const& [table, column] : dropped_beside(left, scripted_, opposite_))
            if (!waived(table_name(*table), column)) return drops_beside(*table, column);
        // One that the script fills may well be meant.
        for (auto const& [table, column] : succeeded_beside(left, scripted_, opposite_))
            if (auto const writes = after_script_.writes.find(table->id);
                (writes == after_script_.writes.end() || writes->second.updated + writes->second.inserted == 0) &&
                !waived(table_name(*table), column))
                return drops_beside(*table, column, true);
        UNDROP_TRY(auto const inserted, inserted_beside(backend_, ledger_, left, opposite_));
        report_.notes.insert(report_.notes.end(), inserted.begin(), inserted.end());
        if (!asks_to_remove_inserted()) {
            UNDROP_TRY(auto const kept, inserted_by_the_up(backend_, ledger_, left, scripted_, opposite_));
            report_.notes.insert(report_.notes.end(), kept.begin(), kept.end());
        }
    }
    if (step_.direction == Direction::down) UNDROP_CHECK(give_names_back());
    UNDROP_CHECK(look_for_strangers());
    UNDROP_CHECK(make_new_labels_usable());
    // What has its old name again is not new.
    auto there = scripted_;
    if (!opposite_.renames.empty()) {
        UNDROP_TRY(there, backend_.tables(ledger_.name()));
    }
    UNDROP_CHECK(note_references());
    UNDROP_CHECK(remove_inserted_rows(Rows::all));
    if (step_.direction == Direction::down) UNDROP_CHECK(empty_new_partitions());
    auto const scripted = step_.origin != Origin::derived;  // a script makes foreign keys before any row is back
    if (scripted) UNDROP_CHECK(restore_positions());
    if (step_.direction == Direction::down && !backfill_.empty()) {
        UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
        UNDROP_TRY(auto const filled, add_backfilled(backend_, tables, opposite_.wanted, opposite_.snapshots, backfill_));
        for (auto const& [table, rows] : filled) UNDROP_CHECK(expect(table, rows, 0));
    }
    UNDROP_CHECK(read_last_time());
    UNDROP_CHECK(renumber_saved_rows());
    UNDROP_CHECK(tell_by_present_keys());
    if (scripted) UNDROP_CHECK(set_references_aside());
    UNDROP_CHECK(restore_columns(true));
    UNDROP_CHECK(fill_passed_over(true));
    if (step_.direction == Direction::down) {
        UNDROP_CHECK(mend());
        UNDROP_CHECK(drop_evicted(true));
        UNDROP_CHECK(restore_positions());
    }
    UNDROP_CHECK(restore_columns(false));
    UNDROP_CHECK(fill_passed_over(false));
    if (!scripted) UNDROP_CHECK(set_references_aside());
    count_passed_over();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    if (step_.direction == Direction::down) UNDROP_CHECK(fill_waived_columns(tables, there));
    UNDROP_CHECK(restore_tables(tables));
    UNDROP_CHECK(restore_rows(tables));
    UNDROP_CHECK(forget_references());
    keep_overwritten();
    UNDROP_CHECK(no_conflicts());
    UNDROP_CHECK(bring_references_back());
    UNDROP_CHECK(end_renumbering());
    UNDROP_CHECK(drop_readers());
    tell(Event::Kind::restored, fmt::format("{} snapshot(s)", opposite_.snapshots.size()));
    if (step_.direction == Direction::up) {
        UNDROP_CHECK(restore_views());
        return restore_positions();
    }

    UNDROP_CHECK(take_labels_away());
    UNDROP_CHECK(put_in_order());
    return mend_over_rows();
}

Result<void> StepRunner::give_names_back() {
    auto const is_schema = [](Rename const& rename) { return rename.before.first.empty(); };
    if (!named_.empty() && std::any_of(opposite_.renames.begin(), opposite_.renames.end(), is_schema)) {
        auto const rename = [this](std::string const& sql) { return rename_by(sql); };
        UNDROP_TRY(auto const named, backend_.named_objects());
        UNDROP_TRY(auto const names, rename_schemas_back(backend_.dialect(), rename, opposite_.renames, named_, named));
        report_.mended.insert(report_.mended.end(), names.begin(), names.end());
        UNDROP_TRY(scripted_, backend_.tables(ledger_.name()));
    }
    UNDROP_CHECK(evict_relations());
    UNDROP_CHECK(rename_tables_back());
    UNDROP_CHECK(rename_objects_back());
    UNDROP_CHECK(bring_aside_back());
    UNDROP_CHECK(rename_columns_back());
    UNDROP_CHECK(rename_types_back());
    UNDROP_CHECK(rename_attributes_back());
    UNDROP_CHECK(drop_evicted(false));
    unwant_under_old_names();
    if (may_rename_constraints(opposite_.wanted)) {
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        UNDROP_CHECK(rename_constraints(now));
    }
    UNDROP_CHECK(remove_inserted_rows(Rows::of_parts));
    UNDROP_CHECK(rename_parts_back());
    return bring_labels_back();
}

// True: there were such.
Result<bool> StepRunner::rename_constraints(Catalog const& now) {
    auto const rename = [this](std::string const& sql) { return rename_by(sql); };
    UNDROP_TRY(auto const names, rename_constraints_back(backend_.dialect(), rename, now, opposite_.wanted));
    report_.mended.insert(report_.mended.end(), names.begin(), names.end());
    return !names.empty();
}

// Indexes, constraints, views and rights come after the rows; what making them changes by itself is seen in another pass.
Result<void> StepRunner::mend_over_rows() {
    constexpr int passes = 3;
    std::set<ObjectId> made;
    for (int pass = 0; pass < passes; ++pass) {
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        if (!made.empty() && !differences(now, opposite_.wanted).empty()) {
            UNDROP_TRY(auto const recorded, ledger_.objects(opposite_.step));
            auto printed = made;  // a column that was moved is of the type that it was
            std::erase_if(printed, [this](ObjectId const& id) { return ordered_.contains(id); });
            want_as_printed(opposite_.wanted, printed, now, recorded);
        }
        auto along = what_came_along(now, catalog_, opposite_.wanted);
        if (!along.empty()) {
            UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
            leave_out_renamed(along, renames_between(tables, before_, opposite_.renames), catalog_, opposite_.wanted);
        }
        opposite_.wanted.merge(along);
        auto plan = plan_mend(now, opposite_.wanted);
        // What was just made from its recorded text differs only by what is still to come, as a partition's place in its parent.
        std::erase_if(plan.before_data, [&](MendAction const& a) {
            return a.kind == MendAction::Kind::reshape && (made_.contains(a.id) || becomes_partition(a.id, opposite_.wanted));
        });
        if (plan.empty()) break;
        UNDROP_CHECK(mend_by(now, plan.before_data));
        UNDROP_CHECK(mend_by(now, plan.after_data));
        for (auto const* actions : {&plan.before_data, &plan.after_data})
            for (auto const& action : *actions)
                if (action.kind == MendAction::Kind::make) made.insert(action.id);
    }
    tell(Event::Kind::mended, fmt::format("{} object(s)", report_.mended.size()));
    UNDROP_CHECK(restore_views());
    return restore_positions();
}

Result<void> StepRunner::mend() {
    unwant_under_old_names();
    UNDROP_TRY(auto now, backend_.catalog_after(ledger_.name(), catalog_));
    unwant_evicted(now);
    UNDROP_CHECK(want_what_script_changed(now));
    // Names that the script gave in a table that it built anew.
    UNDROP_TRY(bool const renamed, rename_constraints(now));
    if (renamed) {
        UNDROP_TRY(now, backend_.catalog_after(ledger_.name(), catalog_));
    }
    UNDROP_CHECK(take_along());
    auto const is_partition = [](auto const& entry) { return entry.first.kind == "partition" && entry.second; };
    auto wanted = opposite_.wanted;
    if (std::any_of(wanted.begin(), wanted.end(), is_partition)) {
        UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
        opposite_.wanted = without_inherited(std::move(opposite_.wanted), now, tables);
        wanted = with_columns_of_parents(backend_.dialect(), opposite_.wanted, now, tables);
        if (auto const beside = columns_beside_parents(wanted, now, tables); !beside.empty()) return beside_parents(beside);
    }
    auto plan = plan_mend(now, wanted);
    std::erase_if(plan.before_data,
                  [&](MendAction const& a) { return a.kind == MendAction::Kind::reshape && becomes_partition(a.id, opposite_.wanted); });
    if (!plan.refused.empty())
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = "the schema cannot be brought back by itself: " + plan.refused,
                     .next = {.advice = "write a down script for it"}};
    UNDROP_CHECK(homes_are_there(plan, now, opposite_.wanted));
    UNDROP_CHECK(nothing_renamed_away(plan));
    // What steps aside while a column changes comes back, though nobody recorded it; so does what hangs on a table that is rebuilt.
    for (auto const* actions : {&plan.before_data, &plan.after_data})
        for (auto const& action : *actions)
            if (action.kind == MendAction::Kind::make && !is_stand_in(action) && !wanted.contains(action.id))
                opposite_.wanted.emplace(action.id, action.object);
    for (auto const& action : plan.before_data)
        if (action.kind == MendAction::Kind::reshape)
            for (auto const& [id, object] : now)
                if (std::find(object.needs.begin(), object.needs.end(), action.id) != object.needs.end())
                    opposite_.wanted.emplace(id, object);
    for (auto const& action : plan.before_data)
        if (action.kind == MendAction::Kind::make && action.object.holds_rows) made_.insert(action.id);
    for (auto const* actions : {&plan.before_data, &plan.after_data})
        for (auto const& action : *actions)
            if (!is_stand_in(action))
                report_.mended.push_back((action.kind == MendAction::Kind::remove ? "removed " : "") + action.id.text());
    std::erase_if(plan.before_data, [&](MendAction const& a) { return a.kind == MendAction::Kind::remove && tells_rows(a.id); });
    auto const first = std::find_if(plan.before_data.begin(), plan.before_data.end(),
                                    [](MendAction const& a) { return a.kind != MendAction::Kind::remove; });
    UNDROP_CHECK(mend_by(now, {plan.before_data.begin(), first}));
    UNDROP_TRY(auto const emptied, empty_changing_cells(plan.before_data));
    std::vector<MendAction> rest(first, plan.before_data.end());
    // Until the values are back.
    std::erase_if(rest, [&](MendAction const& a) {
        return std::any_of(a.object.needs.begin(), a.object.needs.end(), [&](ObjectId const& need) { return emptied.contains(need); });
    });
    for (auto const& action : rest) {
        UNDROP_CHECK(number_rows(action));
        UNDROP_CHECK(action.kind == MendAction::Kind::make && action.id.kind == "column" ? make_column(action) : mend_by(now, {action}));
        UNDROP_CHECK(find_numbered_rows());
    }
    for (auto const& action : plan.after_data)
        if (attaches(action) && !made_.contains({"table", action.id.parent, action.id.name})) {
            UNDROP_TRY(bool const back, try_to_attach(backend_, action));
            if (back) log(mended(action, now));
        }
    return success();
}

Result<void> StepRunner::expect(Table const& table, std::int64_t updated, std::int64_t inserted) {
    expected_[table.id].updated += updated;
    expected_[table.id].inserted += inserted;
    return success();
}

Result<void> StepRunner::restore_column_of(Snapshot const& snapshot, Table const& table, std::vector<Table> const& tables) {
    auto const found = after_script_.writes.find(table.id);
    auto const writes = found == after_script_.writes.end() ? Writes{} : found->second;
    auto const made_by_script = is_made_by_script(snapshot);
    auto const* scripted = find_table(scripted_, table_name(table));
    auto const untouched = writes.updated + writes.inserted == 0 || expected_[table.id].updated == 0;
    UNDROP_TRY(auto const identity, identity_of(table, snapshot.column));
    auto const goes_up = step_.direction == Direction::up;
    auto const& drawn = table.column(snapshot.column)->default_sql;
    auto next = drawn.find("nextval(") == std::string::npos ? std::string{} : drawn;
    if (identity) next = next_number(backend_.dialect(), *identity);
    auto const by_row = !backend_.dialect().lasting_row_id(table, "t").empty() && table.column(snapshot.column)->stored_type == "integer";
    auto const draws_rows =
        made_by_script && by_row && (!snapshot.keyed() || snapshot.told_anew) && (goes_up || table.key == std::vector{snapshot.column});
    if (draws_rows) next = next_row_number(backend_.dialect(), ledger_, snapshot, table);
    // Of heirs, too: they have the column of the table that they inherit it from.
    auto const& type = table.column(snapshot.column)->type;
    auto const& recorded = *snapshot.table.column(snapshot.column);
    auto const as_text =
        type != recorded.type && std::any_of(bare_.begin(), bare_.end(), [&](auto const& bare) { return bare.second == snapshot.column; });
    RestoreContext context{.direction = step_.direction,
                           .made_by_script = made_by_script,
                           .script_wrote_rows = writes.updated > 0 || writes.rows_may_differ,
                           .built_anew = scripted && !find_table_by_id(before_, scripted->id),
                           .backfill = backfill_of({snapshot.table.schema, snapshot.table.name}, snapshot.column),
                           .work_id = next_id_,
                           .updated = beside(snapshot, Snapshot::Kind::updated),
                           .own_updates = own_updates(table),
                           .deleted = writes.inserted > 0 ? std::vector<Snapshot const*>{} : beside(snapshot, Snapshot::Kind::deleted),
                           .number = numbering(table, snapshot.column, identity),
                           .bare = as_text,
                           .note_restored = notes_restored(),
                           .referring = goes_up || draws_rows ? referring_to(table, tables) : std::vector<Referring>{},
                           .next = goes_up || draws_rows ? next : std::string{},
                           .draws_rows = draws_rows && goes_up && !gives_values(statements_, table, snapshot.column, scripted_)};
    std::erase_if(context.referring, [&](Referring const& r) { return !refers_by(r, snapshot.column); });
    auto const* whole = table.root.empty() ? nullptr : find_table_by_id(tables, table.root);
    auto const of_whole = whole ? keys_changed_in(*whole, snapshot) : std::vector<Snapshot const*>{};
    context.updated.insert(context.updated.end(), of_whole.begin(), of_whole.end());
    std::erase_if(context.updated, [&](Snapshot const* s) { return keys_back_.contains(s->id); });
    next_id_ += 3;
    if (untouched && find_table_by_id(before_, table.id)) context.rows_written = writes.updated + writes.inserted;
    Catalog aside;
    if (made_by_script && (!next.empty() || !context.referring.empty())) {
        UNDROP_TRY(aside, unique_aside(snapshot, table));
    }
    UNDROP_TRY(auto const now, as_saved(snapshot, table));
    if (made_by_script) {
        UNDROP_TRY(context.newer, computed_anew(snapshot, now));
        context.untouched = is_untouched(snapshot, now);
    }
    for (auto const& referring : context.referring) UNDROP_CHECK(backend_.quiet(referring.child));
    UNDROP_TRY(auto const done, restore_column(backend_, ledger_, snapshot, now, context));
    for (auto const& referring : context.referring) UNDROP_CHECK(backend_.loud(referring.child));
    UNDROP_CHECK(come_again(aside));
    expect_followed(done.followed);
    auto merged = done.merged;
    if (!of_whole.empty() && !made_by_script) {
        UNDROP_TRY(auto const elsewhere, restore_moved(snapshot, table, *whole, of_whole));
        merged.restored += elsewhere;
        merged.deleted_since -= elsewhere;
    }
    report_.merged.push_back(std::move(merged));
    restored_.insert(snapshot.id);
    auto const place = [&](Table const& t) { return t.column(snapshot.column) - t.columns.data(); };
    if (step_.direction == Direction::down && place(table) != place(snapshot.table) &&
        backend_.dialect().add_bare_column(table, *snapshot.table.column(snapshot.column)).empty())
        note_last(snapshot.what());
    return expect(table, done.updated, 0);
}

bool StepRunner::is_made_by_script(Snapshot const& snapshot) const {
    auto const* scripted = find_table(scripted_, {snapshot.table.schema, snapshot.table.name});
    return scripted && scripted->column(snapshot.column);
}

// The table, of `tables`, once it has the column of a snapshot that is not done with, to be filled now; null: later, or never.
// Before the mend: columns that the script brought, in their recorded type, and columns that a later reshape of the table takes along.
// After it: the others.
Result<Table const*> StepRunner::with_column_of(Snapshot const& snapshot, bool before_mend, std::vector<Table>& tables) {
    Table const* none = nullptr;
    if (snapshot.kind != Snapshot::Kind::column || restored_.contains(snapshot.id)) return none;
    TableName const name{snapshot.table.schema, snapshot.table.name};
    auto const* table = find_table(tables, name);
    if (!table) return none;
    auto const& recorded = *snapshot.table.column(snapshot.column);
    if (auto const* column = table->column(snapshot.column))
        return column->generated || (before_mend && column->type != recorded.type) ? none : table;
    if (!before_mend || step_.direction == Direction::up) return none;
    auto const bare = backend_.dialect().add_bare_column(*table, recorded);
    if (bare.empty()) return none;
    UNDROP_CHECK(backend_.run(bare));
    UNDROP_TRY(tables, backend_.tables(ledger_.name()));
    return find_table(tables, name);
}

Result<void> StepRunner::restore_columns(bool before_mend) {
    UNDROP_TRY(auto tables, backend_.tables(ledger_.name()));
    // What others refer to comes back first: these go with it, and what users wrote there comes back after that.
    for (auto const referred : {true, false})
        for (auto const& snapshot : opposite_.snapshots) {
            if (is_referred_to(snapshot) != referred) continue;
            UNDROP_TRY(auto const* table, with_column_of(snapshot, before_mend, tables));
            if (table) UNDROP_CHECK(restore_column_of(snapshot, *table, tables));
        }
    if (before_mend) return success();
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind == Snapshot::Kind::column && !restored_.contains(snapshot.id))
            report_.notes.push_back(fmt::format("{} is not there any more: its values stay in snapshot {}", snapshot.what(), snapshot.id));
    return success();
}

Result<void> StepRunner::restore_tables(std::vector<Table> const& tables) {
    std::vector<Snapshot> in_order;
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind == Snapshot::Kind::table) in_order.push_back(snapshot);
    if (in_order.size() > 1) {
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        in_order = parents_first(std::move(in_order), now);
    }
    for (auto const& snapshot : in_order) {
        auto const name = table_name(snapshot.table);
        auto const* table = find_table(tables, name);
        if (!table) {
            report_.notes.push_back(fmt::format("{} is not there any more: its rows stay in snapshot {}", snapshot.what(), snapshot.id));
            continue;
        }
        auto made_by_script = find_table(scripted_, name) != nullptr;
        if (made_by_script) {
            UNDROP_TRY(bool const made_way, makes_way(snapshot, *table));
            made_by_script = !made_way;
        }
        Restored done;
        UNDROP_TRY(auto const read, as_saved(snapshot, *table));
        UNDROP_TRY(auto const came, made_by_script ? came_by_script(snapshot, read) : Result<bool>(false));
        UNDROP_TRY(auto const newer, made_by_script ? computed_anew(snapshot, read) : Result<std::string>(std::string{}));
        UNDROP_CHECK(backend_.naming_orphans("", [&]() -> Result<void> {
            UNDROP_TRY(done, restore_table(backend_, ledger_, snapshot, read,
                                           {.direction = step_.direction,
                                            .made_by_script = made_by_script,
                                            .work_id = next_id_++,
                                            .on_conflict = options_.on_conflict,
                                            .overwrite_id = next_id_++,
                                            .note_restored = notes_restored(),
                                            .came_by_script = came,
                                            .copied_as_left = came ? copied_as_left(snapshot) : "",
                                            .newer = newer}));
            return success();
        }));
        report_.merged.push_back(done.merged);
        overwritten_.insert(overwritten_.end(), done.overwritten.begin(), done.overwritten.end());
        UNDROP_CHECK(expect(*table, done.updated, done.inserted));
        if (made_by_script && step_.direction == Direction::up && done.inserted > 0) UNDROP_CHECK(note_look_alikes(snapshot, *table));
    }
    return success();
}

// Everything is as the step leaves it; a check that does not hold takes it back.
Result<void> StepRunner::run_check() {
    auto const* check = check_of(step_);
    if (!check || !ends_step()) return success();
    UNDROP_CHECK(require(backend_, *check, checks_, options_));
    UNDROP_CHECK(backend_.still_ours());
    report_.checks = static_cast<int>(checks_.size());
    tell(Event::Kind::checked, fmt::format("{} statement(s) of {} hold", checks_.size(), check->file));
    return success();
}

}  // namespace undrop
