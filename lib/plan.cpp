#include "planner.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "check.hpp"
#include "rules.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Severity = Finding::Severity;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

Error wrong_range(std::string message, std::string advice) {
    return Error{.code = Code::usage,
                 .left = Left::untouched,
                 .message = std::move(message),
                 .next = {.command = "status", .advice = std::move(advice)}};
}

}  // namespace

Planner::Planner(Backend& backend, Source const& source, Options const& options, bool full)
    : backend_(backend), ledger_(backend, options.ledger), source_(source), options_(options), full_(full) {}

Result<void> Planner::read_history() {
    UNDROP_TRY(history_, ledger_.history());
    return success();
}

// Only `up` minds the files: a rollback has everything in the ledger (P4).
Result<void> Planner::compare_source(Plan& plan) {
    for (auto const& applied : history_.applied) {
        auto const* migration = find_migration(source_, applied.version);
        if (!migration) {
            plan.findings.push_back(missing_file_finding(applied, source_.origin));
        } else if (edited_up(applied, *migration)) {
            UNDROP_TRY(auto const ran, ledger_.script(applied.up_script));
            plan.findings.push_back(edited_up_finding(applied, *migration, ran));
        }
    }
    return success();
}

Result<Plan> Planner::up(Range const& range) {
    UNDROP_CHECK(read_history());
    Plan plan{.direction = Direction::up, .target = backend_.description(), .ledger = options_.ledger};
    UNDROP_CHECK(compare_source(plan));
    if (range.to && !find_migration(source_, *range.to))
        return wrong_range(fmt::format("there is no migration {}", *range.to), "it lists what there is");
    if (range.run || range.label) return wrong_range("--run and --label choose what to take back", "use --to or --steps");
    auto const newest = std::max_element(history_.applied.begin(), history_.applied.end(),
                                         [](Applied const& a, Applied const& b) { return version_less(a.version, b.version); });
    for (auto const& migration : source_.migrations) {
        if (history_.find(migration.version)) continue;
        if (range.to && version_less(*range.to, migration.version)) break;
        if (range.steps && static_cast<int>(plan.steps.size()) >= *range.steps) break;
        if (newest != history_.applied.end() && version_less(migration.version, newest->version) && !options_.out_of_order)
            plan.findings.push_back(out_of_order_finding(migration, *newest));
        PlannedStep step{.version = migration.version,
                         .name = migration.name,
                         .direction = Direction::up,
                         .origin = Origin::file,
                         .up = migration.up,
                         .down = migration.down,
                         .check = migration.check,
                         .down_check = migration.down_check};
        for (auto& finding : script_findings(backend_.dialect(), migration.up, step.statements))
            plan.findings.push_back(std::move(finding));
        look_at_check(step, plan);
        if (!migration.down)
            for (auto& finding : one_way_findings(backend_.dialect(), migration.up)) plan.findings.push_back(std::move(finding));
        if (!migration.down) step.notes.push_back("no down script: the way back is derived from what the ledger records");
        plan.steps.push_back(std::move(step));
    }
    if (!plan.steps.empty()) UNDROP_CHECK(look_at_target(plan));
    return plan;
}

Result<std::vector<Applied>> Planner::chosen_for_down(Range const& range, Plan& plan) const {
    auto newest_first = history_.applied;
    std::sort(newest_first.begin(), newest_first.end(), [](Applied const& a, Applied const& b) { return a.step > b.step; });
    std::vector<Applied> chosen;
    auto take = [&](auto const& wanted) { std::copy_if(newest_first.begin(), newest_first.end(), std::back_inserter(chosen), wanted); };
    if (range.to) {
        if (*range.to != "0" && !history_.find(*range.to))
            return wrong_range(fmt::format("{} is not applied", *range.to), "it lists what is");
        take([&](Applied const& a) { return *range.to == "0" || version_less(*range.to, a.version); });
    } else if (range.run) {
        auto const run = *range.run == 0 && !newest_first.empty() ? newest_first.front().run : *range.run;
        take([&](Applied const& a) { return a.run == run; });
        if (chosen.empty() && *range.run != 0)
            return wrong_range(fmt::format("nothing that run {} applied is still applied", run), "it lists what is");
    } else if (range.label) {
        take([&](Applied const& a) { return a.label == *range.label; });
        if (chosen.empty())
            return wrong_range(fmt::format("nothing is applied under the label \"{}\"", *range.label), "log lists the labels");
    } else {
        auto const count = std::min<std::size_t>(newest_first.size(), static_cast<std::size_t>(std::max(0, range.steps.value_or(1))));
        chosen.assign(newest_first.begin(), newest_first.begin() + static_cast<std::ptrdiff_t>(count));
    }
    // What came later may build on what is to go.
    if (!chosen.empty())
        for (auto const& later : newest_first)
            if (later.step > chosen.back().step &&
                std::none_of(chosen.begin(), chosen.end(), [&](Applied const& a) { return a.step == later.step; }))
                plan.findings.push_back(
                    {.severity = Severity::stop,
                     .code = "not-newest",
                     .text = fmt::format("{} {} was applied after {} {}, and would stay", later.version, later.name, chosen.back().version,
                                         chosen.back().name),
                     .next = {.command = "down --to " + chosen.back().version, .advice = "takes the later ones back first"}});
    return chosen;
}

