#include "step.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <chrono>

#include "check.hpp"
#include "digest.hpp"
#include "merge.hpp"
#include "save.hpp"
#include "try.hpp"
#include "untouched.hpp"
#include "waiver.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int most_rounds = 6;
constexpr char const* told_otherwise = "the down script leaves otherwise than it was before the up: ";
constexpr char const* told_failing = "what the down script left cannot be mended: ";

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// The script itself did not fail, nor is it the moment.
bool is_of_ours(Error const& error) { return (error.code == Code::refused || error.code == Code::failed) && error.where.line == 0; }

}  // namespace

std::string fingerprint(std::int64_t head, Catalog const& catalog, std::set<ObjectId> const& at_stake) {
    std::string text = std::to_string(head);
    for (auto const& id : at_stake) {
        auto const found = catalog.find(id);
        text += '\0' + id.text() + '\0' + (found == catalog.end() ? std::string{} : found->second.make);
    }
    return sha256_hex(text);
}

std::string history_fingerprint(std::int64_t head) { return "history:" + fingerprint(head, {}, {}); }

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
    if (part_) {
        if (!part_->has_run()) statements_ = part_->part.statements;
    } else {
        UNDROP_TRY(statements_, backend_.dialect().split(script_));
    }
    auto const foreseen = backend_.dialect().foresee(statements_);
    outside_ = foreseen.outside;
    if (foreseen.opaque && !outside_.empty() && touches_.empty()) return done_twice();
    if (auto const* check = check_of(step_); check && ends_step()) {
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
    auto const scripted = step_.direction == Direction::down && step_.origin != Origin::derived && !part_;
    std::string as_written;  // what is told of it where the script's outcome has to do
    for (int n = 1; n <= most_rounds; ++n) {
        report_ =
            StepReport{.version = step_.version, .name = step_.name, .direction = step_.direction, .origin = step_.origin, .rounds = n};
        report_.taken_back_for = step_.taken_back_for;
        if (!as_written.empty()) report_.notes.push_back(as_written);
        auto done = guarded_round();
        backend_.look_only_at(nullptr, {});
        if (done && done.value() == Round::again && !outside_.empty()) {
            auto error = done_twice();
            error.left = Left::rolled_back;
            error.message += "; what it takes was not foreseen";
            done = std::move(error);
        }
        if (!done && needs_new_labels(done.error())) done = Round::again;
        // Before what comes back is refused, everything is looked at.
        if (!done && opposite_.step != 0 && looks_narrowly() && is_of_ours(done.error()) && done.error().native != otherwise) {
            narrow_ = false;
            done = Round::again;
            --n;
        }
        if (!done && scripted && as_written.empty() && is_of_ours(done.error())) {
            backend_.rollback();
            auto const left = done.error().native == otherwise;
            auto const stays = may_know_better();
            as_written = (left ? told_otherwise : told_failing) + done.error().message;
            std::optional<StepReport> recorded;
            if (!stays) {
                UNDROP_TRY(recorded, back_as_recorded(backend_, ledger_, options_, step_, run_, log_));
            }
            if (recorded) {
                recorded->notes.push_back(
                    as_written + "; what the up made and changed is as it was left, so what was recorded came back without the script");
                return std::move(*recorded);
            }
            if (left) {
                outcome_stands_ = true;
                done = Round::again;
                --n;  // nothing was unforeseen
            }
        }
        if (done && done.value() == Round::done) {
            report_.seconds = seconds_since(started_);
            auto const what =
                ends_step() ? fmt::format("{} {} {}", step_.direction == Direction::up ? "applied" : "took back", step_.version, step_.name)
                            : fmt::format("{} {}: {}", step_.version, step_.name, text_of(part_->part));
            try {
                tell(Event::Kind::committed, what);
            } catch (...) {  // what is committed stays so, whatever the program's callback makes of it
            }
            return report_;
        }
        if (!done) {
            auto error = std::move(done).error();
            if (error.code != Code::in_doubt) {
                backend_.rollback();
                if (error.left == Left::untouched && error.code != Code::conflict) error.left = Left::rolled_back;
                return naming_unfitting(std::move(error));
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
    } catch (...) {
        return Error{.code = Code::interrupted, .left = Left::rolled_back, .message = "the program's event callback threw an exception"};
    }
}

Result<StepRunner::Round> StepRunner::round() {
    if (log_) log_->clear();
    saved_.clear();
    kept_.clear();
    copies_.clear();
    unchanged_cells_.clear();
    keys_back_.clear();
    matched_.clear();
    untouched_.clear();
    moved_rows_.clear();
    told_.clear();
    from_untouched_.clear();
    reads_known_ = false;
    swapped_.clear();
    kept_rows_.clear();
    in_use_.clear();
    removed_.clear();
    renumbered_.clear();
    working_.clear();
    evicted_.clear();
    numbered_.clear();
    referring_.clear();
    readers_.clear();
    overwritten_.clear();
    references_.clear();
    footprints_.clear();
    keys_gone_.clear();
    restored_.clear();
    made_.clear();
    bare_.clear();
    moved_.clear();
    expected_.clear();
    changed_views_.clear();
    locked_since_.clear();
    backend_.look_only_at(looks_narrowly() ? &statements_ : nullptr, {});
    UNDROP_CHECK(backend_.begin(options_, statements_));
    for (auto& remark : backend_.remarks())
        if (std::find(report_.notes.begin(), report_.notes.end(), remark) == report_.notes.end())
            report_.notes.push_back(std::move(remark));
    tell(Event::Kind::started, fmt::format("{} {}", step_.version, step_.name));
    UNDROP_CHECK(check_still_meant());
    UNDROP_CHECK(verify_snapshots());
    UNDROP_CHECK(lock_and_mark());
    UNDROP_CHECK(save_foreseen());
    UNDROP_CHECK(run_on_trial());
    UNDROP_CHECK(remove_inserted_rows(Rows::before_script));
    UNDROP_CHECK(run_script());
    UNDROP_TRY(auto const seen, find_missed());
    if (seen == Round::again) return seen;
    if (save_aside_of_script() == Round::again) return Round::again;
    if (part_ && part_->has_run()) {
        UNDROP_CHECK(save_captured());
    } else {
        UNDROP_TRY(auto const rows, save_rows());
        if (rows == Round::again) return rows;
    }
    UNDROP_CHECK(leave_footprints());
    UNDROP_CHECK(bring_back());
    UNDROP_CHECK(constraints_hold());
    UNDROP_TRY(auto const outcome, look_again());
    if (outcome == Round::again) return outcome;
    auto const by_script =
        step_.direction == Direction::down && step_.origin != Origin::derived && opposite_.step != 0 && !part_ && outside_.empty();
    if (by_script && !outcome_stands_)
        UNDROP_CHECK(nothing_otherwise(backend_, ledger_, {report_, saved_, footprints_, before_, catalog_}, opposite_));
    tell(Event::Kind::recorded, "the ledger is written");
    if (auto committed = backend_.commit(); !committed) {
        auto error = std::move(committed).error();
        if (error.code != Code::in_doubt) return error;
        UNDROP_CHECK(settle(std::move(error)));
    }
    for (auto& lock : report_.locks) lock.held_seconds = seconds_since(locked_since_.at(lock.table));
    return Round::done;
}

// P6: a COMMIT without an answer is settled by asking the server, or else the ledger.
Result<void> StepRunner::settle(Error doubt) {
    auto const what = doubt.message.substr(0, doubt.message.find(": "));
    tell(Event::Kind::waiting, what + "; finding out what became of the step");
    auto told = backend_.settle(options_);
    if (!told) {
        doubt.trail.push_back(told.error().message);
        return doubt;
    }
    auto committed = told.value();
    if (!committed) {
        auto const found = is_recorded();
        if (!found) return doubt;
        committed = found.value();
    }
    if (*committed) {
        report_.notes.push_back(what + "; the step is committed all the same");
        return success();
    }
    return Error{.code = Code::failed,
                 .left = Left::rolled_back,
                 .message = what + ", and the step was taken back",
                 .native = std::move(doubt.native),
                 .next = {.command = step_.direction == Direction::up ? "up" : "down", .advice = "do it again"}};
}

Result<void> StepRunner::check_still_meant() {
    UNDROP_TRY(auto const history, ledger_.history_of(step_.version));
    UNDROP_CHECK(check_part_still_meant(history));
    auto const* applied = history.find(step_.version);
    auto const expected = part_ && part_->takes_back ? (applied != nullptr) : step_.direction == Direction::down;
    if ((applied != nullptr) != expected)
        return Error{.code = Code::conflict,
                     .left = Left::untouched,
                     .message = fmt::format("{} was {} by another migrator meanwhile", step_.version, applied ? "applied" : "taken back"),
                     .next = {.command = "status"}};
    UNDROP_CHECK(read_opposite_of(history));
    if (opposite_.step != 0) backend_.look_only_at(looks_narrowly() ? &statements_ : nullptr, what_comes_back(opposite_));
    UNDROP_TRY(before_, backend_.tables(ledger_.name()));
    UNDROP_TRY(views_, read_views(backend_, ledger_.name()));
    if (!part_ && !lose_.empty())  // P7
        UNDROP_CHECK(waivers_exist(script_, lose_, with_views(before_, views_), backend_.dialect().foresee(statements_)));
    UNDROP_CHECK(find_kept_columns());

    if (foresight_.tables.empty() && foresight_.columns.empty() && foresight_.copies.empty() && foresight_.locks.empty() &&
        foresight_.views.empty()) {
        foresight_ = planned_ = foresee(backend_.dialect(), statements_, before_, lose_, opposite_);
        for (auto* foreseen : {&foresight_, &planned_}) leave_out(*foreseen, keeps_, opposite_.aside);
        foresee_copies();
    }
    head_ = history.head;
    return foresee_order();
}

Result<void> StepRunner::read_opposite_of(History const& history) {
    auto const* applied = history.find(step_.version);
    auto opposite_step = applied ? applied->step : std::int64_t{0};
    if (part_ && part_->takes_back) {
        opposite_step = part_->step;
    } else if (!applied) {
        UNDROP_TRY(opposite_step, ledger_.last_step(step_.version, "reverted"));
    }
    UNDROP_TRY(opposite_, read_opposite(ledger_, opposite_step, step_.direction));
    UNDROP_CHECK(tell_what_stays());
    if (!part_) return success();
    // Things come back at the step's end; until then only what is known of the rows' writers matters (P3).
    if (!ends_step()) opposite_ = Opposite{.wanted = {}, .renames = {}, .snapshots = {}, .footprints = std::move(opposite_.footprints)};
    return success();
}

// What the script may be about to insert again; asked before, for a failed transaction answers nothing.
Result<void> StepRunner::count_kept_rows() {
    if (step_.direction == Direction::down || opposite_.step == 0) return success();
    UNDROP_TRY(auto const applied, ledger_.last_step(step_.version, "applied"));
    UNDROP_TRY(auto const prints, ledger_.footprints(applied));
    for (auto const& print : prints) {
        auto const* table = find_table(before_, {print.schema, print.table});
        if (print.of != Footprint::Of::rows || !table || table->key.empty()) continue;
        UNDROP_TRY(auto const rows,
                   backend_.rows(fmt::format("select count(*) from {} as t where exists (select 1 from {} as f where f.k = {})",
                                             backend_.dialect().own_rows(*table), ledger_.table(print.store),
                                             identity(backend_.dialect(), *table, "t"))));
        auto const count = number_of(rows.at(0).at(0));
        if (count > 0) kept_rows_ += fmt::format("{}{} rows of {}", kept_rows_.empty() ? "" : ", ", count, table->text());
    }
    return success();
}

Result<void> StepRunner::run_script() {
    UNDROP_CHECK(count_kept_rows());
    UNDROP_CHECK(backend_.enter_script());
    // Asking which locks there are takes longer the more there are: less time by far than the statements take.
    std::optional<Clock::time_point> unasked_since;
    Clock::duration asking{};
    for (std::size_t i = 0; i < statements_.size(); ++i) {
        auto const& statement = statements_[i];
        if (options_.cancelled && options_.cancelled())
            return Error{.code = Code::interrupted,
                         .left = Left::rolled_back,
                         .message = "interrupted",
                         .where = {script_.file, statement.line, statement.column}};
        tell(Event::Kind::statement, statement.text.substr(0, statement.text.find('\n')));
        auto const start = Clock::now();
        if (auto ran = run_statement(i); !ran) {
            auto error = std::move(ran).error();
            if (step_.direction == Direction::down && error.next.command.empty())
                error.next = {.command = "down --derive", .advice = "goes back without the down script, by what the ledger recorded"};
            if (!kept_rows_.empty()) {
                error.message += fmt::format(
                    "; {} that an earlier run of this migration inserted are still there: its way back kept what "
                    "was changed since, or is referred to",
                    kept_rows_);
                error.next = {.command = "up",
                              .advice =
                                  "once the script passes over these rows, which may hold what users wrote: INSERT ... ON CONFLICT DO "
                                  "NOTHING"};
            }
            return error;
        }
        UNDROP_CHECK(backend_.still_ours());
        if (!unasked_since) unasked_since = start;
        auto const ran = Clock::now();
        if (i + 1 < statements_.size() && ran - *unasked_since < 10 * asking) continue;
        UNDROP_CHECK(note_locks(*unasked_since));
        asking = Clock::now() - ran;
        unasked_since.reset();
    }
    UNDROP_CHECK(backend_.leave_script());
    tell(Event::Kind::ran, fmt::format("{} statement(s)", statements_.size()));
    UNDROP_TRY(after_script_, backend_.observed());
    UNDROP_TRY(scripted_, backend_.tables(ledger_.name()));
    return note_scripted_views();
}

}  // namespace undrop
