// Rehearse: one walk through the migrations, each up, down and up again in a sandbox, and compared.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <chrono>
#include <utility>

#include <undrop/rehearse.hpp>

#include "apply.hpp"
#include "ledger.hpp"
#include "names.hpp"
#include "rules.hpp"
#include "sandbox.hpp"
#include "state.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr std::size_t most_statement = 100;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Does the sandbox begin with the target's schema, and with rows that are the target's own?
bool of_target(Rehearsal const& rehearsal) { return rehearsal.data.mode != DataMode::migrations; }
bool holds_real_rows(Rehearsal const& rehearsal) { return rehearsal.data.mode >= DataMode::sample; }

// Errors that say nothing about the migration.
bool ends_all(Error const& error) { return error.code == Code::interrupted || error.code == Code::in_doubt; }

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

class Walk {
public:
    Walk(Backend& backend, Rehearsal const& rehearsal, Options const& options)
        : backend_(backend),
          rehearsal_(rehearsal),
          options_(options),
          ledger_(backend, options.ledger),
          watch_(backend, options.ledger),
          keeper_(backend, options_, holds_real_rows(rehearsal) && !rehearsal.show_rows) {
        auto const told = options.on_event;
        options_.on_event = [this, told](Event const& event) {
            watch_.see(event);
            if (told) told(event);
        };
        options_.atomic = false;
    }
    Walk(Walk const&) = delete;
    Walk& operator=(Walk const&) = delete;

    [[nodiscard]] Result<void> over(std::vector<Migration const*> const& migrations, std::vector<std::string> const& chosen,
                                    Evidence& evidence);

private:
    [[nodiscard]] Result<void> rehearse(Migration const& migration, Rehearsed& found);
    [[nodiscard]] Result<bool> go(Migration const& migration, Direction direction, char const* step, Rehearsed& found);
    [[nodiscard]] PlannedStep step_of(Migration const& migration, Direction direction) const;
    [[nodiscard]] Result<void> forget_snapshots();
    void blame(Migration const& migration, PlannedStep const& step, Error error, Rehearsed& found);
    void blame(PlannedStep const& step, char const* after, char const* before, Differences differences, Rehearsed& found);

    Backend& backend_;
    Rehearsal const& rehearsal_;
    Options options_;
    Ledger ledger_;
    Watch watch_;
    StateKeeper keeper_;
    State now_;
    std::int64_t next_snapshot_ = 0;   // of those that the migration at hand makes
    bool applied_ = false;             // is the migration at hand applied?
    std::vector<std::string> waived_;  // losses that it let go, as `-- undrop: lose` says
};

PlannedStep Walk::step_of(Migration const& migration, Direction direction) const {
    auto const derived = direction == Direction::down && (options_.derive || !migration.down);
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
    found.reason = std::move(error.message);
    found.native = std::move(error.native);
    found.where = std::move(error.where);
    found.statement = statement_at(backend_.dialect(), script, found.where);
}

void Walk::blame(PlannedStep const& step, char const* after, char const* before, Differences differences, Rehearsed& found) {
    std::vector<std::string> parts;
    if (differences.rows_differing > 0)
        parts.push_back(fmt::format("{} {} of {}", differences.rows_differing, differences.rows_differing == 1 ? "row" : "rows",
                                    fmt::join(differences.tables, ", ")));
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
    Plan const plan{.direction = direction, .target = {}, .ledger = options_.ledger, .base = {}, .steps = {step}, .findings = {}};
    auto done = apply_locked(backend_, plan, options_);
    if (done) {
        applied_ = direction == Direction::up;
        for (auto const& ran : done.value().steps) waived_.insert(waived_.end(), ran.waived.begin(), ran.waived.end());
        return true;
    }
    if (ends_all(done.error())) return std::move(done).error();
    return fail(std::move(done).error());
}

