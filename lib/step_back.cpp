// The half of a step that brings things back: renames, mend, restore; and what it writes down of itself.
#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "check.hpp"
#include "restore.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr char const* rename_kind = "rename";  // of a Recorded that is no object of the catalog

Recorded to_recorded(Rename const& r) {
    Object way;
    way.shape = nlohmann::json({r.before.first, r.before.second, r.after.first, r.after.second, r.column_before, r.column_after}).dump();
    return {.id = {rename_kind, r.before.first + "." + r.before.second, r.column_before}, .before = way, .after = {}};
}

Rename to_rename(Recorded const& recorded) {
    auto const t = nlohmann::json::parse(recorded.before->shape).get<std::vector<std::string>>();
    return {.before = {t.at(0), t.at(1)}, .after = {t.at(2), t.at(3)}, .column_before = t.at(4), .column_after = t.at(5)};
}

// Renames that can be done one after the other: a name that another of them still has is freed first, by way of a name aside. A name that
// is taken for good stays as it is.
template <class Name, class Taken, class Aside>
std::vector<std::pair<Name, Name>> in_renaming_order(std::map<Name, Name> moves, Taken const& taken, Aside const& aside) {
    auto const blocked = [&](auto const& move) { return taken(move.second) && !moves.contains(move.second); };
    for (auto at = moves.begin(); (at = std::find_if(moves.begin(), moves.end(), blocked)) != moves.end();) moves.erase(at);
    std::vector<std::pair<Name, Name>> first;
    std::vector<std::pair<Name, Name>> then;
    for (auto const& [from, to] : moves) {
        auto source = from;
        if (taken(to)) {
            source = aside(from, static_cast<int>(first.size()) + 1);
            first.emplace_back(from, source);
        }
        then.emplace_back(source, to);
    }
    // A name whose holder waits aside is free by now; a holder that moves directly must go before who takes its name.
    std::stable_partition(then.begin(), then.end(), [&](auto const& move) { return !taken(move.second); });
    first.insert(first.end(), then.begin(), then.end());
    return first;
}

// Rows that others refer to come back before these, as far as the foreign keys that are there already make no circle.
std::vector<Snapshot> parents_first(std::vector<Snapshot> tables, Catalog const& now) {
    std::map<ObjectId, Object> order;
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

// What tables that move back need of what is gone, as the schema that they move to; other tables are no matter of theirs.
Wanted homes_of(std::map<TableName, TableName> const& moves, Catalog const& now, Wanted const& wanted) {
    Wanted homes;
    for (auto const& [id, table] : wanted) {
        auto const moves_here = [&](auto const& move) { return names_table(id.parent + "." + id.name, move.second); };
        if (!table || id.kind != "table" || std::none_of(moves.begin(), moves.end(), moves_here)) continue;
        for (auto const& need : table->needs)
            if (auto const home = wanted.find(need);
                home != wanted.end() && home->second && !home->second->holds_rows && !now.contains(need))
                homes.insert(*home);
    }
    return homes;
}

}  // namespace

Result<Opposite> read_opposite(Ledger& ledger, std::int64_t step, Direction direction) {
    Opposite opposite;
    opposite.step = step;
    if (step == 0) return opposite;
    UNDROP_TRY(auto objects, ledger.objects(step));
    for (auto& object : objects) {
        if (object.id.kind == rename_kind)
            opposite.renames.push_back(to_rename(object));
        else if (direction == Direction::down)
            opposite.wanted.emplace(object.id, std::move(object.before));
    }
    UNDROP_TRY(opposite.snapshots, ledger.snapshots(step));
    UNDROP_TRY(opposite.footprints, ledger.footprints(step));
    return opposite;
}

std::set<ObjectId> at_stake(Catalog const& catalog, Foresight const& foresight, Wanted const& wanted) {
    auto tables = foresight.tables;
    tables.insert(foresight.locks.begin(), foresight.locks.end());
    for (auto const& [table, column] : foresight.columns) tables.insert(table);
    auto ids = objects_of(catalog, tables);
    for (auto const& [id, object] : wanted) ids.insert(id);
    return ids;
}

