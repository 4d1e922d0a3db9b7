#include "walk.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <chrono>
#include <utility>

#include "apply.hpp"
#include "evidence.hpp"
#include "grade.hpp"
#include "mentions_left.hpp"
#include "names.hpp"
#include "opposite.hpp"
#include "rows_word.hpp"
#include "rules.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr std::size_t most_statement = 100;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool holds_real_rows(Rehearsal const& rehearsal) { return rehearsal.data.mode >= DataMode::sample; }

bool asks_witness(Rehearsal const& rehearsal, Sandbox& sandbox) {
    return rehearsal.witness.value_or(rehearsal.data.mode != DataMode::migrations) && !sandbox.witness().empty();
}

// The first line of the statement that stands at a place of a script.
std::string statement_at(Dialect const& dialect, Script const& script, Place const& where) {
    auto const statements = dialect.split(script);
    if (!statements || where.line == 0) return {};
    std::string text;
    for (auto const& statement : statements.value())
        if (statement.line < where.line || (statement.line == where.line && statement.column <= where.column)) text = statement.text;
    text = text.substr(0, text.find('\n'));
    return text.size() > most_statement ? text.substr(0, most_statement) + "..." : text;
}

}  // namespace

Walk::Walk(Sandbox& sandbox, Rehearsal const& rehearsal, Options const& options)
    : sandbox_(sandbox),
      backend_(sandbox.backend()),
      rehearsal_(rehearsal),
      options_(options),
      ledger_(backend_, options.ledger),
      watch_(sandbox, options.ledger),
      hide_(holds_real_rows(rehearsal) && !rehearsal.show_rows),
      keeper_(sandbox, options_, hide_, asks_witness(rehearsal, sandbox)),
      extrapolation_(backend_, options_),
      writes_(sandbox, options_, hide_) {
    auto const told = options.on_event;
    options_.on_event = [this, told](Event const& event) {
        watch_.see(event);
        if (told && event.kind != Event::Kind::again) told(event);  // once more is what a rehearsal is
    };
    options_.atomic = false;
}

PlannedStep Walk::step_of(Migration const& migration, Direction direction) const {
    auto const derived = direction == Direction::down && (options_.derive || derive_ || !migration.down);
    return {.version = migration.version,
            .name = migration.name,
            .direction = direction,
            .origin = derived ? Origin::derived : Origin::file,
            .up = migration.up,
            .down = migration.down};
}

void Walk::blame(Migration const& migration, PlannedStep const& step, Error error, Rehearsed& found) {
    auto const& script = step.direction == Direction::up || !migration.down ? migration.up : *migration.down;
    if (error.where.file.empty() && step.origin != Origin::derived) error.where.file = script.file;
    // P8: what a script's own code raises may hold a row's value.
    if (hide_ && is_own_words(error)) {
        found.reason = "the script raises an error of its own; --show-rows tells its words, which may hold a row's values";
        found.native = error.native.substr(0, error.native.find(':'));
    } else {
        found.reason = std::move(error.message);
        found.native = std::move(error.native);
    }
    found.where = std::move(error.where);
    found.statement = statement_at(backend_.dialect(), script, found.where);
}

void Walk::blame(PlannedStep const& step, char const* after, char const* before, Differences differences, Rehearsed& found) {
    std::vector<std::string> parts;
    if (differences.rows_differing > 0)
        parts.push_back(fmt::format("{} of {}", rows_word(differences.rows_differing), fmt::join(differences.tables, ", ")));
    if (!differences.objects.empty())
        parts.push_back(
            fmt::format("{} {} of the schema", differences.objects.size(), differences.objects.size() == 1 ? "object" : "objects"));
    found.reason = fmt::format("after the {} not everything is as it was {}: {}", after, before, fmt::join(parts, ", "));
    if (!waived_.empty()) found.reason += fmt::format("; let go by `-- undrop: lose`: {}", fmt::join(waived_, ", "));
    if (step.origin != Origin::derived) found.where.file = (step.direction == Direction::up ? step.up : step.down)->file;
    found.rows_differing = differences.rows_differing;
    found.rows = std::move(differences.rows);
    found.objects = std::move(differences.objects);
}