// What a migration saved serves only its own way back, which is behind us: a walk through a long history would drag it all along.
Result<void> Walk::forget_snapshots() {
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

Result<void> Walk::rehearse(Migration const& migration, Rehearsed& found) {
    auto const join = [](Touched a, Touched const& b) {
        if (!a || !b) return Touched{};
        a->insert(b->begin(), b->end());
        return a;
    };
    UNDROP_TRY(next_snapshot_, ledger_.next_snapshot());
    UNDROP_TRY(auto const up, go(migration, Direction::up, "up", found));
    if (!up) return success();
    auto const first = watch_.touched();
    UNDROP_TRY(auto after_up, keeper_.take(now_, first));
    if (found.irreversible = reason_of(migration.up); !found.irreversible.empty()) {
        keeper_.release(std::exchange(now_, std::move(after_up)));
        return forget_snapshots();
    }

    UNDROP_TRY(auto const down, go(migration, Direction::down, "down", found));
    auto const second = watch_.touched();
    if (down) {
        UNDROP_TRY(auto differences, keeper_.compare(now_, join(first, second)));
        if (!differences.none()) {
            found.step = "down";
            blame(step_of(migration, Direction::down), "down", "before the up", std::move(differences), found);
        }
        UNDROP_TRY(auto const again, go(migration, Direction::up, "up again", found));
        auto const third = join(second, watch_.touched());
        if (again) {
            UNDROP_TRY(auto changed, keeper_.compare(after_up, third));
            if (!changed.none()) {
                UNDROP_TRY(auto really, keeper_.take(after_up, third));
                keeper_.release(std::exchange(after_up, std::move(really)));
                if (found.reason.empty()) {
                    found.step = "up again";
                    blame(step_of(migration, Direction::up), "second up", "after the first", std::move(changed), found);
                }
            }
        }
    }
    keeper_.release(std::exchange(now_, std::move(after_up)));
    UNDROP_CHECK(forget_snapshots());
    found.came_back = found.reason.empty();
    return success();
}

Result<void> Walk::over(std::vector<Migration const*> const& migrations, std::vector<std::string> const& chosen, Evidence& evidence) {
    auto const is_chosen = [&](Migration const& m) { return std::find(chosen.begin(), chosen.end(), m.version) != chosen.end(); };
    bool stale = true;  // what now_ says is not what is there
    for (auto next = migrations.begin(); next != migrations.end(); ++next) {
        auto const& migration = **next;
        auto const start = Clock::now();
        Rehearsed found{.version = migration.version, .name = migration.name};
        found.reproduce = fmt::format("{} {}", rehearsal_.command, migration.version);
        applied_ = false;
        waived_.clear();
        if (is_chosen(migration)) {
            if (stale) {
                UNDROP_TRY(now_, keeper_.take(now_, {}));
                stale = false;
            }
            UNDROP_CHECK(rehearse(migration, found));
        } else {
            UNDROP_CHECK(go(migration, Direction::up, "up", found));
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
        last.step = "up again";
        blame({.origin = Origin::derived}, "whole walk", "after its last step, and no step was seen to change it", unseen, last);
    }
    return success();
}

// What to rehearse, and what that stands on.
Result<std::vector<std::string>> chosen_versions(Source const& source, Rehearsal const& rehearsal, History const& history) {
    auto const wrong = [](std::string message, std::string advice) {
        return Error{.code = Code::usage, .message = std::move(message), .next = {.command = "status", .advice = std::move(advice)}};
    };
    std::vector<std::string> chosen;
    for (auto const& version : rehearsal.versions) {
        auto const* migration = find_migration(source, version);
        if (!migration) return wrong(fmt::format("there is no migration {}", version), "It lists what there is.");
        if (of_target(rehearsal) && history.find(version))
            return wrong(fmt::format("{} is applied to the target, so a copy of the target cannot show its way up", version),
                         "Without --data it is rehearsed on an empty database.");
        chosen.push_back(migration->version);
    }
    if (!chosen.empty()) return chosen;
    bool const pending = of_target(rehearsal) || rehearsal.which == Rehearsal::Which::pending;
    for (auto const& migration : source.migrations)
        if (!pending || !history.find(migration.version)) chosen.push_back(migration.version);
    return chosen;
}

// Up to the last that was asked for; on a copy of the target, without those that it has.
std::vector<Migration const*> on_the_way(Source const& source, std::vector<std::string> const& chosen, Rehearsal const& rehearsal,
                                         History const& history) {
    std::vector<Migration const*> way;
    std::size_t needed = 0;
    for (auto const& migration : source.migrations) {
        if (of_target(rehearsal) && history.find(migration.version)) continue;
        way.push_back(&migration);
        if (std::find(chosen.begin(), chosen.end(), migration.version) != chosen.end()) needed = way.size();
    }
    way.resize(needed);
    return way;
}

}  // namespace

bool Evidence::exact() const {
    return not_reached.empty() &&
           std::all_of(migrations.begin(), migrations.end(), [](Rehearsed const& r) { return r.came_back || !r.irreversible.empty(); });
}

Result<Evidence> rehearse(Target& target, Source const& source, Rehearsal const& rehearsal, Options const& options) {
    auto const start = Clock::now();
    Evidence evidence{.target = target.description(), .data = rehearsal.data};
    // Who rehearses on an empty database need not be able to read the target's ledger.
    History history;
    if (of_target(rehearsal) || (rehearsal.versions.empty() && rehearsal.which == Rehearsal::Which::pending)) {
        UNDROP_TRY(history, Ledger(target.backend(), options.ledger).history());
    }
    UNDROP_TRY(auto const chosen, chosen_versions(source, rehearsal, history));
    if (chosen.empty()) return evidence;
    auto const way = on_the_way(source, chosen, rehearsal, history);
    UNDROP_TRY(auto const sandbox, target.backend().make_sandbox({.data = rehearsal.data,
                                                                  .elsewhere = rehearsal.sandbox,
                                                                  .ledger = options.ledger,
                                                                  .cancelled = options.cancelled,
                                                                  .on_rows = rehearsal.on_rows}));
    evidence.notes = sandbox->notes;
    evidence.not_filled = sandbox->not_filled;
    if (!evidence.not_filled.empty())
        evidence.notes.push_back(
            fmt::format("not exercised, since no row could be made for them: {}", fmt::join(evidence.not_filled, ", ")));
    UNDROP_CHECK(with_run_lock(sandbox->backend(), options, [&]() -> Result<void> {
        UNDROP_CHECK(Ledger(sandbox->backend(), options.ledger).ensure(options));
        return Walk(sandbox->backend(), rehearsal, options).over(way, chosen, evidence);
    }));
    if (auto ended = sandbox->end(); !ended) evidence.notes.push_back(ended.error().message);
    evidence.seconds = seconds_since(start);
    return evidence;
}

}  // namespace undrop