Foresight foresee(Dialect const& dialect, std::vector<Statement> const& statements, std::vector<Table> const& tables,
                  std::vector<std::string> const& lose, Wanted const& wanted) {
    auto foresight = resolve(dialect.foresee(statements), tables);
    for (auto const& table : tables) {
        TableName const name{table.schema, table.name};
        for (auto const& [id, object] : wanted) {
            if (!object && id.kind == "table" && names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, name))
                foresight.tables.insert(name);
            if (!names_table(id.parent, name)) continue;
            foresight.locks.insert(name);
            if (!object && id.kind == "column" && table.column(id.name)) foresight.columns.insert({name, id.name});
        }
        if (waives(lose, name, "")) foresight.tables.erase(name);
        std::erase_if(foresight.columns,
                      [&](auto const& c) { return c.first == name && (waives(lose, name, c.second) || foresight.tables.contains(name)); });
    }
    return foresight;
}

Result<void> StepRunner::bring_back() {
    if (opposite_.step == 0) return success();
    if (step_.direction == Direction::down) {
        UNDROP_CHECK(rename_tables_back());
        UNDROP_CHECK(rename_sequences_back());
        UNDROP_CHECK(rename_columns_back());
        UNDROP_CHECK(rename_parts_back());
    }
    UNDROP_CHECK(remove_inserted_rows());
    UNDROP_CHECK(restore_columns(true));
    if (step_.direction == Direction::down) UNDROP_CHECK(mend());
    UNDROP_CHECK(restore_columns(false));
    if (step_.direction == Direction::down) UNDROP_CHECK(fill_waived_columns());
    UNDROP_CHECK(restore_tables());
    UNDROP_CHECK(restore_rows());
    tell(Event::Kind::restored, fmt::format("{} snapshot(s)", opposite_.snapshots.size()));
    if (step_.direction == Direction::up) return restore_positions();

    // Indexes, constraints, views and rights come after the rows; what making them changes by itself is seen in another pass.
    constexpr int passes = 3;
    for (int pass = 0; pass < passes; ++pass) {
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        auto plan = plan_mend(now, opposite_.wanted);
        // What was just made from its recorded text differs only by what is still to come, as a partition's place in its parent.
        std::erase_if(plan.before_data, [&](MendAction const& a) { return a.kind == MendAction::Kind::reshape && made_.contains(a.id); });
        if (plan.empty()) break;
        UNDROP_CHECK(run_mend(backend_, plan.before_data));
        UNDROP_CHECK(run_mend(backend_, plan.after_data));
    }
    tell(Event::Kind::mended, fmt::format("{} object(s)", report_.mended.size()));
    return restore_positions();
}

// Last: a column's own sequence is made together with what comes after the rows.
Result<void> StepRunner::restore_positions() {
    UNDROP_TRY(auto const now, backend_.positions());
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind == Snapshot::Kind::sequence && now.contains(snapshot.table.name))
            UNDROP_CHECK(backend_.set_position(snapshot.table.name, snapshot.position));
    return success();
}

// Only what the script has left under its new name: its identity tells, for names may have been swapped.
Result<void> StepRunner::rename_tables_back() {
    std::map<TableName, TableName> moves;
    for (auto const& rename : opposite_.renames) {
        auto const* marked = rename.column_before.empty() ? find_table(before_, rename.after) : nullptr;
        auto const* now = marked ? find_table_by_id(scripted_, marked->id) : nullptr;
        if (now && TableName{now->schema, now->name} == rename.after) moves.emplace(rename.after, rename.before);
    }
    if (std::any_of(moves.begin(), moves.end(), [](auto const& move) { return move.first.first != move.second.first; })) {
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        auto const homes = plan_mend(now, homes_of(moves, now, opposite_.wanted));
        for (auto const& action : homes.before_data) report_.mended.push_back(action.id.text());
        UNDROP_CHECK(run_mend(backend_, homes.before_data));
    }
    auto const taken = [&](TableName const& name) { return find_table(scripted_, name) != nullptr; };
    auto const aside = [](TableName const& name, int n) { return TableName{name.first, fmt::format("undrop_renaming_{}", n)}; };
    return rename_all("table", in_renaming_order(std::move(moves), taken, aside));
}

