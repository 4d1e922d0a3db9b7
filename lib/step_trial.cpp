// The part of a step that runs its script on trial, where nothing else can tell which row is which afterwards: keys get other values and
// the table another file within one statement, or in one that does not show it. Tables get a column of undrop's own for that, which goes
// with a row wherever it goes; what it tells is noted, all is rolled back, and the next round knows.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <tuple>

#include "names.hpp"
#include "restore_rows.hpp"
#include "sql_tokens.hpp"
#include "step.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

constexpr char const* number_column = "undrop_row";

Error not_told(std::string const& table, std::string const& why) {
    return Error{
        .code = Code::refused,
        .left = Left::rolled_back,
        .message = fmt::format("the script writes {} anew where keys of its rows may change, and {}: which row is which could not be "
                               "told on the way back",
                               table, why),
        .next = {.advice = "let the statement that changes keys and the ALTER TABLE be statements of their own, in no DO block or "
                           "function"}};
}

// Its rows' key (alias t), as the rows of `now` have it; empty: the script took a column of it.
std::string key_now(Dialect const& dialect, Table const& then, Table const& now) {
    std::vector<std::string> saved;
    for (auto const& name : then.key) {
        auto const* column = now.column_by_id(then.column(name)->id);
        if (!column) return {};
        saved.push_back(dialect.save(*column, "t." + dialect.quote(column->name)));
    }
    return dialect.image(saved);
}

}  // namespace

// Its rows have other places, so that none says which row a key was taken from, and keys may have changed.
Result<bool> StepRunner::lost_sight_of(Unit const& unit, OldRowsTable const& old, bool places_last) {
    auto const& table = *unit.change.before;
    auto const& dialect = backend_.dialect();
    if (!dialect.lasting_ids() || part_ || places_last || unit.change.rebuilt || table.key.empty() || !old.told.empty() ||
        key_now(dialect, table, *unit.change.after).empty())
        return false;
    auto const retyped = std::any_of(table.key.begin(), table.key.end(), [&](std::string const& name) {
        auto const* column = table.column(name);
        return unit.change.after->column_by_id(column->id)->full_type() != column->full_type();
    });
    auto const written = unit.writes.inserted + unit.writes.updated + unit.writes.deleted > 0;
    if (!(unit.writes.updated > 0 && may_update_keys(table)) &&
        !(retyped && written && (names_word(script_.text, "using") || may_update_keys(table))))
        return false;
    if (old.followed.empty()) return true;
    UNDROP_TRY(auto const files, backend_.files_of(*unit.change.after));
    return files != old.files;
}

// First the rows are followed by their places, where statements show what writes a table anew; where that is not enough, by a trial.
bool StepRunner::follow_from_now_on(Table const& table) {
    auto const name = table_name(table);
    auto const shown = std::any_of(statements_.begin(), statements_.end(), may_write_anew);
    if (shown && follows_.insert(name).second) return true;
    auto const tried = trials_.find(name);
    if (tried != trials_.end() && tried->second == Need::must) return false;
    trials_[name] = Need::must;
    return true;
}

// Where no key was changed after all, rows that went and rows that came are just that.
bool StepRunner::asks_trial(Table const& table, RowChanges const& changes) {
    auto const name = table_name(table);
    if (!changes.unsure || part_ || !may_update_keys(table) || !trials_.emplace(name, Need::may).second) return false;
    foresight_.copies.insert(name);
    return true;
}

// Nothing of it stays but what it told, and what no rollback takes back: numbers drawn from sequences.
Result<void> StepRunner::run_on_trial() {
    if (trials_.empty()) return success();
    std::tuple const present{report_, copies_, kept_, kept_rows_, keys_gone_, removed_, in_use_, expected_, locked_since_};
    UNDROP_CHECK(backend_.run("savepoint undrop_trial"));
    auto const tried = number_and_run();
    UNDROP_CHECK(backend_.run("rollback to savepoint undrop_trial; release savepoint undrop_trial"));
    std::tie(report_, copies_, kept_, kept_rows_, keys_gone_, removed_, in_use_, expected_, locked_since_) = present;
    if (!tried) {
        auto const must = std::find_if(trials_.begin(), trials_.end(), [](auto const& one) { return one.second == Need::must; });
        if (tried.error().code != Code::failed) return tried.error();
        if (must == trials_.end()) return backend_.mark(ledger_.name());
        auto const* table = find_table(before_, must->first);
        return not_told(table ? table->text() : must->first.second,
                        "it fails with a column added that tells its rows: " + tried.error().message);
    }
    tell(Event::Kind::ran, "the script, on trial: which row is which is known");
    UNDROP_CHECK(backend_.mark(ledger_.name()));
    return bring_told();
}

