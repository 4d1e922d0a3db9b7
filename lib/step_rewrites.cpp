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

// Every row of the table: its file (f), place and row_id (l), and r: its number within the file, or its key.
std::string numbered(Dialect const& dialect, Table const& table, bool by_key) {
    auto const places = dialect.row_places(table);
    auto r = fmt::format("pg_catalog.row_number() over (partition by {} order by {})", places[0].expression, places[1].expression);
    if (by_key) {
        std::vector<std::string> key;
        for (auto const& name : table.key) key.push_back(fmt::format("cast(t.{} as text)", dialect.quote(name)));
        r = dialect.image(key);
    }
    return fmt::format("(select {} as f, {} as place, {} as l, {} as r from {} as t)", places[0].expression, places[1].expression,
                       dialect.row_id(table, "t"), r, dialect.own_rows(table));
}

}  // namespace

bool may_write_anew(Statement const& statement) {
    return statement.words.starts_with("CLUSTER") || statement.words.starts_with("ALTER TABLE");
}

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

// May statements besides ALTERs give rows another key? An UPDATE says so, also of a key that others refer to ON UPDATE CASCADE; what a
// function or a block does nobody sees.
bool StepRunner::may_update_keys(Table const& table) const {
    std::set<std::string> keys(table.key.begin(), table.key.end());
    for (auto const& other : before_) keys.insert(other.key.begin(), other.key.end());
    return std::any_of(statements_.begin(), statements_.end(), [&](Statement const& statement) {
        auto const words = tokens(statement.text);
        auto const begins = [&](auto const&... word) { return !words.empty() && (words.front().is(word) || ...); };
        auto const found = [&](char const* word) {
            return std::find_if(words.begin(), words.end(), [&](Token const& token) { return token.is(word); });
        };
        if (begins("update"))
            return std::any_of(found("set"), std::max(found("set"), found("where")), [&](Token const& token) {
                return token.is_name() && std::any_of(keys.begin(), keys.end(), [&](auto const& key) { return same(token, key); });
            });
        return begins("do", "select", "call", "with", "merge", "execute");
    });
}

// The script's own settings and role hold: where these do not let rows be followed, they are not.
Result<void> StepRunner::in_savepoint(std::function<Result<void>()> const& work) {
    UNDROP_CHECK(backend_.run("savepoint undrop_rows"));
    auto const done = work();
    UNDROP_CHECK(backend_.run(done ? "release savepoint undrop_rows" : "rollback to savepoint undrop_rows; release savepoint undrop_rows"));
    return success();
}

// Of a table whose rows were copied, just before it is written anew.
Result<void> StepRunner::number_rows(Table const& table, bool by_key) {
    auto const& dialect = backend_.dialect();
    auto const copied = std::find_if(copies_.begin(), copies_.end(), [&](OldRowsTable const& c) { return c.table.id == table.id; });
    if (copied == copies_.end() || dialect.row_places(table).size() != 2) return success();
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
        numbers.add("f", "bigint", by_key ? "0" : "t.f");
        numbers.add("r", by_key ? "text" : "bigint", "t.r");
        UNDROP_CHECK(numbers.make(backend_, table));
        UNDROP_CHECK(
            numbers.fill(backend_, fmt::format("{} as p join {} as t on t.l = p.l", now.name(), numbered(dialect, table, by_key))));
        UNDROP_CHECK(backend_.run("drop table " + now.name()));
        rewritten_.push_back({table, numbers.name(), by_key});
        return success();
    });
}

Result<void> StepRunner::number_rows(Statement const& statement) {
    rewritten_.clear();
    auto const puts_in_order = statement.words.starts_with("CLUSTER");
    if (part_ || copies_.empty() || !may_write_anew(statement)) return success();
    auto const foreseen = resolve(backend_.dialect().foresee({statement}), before_);
    for (auto const& table : before_) {
        auto const name = table_name(table);
        if (table.key.empty()) continue;
        auto const follows = follows_.contains(name) && (puts_in_order || foreseen.locks.contains(name));
        if (follows || (foreseen.copies.contains(name) && may_change_keys(table, statement)))
            UNDROP_CHECK(number_rows(table, puts_in_order));
    }
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
            UNDROP_CHECK(found.fill(backend_, fmt::format("{} as a join {} as t on t.r = a.r{}", one.numbers,
                                                          numbered(dialect, one.table, one.by_key), one.by_key ? "" : " and t.f = a.f")));
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