Result<void> StepRunner::rename_all(char const* kind, std::vector<std::pair<TableName, TableName>> const& in_order) {
    auto const& dialect = backend_.dialect();
    for (auto const& [from, to] : in_order) {
        if (from.first != to.first)
            UNDROP_CHECK(backend_.run(
                fmt::format("alter {} {} set schema {}", kind, dialect.relation(from.first, from.second), dialect.quote(to.first))));
        if (from.second != to.second)
            UNDROP_CHECK(backend_.run(
                fmt::format("alter {} {} rename to {}", kind, dialect.relation(to.first, from.second), dialect.quote(to.second))));
        if (!to.second.starts_with("undrop_renaming_")) report_.mended.push_back(fmt::format("name of {} {}", kind, to.second));
    }
    return success();
}

// A sequence that were made anew would give numbers again that it gave under its other name.
Result<void> StepRunner::rename_sequences_back() {
    auto const no_column = [](Rename const& rename) { return rename.column_before.empty(); };
    if (sequences_.empty() || std::none_of(opposite_.renames.begin(), opposite_.renames.end(), no_column)) return success();
    UNDROP_TRY(auto const now, backend_.named_sequences());
    std::map<TableName, TableName> moves;
    for (auto const& rename : opposite_.renames) {
        auto const marked = sequences_.find(rename.after);
        auto const is = now.find(rename.after);
        if (no_column(rename) && marked != sequences_.end() && is != now.end() && is->second == marked->second)
            moves.emplace(rename.after, rename.before);
    }
    auto const taken = [&](TableName const& name) { return now.contains(name); };
    auto const aside = [](TableName const& name, int n) { return TableName{name.first, fmt::format("undrop_renaming_{}", n)}; };
    return rename_all("sequence", in_renaming_order(std::move(moves), taken, aside));
}

Result<void> StepRunner::rename_columns_back() {
    auto const& dialect = backend_.dialect();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    std::map<TableName, std::map<std::string, std::string>> moves;
    for (auto const& rename : opposite_.renames) {
        auto const* table = rename.column_before.empty() ? nullptr : find_table(tables, rename.before);
        if (!table) continue;
        auto const* marked = find_table_by_id(before_, table->id);
        auto const* then = marked ? marked->column(rename.column_after) : nullptr;
        auto const* now = then ? table->column_by_id(then->id) : table->column(rename.column_after);
        if (now && now->name == rename.column_after) moves[rename.before].emplace(rename.column_after, rename.column_before);
    }
    for (auto& [name, of_table] : moves) {
        auto const& table = *find_table(tables, name);
        auto const taken = [&](std::string const& column) { return table.column(column) != nullptr; };
        auto const aside = [](std::string const&, int n) { return fmt::format("undrop_renaming_{}", n); };
        for (auto const& [from, to] : in_renaming_order(std::move(of_table), taken, aside)) {
            UNDROP_CHECK(backend_.run(fmt::format("alter table {} rename column {} to {}", dialect.relation(table.schema, table.name),
                                                  dialect.quote(from), dialect.quote(to))));
            if (!to.starts_with("undrop_renaming_")) report_.mended.push_back(fmt::format("name of column {}.{}", table.text(), to));
        }
    }
    return success();
}

// What a type calls its labels and which table is a partition of which come back in place and before all else: what names or inherits from
// them then follows by itself.
Result<void> StepRunner::rename_parts_back() {
    auto const is_part = [](auto const& entry) { return entry.first.kind == "type" || entry.first.kind == "partition"; };
    if (std::none_of(opposite_.wanted.begin(), opposite_.wanted.end(), is_part)) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    Wanted parts;
    for (auto const& part : opposite_.wanted) {
        auto const& [id, object] = part;
        auto const there = [&](ObjectId const& need) { return now.contains(need); };
        auto const in_place = object ? !object->alter.empty() && std::all_of(object->needs.begin(), object->needs.end(), there)
                                     : id.kind == "partition" && opposite_.wanted.contains({"table", id.parent, id.name}) &&
                                           opposite_.wanted.at({"table", id.parent, id.name});
        if (is_part(part) && in_place && (id.kind == "partition" || now.contains(id))) parts.insert(part);
    }
    auto plan = plan_mend(now, parts);
    std::erase_if(plan.before_data, [](MendAction const& a) { return a.id.kind == "type" && a.kind != MendAction::Kind::alter; });
    for (auto const* actions : {&plan.before_data, &plan.after_data})
        for (auto const& action : *actions)
            if (is_part(std::pair(action.id, 0)))
                report_.mended.push_back((action.kind == MendAction::Kind::remove ? "removed " : "") + action.id.text());
    UNDROP_CHECK(run_mend(backend_, plan.before_data));
    return run_mend(backend_, plan.after_data);
}

