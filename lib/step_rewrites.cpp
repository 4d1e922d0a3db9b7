// The part of a step that follows rows through ALTER TABLEs which write a table anew. A row's place says nothing in another file; but the
// n-th row of the old one is the n-th of the new one, as can be seen just before and just after such a statement.
#include <fmt/format.h>
#include <algorithm>

#include "names.hpp"
#include "restore_rows.hpp"
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

// Of a table whose rows were copied, just before it is written anew.
Result<void> StepRunner::number_rows(Table const& table) {
    auto const& dialect = backend_.dialect();
    auto const copied = std::find_if(copies_.begin(), copies_.end(), [&](OldRowsTable const& c) { return c.table.id == table.id; });
    auto const places = dialect.row_places(table);
    if (copied == copies_.end() || places.size() != 2) return success();
    return in_savepoint([&]() -> Result<void> {
        auto const& from = copied->followed.empty() ? copied->store : copied->followed;
        StoreTable now(ledger_.table(names::work_prefix + std::to_string(next_id_++)));
        now.add_key("n", "bigint", "");
        now.add("l", dialect.row_id_type(table), "");
        UNDROP_CHECK(now.make(backend_, table));
        UNDROP_TRY(auto const known, backend_.follow(table, table, from, now.name(), copied->files));
        if (!known) return Error{.code = Code::usage, .message = "rows cannot be followed"};
        StoreTable numbers(ledger_.table(names::work_prefix + std::to_string(next_id_++)));
        numbers.add_key("n", "bigint", "p.n");
        numbers.add("f", "bigint", "t.f");
        numbers.add("r", "bigint", "t.r");
        UNDROP_CHECK(numbers.make(backend_, table));
        UNDROP_CHECK(
            numbers.fill(backend_, fmt::format("{} as p join {} as t on t.l = p.l", now.name(), numbered(dialect, table, places))));
        UNDROP_CHECK(backend_.run("drop table " + now.name()));
        rewritten_.push_back({table, numbers.name()});
        return success();
    });
}

Result<void> StepRunner::number_rows(Statement const& statement) {
    rewritten_.clear();
    if (part_ || copies_.empty() || !statement.words.starts_with("ALTER TABLE")) return success();
    for (auto const& name : resolve(backend_.dialect().foresee({statement}), before_).copies)
        if (auto const* table = find_table(before_, name); !table->key.empty() && may_change_keys(*table, statement))
            UNDROP_CHECK(number_rows(*table));
    return success();
}

Result<void> StepRunner::find_numbered_rows() {
    auto const& dialect = backend_.dialect();
    for (auto const& one : rewritten_) {
        auto const copied = std::find_if(copies_.begin(), copies_.end(), [&](auto const& c) { return c.table.id == one.table.id; });
        auto const places = dialect.row_places(one.table);
        StoreTable found(ledger_.table(names::work_prefix + std::to_string(next_id_++)));
        found.add_key("n", "bigint", "a.n");
        for (std::size_t i = 0; i < places.size(); ++i) {
            auto const& definition = places[i].definition;
            auto const blank = definition.find(' ');
            found.add(definition.substr(0, blank), definition.substr(blank + 1), i == 0 ? "t.f" : "t.place");
        }
        UNDROP_CHECK(in_savepoint([&]() -> Result<void> {
            UNDROP_CHECK(found.make(backend_, one.table));
            UNDROP_CHECK(found.fill(backend_, fmt::format("{} as a join {} as t on t.f = a.f and t.r = a.r", one.numbers,
                                                          numbered(dialect, one.table, places))));
            UNDROP_CHECK(backend_.run("drop table " + one.numbers));
            if (!copied->followed.empty()) UNDROP_CHECK(backend_.run("drop table " + copied->followed));
            copied->followed = found.name();
            UNDROP_TRY(copied->files, backend_.files_of(one.table));
            return success();
        }));
    }
    rewritten_.clear();
    return success();
}

// What the mend gives another type: keys that the up changed come back afterwards, and do not tell then which row was which.
Result<void> StepRunner::number_rows(MendAction const& action) {
    rewritten_.clear();
    auto const changes = [&](Snapshot const& s) { return changes_key(s) && names_table(action.id.parent, table_name(s.table)); };
    if (part_ || copies_.empty() || action.kind != MendAction::Kind::alter || action.id.kind != "column" ||
        std::none_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), changes))
        return success();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    auto const altered =
        std::find_if(tables.begin(), tables.end(), [&](Table const& t) { return names_table(action.id.parent, table_name(t)); });
    for (auto const& table : tables)
        if (altered != tables.end() && (table.id == altered->id || table.root == altered->id)) UNDROP_CHECK(number_rows(table));
    return success();
}

}  // namespace undrop
