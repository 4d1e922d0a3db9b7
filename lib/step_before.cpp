// The part of a step before its script: locks, marks, and copies of what is foreseen to go.
#include "step.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "save.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

// Old rows that nobody will be able to read after the script are copied in the first round.
void StepRunner::foresee_copies() {
    for (auto const& table : before_)
        if (!table.partitioned && waives(touches_, {table.schema, table.name}, "")) {
            foresight_.tables.insert({table.schema, table.name});
            foresight_.copies.insert({table.schema, table.name});
        }
    auto const blind = !backend_.why_blind(options_).empty();
    for (auto const& name : planned_.writes)
        if ((blind || planned_.locks.contains(name) || planned_.saves_values(name)) && !planned_.tables.contains(name) && !waived(name, ""))
            foresight_.copies.insert(name);
    for (auto const& print : opposite_.footprints) {
        TableName const name{print.schema, print.table};
        auto const altered = planned_.locks.contains(name) || planned_.saves_values(name);
        if (print.of == Footprint::Of::rows && asks_to_remove_inserted() && (blind || altered) && !planned_.tables.contains(name))
            foresight_.copies.insert(name);
    }
    for (auto const& snapshot : opposite_.snapshots) {
        auto const* table = find_table(before_, {snapshot.table.schema, snapshot.table.name});
        if (!table || snapshot.kind != Snapshot::Kind::updated || step_.direction == Direction::up) continue;
        for (std::size_t i = 0; i < snapshot.values.size(); ++i) {
            auto const* column = table->column(snapshot.values[i]);
            if (column && column->full_type() != snapshot.table.column(snapshot.values[i])->full_type())
                foresight_.copies.insert({table->schema, table->name});
        }
    }
}

// P7: a plan is for the history and the objects that it was made for, read again under the locks.
Result<void> StepRunner::check_base() {
    if (base_.empty() || base_ == history_fingerprint(head_)) return success();
    if (narrow_ || at_stake_.empty()) at_stake_ = at_stake(catalog_, planned_, opposite_.wanted);
    if (fingerprint(head_, catalog_, at_stake_) == base_) return success();
    return Error{.code = Code::conflict,
                 .left = Left::untouched,
                 .message = "the database is no longer what the plan was made for",
                 .next = {.command = step_.direction == Direction::up ? "plan up" : "plan down"}};
}

// Going up, only what is copied is locked ahead of the script, which takes its other locks itself; going down, undrop alters tables after
// the script has written to them, and a lock that grows in between could deadlock. Where rows alone are copied or come back, readers go on.
std::optional<LockLevel> StepRunner::lock_of(Table const& table) const {
    TableName const name{table.schema, table.name};
    auto const altered = step_.direction == Direction::down ? foresight_.locks.contains(name) : false;
    auto const copied = foresight_.copies.contains(name);
    if (altered || foresight_.saves_values(name) || (copied && foresight_.locks.contains(name))) return LockLevel::everyone;
    auto const brings_back = [&](TableName const& then) {
        auto const renamed = std::find_if(opposite_.renames.begin(), opposite_.renames.end(),
                                          [&](Rename const& r) { return r.column_before.empty() && r.before == then; });
        return name == (renamed == opposite_.renames.end() ? then : renamed->after);
    };
    auto const rows_come = std::any_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), [&](Snapshot const& s) {
        return s.of_rows() && brings_back({s.table.schema, s.table.name});
    });
    auto const rows_go = step_.direction == Direction::down && (step_.origin == Origin::derived || asks_to_remove_inserted()) &&
                         std::any_of(opposite_.footprints.begin(), opposite_.footprints.end(), [&](Footprint const& f) {
                             return f.of == Footprint::Of::rows && name == TableName{f.schema, f.table};
                         });
    if (copied || rows_come || rows_go) return LockLevel::writers;
    return std::nullopt;
}

Result<void> StepRunner::lock_tables() {
    for (auto const level : {LockLevel::everyone, LockLevel::writers}) {
        std::vector<Table> to_lock;
        for (auto const& table : before_)
            if (lock_of(table) == level) to_lock.push_back(table);
        if (to_lock.empty()) continue;
        auto const start = Clock::now();
        UNDROP_CHECK(backend_.lock(to_lock, level));
        for (auto const& table : to_lock) {
            report_.locks.push_back({.table = table.text(), .waited_seconds = seconds_since(start)});
            locked_since_.emplace(table.text(), Clock::now());
        }
        tell(Event::Kind::locked, fmt::format("{} table(s)", to_lock.size()));
    }
    // Whoever held a lock until now may have changed the table.
    if (!report_.locks.empty()) {
        UNDROP_TRY(before_, backend_.tables(ledger_.name()));
    }
    return success();
}