// P5: what a down script makes on top of a recorded object (a default, an index of another name) was not there before the up; and what it
// takes along and forgets (a trigger of a table that it rebuilds) was there, though the up never touched it.
void StepRunner::want_what_script_changed(Catalog const& now) {
    auto const wanted = [&](ObjectId const& need) {
        auto const found = opposite_.wanted.find(need);
        return found != opposite_.wanted.end() && found->second;
    };
    auto const unwanted = [&](ObjectId const& need) { return opposite_.wanted.contains(need) ? !wanted(need) : !now.contains(need); };
    Wanted more;
    for (auto const& [id, object] : now)
        if (!catalog_.contains(id) && !object.holds_rows && !object.remove.empty() &&
            std::any_of(object.needs.begin(), object.needs.end(), wanted))
            more.emplace(id, std::nullopt);
    for (auto const& [id, object] : catalog_)
        if (!now.contains(id) && !object.holds_rows && std::none_of(object.needs.begin(), object.needs.end(), unwanted))
            more.emplace(id, object);
    opposite_.wanted.merge(more);
}

Result<void> StepRunner::mend() {
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    want_what_script_changed(now);
    auto const plan = plan_mend(now, opposite_.wanted);
    if (!plan.refused.empty())
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = "the schema cannot be brought back by itself: " + plan.refused,
                     .next = {.advice = "write a down script for it"}};
    // What steps aside while a column changes comes back, though nobody recorded it; so does what hangs on a table that is rebuilt.
    for (auto const* actions : {&plan.before_data, &plan.after_data})
        for (auto const& action : *actions)
            if (action.kind == MendAction::Kind::make) opposite_.wanted.emplace(action.id, action.object);
    for (auto const& action : plan.before_data)
        if (action.kind == MendAction::Kind::reshape)
            for (auto const& [id, object] : now)
                if (std::find(object.needs.begin(), object.needs.end(), action.id) != object.needs.end())
                    opposite_.wanted.emplace(id, object);
    for (auto const& action : plan.before_data)
        if (action.kind == MendAction::Kind::make && action.object.holds_rows) made_.insert(action.id);
    for (auto const* actions : {&plan.before_data, &plan.after_data})
        for (auto const& action : *actions)
            report_.mended.push_back((action.kind == MendAction::Kind::remove ? "removed " : "") + action.id.text());
    auto const first = std::find_if(plan.before_data.begin(), plan.before_data.end(),
                                    [](MendAction const& a) { return a.kind != MendAction::Kind::remove; });
    UNDROP_CHECK(run_mend(backend_, {plan.before_data.begin(), first}));
    UNDROP_TRY(auto const emptied, empty_changing_cells(plan.before_data));
    std::vector<MendAction> rest(first, plan.before_data.end());
    // Until the values are back.
    std::erase_if(rest, [&](MendAction const& a) {
        return std::any_of(a.object.needs.begin(), a.object.needs.end(), [&](ObjectId const& need) { return emptied.contains(need); });
    });
    return run_mend(backend_, rest);
}

std::string StepRunner::backfill_of(TableName const& table, std::string const& column) const {
    for (auto const& backfill : backfill_)
        if (waives({backfill.column}, table, column)) return backfill.expression;
    return {};
}

Result<void> StepRunner::expect(Table const& table, std::int64_t updated, std::int64_t inserted) {
    expected_[table.id].updated += updated;
    expected_[table.id].inserted += inserted;
    return success();
}

