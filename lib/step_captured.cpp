// Statements of a step that commit by themselves, as a procedure does: what they take is saved with each of their transactions, and becomes
// snapshots when they are through (P1). One that did not come to its end, or of which nobody knows, is taken back with its step.
#include <fmt/format.h>
#include <algorithm>
#include <chrono>

#include "apply.hpp"
#include "in_parts.hpp"
#include "look.hpp"
#include "rows.hpp"
#include "save.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool made_by_step(std::vector<Recorded> const& recorded, Table const& table, std::string const& column) {
    return std::any_of(recorded.begin(), recorded.end(), [&](Recorded const& object) {
        if (object.before) return false;
        if (column.empty())
            return object.id.kind == "table" &&
                   names_table(object.id.parent.empty() ? object.id.name : object.id.parent + "." + object.id.name, table_name(table));
        return object.id.kind == "column" && object.id.name == column && names_table(object.id.parent, table_name(table));
    });
}

}  // namespace

Result<void> InParts::captured(ScriptPart const& part) {
    auto const start = Clock::now();
    UNDROP_CHECK(backend_.may_run_outside(*part.outside, part.settings, options_));
    Begun begun{.what = *part.outside};
    UNDROP_CHECK(begin_capture(part, begun));
    UNDROP_CHECK(backend_.run_outside(script_, part.statements.front(), part.settings, options_));
    tell(Event::Kind::outside, text_of(part));
    UNDROP_CHECK(save_captured(part, progress_.begun.at(part.number), false));
    UNDROP_CHECK(end_capture());
    report_.outside.push_back(fmt::format("{} ({:.2f} s)", text_of(part), std::chrono::duration<double>(Clock::now() - start).count()));
    tell(Event::Kind::journaled, "done: " + text_of(part));
    return success();
}

// Its rows would be told apart from what was taken before by nothing: by parts before it, or under names that the step has changed.
Result<std::set<std::string>> InParts::taken_already(std::vector<Table> const& tables) {
    UNDROP_TRY(auto const so_far, read_opposite(ledger_, event_, Direction::down));
    std::set<std::string> ids;
    for (auto const& table : tables) {
        auto const name = table_name(table);
        auto const taken = std::any_of(so_far.snapshots.begin(), so_far.snapshots.end(), [&](Snapshot const& s) {
            return s.kind != Snapshot::Kind::sequence && TableName{s.table.schema, s.table.name} == name;
        });
        auto const renamed = std::any_of(so_far.renames.begin(), so_far.renames.end(), [&](Rename const& r) { return r.after == name; });
        if (taken || renamed) ids.insert(table.id);
    }
    return ids;
}

// Committed with the journal's row, so that whoever finds that knows that there is something to be saved.
Result<void> InParts::begin_capture(ScriptPart const& part, Begun const& begun) {
    auto written = begun;
    auto const told = directives(script_);
    UNDROP_TRY(auto const done, retried(options_, step_, [&]() -> Result<StepReport> {
                   UNDROP_CHECK(backend_.begin(options_, {}));
                   auto made = [&]() -> Result<void> {
                       UNDROP_TRY(written.positions, backend_.positions());
                       UNDROP_CHECK(journal_.begin(event_, part, written));
                       UNDROP_TRY(auto tables, backend_.tables(ledger_.name()));
                       std::erase_if(tables, [&](Table const& table) { return told && waives(told.value().lose, table_name(table), ""); });
                       UNDROP_TRY(auto const closed, taken_already(tables));
                       UNDROP_CHECK(backend_.begin_capture(ledger_.name(), tables, closed));
                       return backend_.commit();
                   }();
                   if (made) return StepReport{};
                   backend_.rollback();
                   return std::move(made).error();
               }));
    progress_.begun.insert_or_assign(part.number, written);
    tell(Event::Kind::journaled, text_of(part));
    return success();
}