// A file wins over the ledger; --down-from ledger says otherwise for what a down runs.
Result<void> Planner::find_checks(Applied const& applied, PlannedStep& step) {
    auto const* migration = find_migration(source_, applied.version);
    UNDROP_TRY(auto recorded, ledger_.checks(applied.recorded));
    auto const base = applied.version + "_" + applied.name + ".";
    if (recorded.check) step.check = Script{*recorded.check, base + "check.sql (ledger)"};
    if (recorded.down_check) step.down_check = Script{*recorded.down_check, base + "down.check.sql (ledger)"};
    if (migration && migration->check) step.check = migration->check;
    if (migration && migration->down_check && (options_.down_from == DownFrom::files || !step.down_check))
        step.down_check = migration->down_check;
    return success();
}

// P7: what the text of a check shows to be none is refused before the step.
void Planner::look_at_check(PlannedStep& step, Plan& plan) const {
    auto const* check = check_of(step);
    if (!check) return;
    for (auto& finding : script_findings(backend_.dialect(), *check, step.check_statements, RunsAs::check))
        plan.findings.push_back(std::move(finding));
}

Result<PlannedStep> Planner::step_down(Applied const& applied, Plan& plan) {
    PlannedStep step{.version = applied.version, .name = applied.name, .direction = Direction::down};
    UNDROP_TRY(auto up, ledger_.script(applied.up_script));
    step.up = Script{std::move(up), applied.version + "_" + applied.name + ".up.sql (ledger)"};
    auto const* migration = find_migration(source_, applied.version);
    // Directives are no part of a script's identity: a `backfill` that was added since is heard.
    if (migration && !edited_up(applied, *migration)) step.up = migration->up;
    auto const in_file = migration && migration->down;
    auto const in_ledger = !applied.down_script.empty();
    auto const from_file = in_file && (options_.down_from == DownFrom::files || !in_ledger);
    if (in_ledger) {
        UNDROP_TRY(auto down, ledger_.script(applied.down_script));
        step.down = Script{std::move(down), applied.version + "_" + applied.name + ".down.sql (ledger)"};
        if (in_file && edited_down(applied, *migration) && !options_.derive)
            plan.findings.push_back(edited_down_finding(applied, *migration, step.down->text, from_file));
    }
    if (from_file) step.down = migration->down;
    step.origin = options_.derive || !step.down ? Origin::derived : from_file ? Origin::file : Origin::ledger;
    if (step.origin == Origin::derived) {
        step.notes.push_back(options_.derive ? "the way back is derived; down scripts are not looked at"
                                             : "no down script: the way back is derived");
        return step;
    }
    for (auto& finding : script_findings(backend_.dialect(), *step.down, step.statements)) {
        if (finding.next.command.empty()) finding.next = {.command = "down --derive", .advice = "goes back without the script"};
        plan.findings.push_back(std::move(finding));
    }
    return step;
}

