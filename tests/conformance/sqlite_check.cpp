// Statements of a check on SQLite: what they may be, and that nothing is written though the text were let through.
#include <doctest/doctest.h>

#include "conformance/sqlite_fixture.hpp"
#include "sqlite/dialect.hpp"

namespace undrop::sqlite {

TEST_CASE("sqlite: a check's statements only ask") {
    SqliteDialect const dialect;
    auto const why = [&](std::string const& sql) { return dialect.forbidden_in_check(dialect.split({sql, "x.sql"}).value().at(0)); };
    for (auto const* sql : {"select 1", "/* delete */ SELECT replace(a, 'b', 'c') from t", "values (1)",
                            "with a as (select 1) select replace(x, 1, 2) from a", "select \"delete\" from \"update\"",
                            "select 'insert into t'", "pragma foreign_key_check", "pragma foreign_key_check(t)", "pragma integrity_check",
                            "pragma table_info(t)", "pragma main.user_version"}) {
        CAPTURE(sql);
        CHECK_EQ(why(sql), "");
    }
    for (auto const* sql : {"delete from t", "with a as (select 1) insert into t select * from a",
                            "with a as (select 1) replace into t select 1", "replace into t values (1)", "update t set a = 1",
                            "create table u (a)", "analyze", "reindex", "explain select 1", "pragma optimize", "pragma user_version = 1",
                            "pragma foreign_keys(0)", "pragma analysis_limit = 1", "commit", "attach 'x' as y", "vacuum"}) {
        CAPTURE(sql);
        CHECK_NE(why(sql), "");
    }
}

TEST_CASE("sqlite: between enter_check and leave_check nothing is written, and afterwards everything can be") {
    Fixture f("create table t (a); insert into t values (1)");
    auto const asked = [&](std::string const& sql) { return f->ask({sql, "x.sql"}, f.split(sql).at(0)); };
    f.begin();
    f->enter_check(Options{}).value();
    CHECK_EQ(asked("delete from t returning 1").error().code, Code::refused);
    CHECK_EQ(asked("create table u (a)").error().code, Code::refused);
    CHECK_FALSE(f->run("delete from t").has_value());
    CHECK(asked("select a = 1 from t").value().holds());
    CHECK_EQ(asked("select 1 union all select 1").value().rows, 2);
    f->leave_check().value();
    CHECK_EQ(f->run("delete from t").value(), 1);
    f->commit().value();
    CHECK_EQ(f.other->all("select count(*) from t"), "0");

    f->begin_reading().value();
    f->enter_check(Options{}).value();
    f->leave_check().value();
    CHECK_FALSE(f->run("insert into t values (1)").has_value());  // it is a reading still
    f->rollback();
}

TEST_CASE("sqlite: a row's own column is no answer unless it is declared to be one") {
    Fixture f("create table t (id integer primary key, done boolean, flag BOOL, bare); insert into t values (7, 1, 1, 1)");
    auto const holds = [&](std::string const& sql) { return f->ask({sql, "x.sql"}, f.split(sql).at(0)).value().holds(); };
    f->begin_reading().value();
    f->enter_check(Options{}).value();
    for (auto const* sql :
         {"select done from t", "select flag from t", "select id = 7 from t", "select count(*) from t", "select bare from t", "select -1",
          "select 0.5", "select exists (select 1 from t)", "select id from t where id = 8"})
        CHECK_MESSAGE(holds(sql), sql);
    for (auto const* sql :
         {"select id from t", "select rowid from t", "select id from (select id from t)", "with c as (select id from t) select * from c",
          "select 0", "select 0.0", "select null", "select '1'", "select x'01'", "select max(done) = 0 from t"})
        CHECK_MESSAGE(!holds(sql), sql);
    f->rollback();
}

}  // namespace undrop::sqlite
