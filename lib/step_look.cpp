// The part of a step that looks, once everything has run and is back: is all that was taken saved, and all as it should be?
#include "step.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "try.hpp"
#include "waiver.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// What a script gave another name, and its own to something new, is gone if the mend has left out what it was called then.
void lose_what_was_left_out(std::vector<TableChange>& changes, std::vector<Table> const& scripted) {
    for (auto& change : changes) {
        auto const* then = change.after ? find_table_by_id(scripted, change.before->id) : nullptr;
        if (!then) continue;
        for (auto const& column : change.before->columns) {
            auto const* was = column.generated ? nullptr : then->column_by_id(column.id);
            if (!was || was->name == column.name || !then->column(column.name) || change.after->column(was->name)) continue;
            auto const count = std::erase_if(change.kept, [&](auto const& kept) { return kept.first == column.name; });
            if (count > 0) change.lost.push_back(column.name);
        }
    }
}

}  // namespace

// A script says in its text which definitions it changes, the ledger what comes back. What may be done once alone is not tried.
bool StepRunner::looks_narrowly() const {
    return narrow_ && !part_ && outside_.empty() && touches_.empty() && lose_.empty() && !foresees_nothing();
}

Result<StepRunner::Round> StepRunner::find_missed() {
    UNDROP_TRY(auto const missed, backend_.missed());
    if (!missed) {
        narrow_ = false;
        tell(Event::Kind::again, "the script changed definitions that its text does not name: once more, with all of them read");
        return Round::again;
    }
    before_.insert(before_.end(), missed->begin(), missed->end());
    return Round::done;
}

Foresight StepRunner::unsaved(std::vector<TableChange> const& changes) const {
    Foresight needed;
    for (auto const& change : changes) {
        TableName const name{change.before->schema, change.before->name};
        if (waived(name, "")) continue;
        if (!change.after) needed.tables.insert(name);
        for (auto const& column : change.lost)
            if (!waived(name, column)) needed.columns.insert({name, column});
    }
    return needed;
}

// Partitions count as their root: a row that moves between them is deleted here and inserted there.
std::map<std::string, Writes> StepRunner::by_root(std::map<std::string, Writes> const& writes) const {
    std::map<std::string, Writes> sums;
    for (auto const& [id, one] : writes) {
        auto const* table = find_table_by_id(before_, id);
        auto& sum = sums[table && !table->root.empty() ? table->root : id];
        sum.inserted += one.inserted;
        sum.updated += one.updated;
        sum.deleted += one.deleted;
    }
    return sums;
}

Result<void> StepRunner::nothing_unplanned(Observed const& end) const {
    auto const after_script = by_root(after_script_.writes);
    auto const planned = by_root(expected_);
    for (auto const& [id, writes] : by_root(end.writes)) {
        auto const at = [&id = id](std::map<std::string, Writes> const& all) {
            auto const found = all.find(id);
            return found == all.end() ? Writes{} : found->second;
        };
        auto const was = at(after_script);
        auto const expected = at(planned);
        auto const updated = writes.updated - was.updated - expected.updated;
        auto const inserted = writes.inserted - was.inserted - expected.inserted;
        auto const deleted = writes.deleted - was.deleted - expected.deleted;
        auto const* table = find_table_by_id(before_, id);
        auto const moved = table && table->partitioned && updated == -inserted && inserted == deleted;
        if (moved || (updated == 0 && inserted == 0 && deleted == 0)) continue;
        auto message =
            fmt::format("bringing rows back made something else write to {}: {} updated, {} inserted, {} deleted rows that nobody planned",
                        table ? table->text() : "a table", updated, inserted, deleted);
        Next next{.advice = "look for a foreign key with ON UPDATE, or a trigger that undrop may not switch off"};
        if (auto const triggers = backend_.event_triggers(); triggers && !triggers.value().empty()) {
            message = fmt::format(
                "undrop's own statements made something write to {}: {} updated, {} inserted, {} deleted rows that nobody "
                "planned; {}",
                table ? table->text() : "a table", updated, inserted, deleted, fmt::join(triggers.value(), "; "));
            next.advice =
                "have the event trigger's function leave undrop's statements alone, or switch it off for the step: ALTER EVENT "
                "TRIGGER ... DISABLE";
        }
        return Error{.code = Code::refused, .left = Left::rolled_back, .message = std::move(message), .next = std::move(next)};
    }
    return success();
}

StepRunner::Round StepRunner::once_more(Foresight const& needed) {
    tell(Event::Kind::again, "something was taken that was not foreseen: once more, with it saved");
    foresight_.add(needed);
    return Round::again;
}