// True: done. False: it failed, `found` says why, and the database is as it was before.
Result<bool> Walk::go(Migration const& migration, Direction direction, char const* name, Rehearsed& found) {
    watch_.clear();
    auto step = step_of(migration, direction);
    auto const fail = [&](Error error) {
        if (found.reason.empty()) {
            found.step = name;
            blame(migration, step, std::move(error), found);
        }
        return false;
    };
    if (step.origin != Origin::derived) {
        auto const& script = direction == Direction::up ? migration.up : *migration.down;
        for (auto& finding : script_findings(backend_.dialect(), script, step.statements))
            if (finding.severity == Finding::Severity::stop)
                return fail({.code = Code::refused, .message = std::move(finding.text), .where = std::move(finding.where)});
    }
    auto options = options_;
    options.derive = options.derive || derive_;
    Plan const plan{.direction = direction, .target = {}, .ledger = options_.ledger, .base = {}, .steps = {step}, .findings = {}};
    auto done = apply_locked(backend_, plan, options);
    UNDROP_CHECK(sandbox_.end_session());
    if (done) {
        applied_ = direction == Direction::up;
        last_ = std::move(done.value().steps.at(0));
        waived_.insert(waived_.end(), last_.waived.begin(), last_.waived.end());
        if (auto const& now = watch_.touched(); touched_ && now)
            touched_->insert(now->begin(), now->end());
        else
            touched_.reset();
        return true;
    }
    if (ends_all(done.error()) || sandbox_.is_to_blame(done.error())) return std::move(done).error();
    return fail(std::move(done).error());
}

// Of the step that went last.
Result<StepCost> Walk::cost(State const& before) {
    auto cost = cost_of(last_);
    cost.rewritten = watch_.rewritten();
    if (rehearsal_.data.mode >= DataMode::synthetic) UNDROP_CHECK(extrapolation_.extend(last_, before, watch_.touched(), cost));
    return cost;
}

// What a migration saved serves only its own way back, which is behind us, and of its steps only the last one stands: a walk through a long
// history would drag it all along.
Result<void> Walk::forget_steps(Migration const& migration) {
    UNDROP_TRY(auto const last, ledger_.last_step(migration.version, "applied"));
    keeper_.later(fmt::format("delete from {} where step >= {} and step < {}", ledger_.table(names::object), next_event_, last));
    keeper_.later(fmt::format("delete from {} where id >= {} and id < {}", ledger_.table(names::event), next_event_, last));
    UNDROP_TRY(auto const next, ledger_.next_snapshot());
    for (auto const* manifest : {names::snapshot, names::footprint}) {
        auto const of_migration = fmt::format("from {} where id >= {} and id < {}", ledger_.table(manifest), next_snapshot_, next);
        UNDROP_TRY(auto const stores, backend_.rows("select store " + of_migration));
        for (auto const& row : stores)
            if (row[0] && !row[0]->empty()) keeper_.later("drop table " + ledger_.table(*row[0]));
        keeper_.later("delete " + of_migration);
    }
    return success();
}

// What the way back itself said that it leaves, of what the up changed.
Result<void> Walk::compare_what_stays(Migration const& migration, Differences& differences) {
    auto const says = [](std::string const& note) { return note.find(" stay") != std::string::npos; };
    if (std::none_of(last_.notes.begin(), last_.notes.end(), says)) return success();
    UNDROP_TRY(auto const applied, ledger_.last_step(migration.version, "applied"));
    UNDROP_TRY(auto const opposite, read_opposite(ledger_, applied, Direction::down));
    for (auto const& [what, line] : opposite.stays)
        if (std::find(last_.notes.begin(), last_.notes.end(), line) != last_.notes.end())
            differences.objects.push_back(
                {.object = what.empty() ? line.substr(0, line.find(" stays")) : what, .before = {}, .after = "-- it stays"});
    return success();
}