Result<Plan> Planner::down(Range const& range) {
    UNDROP_CHECK(read_history());
    Plan plan{.direction = Direction::down, .target = backend_.description(), .ledger = options_.ledger};
    UNDROP_TRY(auto const chosen, chosen_for_down(range, plan));
    for (auto const& applied : chosen) {
        UNDROP_TRY(auto step, step_down(applied, plan));
        UNDROP_CHECK(find_checks(applied, step));
        look_at_check(step, plan);
        plan.steps.push_back(std::move(step));
    }
    if (!plan.steps.empty()) UNDROP_CHECK(look_at_target(plan));
    return plan;
}

Result<Plan> Planner::to(std::string const& version) {
    UNDROP_CHECK(read_history());
    if (version != "0" && !history_.find(version)) return up({.to = version});
    auto const newer =
        std::any_of(history_.applied.begin(), history_.applied.end(), [&](Applied const& a) { return version_less(version, a.version); });
    if (newer) return down({.to = version});
    if (version == "0") return Plan{.direction = Direction::down, .target = backend_.description(), .ledger = options_.ledger};
    return up({.to = version});
}

Result<void> Planner::look_at_target(Plan& plan) {
    UNDROP_CHECK(backend_.begin_reading());
    auto looked = [&]() -> Result<void> {
        UNDROP_TRY(tables_, backend_.tables(options_.ledger));
        UNDROP_TRY(catalog_, backend_.catalog(options_.ledger));
        std::set<ObjectId> seen;
        for (auto& step : plan.steps) {
            Opposite opposite;
            if (auto const* applied = history_.find(step.version)) {
                UNDROP_TRY(opposite, read_opposite(ledger_, applied->step, step.direction));
                UNDROP_TRY(auto const recorded, ledger_.objects(applied->step));
                find_drift(opposite, recorded, plan, seen);
            } else if (history_.has_ledger &&
                       std::find(history_.reverted.begin(), history_.reverted.end(), step.version) != history_.reverted.end()) {
                UNDROP_TRY(auto const reverted, ledger_.last_step(step.version, "reverted"));
                UNDROP_TRY(opposite, read_opposite(ledger_, reverted, step.direction));
            }
            UNDROP_CHECK(describe(step, opposite, plan));
        }
        return success();
    }();
    backend_.rollback();
    return looked;
}

// Drift: what the up left and what is there now, for objects that no later step of this plan takes back first.
void Planner::find_drift(Opposite const& opposite, std::vector<Recorded> const& recorded, Plan& plan, std::set<ObjectId>& seen) const {
    std::vector<std::string> drifted;
    for (auto const& object : recorded) {
        if (!opposite.wanted.contains(object.id) || !seen.insert(object.id).second) continue;
        auto const now = catalog_.find(object.id);
        auto const there = now != catalog_.end();
        if (there != object.after.has_value() || (there && !now->second.same(*object.after))) drifted.push_back(object.id.text());
    }
    if (drifted.empty()) return;
    std::string names;
    for (auto const& name : drifted) names += (names.empty() ? "" : ", ") + name;
    plan.findings.push_back(
        {.severity = options_.accept_drift ? Severity::warning : Severity::stop,
         .code = "drift",
         .text = "changed by hand since the migration ran, and the rollback would overwrite it: " + names,
         .next = {.command = "down --accept-drift", .advice = "if what the migration had found is to come back all the same"}});
}

Result<void> Planner::describe(PlannedStep& step, Opposite const& opposite, Plan& plan) {
    auto const* script = step.direction == Direction::up ? &step.up : &step.down;
    std::vector<Statement> statements;
    std::vector<std::string> lose;
    if (step.origin != Origin::derived && *script) {
        if (auto split = backend_.dialect().split(**script)) statements = std::move(split).value();
        if (auto told = directives(**script)) lose = told.value().lose;
    }
    auto foresight = foresee(backend_.dialect(), statements, tables_, {}, opposite.wanted);
    auto const unwaived = foresee(backend_.dialect(), statements, tables_, lose, opposite.wanted);
    for (auto const& table : tables_)
        if (unwaived.locks_table({table.schema, table.name})) step.locks.push_back(table.text());
    if (plan.base.empty()) plan.base = fingerprint(history_.head, catalog_, at_stake(catalog_, unwaived, opposite.wanted));
    if (backend_.dialect().foresee(statements).opaque)
        step.notes.push_back(
            "runs code whose effects its text does not show: what it takes is found when it runs, and saved in a second round");
    describe_writes(step, unwaived);
    describe_way_back(step, opposite, plan);
    UNDROP_CHECK(count(step, foresight, lose));
    if (full_) UNDROP_CHECK(warn_of_mentions(foresight, backend_.dialect().foresee(statements), plan));
    return success();
}

