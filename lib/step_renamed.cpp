// The part of a step that finds again what others renamed between the two steps, and counts what does not fit any more.
#include <fmt/format.h>
#include <algorithm>

#include "follow_keys.hpp"
#include "merge.hpp"
#include "partitions.hpp"
#include "restore_rows.hpp"
#include "rows_word.hpp"
#include "save.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

void rename_in(Snapshot& snapshot, std::string const& from, std::string const& to) {
    for (auto* names : {&snapshot.values, &snapshot.table.key, &snapshot.told_by}) std::replace(names->begin(), names->end(), from, to);
    for (auto& column : snapshot.table.columns)
        if (column.name == from) column.name = to;
}

// What the opposite step called a column of this table in the end.
std::string name_left(std::vector<Rename> const& renames, TableName const& table, std::string const& column) {
    for (auto const& rename : renames)
        if (rename.before == table && !column.empty() && rename.column_before == column) return rename.column_after;
    return column;
}

TableName table_left(std::vector<Rename> const& renames, TableName const& table) {
    for (auto const& rename : renames)
        if (rename.column_before.empty() && rename.before == table) return rename.after;
    return table;
}

}  // namespace

// The column, where others gave it another name than the opposite step had left it under; and its table.
Column const* StepRunner::renamed_since(Snapshot const& snapshot, Column const& then, Table const*& table) const {
    table = snapshot.of_rows() ? find_table_by_id(before_, snapshot.table.id) : nullptr;
    auto const name = table_name(snapshot.table);
    if (!table || table_name(*table) != table_left(opposite_.renames, name)) return nullptr;
    auto const* now = table->column_by_id(then.id);
    auto const there = table->column(name_left(opposite_.renames, name, then.name)) != nullptr;
    return !now || there || snapshot.table.column(now->name) ? nullptr : now;
}

// It gets a recorded definition, or the name that it had before the opposite step. One that is inherited is no object, and gets it with its
// parent's.
bool StepRunner::gets_name_back(Snapshot const& snapshot, Column const& then, Table const& table, Column const& now) const {
    auto const is_column = [&](ObjectId const& id) {
        return id.kind == "column" && id.name == now.name && names_table(id.parent, table_name(table));
    };
    if (step_.direction == Direction::up ||
        std::none_of(catalog_.begin(), catalog_.end(), [&](auto const& entry) { return is_column(entry.first); }))
        return false;
    auto const name = table_name(snapshot.table);
    if (name_left(opposite_.renames, name, then.name) != then.name) return true;
    return std::any_of(opposite_.wanted.begin(), opposite_.wanted.end(), [&](auto const& entry) {
        return entry.first.kind == "column" && entry.first.name == then.name && entry.second && names_table(entry.first.parent, name);
    });
}

Result<void> StepRunner::call_columns_as_left() {
    auto const& dialect = backend_.dialect();
    std::set<std::pair<std::string, std::string>> called;  // table and column that have their name again
    for (auto const& snapshot : opposite_.snapshots)
        for (auto const& then : snapshot.table.columns) {
            Table const* table = nullptr;
            auto const* now = renamed_since(snapshot, then, table);
            auto const left = name_left(opposite_.renames, table_name(snapshot.table), then.name);
            if (!now || !gets_name_back(snapshot, then, *table, *now) || !called.emplace(table->id, left).second) continue;
            UNDROP_CHECK(backend_.run(fmt::format("alter table {} rename column {} to {}", dialect.relation(table->schema, table->name),
                                                  dialect.quote(now->name), dialect.quote(left))));
            report_.notes.push_back(
                fmt::format("{}.{}, which others renamed to {} since, has its old name again", table->text(), left, now->name));
        }
    if (called.empty()) return success();
    UNDROP_TRY(before_, backend_.tables(ledger_.name()));
    UNDROP_TRY(catalog_, backend_.catalog(ledger_.name()));
    return success();
}