// True: the migration is taken back, whatever came of it.
Result<bool> Walk::go_back(Migration const& migration, Rehearsed& found) {
    auto const step = step_of(migration, Direction::down);
    UNDROP_TRY(bool const down, go(migration, Direction::down, "down", found));
    if (!down) {
        found.grade = step.origin == Origin::derived ? Grade::irreversible : Grade::down_broken;
        if (step.origin == Origin::derived) return false;
        return go_back_derived(migration, found);
    }
    UNDROP_TRY(found.down, cost(now_));
    // Where an application has written it may well run.
    passed_over_ = step.origin != Origin::derived && last_.origin == Origin::derived;
    if (passed_over_) found.notes.insert(found.notes.end(), last_.notes.begin(), last_.notes.end());
    UNDROP_TRY(auto differences, keeper_.compare(now_, touched_));
    UNDROP_CHECK(keeper_.compare_beside_tables(now_, differences));
    UNDROP_CHECK(compare_what_stays(migration, differences));
    found.grade = differences.none() ? grade_of(last_) : Grade::lossy;
    if (differences.none()) {
        UNDROP_TRY(auto const statements, backend_.dialect().split(migration.down.value_or(Script{})));
        found.because = means_of(last_, step.origin == Origin::derived || statements.empty());
    } else {
        found.step = "down";
        blame(step, "down", "before the up", std::move(differences), found);
    }
    return true;
}

// The script failed, and the database is as the up left it. What would undrop do instead?
Result<bool> Walk::go_back_derived(Migration const& migration, Rehearsed& found) {
    Rehearsed tried;
    derive_ = true;
    auto down = go(migration, Direction::down, "down", tried);
    derive_ = false;
    UNDROP_TRY(bool const done, std::move(down));
    if (!done) {
        found.derived = "none: " + tried.reason;
        return false;
    }
    UNDROP_TRY(found.down, cost(now_));
    UNDROP_TRY(auto const differences, keeper_.compare(now_, touched_));
    found.derived = name_of(differences.none() ? grade_of(last_) : Grade::lossy);
    if (auto const means = means_of(last_, true); differences.none() && !means.empty()) found.derived += fmt::format(" ({})", means);
    return true;
}

// Which columns two ups from the same state fill otherwise, as now(), random() and sequences do. Goes down and up once more; `really` is
// what the database is like, before and after.
Result<Columns> Walk::differing_between_ups(Migration const& migration, State& really) {
    Rehearsed tried;
    UNDROP_TRY(bool const down, go(migration, Direction::down, "down", tried));
    if (!down) return Columns{};
    UNDROP_TRY(bool const up, go(migration, Direction::up, "up again", tried));
    if (!up) return Columns{};
    UNDROP_TRY(auto differing, keeper_.differing_columns(really, touched_));
    UNDROP_TRY(auto now, keeper_.take(really, touched_));
    keeper_.release(std::exchange(really, std::move(now)));
    return differing;
}

Result<void> Walk::go_up_again(Migration const& migration, State& after_up, Rehearsed& found) {
    Rehearsed again;
    UNDROP_TRY(bool const up, go(migration, Direction::up, "up again", found.reason.empty() ? found : again));
    if (!up) {
        if (found.step == "up again") found.grade = Grade::up_broken;
        return success();
    }
    UNDROP_TRY(auto changed, keeper_.compare(after_up, touched_));
    if (changed.none()) return success();
    UNDROP_TRY(auto really, keeper_.take(after_up, touched_));
    if (found.reason.empty() && changed.rows_differing > 0) {
        UNDROP_TRY(auto const differing, differing_between_ups(migration, really));
        for (auto const& [table, columns] : differing)
            for (auto const& column : columns)
                found.notes.push_back(fmt::format("not compared: {}{}.{}, which two ups from the same state fill with other values",
                                                  table.first.empty() ? "" : table.first + ".", table.second, column));
        UNDROP_TRY(changed, keeper_.compare(after_up, touched_, differing));
    }
    keeper_.release(std::exchange(after_up, std::move(really)));
    if (!found.reason.empty() || changed.none()) return success();
    found.step = "up again";
    found.grade = Grade::lossy;
    blame(step_of(migration, Direction::up), "second up", "after the first", std::move(changed), found);
    return success();
}

// What the sandbox cannot keep to itself.
void Walk::note_reach(Migration const& migration, Rehearsed& found) const {
    for (auto const* script : {&migration.up, migration.down ? &*migration.down : nullptr}) {
        auto const statements = script ? backend_.dialect().split(*script) : Result<std::vector<Statement>>(std::vector<Statement>{});
        if (!statements) continue;
        for (auto const& statement : statements.value())
            if (auto reach = sandbox_.reaches_beyond(statement);
                !reach.empty() && std::find(found.notes.begin(), found.notes.end(), reach) == found.notes.end())
                found.notes.push_back(std::move(reach));
    }
}