Result<void> StepRunner::restore_column_of(Snapshot const& snapshot, Table const& table, bool made_by_script) {
    auto const writes = after_script_.writes.find(table.id);
    RestoreContext const context{
        .direction = step_.direction,
        .made_by_script = made_by_script,
        .script_wrote_rows = writes != after_script_.writes.end() && (writes->second.updated > 0 || writes->second.rows_may_differ),
        .backfill = backfill_of({snapshot.table.schema, snapshot.table.name}, snapshot.column)};
    UNDROP_TRY(auto const done, restore_column(backend_, ledger_, snapshot, table, context));
    report_.merged.push_back(done.merged);
    restored_.insert(snapshot.id);
    auto const place = [&](Table const& t) { return t.column(snapshot.column) - t.columns.data(); };
    if (step_.direction == Direction::down && place(table) != place(snapshot.table) &&
        backend_.dialect().add_bare_column(table, *snapshot.table.column(snapshot.column)).empty())
        report_.notes.push_back(fmt::format("{} came back as the last column: mind INSERTs without a column list", snapshot.what()));
    return expect(table, done.updated, 0);
}

// A column that came back without a snapshot, since its loss was waived, has in every row what a new row has.
Result<void> StepRunner::fill_waived_columns() {
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    for (auto const& table : tables) {
        TableName const name{table.schema, table.name};
        auto const* scripted = find_table(scripted_, name);
        for (auto const& column : table.columns) {
            auto const saved = [&](Snapshot const& s) {
                return TableName{s.table.schema, s.table.name} == name && s.column == column.name;
            };
            if (table.partitioned || !scripted || scripted->column(column.name) || column.generated ||
                std::any_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), saved))
                continue;
            auto const backfill = backfill_of(name, column.name);
            auto const value = backfill.empty() ? column.default_sql : "(" + backfill + ")";
            if (value.empty()) continue;
            UNDROP_TRY(auto const filled, fill_column(backend_, table, column, value));
            UNDROP_CHECK(expect(table, filled, 0));
        }
    }
    return success();
}

// Before the mend: columns that the script brought, in their recorded type, and columns that a later reshape of the table takes along.
// After it: the others.
Result<void> StepRunner::restore_columns(bool before_mend) {
    UNDROP_TRY(auto tables, backend_.tables(ledger_.name()));
    for (auto const& snapshot : opposite_.snapshots) {
        if (snapshot.kind != Snapshot::Kind::column || restored_.contains(snapshot.id)) continue;
        TableName const name{snapshot.table.schema, snapshot.table.name};
        auto const* table = find_table(tables, name);
        if (!table) continue;
        auto const* scripted = find_table(scripted_, name);
        auto const made_by_script = scripted && scripted->column(snapshot.column);
        auto const& recorded = *snapshot.table.column(snapshot.column);
        if (before_mend && !table->column(snapshot.column)) {
            auto const bare = backend_.dialect().add_bare_column(*table, recorded);
            if (bare.empty() || step_.direction == Direction::up) continue;
            UNDROP_CHECK(backend_.run(bare));
            UNDROP_TRY(tables, backend_.tables(ledger_.name()));
            table = find_table(tables, name);
        } else if (!table->column(snapshot.column) || (before_mend && table->column(snapshot.column)->type != recorded.type)) {
            continue;
        }
        UNDROP_CHECK(restore_column_of(snapshot, *table, made_by_script));
    }
    if (before_mend) return success();
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind == Snapshot::Kind::column && !restored_.contains(snapshot.id))
            report_.notes.push_back(fmt::format("{} is not there any more: its values stay in snapshot {}", snapshot.what(), snapshot.id));
    return success();
}