// Before the script: what was saved of a column goes to that column, whatever others call it by now. One that is to get a recorded
// definition back is called again what the opposite step had left it as; what inherits it is by then, too.
Result<void> StepRunner::follow_renamed_columns() {
    if (!backend_.dialect().lasting_ids()) return success();
    UNDROP_CHECK(call_columns_as_left());
    for (auto& snapshot : opposite_.snapshots) {
        auto const columns = snapshot.table.columns;
        for (auto const& then : columns) {
            Table const* table = nullptr;
            auto const* now = renamed_since(snapshot, then, table);
            if (!now) continue;
            rename_in(snapshot, then.name, now->name);
            report_.notes.push_back(
                fmt::format("{}.{}, which others renamed to {} since, keeps that name", table->text(), then.name, now->name));
        }
    }
    return success();
}

// P9: what was saved of a column that others dropped, or renamed where that cannot be followed.
void StepRunner::note_missing_columns(Snapshot const& snapshot, Table const& now) {
    if (step_.direction == Direction::up || snapshot.rows == 0) return;
    for (auto const& name : snapshot.values)
        if (!now.column(name) && !snapshot.table.column(name)->generated)
            report_.notes.push_back(
                fmt::format("{}.{} is not there any more: its values stay in snapshot {}", now.text(), name, snapshot.id));
}

// A column that the up changed and left there, and that is gone since, would come back empty beside the one that it may have become.
Result<void> StepRunner::nothing_renamed_away(MendPlan const& plan) const {
    for (auto const& action : plan.before_data) {
        auto const& id = action.id;
        if (action.kind != MendAction::Kind::make || (id.kind != "column" && id.kind != "table") || !opposite_.left.contains(id) ||
            catalog_.contains(id))
            continue;
        auto const text = id.parent.empty() ? id.name : fmt::format("{}.{}", id.parent, id.name);
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = fmt::format("{} {} was there when the up had changed it, and is not there any more: others renamed or "
                                            "dropped it since, and it would come back empty",
                                            id.kind, text),
                     .next = {.command = "down",
                              .advice = fmt::format("give the {} its name {} again first; or {} it, if it is to come back empty", id.kind,
                                                    id.name, id.kind == "table" ? "make" : "add")}};
    }
    return success();
}

// What the database says of a value that it cannot convert names neither the column nor how many rows there are, and what it says of a
// script's statement may hold the value (P8). The step is rolled back; the rows are counted where they still are.
// Of the cells that are still as the up had left them, those that cannot make room for what they held before: how many rows have such a
// one. The others make room, so that what does not fit then is others'. In a transaction that is taken back.
Result<std::int64_t> StepRunner::left_in_the_way(Table const& table, std::string const& column) {
    std::int64_t left = 0;
    for (auto const& s : opposite_.snapshots) {
        auto const noted = unchanged_cells_.find(s.id);
        auto const at = static_cast<std::size_t>(std::find(s.values.begin(), s.values.end(), column) - s.values.begin());
        if (noted == unchanged_cells_.end() || table_name(s.table) != table_name(table) || at == s.values.size()) continue;
        auto const in_key = std::find(s.table.key.begin(), s.table.key.end(), column) != s.table.key.end();
        if (in_key && keys_back_.contains(s.id)) continue;  // it has its old one already
        UNDROP_CHECK(backend_.quiet(table));
        UNDROP_CHECK(backend_.run("savepoint undrop_room"));
        if (!in_key && empty_cells(backend_, table, s, noted->second, at)) continue;
        UNDROP_CHECK(backend_.run("rollback to savepoint undrop_room"));
        UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select count(*) from {} where u{} = 1", noted->second, at + 1)));
        left += number_of(rows.at(0).at(0));
    }
    return left;
}

namespace {

// Rows of the table that the opposite step has inserted, and that are as they were.
Result<std::int64_t> still_inserted(Backend& backend, Ledger const& ledger, Opposite const& opposite, Table const& table) {
    std::int64_t found = 0;
    for (auto const& print : opposite.footprints) {
        if (print.of != Footprint::Of::rows || TableName{print.schema, print.table} != table_name(table)) continue;
        UNDROP_TRY(auto const rows,
                   backend.rows(fmt::format("select count(*) from {} as t where exists (select 1 from {} as f where f.k = {})",
                                            backend.dialect().own_rows(table), ledger.table(print.store),
                                            identity(backend.dialect(), table, "t"))));
        found += number_of(rows.at(0).at(0));
    }
    return found;
}

// As the step itself does before: those that nobody refers to go.
Result<void> take_inserted_out(Backend& backend, Ledger const& ledger, Opposite const& opposite, std::vector<Table> const& tables) {
    for (bool progress = true; progress;) {
        progress = false;
        for (auto const& print : opposite.footprints) {
            auto const* table = print.of == Footprint::Of::rows ? find_table(tables, {print.schema, print.table}) : nullptr;
            if (!table || table->key.empty()) continue;
            UNDROP_TRY(auto const references, backend.references(*table));
            UNDROP_TRY(auto const removed, remove_inserted(backend, ledger, print, *table, references));
            progress = progress || removed.deleted > 0;
        }
    }
    return success();
}

std::string do_not_fit(std::int64_t rows, Table const& table, std::string const& column) {
    auto const who = fmt::format("{} of {} {}", rows_word(rows), table.text(), rows == 1 ? "holds" : "hold");
    return column.empty() ? fmt::format("{} values that its old definition does not take", who)
                          : fmt::format("{} a value of {} that its old type does not take", who, column);
}

}  // namespace

