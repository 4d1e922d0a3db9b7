// The part of a step that makes columns which cannot be made at once.
#include <fmt/format.h>
#include <algorithm>

#include "merge.hpp"
#include "restore.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// P7: nothing says what is to be in a column that must not be NULL.
Result<void> has_no_rows(Backend& backend, Table const& table, Column const& column) {
    UNDROP_TRY(auto const rows, backend.rows(fmt::format("select 1 from {} limit 1", backend.dialect().own_rows(table))));
    if (rows.empty()) return success();
    return Error{
        .code = Code::refused,
        .left = Left::rolled_back,
        .message = fmt::format("the column {} of {} is NOT NULL without a default, and nothing says what the rows get there", column.name,
                               table.text()),
        .next = {.advice = fmt::format("add a line to the migration: -- undrop: backfill {}.{} = EXPRESSION", table.text(), column.name)}};
}

}  // namespace

// What was saved of a column, as text; a partitioned table's in its partitions. Null: nothing.
Result<StepRunner::AsText> StepRunner::saved_as_text(ObjectId const& id) {
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    auto const table = std::find_if(tables.begin(), tables.end(), [&](Table const& t) { return names_table(id.parent, table_name(t)); });
    for (auto const* snapshots : {&opposite_.snapshots, &passed_over_})
        for (auto const& s : *snapshots) {
            if (s.kind != Snapshot::Kind::column || s.column != id.name) continue;
            auto const* now = find_table(tables, table_name(s.table));
            auto const of_it = now && table != tables.end() && (now->id == table->id || now->root == table->id);
            auto const& column = *s.table.column(s.column);
            if (of_it && column.as_text && column.attributes.empty()) return AsText{&s, table->id};
        }
    return AsText{};
}

// A domain may take no NULL, so that a column of it cannot be added to a table with rows. Until its values are back it is of the type in
// which they were saved; the last pass of the mend gives it its own.
Result<void> StepRunner::make_column(MendAction const& action) {
    UNDROP_TRY(auto const text, saved_as_text(action.id));
    if (!text.saved) return mend_by({}, {action});
    UNDROP_CHECK(backend_.run("savepoint undrop_column"));
    auto made = mend_by({}, {action});
    if (!made && !backend_.means_unfitting(made.error())) return made;
    UNDROP_CHECK(
        backend_.run(made ? "release savepoint undrop_column" : "rollback to savepoint undrop_column; release savepoint undrop_column"));
    if (made) return made;
    UNDROP_CHECK(backend_.run(fmt::format("alter table {} add column {} {}", action.id.parent, backend_.dialect().quote(action.id.name),
                                          text.saved->table.column(text.saved->column)->stored_type)));
    bare_.insert({text.table, action.id.name});
    return success();
}

// What an identity column is; a partitioned table's is its partitions'. Going up, what the script made it.
Result<std::optional<Object>> StepRunner::identity_of(Table const& table, std::string const& column) {
    auto const* root = find_table_by_id(scripted_, table.root);
    auto const is_its = [&](ObjectId const& id) {
        return id.kind == "identity" && id.name == column &&
               (names_table(id.parent, table_name(table)) || (root && names_table(id.parent, table_name(*root))));
    };
    if (step_.direction == Direction::up) {
        UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
        for (auto const& [id, object] : now)
            if (is_its(id)) return std::optional(object);
        return std::optional<Object>{};
    }
    for (auto const& [id, object] : opposite_.wanted)
        if (object && is_its(id)) return object;
    return std::optional<Object>{};
}

// Rows that came while an identity column was away get the numbers that come next.
std::function<Result<std::int64_t>(std::string const&)> StepRunner::numbering(Table const& table, std::string const& column,
                                                                              std::optional<Object> const& found) {
    if (!found) return {};
    return [this, table, column, identity = *found](std::string const& where) -> Result<std::int64_t> {
        auto const& sequence = identity.shape;
        auto position = numbered_.contains(sequence) ? numbered_.at(sequence) : std::string{};
        for (auto const& s : opposite_.snapshots)
            if (position.empty() && s.kind == Snapshot::Kind::sequence && s.table.name == sequence) position = s.position;
        UNDROP_TRY(auto const numbered, backend_.number_rows(table, column, identity.make, position, where));
        if (!numbered.position.empty()) numbered_[sequence] = numbered.position;
        return numbered.rows;
    };
}

// A script's ADD COLUMN gave every row another number; while the old ones come back, two rows may have the same.
Result<Catalog> StepRunner::unique_aside(Snapshot const& snapshot, Table const& table) {
    UNDROP_TRY(auto const ids, backend_.in_the_way(table, {snapshot.column}, true));
    return set_aside({ids.begin(), ids.end()});
}

// A column that came back without a snapshot, since its loss was waived, has in every row what a new row has.
Result<void> StepRunner::fill_waived_columns(std::vector<Table> const& tables, std::vector<Table> const& before_mend) {
    for (auto const& table : tables) {
        TableName const name{table.schema, table.name};
        auto const* there = find_table(before_mend, name);
        for (auto const& column : table.columns) {
            auto const saved = [&](Snapshot const& s) {
                return TableName{s.table.schema, s.table.name} == name && s.column == column.name;
            };
            if (table.partitioned || !there || there->column(column.name) || column.generated ||
                std::any_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), saved))
                continue;
            auto const backfill = backfill_of(name, column.name);
            auto const value = backfill.empty() ? column.default_sql : "(" + backfill + ")";
            UNDROP_TRY(auto const identity, identity_of(table, column.name));
            auto const number = numbering(table, column.name, identity);
            auto const not_null = std::any_of(opposite_.wanted.begin(), opposite_.wanted.end(), [&](auto const& entry) {
                auto const& [id, wanted] = entry;
                return wanted && id.kind == "not_null" && id.name == column.name && names_table(id.parent, name);
            });
            if (value.empty() && !number && not_null) UNDROP_CHECK(has_no_rows(backend_, table, column));
            if (value.empty() && !number) continue;
            auto const fill = [&] { return number(fmt::format("t.{} is null", backend_.dialect().quote(column.name))); };
            UNDROP_TRY(auto const filled, value.empty() ? in_quiet(backend_, table, fill) : fill_column(backend_, table, column, value));
            UNDROP_CHECK(expect(table, filled, 0));
        }
    }
    return success();
}

std::string StepRunner::backfill_of(TableName const& table, std::string const& column) const {
    for (auto const& backfill : backfill_)
        if (waives({backfill.column}, table, column)) return backfill.expression;
    return {};
}

std::vector<Snapshot const*> StepRunner::beside(Snapshot const& snapshot, Snapshot::Kind kind) const {
    std::vector<Snapshot const*> found;
    for (auto const& other : opposite_.snapshots)
        if (other.kind == kind && !other.purged() && table_name(other.table) == table_name(snapshot.table)) found.push_back(&other);
    std::sort(found.begin(), found.end(), [](auto const* a, auto const* b) { return a->id < b->id; });
    return found;
}

}  // namespace undrop
