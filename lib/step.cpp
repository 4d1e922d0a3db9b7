#include "step.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>

#include "check.hpp"
#include "digest.hpp"
#include "save.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int most_rounds = 6;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

std::string fingerprint(std::int64_t head, Catalog const& catalog, std::set<ObjectId> const& at_stake) {
    std::string text = std::to_string(head);
    for (auto const& id : at_stake) {
        auto const found = catalog.find(id);
        text += '\0' + id.text() + '\0' + (found == catalog.end() ? std::string{} : found->second.make);
    }
    return sha256_hex(text);
}

std::set<ObjectId> objects_of(Catalog const& catalog, std::set<TableName> const& tables) {
    std::set<ObjectId> ids;
    for (auto const& [id, object] : catalog)
        for (auto const& table : tables)
            if (names_table(id.parent, table) || names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, table))
                ids.insert(id);
    // And what hangs on them; but a table that comes by itself, as a partition does, is its own affair.
    auto hangs = [&](ObjectId const& need) { return ids.contains(need) && catalog.contains(need) && catalog.at(need).holds_rows; };
    std::vector<ObjectId> parts;
    for (auto const& [id, object] : catalog)
        if (!object.holds_rows && std::any_of(object.needs.begin(), object.needs.end(), hangs)) parts.push_back(id);
    ids.insert(parts.begin(), parts.end());
    return ids;
}

StepRunner::StepRunner(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step, std::string base,
                       std::int64_t run)
    : backend_(backend), ledger_(ledger), options_(options), step_(step), base_(std::move(base)), run_(run) {}

void StepRunner::tell(Event::Kind kind, std::string text) const {
    if (options_.on_event)
        options_.on_event({.kind = kind, .text = std::move(text), .version = step_.version, .direction = step_.direction});
}

bool StepRunner::waived(TableName const& table, std::string const& column) const {
    return waives(lose_, table, column) || (!column.empty() && waives(lose_, table, ""));
}

Result<void> StepRunner::prepare() {
    auto const read = [&](Script const& script) -> Result<void> {
        UNDROP_TRY(auto found, directives(script));
        backfill_.insert(backfill_.end(), found.backfill.begin(), found.backfill.end());
        if (&script != &script_) return success();
        lose_ = std::move(found.lose);
        touches_ = std::move(found.touches);
        return success();
    };
    if (step_.direction == Direction::up) script_ = step_.up.value_or(Script{});
    if (step_.direction == Direction::down && step_.origin != Origin::derived) script_ = step_.down.value_or(Script{});
    UNDROP_CHECK(read(script_));
    if (step_.direction == Direction::down && step_.up) UNDROP_CHECK(read(*step_.up));
    UNDROP_TRY(statements_, backend_.dialect().split(script_));
    auto const foreseen = backend_.dialect().foresee(statements_);
    outside_ = foreseen.outside;
    if (foreseen.opaque && !outside_.empty() && touches_.empty()) return done_twice();
    if (auto const* check = check_of(step_)) {
        UNDROP_TRY(checks_, backend_.dialect().split(*check));
    }
    return success();
}

// What no rollback takes back must not be done in a round that may be taken back (P6).
Error StepRunner::done_twice() const {
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("the script calls {}, which no rollback takes back, and its text does not show all that it does to "
                                        "tables: it may have to run twice",
                                        outside_.front()),
                 .where = {script_.file, 0, 0},
                 .next = {.advice = "name the tables that it reaches at its top: `-- undrop: touches TABLE, ...`"}};
}

