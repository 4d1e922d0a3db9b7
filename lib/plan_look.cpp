// The part of the planner that looks at the target: what a step would take and lock there, and what would come back.
#include "planner.hpp"
#include "renames.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "added_columns.hpp"
#include "attributes.hpp"
#include "busy.hpp"
#include "drift.hpp"
#include "fault.hpp"
#include "labels.hpp"
#include "outside.hpp"
#include "partitions.hpp"
#include "rules.hpp"
#include "try.hpp"
#include "waiver.hpp"

namespace undrop {
namespace {

using Severity = Finding::Severity;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

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

// A table with more columns is as the step left it.
void keep_added(std::vector<Recorded>& recorded, Catalog const& now, Opposite& opposite, std::set<ObjectId> const& seen, Plan& plan) {
    for (auto const& [id, added] : keep_added_columns(recorded, now, opposite.wanted, seen))
        plan.findings.push_back({.code = "added", .text = text_of(id, added)});
}

bool lacks_rights(Plan const& plan) {
    return std::any_of(plan.findings.begin(), plan.findings.end(),
                       [](Finding const& finding) { return finding.code == "rights" || finding.code == "row-security"; });
}

}  // namespace

// Of a step that nobody has taken yet, none.
Result<Opposite> Planner::opposite_of(PlannedStep const& step) {
    if (step.unfinished != 0) return Opposite{};
    if (auto const* applied = history_.find(step.version)) return read_opposite(ledger_, applied->step, step.direction);
    auto const& reverted = history_.reverted;
    if (!history_.has_ledger || std::find(reverted.begin(), reverted.end(), step.version) == reverted.end()) return Opposite{};
    UNDROP_TRY(auto const last, ledger_.last_step(step.version, "reverted"));
    return read_opposite(ledger_, last, step.direction);
}

// Scripts name what they change, and the ledger what comes back; see StepRunner::looks_narrowly.
void Planner::look_only_at_what_is_named(Plan const& plan, std::vector<Opposite> const& opposites) {
    std::vector<Statement> all;
    for (auto const& step : plan.steps) {
        auto const& script = step.direction == Direction::up ? step.up : step.down;
        auto const derived = step.direction == Direction::down && step.origin == Origin::derived;
        if (step.unfinished != 0 || foresees_nothing() || (!derived && !script)) return;
        if (derived) continue;
        auto const told = directives(*script);
        auto split = backend_.dialect().split(*script);
        if (!told || !told.value().lose.empty() || !split) return;
        std::move(split.value().begin(), split.value().end(), std::back_inserter(all));
    }
    ComesBack comes_back;
    for (auto const& opposite : opposites) {
        auto one = what_comes_back(opposite);
        comes_back.objects.merge(one.objects);
        comes_back.relations.merge(one.relations);
    }
    backend_.look_only_at(&all, comes_back);
}

Result<void> Planner::look_at_target(Plan& plan) {
    UNDROP_CHECK(patiently(backend_, options_, [&] { return backend_.begin_reading(); }));
    auto looked = [&]() -> Result<void> {
        std::vector<Opposite> opposites;
        for (auto const& step : plan.steps) {
            UNDROP_TRY(auto opposite, opposite_of(step));
            opposites.push_back(std::move(opposite));
        }
        look_only_at_what_is_named(plan, opposites);
        UNDROP_TRY(tables_, backend_.tables(options_.ledger));
        UNDROP_TRY(views_, read_views(backend_, options_.ledger));
        UNDROP_TRY(auto const publications, backend_.publications(options_.ledger));
        for (auto const& name : publications) plan.findings.push_back(published_finding(name, options_));
        if (full_) UNDROP_CHECK(tell_of_event_triggers(plan));
        if (full_) UNDROP_CHECK(tell_of_concerns(plan));
        UNDROP_CHECK(read_definitions(plan));
        UNDROP_TRY(auto seen, changed_by_later(plan));
        for (std::size_t i = 0; i < plan.steps.size(); ++i) {
            auto& step = plan.steps[i];
            auto& opposite = opposites[i];
            if (step.unfinished != 0) {
                if (plan.base.empty()) plan.base = fingerprint(history_.head, {}, {});
                continue;
            }
            if (auto const* applied = history_.find(step.version)) {
                UNDROP_TRY(auto recorded, ledger_.objects(applied->step));
                if (catalog_read_ && step.direction == Direction::down) keep_added(recorded, catalog_, opposite, seen, plan);
                find_drift(step, opposite, recorded, plan, seen);
                if (step.direction == Direction::down) UNDROP_CHECK(tell_of_waived(step));
                tell_of_what_stays(step, opposite);
            }
            UNDROP_CHECK(look_at_snapshots(step, opposite, plan));
            UNDROP_CHECK(describe(step, opposite, plan));
        }
        return tell_of_locked(plan);
    }();
    backend_.look_only_at(nullptr, {});
    backend_.rollback();
    return looked;
}

// P9: what others have the database do in the middle of a step is a part of it, and its effects are looked at like the script's.
Result<void> Planner::tell_of_event_triggers(Plan& plan) {
    UNDROP_TRY(auto const triggers, backend_.event_triggers());
    for (auto const& trigger : triggers)
        plan.findings.push_back({.severity = Severity::note, .code = "event-trigger", .text = trigger + ", also in the middle of a step"});
    return success();
}

// Who dumps the database is told with the run that makes the store, and by `status` from then on.
Result<void> Planner::tell_of_concerns(Plan& plan) {
    UNDROP_TRY(auto concerns, backend_.concerns(options_.ledger));
    for (auto& finding : concerns)
        if (finding.code != "backup" || !history_.has_ledger) plan.findings.push_back(std::move(finding));
    return success();
}

// P7: what a step would restore from has to be there; whether it holds what was saved, the step itself makes sure of.
Result<void> Planner::look_at_snapshots(PlannedStep& step, Opposite& opposite, Plan& plan) {
    std::vector<Snapshot> there;
    for (auto& snapshot : opposite.snapshots) {
        auto const depth = options_.without_snapshot && full_ ? Depth::rows : Depth::table;
        UNDROP_TRY(auto const fault, fault_of(backend_, ledger_, snapshot, depth));
        if (fault.empty()) {
            there.push_back(std::move(snapshot));
        } else if (goes_without(options_, snapshot, step.direction)) {
            step.notes.push_back(fmt::format(
                "{} {}: {} {}", snapshot.what(),
                snapshot.kind == Snapshot::Kind::view ? "is filled by its query, and what it held besides is gone" : "does not come back",
                name_of(snapshot), fault));
        } else {
            auto error = will_not_restore(snapshot, fault, step.direction);
            plan.findings.push_back(
                {.severity = Severity::stop, .code = "snapshot", .text = std::move(error.message), .next = std::move(error.next)});
        }
    }
    opposite.snapshots = std::move(there);
    return look_at_aside(step, opposite, plan);
}

// Drift: what the up left and what is there now, for objects that no later step of this plan takes back first.
void Planner::find_drift(PlannedStep const& step, Opposite const& opposite, std::vector<Recorded> const& recorded, Plan& plan,
                         std::set<ObjectId>& seen) const {
    if (!catalog_read_) return;
    auto drifted = drift_of(catalog_, opposite, recorded, step.version + " " + step.name, seen);
    if (!drifted.empty()) plan.findings.push_back(drift_finding(std::move(drifted), options_));
    if (step.direction == Direction::up) return;
    auto own = opposite;
    own.wanted = without_columns_of_parents(opposite.wanted, opposite.renames, catalog_, tables_);
    auto const added = added_since(catalog_, own, seen);
    find_added(added, step, catalog_, options_, plan);
    find_beside(added, opposite, seen, catalog_, plan);
}

// What later steps changed that would stay was changed by them, and by nobody's hand.
Result<std::set<ObjectId>> Planner::changed_by_later(Plan const& plan) {
    std::set<ObjectId> changed;
    auto const is_planned = [&](Applied const& applied) {
        return std::any_of(plan.steps.begin(), plan.steps.end(), [&](PlannedStep const& s) { return s.version == applied.version; });
    };
    auto oldest = history_.head + 1;
    for (auto const& applied : history_.applied)
        if (is_planned(applied)) oldest = std::min(oldest, applied.step);
    for (auto const& applied : history_.applied) {
        if (plan.direction == Direction::up || applied.step < oldest || is_planned(applied)) continue;
        UNDROP_TRY(auto const recorded, ledger_.objects(applied.step));
        for (auto const& object : recorded) changed.insert(object.id);
    }
    return changed;
}

Result<void> Planner::describe(PlannedStep& step, Opposite const& opposite, Plan& plan) {
    auto const* script = step.direction == Direction::up ? &step.up : &step.down;
    std::vector<Statement> statements;
    std::vector<std::string> lose;
    if (step.origin != Origin::derived && *script) {
        if (auto split = backend_.dialect().split(**script)) statements = std::move(split).value();
        if (auto told = directives(**script)) lose = told.value().lose;
    }
    auto foresight = foresee(backend_.dialect(), statements, tables_, {}, opposite);
    auto const by_name = foresight;  // what has another name is not found, either
    auto unwaived = foresee(backend_.dialect(), statements, tables_, lose, opposite);
    auto const kept_columns = find_kept(step, statements, plan);
    for (auto* foreseen : {&foresight, &unwaived}) leave_out(*foreseen, kept_columns, opposite.aside);
    auto const* comes_back = step.direction == Direction::down ? &opposite.snapshots : nullptr;
    foresight.views = foresee_views({.views = views_,
                                     .catalog = catalog_,
                                     .foreseen = backend_.dialect().foresee(statements),
                                     .foresight = foresight,
                                     .wanted = opposite.wanted,
                                     .comes_back = comes_back,
                                     .touches = {},
                                     .lose = {}});
    auto const marked = step.origin != Origin::derived && *script && is_marked(**script);
    describe_parts(step, statements, marked);
    // What earlier steps of the plan make is not there yet: the step itself looks again.
    if (&step == &plan.steps.front() && *script && !lose.empty())
        if (auto const there = waivers_exist(**script, lose, with_views(tables_, views_), backend_.dialect().foresee(statements)); !there)
            plan.findings.push_back({.severity = Severity::stop,
                                     .code = "waiver",
                                     .text = there.error().message,
                                     .where = there.error().where,
                                     .next = there.error().next});
    UNDROP_CHECK(find_commits(*script, statements, marked, plan));
    auto in_transactions = statements;
    std::erase_if(in_transactions, [&](Statement const& s) { return outside_in(backend_.dialect(), s, marked).has_value(); });
    auto const locking =
        in_transactions.size() == statements.size() ? unwaived : foresee(backend_.dialect(), in_transactions, tables_, lose, opposite);
    for (auto const& table : tables_)
        if (locking.locks_table({table.schema, table.name})) step.locks.push_back(table.text());
    if (plan.base.empty())
        plan.base = catalog_read_ ? fingerprint(history_.head, catalog_, at_stake(catalog_, unwaived, opposite.wanted))
                                  : history_fingerprint(history_.head);
    if (backend_.dialect().foresee(statements).opaque)
        step.notes.push_back(
            "runs code whose effects its text does not show: what it takes is found when it runs, and saved in a second round");
    UNDROP_CHECK(find_what_cannot_come_back(step, statements, lose, unwaived, opposite, plan));
    if (lacks_rights(plan)) return success();  // to count the rows, too
    describe_writes(step, unwaived, lose);
    describe_way_back(step, opposite, plan);
    UNDROP_CHECK(describe_order(step, opposite, foresight, plan));
    UNDROP_CHECK(count(step, foresight, lose));
    describe_kept(step, kept_columns);
    describe_aside_back(step, opposite);
    UNDROP_CHECK(count_views(step, foresight, lose));
    describe_waived(step, lose);
    auto const kept = [](PlannedLoss const& loss) { return !loss.waived; };
    if (step.direction == Direction::up && std::any_of(step.losses.begin(), step.losses.end(), kept))
        step.notes.push_back(
            "what is saved stays in the database, personal data too, until `snapshots purge` or `snapshots erase`; what must not be kept "
            "at all, `-- undrop: lose NAME` in the script lets go");
    UNDROP_CHECK(count_written_since(step, opposite));
    UNDROP_CHECK(count_returns(step, opposite, statements));
    UNDROP_CHECK(find_unfitting(step, opposite, plan));
    UNDROP_CHECK(count_orphans(step, opposite, plan));
    UNDROP_CHECK(count_own_rows(step, opposite));
    if (full_) UNDROP_CHECK(tell_of_drops_beside(step, statements, lose, opposite, plan));
    note_reached(foresight, opposite, statements);
    if (full_) UNDROP_CHECK(warn_of_long_users(unwaived, plan));
    if (full_ && catalog_read_) UNDROP_CHECK(warn_of_mentions(by_name, backend_.dialect().foresee(statements), opposite.renames, plan));
    return success();
}

// What ends the transaction that a step is in.
Result<void> Planner::find_commits(std::optional<Script> const& script, std::vector<Statement> const& statements, bool marked, Plan& plan) {
    for (auto const& statement : statements) {
        UNDROP_TRY(auto const why, backend_.why_not(statement, marked));
        if (why.empty()) continue;
        plan.findings.push_back({.severity = Severity::stop,
                                 .code = "commits",
                                 .text = why,
                                 .where = {script->file, statement.line, statement.column},
                                 .next = {.advice = marked ? "do that in a migration of its own, with plain statements"
                                                           : "say `-- undrop: no-transaction` at the top of the script: each of its "
                                                             "transactions then saves what it takes"}});
    }
    return success();
}

// What is done in which transaction.
void Planner::describe_parts(PlannedStep& step, std::vector<Statement> const& statements, bool marked) const {
    auto const parts = script_parts(backend_.dialect(), statements, marked);
    if (parts.size() == 1) return;
    step.notes.push_back(fmt::format("runs in {} parts, each committed by itself; what fails is taken back whole:", parts.size()));
    for (auto const& part : parts) step.notes.push_back(fmt::format("{}. {}", part.number, text_of(part)));
}

// Rows that a script changes are read through a second connection where that is possible, else the table is copied before.
void Planner::describe_writes(PlannedStep& step, Foresight const& foresight, std::vector<std::string> const& lose) const {
    for (auto const& name : foresight.writes) {
        if (foresight.tables.contains(name) || waives(lose, name, "")) continue;
        auto const table = name.first.empty() ? name.second : name.first + "." + name.second;
        auto why = backend_.why_blind(options_);
        if (why.empty() && (foresight.locks.contains(name) || foresight.saves_values(name)))
            why = "the script alters it too, which keeps every other connection from reading it";
        if (auto const* there = find_table(tables_, name); there && there->key.empty()) step.notes.push_back(keyless_note(*there));
        step.notes.push_back(why.empty() ? fmt::format("rows of {} that the script changes or deletes are saved as it runs", table)
                                         : fmt::format("{} is copied before the script: {}", table, why));
    }
    for (auto const& name : foresight.copies)
        if (!foresight.writes.contains(name) && !foresight.tables.contains(name) && !waives(lose, name, ""))
            step.notes.push_back(fmt::format("{} is copied before the script, which replaces rows or values of all of it",
                                             name.first.empty() ? name.second : name.first + "." + name.second));
}

void Planner::describe_way_back(PlannedStep& step, Opposite const& opposite, Plan& plan) const {
    for (auto const& snapshot : opposite.snapshots) {
        if (snapshot.kind == Snapshot::Kind::sequence || !snapshot.populated) continue;
        step.comes_back.push_back(fmt::format("{} ({} rows saved)", snapshot.what(), snapshot.rows));
        if (!snapshot.keyed() && snapshot.kind != Snapshot::Kind::view) step.notes.push_back(keyless_note(snapshot.table));
    }
    if (step.direction == Direction::up) return;
    if (!catalog_read_) return;
    auto own =
        without_renamed(without_columns_of_parents(opposite.wanted, opposite.renames, catalog_, tables_), opposite.renames, catalog_);
    auto const attributes = renamed_in_place(catalog_, own);
    for (auto const& [is, was] : attributes) own.erase(is), own.erase(was);
    // Whose columns are called otherwise by now, only the step knows.
    auto const wanted = opposite.renames.empty() ? with_columns_of_parents(backend_.dialect(), own, catalog_, tables_) : own;
    auto mend = plan_mend(catalog_, with_labels_as_now(catalog_, wanted));
    std::erase_if(mend.before_data,
                  [&](MendAction const& a) { return a.kind == MendAction::Kind::reshape && becomes_partition(a.id, wanted); });
    auto refused = why_no_mend(catalog_, wanted);
    if (refused.empty() && opposite.renames.empty()) refused = partitioned_otherwise(catalog_, wanted);
    if (auto const beside = columns_beside_parents(wanted, catalog_, tables_);
        step.origin == Origin::derived && opposite.renames.empty() && !beside.empty()) {
        auto error = beside_parents(beside);
        plan.findings.push_back(
            {.severity = Severity::stop, .code = "dependents", .text = std::move(error.message), .next = std::move(error.next)});
    }
    if (step.origin == Origin::derived && !refused.empty())
        plan.findings.push_back(
            {.severity = Severity::stop, .code = "not-derivable", .text = std::move(refused), .next = {.advice = "write a down script"}});
    if (step.origin == Origin::derived) {
        for (auto const& [id, type] : other_labels(catalog_, wanted)) step.mends.push_back("brings back labels of " + id.text());
        for (auto const& rename : opposite.renames) {
            auto const table = [](TableName const& name) { return name.first.empty() ? name.second : name.first + "." + name.second; };
            auto const column = rename.column_before.empty() ? std::string{} : "." + rename.column_after;
            step.mends.push_back(fmt::format("gives {}{} its name {} back", table(rename.after), column,
                                             column.empty() ? table(rename.before) : rename.column_before));
        }
        for (auto const& [is, was] : attributes) step.mends.push_back(fmt::format("gives {} its name {} back", is.text(), was.name));
        for (auto const* actions : {&mend.before_data, &mend.after_data})
            for (auto const& action : *actions)
                if (!is_stand_in(action))
                    step.mends.push_back((action.kind == MendAction::Kind::remove ? "removes " : "brings back ") + action.id.text());
    } else
        step.notes.push_back("what the down script forgets of what the ledger recorded is mended");
}

// P7: whoever sits on a table that is to be locked, and will keep the step waiting.
Result<void> Planner::warn_of_long_users(Foresight const& foresight, Plan& plan) {
    std::vector<Table> to_lock;
    for (auto const& table : tables_)
        if (foresight.locks_table({table.schema, table.name})) to_lock.push_back(table);
    UNDROP_TRY(auto const users, backend_.long_users(to_lock));
    for (auto const& user : users) {
        auto const told = [&](Finding const& finding) { return finding.code == "in-use" && finding.text == user; };
        if (std::none_of(plan.findings.begin(), plan.findings.end(), told))
            plan.findings.push_back(
                {.severity = Severity::warning,
                 .code = "in-use",
                 .text = user,
                 .next = {.advice = "the step waits for its lock until that transaction ends, and gives up in the end"}});
    }
    return success();
}

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
    auto said = body;  // the database's word quotes names
    std::erase(said, '"');
    for (auto const& [id, object] : catalog_) {
        auto text = id.kind == "trigger" ? "trigger " + id.name : id.text();
        if (id.kind == "materialized_view") text = "materialized view " + id.parent + "." + id.name;
        std::erase(text, '"');
        auto const named = said == text || said.starts_with(text + " on ");
        if (named && std::any_of(object.needs.begin(), object.needs.end(), gone)) return true;
    }
    return false;
}

// A name that something else gets back goes on meaning something.
Result<void> Planner::warn_of_mentions(Foresight const& foresight, Foreseen const& foreseen, std::vector<Rename> const& renames,
                                       Plan& plan) {
    std::set<std::string> words;
    for (auto const& [table, column] : foresight.columns) words.insert(column);
    for (auto const& table : foresight.tables) words.insert(table.second);
    for (auto const& rename : renames)
        if (rename.replaced) words.erase(rename.column_before.empty() ? rename.before.second : rename.column_before);
    for (auto const& word : words) {
        std::vector<std::string> bodies;
        auto const search = [&]() -> Result<void> {
            UNDROP_TRY(bodies, backend_.mentions(word));
            return success();
        };
        UNDROP_TRY(bool const searched, backend_.read_in_time(glance, search));
        all_read_ = all_read_ && searched;
        for (auto const& body : bodies)
            if (!goes_too(body, foresight, foreseen))
                plan.findings.push_back({.severity = Severity::warning,
                                         .code = "mentioned",
                                         .text = fmt::format("{} mentions {}, which goes: it will fail when it runs next", body, word)});
    }
    return success();
}

}  // namespace undrop