Error StepRunner::naming_unfitting(Error error) {
    if (step_.direction == Direction::up || !backend_.means_unfitting(error)) return error;
    if (!backend_.begin(options_, {})) return error;
    std::int64_t left = 0;
    std::int64_t made = 0;  // rows
    auto const count = [&]() -> Result<std::string> {
        UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
        if (step_.origin == Origin::derived) {
            UNDROP_CHECK(backend_.run("savepoint undrop_inserted"));
            if (!take_inserted_out(backend_, ledger_, opposite_, tables))
                UNDROP_CHECK(backend_.run("rollback to savepoint undrop_inserted"));
            UNDROP_CHECK(backend_.run("release savepoint undrop_inserted"));
        }
        unchanged_cells_.clear();
        UNDROP_CHECK(note_unchanged_cells());
        UNDROP_TRY(auto const back, try_keys_back(backend_, ledger_, opposite_.snapshots, tables, catalog_, unchanged_cells_, next_id_));
        for (auto const id : back) keys_back_[id];
        std::string found;
        auto const apart = without_columns_of_parents(opposite_.wanted, opposite_.renames, catalog_, tables);
        for (auto const& [id, wanted] : with_columns_of_parents(backend_.dialect(), apart, catalog_, tables)) {
            for (auto const& table : tables) {
                auto const whole =
                    id.kind == "table" && names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, table_name(table));
                auto const one = id.kind == "column" && names_table(id.parent, table_name(table)) && table.column(id.name);
                if (!wanted || !(whole || one)) continue;
                std::int64_t own_cells = 0;  // asked first: what the up itself wrote, and what makes room, is nobody's write
                if (one) {
                    UNDROP_TRY(own_cells, left_in_the_way(table, id.name));
                }
                UNDROP_TRY(auto const rows, backend_.unfitting(table, one ? id.name : "", *wanted));
                if (rows > 0) {
                    UNDROP_TRY(auto const own, still_inserted(backend_, ledger_, opposite_, table));
                    auto const of_key = one && std::find(table.key.begin(), table.key.end(), id.name) != table.key.end();
                    if (one)
                        left += std::min(own_cells + (of_key ? own : 0), rows);
                    else
                        made += std::min(own, rows);
                }
                if (rows > 0) found += (found.empty() ? "" : "; ") + do_not_fit(rows, table, one ? id.name : "");
            }
        }
        return found;
    }();
    backend_.rollback();
    keys_back_.clear();
    if (!count || count.value().empty()) return error;
    if (made > 0)
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = fmt::format("{}; {} of them the up itself has made, and they stay because others refer to them; "
                                            "nothing is changed",
                                            count.value(), made),
                     .where = error.where,
                     .next = {.command = "down", .advice = "with a down script that says what becomes of these rows"},
                     .trail = error.trail};
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = left == 0 ? fmt::format("{}; written since the up, and nothing is changed", count.value())
                                      : fmt::format("{}; in {} of them the up itself had put it, and it cannot make room for the old "
                                                    "one, since rows are told by it or it must not be NULL; nothing is changed",
                                                    count.value(), left),
                 .where = error.where,
                 .next = {.command = "down",
                          .advice = left == 0 ? "change these values first, or say in the down script what becomes of them; then go back"
                                              : "with a down script that says what becomes of the column"},
                 .trail = error.trail};
}

}  // namespace undrop