// Rows that a script changes are read through a second connection where that is possible, else the table is copied before.
void Planner::describe_writes(PlannedStep& step, Foresight const& foresight) const {
    for (auto const& name : foresight.writes) {
        if (foresight.tables.contains(name)) continue;
        auto const table = name.first.empty() ? name.second : name.first + "." + name.second;
        auto why = backend_.why_blind(options_);
        if (why.empty() && (foresight.locks.contains(name) || foresight.saves_values(name)))
            why = "the script alters it too, which keeps every other connection from reading it";
        step.notes.push_back(why.empty() ? fmt::format("rows of {} that the script changes or deletes are saved as it runs", table)
                                         : fmt::format("{} is copied before the script: {}", table, why));
    }
    for (auto const& name : foresight.copies)
        if (!foresight.writes.contains(name) && !foresight.tables.contains(name))
            step.notes.push_back(fmt::format("{} is copied before the script, which replaces rows or values of all of it",
                                             name.first.empty() ? name.second : name.first + "." + name.second));
}

void Planner::describe_way_back(PlannedStep& step, Opposite const& opposite, Plan& plan) const {
    for (auto const& snapshot : opposite.snapshots) {
        if (snapshot.kind == Snapshot::Kind::sequence) continue;
        step.comes_back.push_back(fmt::format("{} ({} rows saved)", snapshot.what(), snapshot.rows));
        if (!snapshot.keyed())
            step.notes.push_back(
                fmt::format("{} has no key: its rows are told apart by all their columns, equal ones not at all", snapshot.table.text()));
        auto const bare = snapshot.kind == Snapshot::Kind::column
                              ? backend_.dialect().add_bare_column(snapshot.table, *snapshot.table.column(snapshot.column))
                              : "-";
        if (step.direction == Direction::down && bare.empty() && snapshot.table.columns.back().name != snapshot.column)
            step.notes.push_back(fmt::format("{} comes back as the last column: mind INSERTs without a column list", snapshot.what()));
    }
    if (step.direction == Direction::up) return;
    auto const mend = plan_mend(catalog_, opposite.wanted);
    if (step.origin == Origin::derived && !mend.refused.empty())
        plan.findings.push_back(
            {.severity = Severity::stop, .code = "not-derivable", .text = mend.refused, .next = {.advice = "write a down script"}});
    if (step.origin == Origin::derived)
        for (auto const* actions : {&mend.before_data, &mend.after_data})
            for (auto const& action : *actions)
                step.mends.push_back((action.kind == MendAction::Kind::remove ? "removes " : "brings back ") + action.id.text());
    else
        step.notes.push_back("what the down script forgets of what the ledger recorded is mended");
}

Result<void> Planner::count(PlannedStep& step, Foresight const& foresight, std::vector<std::string> const& lose) {
    auto const& dialect = backend_.dialect();
    auto number_of = [&](std::string const& sql) -> Result<std::optional<std::int64_t>> {
        if (!full_) return std::optional<std::int64_t>{};
        UNDROP_TRY(auto const rows, backend_.rows(sql));
        return std::optional<std::int64_t>{std::stoll(rows.at(0).at(0).value_or("0"))};
    };
    for (auto const& name : foresight.tables) {
        auto const* table = find_table(tables_, name);
        UNDROP_TRY(auto const rows, number_of(fmt::format("select count(*) from {}", dialect.own_rows(*table))));
        step.losses.push_back({table->text(), rows, waives(lose, name, "")});
    }
    for (auto const& [name, column] : foresight.columns) {
        auto const* table = find_table(tables_, name);
        UNDROP_TRY(auto const rows, number_of(fmt::format("select count({}) from {}", dialect.quote(column), dialect.own_rows(*table))));
        step.losses.push_back({table->text() + "." + column, rows, waives(lose, name, column) || waives(lose, name, "")});
        if (table->key.empty() && step.direction == Direction::up)
            step.notes.push_back(
                fmt::format("{} has no key: its rows are told apart by all their columns, equal ones not at all", table->text()));
    }
    return success();
}

