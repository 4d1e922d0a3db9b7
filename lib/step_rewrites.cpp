// The part of a step that follows rows through ALTER TABLEs which write a table anew. A row's place says nothing in another file; but the
// n-th row of the old one is the n-th of the new one, as can be seen just before and just after such a statement.
#include <fmt/format.h>
#include <algorithm>

#include "names.hpp"
#include "sql_tokens.hpp"
#include "step.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Every row of the table: its number within its file, f and r; `places`: the dialect's.
std::string numbered(Dialect const& dialect, Table const& table, std::vector<RowPlace> const& places) {
    return fmt::format(
        "(select {0} as f, {1} as place, {2} as l, pg_catalog.row_number() over (partition by {0} order by {1}) as r from {3} as t)",
        places[0].expression, places[1].expression, dialect.row_id(table, "t"), dialect.own_rows(table));
}

}  // namespace

// Keys tell rows unless the script gives them other values: in the statement itself, or in an UPDATE beside it.
bool StepRunner::may_change_keys(Table const& table, Statement const& statement) const {
    auto const names_key = [&](std::vector<Token> const& words) {
        return std::any_of(table.key.begin(), table.key.end(), [&](std::string const& column) {
            return std::any_of(words.begin(), words.end(), [&](Token const& word) { return word.is_name() && same(word, column); });
        });
    };
    auto const words = tokens(statement.text);
    if (names_key(words) && std::any_of(words.begin(), words.end(), [](Token const& word) { return word.is("using"); })) return true;
    return foresight_.writes.contains(table_name(table)) && names_key(tokens(script_.text));
}

// The script's own settings and role hold: where these do not let rows be followed, they are not.
Result<void> StepRunner::in_savepoint(std::function<Result<void>()> const& work) {
    UNDROP_CHECK(backend_.run("savepoint undrop_rows"));
    auto const done = work();
    UNDROP_CHECK(backend_.run(done ? "release savepoint undrop_rows" : "rollback to savepoint undrop_rows; release savepoint undrop_rows"));
    return success();
}

Result<void> StepRunner::number_rows(Statement const& statement) {
    auto const& dialect = backend_.dialect();
    rewritten_.clear();
    if (part_ || !statement.words.starts_with("ALTER TABLE") || !dialect.lasting_ids()) return success();
    for (auto const& name : resolve(dialect.foresee({statement}), before_).copies) {
        auto const* table = find_table(before_, name);
        auto const copied = std::find_if(copies_.begin(), copies_.end(), [&](OldRowsTable const& c) { return c.table.id == table->id; });
        if (copied == copies_.end() || table->key.empty() || !may_change_keys(*table, statement)) continue;
        auto const places = dialect.row_places(*table);
        if (places.size() != 2) continue;
        UNDROP_CHECK(in_savepoint([&]() -> Result<void> {
            auto const& from = copied->followed.empty() ? copied->store : copied->followed;
            StoreTable now(ledger_.table(names::work_prefix + std::to_string(next_id_++)));
            now.add_key("n", "bigint", "");
            now.add("l", dialect.row_id_type(*table), "");
            UNDROP_CHECK(now.make(backend_, *table));
            UNDROP_TRY(auto const known, backend_.follow(*table, *table, from, now.name(), copied->files));
            if (!known) return Error{.code = Code::usage, .message = "rows cannot be followed"};
            StoreTable numbers(ledger_.table(names::work_prefix + std::to_string(next_id_++)));
            numbers.add_key("n", "bigint", "p.n");
            numbers.add("f", "bigint", "t.f");
            numbers.add("r", "bigint", "t.r");
            UNDROP_CHECK(numbers.make(backend_, *table));
            UNDROP_CHECK(
                numbers.fill(backend_, fmt::format("{} as p join {} as t on t.l = p.l", now.name(), numbered(dialect, *table, places))));
            UNDROP_CHECK(backend_.run("drop table " + now.name()));
            rewritten_.push_back({table, numbers.name()});
            return success();
        }));
    }
    return success();
}

Result<void> StepRunner::find_numbered_rows() {
    auto const& dialect = backend_.dialect();
    for (auto const& [table, numbers] : rewritten_) {
        auto const copied = std::find_if(copies_.begin(), copies_.end(), [&, id = table->id](auto const& c) { return c.table.id == id; });
        auto const places = dialect.row_places(*table);
        StoreTable found(ledger_.table(names::work_prefix + std::to_string(next_id_++)));
        found.add_key("n", "bigint", "a.n");
        for (std::size_t i = 0; i < places.size(); ++i) {
            auto const& definition = places[i].definition;
            auto const blank = definition.find(' ');
            found.add(definition.substr(0, blank), definition.substr(blank + 1), i == 0 ? "t.f" : "t.place");
        }
        UNDROP_CHECK(in_savepoint([&, &table = *table, &numbers = numbers]() -> Result<void> {
            UNDROP_CHECK(found.make(backend_, table));
            UNDROP_CHECK(found.fill(
                backend_, fmt::format("{} as a join {} as t on t.f = a.f and t.r = a.r", numbers, numbered(dialect, table, places))));
            UNDROP_CHECK(backend_.run("drop table " + numbers));
            if (!copied->followed.empty()) UNDROP_CHECK(backend_.run("drop table " + copied->followed));
            copied->followed = found.name();
            UNDROP_TRY(copied->files, backend_.files_of(table));
            return success();
        }));
    }
    rewritten_.clear();
    return success();
}

}  // namespace undrop