Result<void> StepRunner::number_and_run() {
    auto const& dialect = backend_.dialect();
    UNDROP_CHECK(backend_.check_constraints());  // no ALTER TABLE goes over events that wait
    struct WithNumbers {
        Table table;
        std::string keys;  // working table: r and i, the number of each row and its key's image
    };
    std::vector<WithNumbers> all;
    for (auto const& [name, need] : trials_) {
        auto const* table = find_table(before_, name);
        if (!table) continue;
        for (auto const& sql : dialect.number_rows(*table, number_column, ledger_.table(names::work_prefix + std::to_string(next_id_++))))
            UNDROP_CHECK(backend_.run(sql));
        StoreTable keys(ledger_.table(names::work_prefix + std::to_string(next_id_++)));
        keys.add_key("r", "bigint", fmt::format("t.{}", number_column));
        keys.add("i", "text", key_now(dialect, *table, *table));
        UNDROP_CHECK(keys.make(backend_, *table));
        UNDROP_CHECK(keys.fill(backend_, dialect.own_rows(*table) + " as t"));
        all.push_back({*table, keys.name()});
    }
    UNDROP_CHECK(remove_inserted_rows(Rows::before_script));
    UNDROP_CHECK(run_script());
    for (auto const& one : all) UNDROP_CHECK(note_told(one.table, one.keys));
    return success();
}

Result<void> StepRunner::note_told(Table const& table, std::string const& keys) {
    auto const& dialect = backend_.dialect();
    auto const* now = find_table_by_id(scripted_, table.id);
    auto const key = now ? key_now(dialect, table, *now) : std::string{};
    if (key.empty()) return success();
    auto const rows = fmt::format("{} as t", dialect.own_rows(*now));
    UNDROP_TRY(auto const twice,
               backend_.rows(fmt::format("select 1 from {} where t.{} is not null group by t.{} having count(*) > 1 limit 1", rows,
                                         number_column, number_column)));
    if (!twice.empty()) return not_told(table.text(), "it copies rows with all their columns");
    UNDROP_TRY(auto const told, backend_.rows(fmt::format("select m.i, x.k from {} as m left join (select t.{} as r, {} as k from {}) as x "
                                                          "on x.r = m.r where x.k is null or x.k <> m.i",
                                                          keys, number_column, key, rows)));
    auto& known = told_[table_name(table)];
    known.clear();
    for (auto const& row : told) known.emplace_back(row.at(0).value_or(""), row.at(1));
    return success();
}

// What a trial has told, beside the copies of this round.
Result<void> StepRunner::bring_told() {
    constexpr std::size_t most_rows = 1'000;  // in one statement
    auto const& dialect = backend_.dialect();
    for (auto& copied : copies_) {
        auto const known = told_.find(table_name(copied.table));
        if (known == told_.end()) continue;
        copied.told = ledger_.table(names::work_prefix + std::to_string(next_id_++));
        UNDROP_CHECK(backend_.run(fmt::format("create table {} (i text not null, k text)", copied.told)));
        UNDROP_CHECK(backend_.seal(copied.told, &copied.table));
        auto const& all = known->second;
        for (std::size_t from = 0; from < all.size(); from += most_rows) {
            std::vector<std::string> rows;
            for (auto at = from; at < std::min(all.size(), from + most_rows); ++at)
                rows.push_back(
                    fmt::format("({}, {})", dialect.literal(all[at].first), all[at].second ? dialect.literal(*all[at].second) : "null"));
            UNDROP_CHECK(backend_.run(fmt::format("insert into {} values {}", copied.told, fmt::join(rows, ", "))));
        }
    }
    return success();
}

}  // namespace undrop
