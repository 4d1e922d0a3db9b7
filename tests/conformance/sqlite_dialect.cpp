// SQLite's dialect, its fragments tried on the database.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "conformance/sqlite_fixture.hpp"
#include "sqlite/dialect.hpp"

namespace undrop::sqlite {

TEST_CASE("sqlite: what cannot be part of a step is forbidden, each with a reason") {
    SqliteDialect const dialect;
    auto const why = [&](std::string const& sql) {
        auto const statements = dialect.split({sql, "x.sql"}).value();
        return statements.empty() ? std::string{"nothing"} : dialect.forbidden(statements[0]);
    };
    for (auto const* sql : {"BEGIN",
                            "begin immediate",
                            "/* x */ Commit",
                            "end",
                            "rollback",
                            "rollback to a",
                            "savepoint a",
                            "release a",
                            "attach 'x' as y",
                            "detach y",
                            "vacuum",
                            "VACUUM into 'x'",
                            ".mode csv",
                            ".read x.sql",
                            "pragma journal_mode = wal",
                            "PRAGMA writable_schema=1",
                            "PRAGMA main . writable_schema(on)",
                            "pragma \"writable_schema\" = on",
                            "pragma wal_checkpoint",
                            "pragma auto_vacuum = full",
                            "pragma incremental_vacuum",
                            "pragma encoding = 'UTF-16'",
                            "pragma synchronous = off",
                            "pragma schema_version = 7"}) {
        CAPTURE(sql);
        CHECK_NE(why(sql), "");
    }
    for (auto const* sql :
         {"select 1", "pragma foreign_keys = off", "pragma foreign_keys", "pragma user_version = 7", "pragma application_id=7",
          "pragma main.user_version = 7", "pragma legacy_alter_table = on", "pragma defer_foreign_keys=1", "pragma table_info(t)",
          "pragma foreign_key_check(t)", "pragma integrity_check", "pragma journal_mode", "create table begin_ (a)", "analyze", "reindex",
          "create trigger t after insert on a begin select 1; end"}) {
        CAPTURE(sql);
        CHECK_EQ(why(sql), "");
    }
}

TEST_CASE("sqlite: names and literals survive any text") {
    SqliteDialect const dialect;
    auto const backend = open("sqlite::memory:");
    for (std::string const name : {"a\"b; --",
                                   "\xC3\x9Cn\xC3\xAF"
                                   "code",
                                   "select", "a'b", "a b", "[x]", "`"}) {
        backend
            ->run(fmt::format("create table {0} ({1}); insert into {0} values ({2}); drop table {0}", dialect.relation("", name),
                              dialect.quote(name), dialect.literal(name)))
            .value();
        CHECK_EQ(backend->rows("select " + dialect.literal(name)).value().at(0).at(0), name);
    }
    std::string const nul("a\0b\0", 4);
    CHECK_EQ(backend->rows("select hex(" + dialect.literal(nul) + ")").value().at(0).at(0), "61006200");
    CHECK_EQ(dialect.store("undrop", "event"), "main.\"undrop_event\"");
    CHECK_EQ(dialect.own_rows({.id = {}, .schema = {}, .name = "t", .columns = {}, .key = {}}), "main.\"t\"");
}

TEST_CASE("sqlite: same, image and digest tell apart what is not the same bytes, and only that") {
    SqliteDialect const dialect;
    auto const backend = open("sqlite::memory:");
    std::vector<std::string> const values{"null",
                                          "1",
                                          "1.0",
                                          "'1'",
                                          "x'31'",
                                          "'a'",
                                          "'A'",
                                          "''",
                                          "x''",
                                          "'a' || char(0) || 'b'",
                                          "'a' || char(0) || 'c'",
                                          "'a,b'",
                                          "9223372036854775807",
                                          "9.223372036854775807e18",
                                          "0.1",
                                          "0.30000000000000004",
                                          "0.3",
                                          "'NULL'"};
    backend->run("create table t (n, a collate nocase, b collate nocase, i integer)").value();
    for (auto const& a : values) {
        for (auto const& b : values) {
            CAPTURE(a);
            CAPTURE(b);
            bool const equal = a == b;
            backend->run(fmt::format("delete from t; insert into t (a, b) values ({}, {})", a, b)).value();
            auto const sql = fmt::format("select {}, {} = {}, {} = {} from t", dialect.same({}, "a", "b"), dialect.image({"a"}),
                                         dialect.image({"b"}), dialect.digest(dialect.image({"a"})), dialect.digest(dialect.image({"b"})));
            auto const row = backend->rows(sql).value().at(0);
            CHECK_EQ(row[0], equal ? "1" : "0");
            CHECK_EQ(row[1], equal ? "1" : "0");
            CHECK_EQ(row[2], equal ? "1" : "0");
            auto const two = fmt::format("select {} = {} from t", dialect.image({"a", "b"}), dialect.image({"b", "a"}));
            CHECK_EQ(backend->rows(two).value().at(0).at(0), equal ? "1" : "0");
        }
    }
    CHECK_EQ(backend->rows("select " + dialect.image({})).value().at(0).at(0), "");
    CHECK_EQ(backend->rows("select " + dialect.digest("'abc'")).value().at(0).at(0),
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_EQ(backend->rows("select undrop_sha256(null)").value().at(0).at(0), Cell{});
}

TEST_CASE("sqlite: a saved value comes back as it was, and saved keys are joined by an index") {
    Fixture f(
        "create table t (id integer primary key, r real, n numeric, i int, x text collate nocase, b blob);"
        "insert into t values (1, 1, '1', '007', 7, '7'), (2, 1.5, 'abc', 'abc', x'00', 7.0), (3, null, 1e300, 2.5, 'a' || char(0), x'')");
    auto const t = f.table("t");
    auto const& dialect = f->dialect();
    f->run(fmt::format("create table undrop_snapshot_1 (k1 {}, r, n, i, x, b, primary key (k1));"
                       "insert into undrop_snapshot_1 select {}, {}, n, i, {}, b from t",
                       t.column("id")->stored_type, dialect.save(*t.column("id"), "id"), dialect.save(*t.column("r"), "r"),
                       dialect.save(*t.column("x"), "x")))
        .value();
    std::string condition = "s.k1 = " + dialect.save(*t.column("id"), "t.id");
    for (auto const* name : {"r", "n", "i", "x", "b"})
        condition +=
            " and " + dialect.same(*t.column(name), std::string("t.") + name, dialect.load(*t.column(name), std::string("s.") + name));
    CHECK_EQ(f.one("select count(*) from t join undrop_snapshot_1 s on " + condition), "3");
    f->run("create table back as select * from t where 0; insert into back select * from undrop_snapshot_1").value();
    auto const plan = f->rows("explain query plan select 1 from undrop_snapshot_1 as s where not exists (select 1 from t where s.k1 = " +
                              dialect.save(*t.column("id"), "t.id") + ")")
                          .value();
    CHECK(has(*plan.back().back(), "SEARCH t USING INTEGER PRIMARY KEY"));
    CHECK_EQ(
        f.one("select count(*) from t join undrop_snapshot_1 s on s.k1 = t.id where " + dialect.same(*t.column("x"), "t.x", "upper(s.x)")),
        "1");
}

TEST_CASE("sqlite: row_locator is a name that no column has") {
    SqliteDialect const dialect;
    Table table;
    CHECK_EQ(dialect.row_locator(table), "rowid");
    table.columns.emplace_back().name = "RowId";
    CHECK_EQ(dialect.row_locator(table), "_rowid_");
    table.columns.emplace_back().name = "_rowid_";
    table.columns.emplace_back().name = "oid";
    CHECK_EQ(dialect.row_locator(table), "");
    table.columns.clear();
    table.no_locator = true;
    CHECK_EQ(dialect.row_locator(table), "");
}

TEST_CASE("sqlite: a script's text tells what it will drop, change and write over") {
    SqliteDialect const dialect;
    auto const foreseen = [&](std::string const& sql) {
        std::string text;
        for (auto const& touch : dialect.foresee(dialect.split({sql, "x"}).value()).touches)
            text += fmt::format("{}:{}{}{};", static_cast<int>(touch.kind), touch.schema.empty() ? "" : touch.schema + ".", touch.table,
                                touch.column.empty() ? "" : "." + touch.column);
        return text;
    };
    CHECK_EQ(foreseen("drop table t; DROP TABLE IF EXISTS main.\"a b\"; drop table [x]; drop table `y`; drop view v; drop table temp.z"),
             "0:t;0:a b;0:x;0:y;");
    CHECK_EQ(foreseen("alter table t drop column c; alter table /* x */ t -- y\n drop \"d e\"; alter table t rename to u; alter table t "
                      "add column x"),
             "1:t.c;1:t.d e;2:t;2:t;");
    CHECK_EQ(foreseen("update t set a = 1; update or ignore t set a = 1; delete from main.t; replace into t values (1); insert or replace "
                      "into t values (1)"),
             "3:t;3:t;3:t;3:t;3:t;");
    CHECK_EQ(foreseen("insert into t values (1); insert into t select 1 where true on conflict do nothing; insert into t values (1) on "
                      "conflict (a) do update set a = 1"),
             "3:t;");
    CHECK_EQ(foreseen("with x as (select 1 from update_ where replace(1, 2, 3)) delete from t where a in (select * from x)"), "3:t;");
    CHECK_EQ(foreseen("create table if not exists t (a); create table u as select 1; create index i on t (a); create temp table v (a)"),
             "5:t;5:u;");
    CHECK_EQ(foreseen("create trigger tr after insert on t begin delete from t; end; select 1; pragma foreign_keys = off; with a as "
                      "(select 1) select * from a"),
             "");
}

}  // namespace undrop::sqlite
