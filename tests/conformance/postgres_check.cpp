// Statements of a check on PostgreSQL: what they may be, and that nothing is written though the text were let through.
#include <doctest/doctest.h>

#include "conformance/postgres_shop.hpp"

namespace undrop {

TEST_CASE("postgres: a check's statements only ask") {
    Shop shop;
    auto const why = [&](std::string const& sql) { return shop.backend.dialect().forbidden_in_check(shop.split(sql).at(0)); };
    for (auto const* sql :
         {"select 1", "/* delete */ SELECT 'insert into t'", "values (true)", "table t", "(select true)",
          "with a as (select 1) select * from a", "select \"delete\" from \"update\"", "select now() > all (select x from t)",
          "select json_table_of_a_newer_server(t.* columns nested path) from t"}) {  // a syntax that the parser does not know
        CAPTURE(sql);
        CHECK_EQ(why(sql), "");
    }
    for (auto const* sql : {"delete from t returning id",
                            "with a as (insert into t values (1) returning *) select * from a",
                            "select * from (with a as (delete from t returning 1) select 1) x",
                            "select 1 into u",
                            "create table u as select 1",
                            "select * from t for update",
                            "select * from t for key share",
                            "(select * from t for share)",
                            "select * from (select * from t for update) x",
                            "do $$ begin end $$",
                            "call p()",
                            "execute p",
                            "explain analyze select 1",
                            "set x = 1",
                            "show x",
                            "lock t",
                            "notify x",
                            "truncate t",
                            "commit",
                            "savepoint a",
                            "rollback to savepoint undrop_check",
                            "refresh materialized view v",
                            "copy t to stdout"}) {
        CAPTURE(sql);
        CHECK_NE(why(sql), "");
    }
}

TEST_CASE("postgres: between enter_check and leave_check nothing is written, and afterwards everything can be") {
    Shop shop;
    shop.backend.run("create table t (a int); insert into t values (1)").value();
    auto const asked = [&](std::string const& sql) { return shop.backend.ask({sql, "x.sql"}, {.text = sql}); };
    shop.begin();
    shop.backend.enter_check(shop.options).value();
    CHECK(asked("select a = 1 from t").value().holds());
    CHECK(asked("select count(*) from generate_series(1, 3)").value().rows == 1);
    CHECK(asked("select from generate_series(1, 100000)").value().rows == 100'000);
    shop.backend.leave_check().value();
    for (auto const* sql :
         {"delete from t returning true", "create table u (a int)", "with x as (delete from t returning 1) select true from x"}) {
        shop.backend.enter_check(shop.options).value();
        CAPTURE(sql);
        CHECK(asked(sql).error().code == Code::refused);
        shop.backend.leave_check().value();  // also after a statement that failed
    }
    shop.backend.enter_check(shop.options).value();
    CHECK_FALSE(asked("select true; delete from t").has_value());  // never two at once
    shop.backend.leave_check().value();
    CHECK(shop.one("select current_setting('transaction_read_only')") == "off");
    CHECK(shop.one("select current_setting('search_path')") == "pg_catalog, pg_temp");
    CHECK(shop.backend.run("delete from public.t").value() == 1);
    shop.backend.commit().value();
    CHECK(shop.database->count("select count(*) from t") == 0);
}

TEST_CASE("postgres: only a boolean is an answer") {
    Shop shop;
    shop.backend.run("create domain yes as boolean").value();
    auto const holds = [&](std::string const& sql) {
        shop.backend.enter_check(shop.options).value();
        auto const answer = shop.backend.ask({sql, "x.sql"}, {.text = sql}).value();
        shop.backend.leave_check().value();
        return answer.holds();
    };
    shop.backend.begin_reading().value();
    for (auto const* sql :
         {"select true", "select true, null", "select true::public.yes", "select 1 where false", "table pg_catalog.pg_am limit 0"})
        CHECK_MESSAGE(holds(sql), sql);
    for (auto const* sql : {"select false", "select null", "select null::boolean", "select 't'", "select 1", "select", "select null, true",
                            "values (true), (true)", "select array[true]"})
        CHECK_MESSAGE(!holds(sql), sql);
    shop.backend.rollback();
}

}  // namespace undrop