// What the script locks itself is held from its statement on. What the step has made is nobody's to wait for.
Result<void> StepRunner::note_locks(Clock::time_point since) {
    UNDROP_TRY(auto const locked, backend_.locked_tables());
    for (auto const& one : locked) {
        auto const* table = find_table_by_id(before_, one.id);
        if (!one.id.empty() && !table) continue;
        auto const name = table ? table->text() : one.name;
        if (locked_since_.emplace(name, since).second) report_.locks.push_back({.table = name, .waited_seconds = one.waited_seconds});
    }
    return success();
}

Result<void> StepRunner::lock_and_mark() {
    UNDROP_CHECK(lock_tables());
    std::vector<Table> read;  // in full: to be saved, or to be merged with what was saved
    for (auto const& table : before_) {
        auto const comes_back = [&](Snapshot const& s) { return s.table.schema == table.schema && s.table.name == table.name; };
        if (foresight_.saves_values({table.schema, table.name}) || foresight_.copies.contains({table.schema, table.name}) ||
            foresight_.writes.contains({table.schema, table.name}) ||
            std::any_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), comes_back))
            read.push_back(table);
    }
    UNDROP_CHECK(backend_.sees_all_rows(read));
    UNDROP_CHECK(backend_.mark(ledger_.name()));
    UNDROP_TRY(catalog_, backend_.catalog(ledger_.name()));
    UNDROP_CHECK(check_base());
    UNDROP_TRY(positions_, backend_.positions());
    if (part_ && part_->has_run()) positions_ = part_->positions;
    UNDROP_TRY(named_, backend_.named_objects());
    UNDROP_TRY(next_id_, ledger_.next_snapshot());
    foresee_views();
    UNDROP_CHECK(foresee_moves());
    UNDROP_CHECK(note_orphans());
    return follow_renamed_columns();
}

Result<void> StepRunner::save_foreseen() {
    auto save_one = [&](Snapshot::Kind kind, Table const& table, std::string const& column) -> Result<void> {
        Snapshot snapshot;
        snapshot.id = next_id_++;
        snapshot.kind = kind;
        snapshot.table = table;
        snapshot.column = column;
        std::set<std::string> gone;
        for (auto const& c : table.columns)
            if (kind == Snapshot::Kind::column &&
                (foresight_.columns.contains({{table.schema, table.name}, c.name}) || waived({table.schema, table.name}, c.name)))
                gone.insert(c.name);
        UNDROP_CHECK(save(backend_, ledger_, snapshot, gone, opposite_.footprints, worth_saving(table, column)));
        tell(Event::Kind::saved, fmt::format("{}: {} rows", snapshot.what(), snapshot.rows));
        saved_.push_back(std::move(snapshot));
        return success();
    };
    // The rows of a partitioned table are its partitions', which lose what it loses and are saved themselves.
    for (auto const& name : foresight_.tables)
        if (auto const* table = find_table(before_, name); table && !table->partitioned)
            UNDROP_CHECK(save_one(Snapshot::Kind::table, *table, ""));
    for (auto const& [name, column] : foresight_.columns) {
        auto const* table = find_table(before_, name);
        if (!table || table->partitioned || !table->column(column) || table->column(column)->generated) continue;
        UNDROP_CHECK(rows_can_be_told(backend_.dialect(), *table));
        UNDROP_CHECK(save_one(Snapshot::Kind::column, *table, column));
    }
    for (auto const& name : foresight_.copies)
        if (auto const* table = find_table(before_, name)) {
            UNDROP_TRY(auto made, copy_rows(backend_, ledger_, *table, next_id_++));
            copies_.push_back(std::move(made));
        }
    UNDROP_CHECK(save_views());
    UNDROP_CHECK(note_moved_keys());
    UNDROP_CHECK(note_untouched());
    UNDROP_CHECK(note_moved_rows());
    return note_unchanged_cells();
}

}  // namespace undrop