namespace {

std::string quoted(std::string const& name) {
    std::string out = "\"";
    for (char const c : name) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + '"';
}

// Is this body (`view s.v`, `function s.f(integer)`, `trigger g on s.t`) the one of that name?
bool is_body(std::string const& body, Foreseen::Body const& goes) {
    auto const kind_ends =
        body.find(" view ") == std::string::npos || !body.starts_with("materialized") ? body.find(' ') : body.find(" view ") + 5;
    auto rest = body.substr(kind_ends + 1);
    if (body.starts_with("trigger ")) rest = rest.substr(0, rest.find(" on "));
    if (body.starts_with("function ") || body.starts_with("procedure ")) rest = rest.substr(0, rest.rfind('('));
    for (auto const& name : {goes.name, quoted(goes.name)}) {
        if (rest == name) return true;
        for (auto const& schema : {goes.schema, quoted(goes.schema)})
            if (goes.schema.empty() ? rest.ends_with("." + name) : rest == schema + "." + name) return true;
    }
    return false;
}

}  // namespace

// A body that goes in the same step fails no more; nor does a trigger of a table that goes.
bool Planner::goes_too(std::string const& body, Foresight const& foresight, Foreseen const& foreseen) const {
    if (std::any_of(foreseen.bodies.begin(), foreseen.bodies.end(), [&](Foreseen::Body const& b) { return is_body(body, b); })) return true;
    auto const gone = [&](ObjectId const& need) {
        auto const full = need.parent.empty() ? need.name : need.parent + "." + need.name;
        return std::any_of(foresight.tables.begin(), foresight.tables.end(),
                           [&](TableName const& table) { return names_table(full, table) || names_table(need.parent, table); }) ||
               std::any_of(foresight.columns.begin(), foresight.columns.end(), [&](auto const& column) {
                   return need.kind == "column" && need.name == column.second && names_table(need.parent, column.first);
               });
    };
    // What the database knows to depend on it goes by CASCADE, or keeps the script from running at all.
    for (auto const& [id, object] : catalog_) {
        auto const text = id.kind == "trigger" ? "trigger " + id.name : id.text();
        auto const named = body == text || body.starts_with(text + " on ") ||
                           (id.kind == "materialized_view" && body == "materialized view " + id.parent + "." + id.name);
        if (named && std::any_of(object.needs.begin(), object.needs.end(), gone)) return true;
    }
    return false;
}

Result<void> Planner::warn_of_mentions(Foresight const& foresight, Foreseen const& foreseen, Plan& plan) {
    std::set<std::string> words;
    for (auto const& [table, column] : foresight.columns) words.insert(column);
    for (auto const& table : foresight.tables) words.insert(table.second);
    for (auto const& word : words) {
        UNDROP_TRY(auto const bodies, backend_.mentions(word));
        for (auto const& body : bodies)
            if (!goes_too(body, foresight, foreseen))
                plan.findings.push_back({.severity = Severity::warning,
                                         .code = "mentioned",
                                         .text = fmt::format("{} mentions {}, which goes: it will fail when it runs next", body, word)});
    }
    return success();
}

bool Plan::go() const {
    return std::none_of(findings.begin(), findings.end(), [](Finding const& f) { return f.severity == Severity::stop; });
}

Result<Approved> approve(Plan plan) {
    if (plan.go()) return Approved(std::move(plan));
    Error error{.code = Code::refused, .left = Left::untouched};
    for (auto const& finding : plan.findings) {
        if (finding.severity != Severity::stop) continue;
        if (error.message.empty()) {
            error.message = finding.text;
            error.where = finding.where;
            error.next = finding.next;
        } else {
            error.message += "\n" + finding.text;
        }
    }
    return error;
}

Result<Plan> plan_up(Target& target, Source const& source, Range const& range, Options const& options) {
    return Planner(target.backend(), source, options, true).up(range);
}

Result<Plan> plan_down(Target& target, Source const& source, Range const& range, Options const& options) {
    return Planner(target.backend(), source, options, true).down(range);
}

Result<Plan> plan_to(Target& target, Source const& source, std::string const& version, Options const& options) {
    return Planner(target.backend(), source, options, true).to(version);
}

}  // namespace undrop