Result<StepRunner::Round> StepRunner::look_again() {
    UNDROP_TRY(auto const end, backend_.observed());
    if (!end.refused.empty())
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = end.refused.front(),
                     .where = {script_.file, 0, 0},
                     .next = {.advice = "take that out of the migration"}};
    UNDROP_TRY(auto after, backend_.tables(ledger_.name()));
    as_before_moving(after);
    auto changes = look(before_, after, after_script_.writes);
    lose_what_was_left_out(changes, scripted_);
    auto needed = unsaved(changes);
    UNDROP_TRY(auto const views, unsaved_views());
    needed.add(views);
    if (!foresight_.covers(needed)) return once_more(needed);
    UNDROP_CHECK(nothing_unplanned(end));
    UNDROP_TRY(auto const retyped, save_retyped(changes));
    if (retyped == Round::again) return retyped;
    UNDROP_CHECK(nothing_unknown_went());
    tell(Event::Kind::looked, "everything that was taken is saved");
    UNDROP_CHECK(keep_only_losses(changes));
    UNDROP_CHECK(leave_key_pairs(changes));
    UNDROP_CHECK(leave_untouched(changes));
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    UNDROP_CHECK(save_positions(now));
    UNDROP_CHECK(verify(now));
    UNDROP_CHECK(nothing_stands_elsewhere(after));
    UNDROP_CHECK(can_come_back(now));
    UNDROP_CHECK(kept_as_dropped(after, now));
    UNDROP_CHECK(gather_statistics(after));
    UNDROP_CHECK(run_check());
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    UNDROP_CHECK(record(now, changes));
    return Round::done;
}

// P9: what cannot be brought back is let go by its name alone.
Result<void> StepRunner::nothing_unknown_went() {
    UNDROP_TRY(auto const went, backend_.removed_unknown(catalog_));
    for (auto const& what : went) {
        if (std::find(lose_.begin(), lose_.end(), what) != lose_.end()) continue;
        auto const* where = step_.origin == Origin::derived ? "at the top of a down script that does the same" : "at the top of the file";
        return Error{
            .code = Code::refused,
            .left = Left::rolled_back,
            .message = fmt::format("the step {} {}, which undrop cannot bring back",
                                   what.starts_with("rows of ") || what.starts_with("definition of ") ? "changes" : "removes", what),
            .where = {script_.file, 0, 0},
            .next = {.advice = fmt::format("`-- undrop: lose {}` {} lets it go", what, where)}};
    }
    if (part_) return success();
    report_.waived.insert(report_.waived.end(), went.begin(), went.end());
    return waived_objects_went(script_, lose_, catalog_, went);
}

// What was foreseen and did not happen needs no snapshot; copies were only for comparing.
Result<void> StepRunner::keep_only_losses(std::vector<TableChange> const& changes) {
    for (auto const& made : copies_) {
        UNDROP_CHECK(backend_.run("drop table " + made.store));
        if (!made.followed.empty()) UNDROP_CHECK(backend_.run("drop table " + made.followed));
        if (!made.told.empty()) UNDROP_CHECK(backend_.run("drop table " + made.told));
    }
    for (auto const& rows : in_use_) UNDROP_CHECK(backend_.run("drop table " + rows.noted));
    for (auto const& [id, store] : unchanged_cells_) UNDROP_CHECK(backend_.run("drop table " + store));
    for (auto const& [id, moved] : keys_back_) UNDROP_CHECK(backend_.run("drop table " + ledger_.table(moved.store)));
    UNDROP_CHECK(keep_lost_views());
    auto const taken = unsaved(changes);
    std::vector<Snapshot> kept;
    for (auto& snapshot : saved_) {
        TableName const name{snapshot.table.schema, snapshot.table.name};
        // Rows of a table that went after all are in the snapshot of the table.
        auto const needed = snapshot.kind == Snapshot::Kind::view    ? true
                            : snapshot.of_rows()                     ? !taken.tables.contains(name)
                            : snapshot.kind == Snapshot::Kind::table ? taken.tables.contains(name)
                                                                     : taken.columns.contains({name, snapshot.column});
        if (needed)
            kept.push_back(std::move(snapshot));
        else
            UNDROP_CHECK(backend_.run("drop table " + ledger_.table(snapshot.store)));
    }
    saved_ = std::move(kept);
    return success();
}

// An application's next query is planned with what is there again, not as for an empty table.
Result<void> StepRunner::gather_statistics(std::vector<Table> const& tables) {
    constexpr std::int64_t many = 1'000;
    for (auto const& [id, writes] : expected_) {
        auto const* table = writes.inserted + writes.updated >= many ? find_table_by_id(tables, id) : nullptr;
        if (table) UNDROP_CHECK(backend_.gather_statistics(*table));
    }
    return gather_statistics_of_moved(tables);
}

Result<void> StepRunner::verify(Catalog const& now) const {
    if (step_.direction == Direction::up) return success();
    auto const differs = differences(now, opposite_.wanted);  // P5
    if (differs.empty()) return success();
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("the schema would not come back as it was: {}{}", differs.front(),
                                        differs.size() > 1 ? fmt::format(" (and {} more)", differs.size() - 1) : ""),
                 .next = {.command = step_.origin == Origin::derived ? "" : "down --derive",
                          .advice = step_.origin == Origin::derived ? "write a down script for what is named here" : ""}};
}

}  // namespace undrop