Result<void> InParts::save_captured(ScriptPart const& part, Begun const& begun, bool torn) {
    StepPart const run{.step = event_, .part = part, .so_far = report_, .torn = torn, .positions = begun.positions};
    auto step = step_;  // as it began, also where this run is to take it back
    step.direction = began_;
    if (step.down) step.origin = Origin::ledger;
    auto options = options_;
    if (torn) options.cancelled = nullptr;
    UNDROP_CHECK(backend_.begin(options, {}));
    auto joined = backend_.join_captured(ledger_.name());
    if (joined) joined = backend_.commit();
    if (!joined) {
        backend_.rollback();
        return joined;
    }
    UNDROP_TRY(auto const done, retried(options, step, [&]() -> Result<StepReport> {
                   StepRunner runner(backend_, ledger_, options, step, run, run_);
                   UNDROP_TRY(auto report, runner.run());
                   run_ = runner.run_id();
                   return report;
               }));
    add_to(report_, done);
    if (torn) {
        progress_.torn.insert(part.number);
        return success();
    }
    progress_.begun.erase(part.number);
    progress_.done.insert(part.number);
    return success();
}

Result<void> InParts::end_capture() {
    auto options = options_;
    options.cancelled = nullptr;
    UNDROP_TRY(auto const done, retried(options, step_, [&]() -> Result<StepReport> {
                   UNDROP_CHECK(backend_.end_capture(ledger_.name(), options));
                   return StepReport{};
               }));
    return success();
}

Result<void> StepRunner::save_captured() {
    UNDROP_TRY(auto const made, ledger_.objects(part_->step));
    UNDROP_TRY(auto const all, backend_.captured(ledger_.name()));
    for (auto const& captured : all) UNDROP_CHECK(save_captured(captured, made));
    return success();
}

// As save_unit(), where the present rows are those that the statement left, whatever others have written since. What the step itself had
// made before is no loss; but whose rows and values are in it is to be known (P3).
Result<void> StepRunner::save_captured(Captured const& captured, std::vector<Recorded> const& made) {
    auto const& table = captured.table;
    auto const first = footprints_.size();
    auto const leave = [&](std::string const& column, std::set<std::string> const& fresh) -> Result<void> {
        UNDROP_TRY(auto prints, footprint(backend_, ledger_, captured.left, column, fresh, true, next_id_));
        if (!prints.empty()) ++next_id_;
        footprints_.insert(footprints_.end(), prints.begin(), prints.end());
        return success();
    };
    if (made_by_step(made, table, "")) {
        UNDROP_CHECK(leave("", {}));
    } else {
        UNDROP_TRY(auto old, make_old_rows(backend_, ledger_, table, next_id_++));
        auto const values = saved_values(backend_.dialect(), old);
        std::string names;
        std::string expressions;
        for (std::size_t i = 0; i < values.size(); ++i) {
            names += fmt::format(", v{}", i + 1);
            expressions += ", " + values[i];
        }
        UNDROP_CHECK(backend_.run(fmt::format("insert into {} (n, state{}) select t.{}, 'u'{} from {} as t", old.store, names,
                                              captured.number, expressions, captured.old_rows)));
        old.complete = true;
        old.apart = true;
        KeptColumns kept;
        std::set<std::string> lost;
        std::set<std::string> fresh;
        for (auto const& column : table.columns) {
            if (made_by_step(made, table, column.name)) fresh.insert(column.name);
            if (column.generated || fresh.contains(column.name)) continue;
            kept.emplace_back(column.name, column.name);
            if (waived(table_name(table), column.name)) lost.insert(column.name);
        }
        UNDROP_TRY(auto changes,
                   save_row_changes(backend_, ledger_, old, captured.left, kept, lost, left_in(table), "", Changes::all, next_id_));
        keep(std::move(changes));
        UNDROP_CHECK(backend_.run("drop table " + old.store));
        for (auto const& column : fresh) UNDROP_CHECK(leave(column, fresh));
    }
    for (auto i = first; i < footprints_.size(); ++i) {
        footprints_[i].schema = table.schema;
        footprints_[i].table = table.name;
    }
    return success();
}

}  // namespace undrop
