#include <doctest/doctest.h>

#include "column_order.hpp"
#include "positional.hpp"

using namespace undrop;

namespace {

ColumnNames moves(ColumnNames const& there, ColumnNames const& recorded) { return to_move(there, as_recorded(there, recorded)); }

// "schema.table line:column", one each
std::vector<std::string> found(std::string const& text) {
    std::vector<std::string> list;
    for (auto const& one : positional_inserts(text))
        list.push_back((one.schema.empty() ? "" : one.schema + ".") + one.table + " " + std::to_string(one.line) + ":" +
                       std::to_string(one.column));
    return list;
}
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("column order: what stood behind the column that came back moves, and nothing else") {
    CHECK_EQ(moves({"a", "c", "d", "b"}, {"a", "b", "c", "d"}), ColumnNames{"c", "d"});
    CHECK_EQ(moves({"b", "c", "a"}, {"a", "b", "c"}), ColumnNames{"b", "c"});
    CHECK_EQ(moves({"a", "b", "c"}, {"a", "b", "c"}), ColumnNames{});
    CHECK_EQ(moves({"a", "c", "b", "d"}, {"a", "b", "c", "d"}), ColumnNames{"c", "d"});
    CHECK_EQ(moves({"a"}, {"a", "b", "c"}), ColumnNames{});  // the others did not come back
    CHECK_EQ(moves({}, {}), ColumnNames{});
}

TEST_CASE("column order: what others added since comes behind what was recorded") {
    CHECK_EQ(as_recorded({"a", "c", "new", "b"}, {"a", "b", "c"}), ColumnNames{"a", "b", "c", "new"});
    CHECK_EQ(moves({"a", "c", "new", "b"}, {"a", "b", "c"}), ColumnNames{"c", "new"});
    CHECK_EQ(moves({"a", "b", "new"}, {"a", "b"}), ColumnNames{});
}

TEST_CASE("positional inserts: with rows right behind the table's name") {
    CHECK_EQ(found("insert into t values (1)"), Texts{"t 1:1"});
    CHECK_EQ(found("select 1;\n  INSERT INTO S.\"T x\" AS a SELECT 1"), Texts{"s.T x 2:3"});
    CHECK_EQ(found("insert into t (select 1)"), Texts{"t 1:1"});
    CHECK_EQ(found("insert into t ((values (1)))"), Texts{"t 1:1"});
    CHECK_EQ(found("insert into t with x as (select 1) select * from x"), Texts{"t 1:1"});
    CHECK_EQ(found("insert into t overriding system value values (1)"), Texts{"t 1:1"});
    CHECK_EQ(found("insert into t table u"), Texts{"t 1:1"});
    CHECK_EQ(found("insert or replace into t values (1); replace into u values (2)"), Texts{"t 1:1", "u 1:38"});
    CHECK_EQ(found("copy t from '/x'; copy u (a) from '/x'; copy v to '/x'"), Texts{"t 1:1"});
    CHECK_EQ(found("merge into t using u on a = b when not matched then insert values (1)"), Texts{"t 1:53"});
}

TEST_CASE("positional inserts: not with a list of columns, and not in comments") {
    for (auto const* text : {"insert into t (a, b) values (1, 2)", "insert into t (\"select\") values (1)", "insert into t default values",
                             "-- insert into t values (1)", "/* insert into t values (1) */ select 1",
                             "merge into t using u on a = b when not matched then "
                             "insert (a) values (1)",
                             "insert", "insert into", "insert into t", "insert into t (", "copy", "merge into", "'", "\"", "$$", "$a$ x"})
        CHECK_EQ(found(text), Texts{});
}

TEST_CASE("positional inserts: in the bodies of functions, and in what they execute") {
    CHECK_EQ(found("create function f() returns void language plpgsql as $f$\nbegin\n  insert into t values (1);\nend $f$"),
             Texts{"t 3:3"});
    CHECK_EQ(found("do $$begin execute 'insert into t values (''x'')'; end$$"), Texts{"t 1:21"});
    CHECK_EQ(found("select $1; insert into t values ('it''s', \"x\")"), Texts{"t 1:12"});
}

TEST_CASE("positional inserts: whose table is meant") {
    auto const one = [](std::string const& name) { return positional_inserts("insert into " + name + " values (1)").at(0); };
    CHECK(one("T").is_about({"s", "t"}));
    CHECK(one("s.t").is_about({"s", "t"}));
    CHECK_FALSE(one("o.t").is_about({"s", "t"}));
    CHECK_FALSE(one("\"T\"").is_about({"s", "t"}));
    CHECK(one("db.s.t").is_about({"s", "t"}));
    CHECK(one("\"a\"\"b\"").is_about({"", "a\"b"}));
}