Result<void> Walk::rehearse(Migration const& migration, Rehearsed& found) {
    touched_.emplace();
    passed_over_ = false;
    note_reach(migration, found);
    UNDROP_TRY(next_event_, ledger_.next_event());
    UNDROP_TRY(next_snapshot_, ledger_.next_snapshot());
    UNDROP_TRY(auto const up, go(migration, Direction::up, "up", found));
    if (!up) {
        found.grade = Grade::up_broken;
        return success();
    }
    UNDROP_TRY(found.up, cost(now_));
    UNDROP_TRY(auto after_up, keeper_.take(now_, touched_));
    UNDROP_CHECK(note_stake(backend_, ledger_, migration.up, now_, after_up, touched_, found));
    UNDROP_TRY(auto const mentions, mentions_left(backend_, now_, after_up));
    found.notes.insert(found.notes.end(), mentions.begin(), mentions.end());
    if (found.irreversible = reason_of(migration.up); !found.irreversible.empty()) {
        found.grade = Grade::irreversible;
    } else {
        if (rehearsal_.writes)
            if (auto const around = writes_.look_around(now_, after_up, touched_, watch_.renames(), down_writes(migration, after_up));
                !around)
                UNDROP_CHECK(pass_over(around.error(), found));
        UNDROP_TRY(bool const back, go_back(migration, found));
        bool const writes = rehearsal_.writes && found.grade <= Grade::exact_with_snapshot;
        if (writes)
            if (auto const before = writes_.try_before(now_); !before) UNDROP_CHECK(pass_over(before.error(), found));
        if (back) UNDROP_CHECK(go_up_again(migration, after_up, found));
        if (writes && found.grade <= Grade::exact_with_snapshot) UNDROP_CHECK(go_with_writes(migration, after_up, found));
        found.came_back = found.grade <= Grade::exact_with_snapshot;
    }
    keeper_.release(std::exchange(now_, std::move(after_up)));
    return forget_steps(migration);
}

Result<void> Walk::over(std::vector<Migration const*> const& migrations, std::vector<std::string> const& chosen, Evidence& evidence) {
    evidence.witness = keeper_.witness();
    auto const is_chosen = [&](Migration const& m) { return std::find(chosen.begin(), chosen.end(), m.version) != chosen.end(); };
    bool stale = true;  // what now_ says is not what is there
    for (auto next = migrations.begin(); next != migrations.end(); ++next) {
        auto const& migration = **next;
        auto const start = Clock::now();
        Rehearsed found{.version = migration.version, .name = migration.name};
        found.reproduce = fmt::format("{} {}", rehearsal_.command, migration.version);
        note_scripts(migration, options_.derive, found);
        applied_ = false;
        waived_.clear();
        if (is_chosen(migration)) {
            if (stale) {
                UNDROP_TRY(now_, keeper_.take(now_, {}));
                stale = false;
            }
            UNDROP_CHECK(rehearse(migration, found));
        } else {
            UNDROP_TRY(bool const up, go(migration, Direction::up, "up", found));
            if (!up) found.grade = Grade::up_broken;
            keeper_.release(std::exchange(now_, State{}));
            stale = true;
            if (applied_) ++evidence.only_applied;
        }
        found.seconds = seconds_since(start);
        if (is_chosen(migration) || !applied_) evidence.migrations.push_back(std::move(found));
        if (applied_) continue;
        for (++next; next != migrations.end(); ++next)
            if (is_chosen(**next)) evidence.not_reached.push_back((*next)->version);
        return success();
    }
    if (stale) return success();
    // The steps' own observations said which tables to look at; now every row of every table is.
    UNDROP_TRY(auto const unseen, keeper_.compare(now_, {}));
    if (!unseen.none() && !evidence.migrations.empty()) {
        auto& last = evidence.migrations.back();
        last.came_back = false;
        last.grade = Grade::lossy;
        last.step = "up again";
        blame({.origin = Origin::derived}, "whole walk", "after its last step, and no step was seen to change it", unseen, last);
    }
    return success();
}

}  // namespace undrop