Result<StepReport> StepRunner::run() {
    started_ = Clock::now();
    UNDROP_CHECK(prepare());
    for (int n = 1; n <= most_rounds; ++n) {
        report_ =
            StepReport{.version = step_.version, .name = step_.name, .direction = step_.direction, .origin = step_.origin, .rounds = n};
        auto done = guarded_round();
        if (done && done.value() == Round::again && !outside_.empty()) {
            auto error = done_twice();
            error.left = Left::rolled_back;
            error.message += "; what it takes was not foreseen";
            done = std::move(error);
        }
        if (done && done.value() == Round::done) {
            report_.seconds = seconds_since(started_);
            tell(Event::Kind::committed,
                 fmt::format("{} {} {}", step_.direction == Direction::up ? "applied" : "took back", step_.version, step_.name));
            return report_;
        }
        if (!done) {
            auto error = std::move(done).error();
            if (error.code != Code::in_doubt) {
                backend_.rollback();
                if (error.left == Left::untouched && error.code != Code::conflict) error.left = Left::rolled_back;
            }
            return error;
        }
        backend_.rollback();
    }
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("each of {} rounds took something else that was not saved", most_rounds),
                 .next = {.advice = "name what the script reaches with `-- undrop: touches TABLE, ...`"}};
}

// A callback of the program's may throw; the step ends as if it had been cancelled.
Result<StepRunner::Round> StepRunner::guarded_round() {
    try {
        return round();
    } catch (std::exception const& thrown) {
        return Error{.code = Code::interrupted, .left = Left::rolled_back, .message = fmt::format("interrupted: {}", thrown.what())};
    }
}

Result<StepRunner::Round> StepRunner::round() {
    saved_.clear();
    copies_.clear();
    unchanged_cells_.clear();
    swapped_.clear();
    footprints_.clear();
    restored_.clear();
    made_.clear();
    expected_.clear();
    UNDROP_CHECK(backend_.begin(options_, statements_));
    auto const opened = Clock::now();
    tell(Event::Kind::started, fmt::format("{} {}", step_.version, step_.name));
    UNDROP_CHECK(check_still_meant());
    UNDROP_CHECK(lock_and_mark());
    UNDROP_CHECK(save_foreseen());
    UNDROP_CHECK(run_script());
    UNDROP_TRY(auto const rows, save_rows());
    if (rows == Round::again) return rows;
    UNDROP_CHECK(leave_footprints());
    UNDROP_CHECK(bring_back());
    UNDROP_CHECK(backend_.check_constraints());
    UNDROP_TRY(auto const outcome, look_again());
    if (outcome == Round::again) return outcome;
    tell(Event::Kind::recorded, "the ledger is written");
    UNDROP_CHECK(backend_.commit());
    for (auto& lock : report_.locks) lock.held_seconds = seconds_since(opened);
    return Round::done;
}

Result<void> StepRunner::check_still_meant() {
    UNDROP_TRY(auto const history, ledger_.history());
    auto const* applied = history.find(step_.version);
    auto const gone =
        Error{.code = Code::conflict,
              .left = Left::untouched,
              .message = fmt::format("{} was {} by another migrator meanwhile", step_.version, applied ? "applied" : "taken back"),
              .next = {.command = "status"}};
    if ((applied != nullptr) == (step_.direction == Direction::up)) return gone;
    auto opposite_step = applied ? applied->step : std::int64_t{0};
    if (!applied) {
        UNDROP_TRY(opposite_step, ledger_.last_step(step_.version, "reverted"));
    }
    UNDROP_TRY(opposite_, read_opposite(ledger_, opposite_step, step_.direction));
    UNDROP_TRY(before_, backend_.tables(ledger_.name()));

    if (foresight_.tables.empty() && foresight_.columns.empty() && foresight_.copies.empty() && foresight_.locks.empty()) {
        foresight_ = planned_ = foresee(backend_.dialect(), statements_, before_, lose_, opposite_.wanted);
        foresee_copies();
    }
    head_ = history.head;
    return success();
}

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
    for (auto const& snapshot : opposite_.snapshots) {
        auto const* table = find_table(before_, {snapshot.table.schema, snapshot.table.name});
        if (!table || snapshot.kind != Snapshot::Kind::updated || step_.direction == Direction::up) continue;
        for (std::size_t i = 0; i < snapshot.values.size(); ++i) {
            auto const* column = table->column(snapshot.values[i]);
            if (column && column->type != snapshot.table.column(snapshot.values[i])->type)
                foresight_.copies.insert({table->schema, table->name});
        }
    }
}