Result<void> StepRunner::restore_tables() {
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    std::vector<Snapshot> in_order;
    for (auto const& snapshot : opposite_.snapshots)
        if (snapshot.kind == Snapshot::Kind::table) in_order.push_back(snapshot);
    if (in_order.size() > 1) {
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        in_order = parents_first(std::move(in_order), now);
    }
    for (auto const& snapshot : in_order) {
        TableName const name{snapshot.table.schema, snapshot.table.name};
        auto const* table = find_table(tables, name);
        if (!table) {
            report_.notes.push_back(fmt::format("{} is not there any more: its rows stay in snapshot {}", snapshot.what(), snapshot.id));
            continue;
        }
        auto const made_by_script = find_table(scripted_, name) != nullptr;
        Restored done;
        UNDROP_CHECK(backend_.naming_orphans("", [&]() -> Result<void> {
            UNDROP_TRY(
                done, restore_table(backend_, ledger_, snapshot, *table, {.direction = step_.direction, .made_by_script = made_by_script}));
            return success();
        }));
        report_.merged.push_back(done.merged);
        UNDROP_CHECK(expect(*table, done.updated, done.inserted));
    }
    return success();
}

// Everything is as the step leaves it; a check that does not hold takes it back.
Result<void> StepRunner::run_check() {
    auto const* check = check_of(step_);
    if (!check) return success();
    UNDROP_CHECK(require(backend_, *check, checks_, options_));
    UNDROP_CHECK(backend_.still_ours());
    report_.checks = static_cast<int>(checks_.size());
    tell(Event::Kind::checked, fmt::format("{} statement(s) of {} hold", checks_.size(), check->file));
    return success();
}

Result<void> StepRunner::record(Catalog const& now, std::vector<TableChange> const& changes) {
    std::vector<Recorded> objects;
    auto const look_up = [](Catalog const& catalog, ObjectId const& id) {
        auto const found = catalog.find(id);
        return found == catalog.end() ? std::optional<Object>{} : std::optional<Object>{found->second};
    };
    std::set<ObjectId> ids;
    for (auto const& [id, object] : catalog_) ids.insert(id);
    for (auto const& [id, object] : now) ids.insert(id);
    for (auto const& id : ids) {
        Recorded recorded{.id = id, .before = look_up(catalog_, id), .after = look_up(now, id)};
        if (recorded.before && recorded.after && recorded.before->same(*recorded.after)) continue;
        objects.push_back(std::move(recorded));
    }
    UNDROP_TRY(auto renames, sequence_renames());
    for (auto const& change : changes) {
        TableName const before{change.before->schema, change.before->name};
        auto const whole = waives(lose_, before, "");
        if (whole && (!change.after || change.compare || !change.lost.empty())) report_.waived.push_back(change.before->text());
        for (auto const& column : change.lost)
            if (!whole && waived(before, column)) report_.waived.push_back(change.before->text() + "." + column);
        if (!change.after || change.rebuilt) continue;
        TableName const after{change.after->schema, change.after->name};
        if (before != after) renames.push_back({before, after, "", ""});
        for (auto const& [then, current] : change.kept)
            if (then != current) renames.push_back({before, after, then, current});
    }
    for (auto const& rename : renames) objects.push_back(to_recorded(rename));
    report_objects(now, renames);
    for (auto const& snapshot : saved_)
        if (snapshot.kind != Snapshot::Kind::sequence) report_.saved.push_back({snapshot.what(), snapshot.rows, snapshot.bytes});

    UNDROP_TRY(auto const step_id, ledger_.next_event());
    if (run_ == 0) {
        UNDROP_TRY(run_, ledger_.next_run());
    }
    NewEvent const event{.run = run_,
                         .kind = step_.direction == Direction::up ? "applied" : "reverted",
                         .version = step_.version,
                         .name = step_.name,
                         .seconds = report_.seconds,
                         .up = step_.up,
                         .down = step_.down,
                         .check = step_.check,
                         .down_check = step_.down_check,
                         .detail = to_json(Report{.run = run_, .steps = {report_}})};
    UNDROP_CHECK(ledger_.add(step_id, event, options_));
    UNDROP_CHECK(ledger_.add(step_id, objects));
    for (auto& snapshot : saved_) {
        snapshot.step = step_id;
        UNDROP_CHECK(ledger_.add(snapshot));
    }
    for (auto& print : footprints_) {
        print.step = step_id;
        UNDROP_CHECK(ledger_.add(print));
    }
    return success();
}

}  // namespace undrop