// P7: a plan is for the history and the objects that it was made for, read again under the locks.
Result<void> StepRunner::check_base() const {
    if (base_.empty() || fingerprint(head_, catalog_, at_stake(catalog_, planned_, opposite_.wanted)) == base_) return success();
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
    auto const rows_go = step_.direction == Direction::down && step_.origin == Origin::derived &&
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
        for (auto const& table : to_lock) report_.locks.push_back({.table = table.text(), .waited_seconds = seconds_since(start)});
        tell(Event::Kind::locked, fmt::format("{} table(s)", to_lock.size()));
    }
    // Whoever held a lock until now may have changed the table.
    if (!report_.locks.empty()) {
        UNDROP_TRY(before_, backend_.tables(ledger_.name()));
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
    UNDROP_TRY(sequences_, backend_.named_sequences());
    UNDROP_TRY(next_id_, ledger_.next_snapshot());
    return success();
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
        UNDROP_CHECK(save(backend_, ledger_, snapshot, gone, opposite_.footprints));
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
        if (table && !table->partitioned && table->column(column) && !table->column(column)->generated)
            UNDROP_CHECK(save_one(Snapshot::Kind::column, *table, column));
    }
    for (auto const& name : foresight_.copies)
        if (auto const* table = find_table(before_, name); table && !table->partitioned) {
            UNDROP_TRY(auto made, copy_rows(backend_, ledger_, *table, next_id_++));
            copies_.push_back(std::move(made));
        }
    return note_unchanged_cells();
}

Result<void> StepRunner::run_script() {
    UNDROP_CHECK(backend_.enter_script());
    for (auto const& statement : statements_) {
        if (options_.cancelled && options_.cancelled())
            return Error{.code = Code::interrupted,
                         .left = Left::rolled_back,
                         .message = "interrupted",
                         .where = {script_.file, statement.line, statement.column}};
        tell(Event::Kind::statement, statement.text.substr(0, statement.text.find('\n')));
        if (auto ran = backend_.run_script(script_, statement); !ran) {
            auto error = std::move(ran).error();
            if (step_.direction == Direction::down && error.next.command.empty())
                error.next = {.command = "down --derive", .advice = "goes back without the down script, by what the ledger recorded"};
            return error;
        }
        UNDROP_CHECK(backend_.still_ours());
    }
    UNDROP_CHECK(backend_.leave_script());
    tell(Event::Kind::ran, fmt::format("{} statement(s)", statements_.size()));
    UNDROP_TRY(after_script_, backend_.observed());
    UNDROP_TRY(scripted_, backend_.tables(ledger_.name()));
    return success();
}

// P3: what the script itself has written into what it made is not a user's.
Result<void> StepRunner::leave_footprints() {
    auto add = [&](Table const& table, std::string const& column, std::set<std::string> const& fresh, bool written) -> Result<void> {
        UNDROP_TRY(auto prints, footprint(backend_, ledger_, table, column, fresh, written, next_id_));
        if (!prints.empty()) ++next_id_;
        footprints_.insert(footprints_.end(), prints.begin(), prints.end());
        return success();
    };
    for (auto const& table : scripted_) {
        auto const* before = find_table_by_id(before_, table.id);
        if (!before) before = find_table(before_, {table.schema, table.name});
        if (!before) {
            UNDROP_CHECK(add(table, "", {}, true));
            continue;
        }
        auto const writes = after_script_.writes.find(before->id);
        auto const written = writes != after_script_.writes.end() || before->id != table.id;
        auto const is_new = [&](Column const& column) {
            return !column.generated && !before->column(column.name) && (before->id != table.id || !before->column_by_id(column.id));
        };
        std::set<std::string> fresh;
        for (auto const& column : table.columns)
            if (is_new(column)) fresh.insert(column.name);
        for (auto const& column : table.columns)
            if (is_new(column)) UNDROP_CHECK(add(table, column.name, fresh, written));
    }
    return success();
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
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = fmt::format("bringing rows back made something else write to {}: {} updated, {} inserted, {} deleted rows "
                                            "that nobody planned",
                                            table ? table->text() : "a table", updated, inserted, deleted),
                     .next = {.advice = "look for a foreign key with ON UPDATE, or a trigger that undrop may not switch off"}};
    }
    return success();
}

Result<StepRunner::Round> StepRunner::look_again() {
    UNDROP_TRY(auto const end, backend_.observed());
    if (!end.refused.empty())
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = end.refused.front(),
                     .where = {script_.file, 0, 0},
                     .next = {.advice = "take that out of the migration"}};
    UNDROP_TRY(auto const after, backend_.tables(ledger_.name()));
    auto const changes = look(before_, after, after_script_.writes);
    auto const needed = unsaved(changes);
    if (!foresight_.covers(needed)) {
        tell(Event::Kind::again, "something was taken that was not foreseen: once more, with it saved");
        foresight_.add(needed);
        return Round::again;
    }
    UNDROP_CHECK(nothing_unplanned(end));
    UNDROP_TRY(auto const retyped, save_retyped(changes));
    if (retyped == Round::again) return retyped;
    UNDROP_TRY(auto const unknown, backend_.removed_unknown(catalog_));
    for (auto const& what : unknown)
        if (std::find(lose_.begin(), lose_.end(), what) == lose_.end())
            return Error{.code = Code::refused,
                         .left = Left::rolled_back,
                         .message = fmt::format("the step removes {}, which undrop cannot bring back", what),
                         .where = {script_.file, 0, 0},
                         .next = {.advice = fmt::format("`-- undrop: lose {}` at the top of the file lets it go", what)}};
    tell(Event::Kind::looked, "everything that was taken is saved");
    UNDROP_CHECK(keep_only_losses(changes));
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    UNDROP_CHECK(verify(now));
    UNDROP_CHECK(run_check());
    report_.seconds = seconds_since(started_);
    UNDROP_CHECK(record(now, changes));
    return Round::done;
}

// What was foreseen and did not happen needs no snapshot; copies were only for comparing.
Result<void> StepRunner::keep_only_losses(std::vector<TableChange> const& changes) {
    for (auto const& made : copies_) UNDROP_CHECK(backend_.run("drop table " + made.store));
    for (auto const& [id, store] : unchanged_cells_) UNDROP_CHECK(backend_.run("drop table " + store));
    auto const taken = unsaved(changes);
    std::vector<Snapshot> kept;
    for (auto& snapshot : saved_) {
        TableName const name{snapshot.table.schema, snapshot.table.name};
        // Rows of a table that went after all are in the snapshot of the table.
        auto const needed = snapshot.of_rows()                       ? !taken.tables.contains(name)
                            : snapshot.kind == Snapshot::Kind::table ? taken.tables.contains(name)
                                                                     : taken.columns.contains({name, snapshot.column});
        if (needed)
            kept.push_back(std::move(snapshot));
        else
            UNDROP_CHECK(backend_.run("drop table " + ledger_.table(snapshot.store)));
    }
    saved_ = std::move(kept);
    UNDROP_TRY(auto const positions, backend_.positions());
    // A sequence that went, or that the script set back: no number is given twice. What moved ahead stays there. Going down, also what the
    // up moves again when it runs next.
    for (auto const& [sequence, position] : positions_) {
        auto const now = positions.find(sequence);
        auto const of_sequence = [&](Snapshot const& s) { return s.kind == Snapshot::Kind::sequence && s.table.name == sequence; };
        if (now != positions.end() &&
            (step_.direction == Direction::up || std::none_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), of_sequence))) {
            if (now->second == position) continue;
            UNDROP_TRY(auto const behind, backend_.is_behind(sequence, now->second, position));
            if (!behind) continue;
        }
        Snapshot snapshot;
        snapshot.id = next_id_++;
        snapshot.kind = Snapshot::Kind::sequence;
        snapshot.table.name = sequence;
        snapshot.position = position;
        saved_.push_back(std::move(snapshot));
    }
    return success();
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
