// The SQL of PostgreSQL: how values are kept, what a script's text tells.
#include <doctest/doctest.h>

#include "conformance/postgres_shop.hpp"
#include "postgres/postgres_dialect.hpp"

namespace undrop {

TEST_CASE("postgres: tables come with their columns, what they are kept as, and the key that tells rows apart") {
    Shop shop;
    shop.database->run(R"(
create type role as enum ('a', 'b'); create domain percent as int check (value < 101);
create table "a""b; --" (id int generated always as identity primary key, "Größe" numeric(5,2) default 1.5, r role not null default 'a',
    p percent, c char(5), v varchar(9), twice int generated always as (2) stored, arr int[], j jsonb, at timestamptz(3));
create table uniq (a int not null, b text not null, c int); create unique index on uniq (b, a) include (c);
create table loose (a int unique, b int not null); create unique index on loose (b) where a > 1; create unique index on loose ((b + 1));
create table late (a int not null unique deferrable);
create table part (i int, k text) partition by list (i); create table part1 partition of part for values in (1);
create table empty (); create temp table scratch (i int); create view v as select 1; create schema undrop create table hidden (i int);
create schema other create table t (i int))");
    auto const tables = shop.backend.tables("undrop").value();
    std::string names;
    for (auto const& table : tables) names += table.text() + (table.partitioned ? "* " : " ");
    CHECK(names == "other.t public.a\"b; -- public.empty public.late public.loose public.part* public.part1 public.uniq ");
    auto const t = shop.table("a\"b; --");
    REQUIRE(t.columns.size() == 10);
    CHECK(t.key == std::vector<std::string>{"id"});
    CHECK(t.columns[0].identity);
    CHECK(t.columns[0].not_null);
    CHECK(t.columns[1].name == "Größe");
    CHECK(t.columns[1].type == "numeric(5,2)");
    CHECK(t.columns[1].stored_type == "numeric");
    CHECK(t.columns[1].default_sql == "1.5");
    CHECK(t.columns[2].type == "public.role");
    CHECK(t.columns[2].as_text);
    CHECK(t.columns[2].default_sql == "'a'::public.role");
    CHECK(t.columns[3].as_text);
    CHECK(t.columns[4].as_text);
    CHECK_FALSE(t.columns[5].as_text);
    CHECK(t.columns[5].stored_type.starts_with("text"));
    CHECK(t.columns[6].generated);
    CHECK(t.columns[6].default_sql.empty());
    CHECK(t.columns[7].as_text);
    CHECK(t.columns[8].stored_type == "jsonb");
    CHECK(t.columns[9].stored_type == "timestamp with time zone");
    CHECK(shop.table("uniq").key == std::vector<std::string>{"b", "a"});
    CHECK(shop.table("loose").key.empty());
    CHECK(shop.table("late").key.empty());
    CHECK(shop.table("empty").columns.empty());
}

TEST_CASE("postgres: every value comes back from the store as the same bytes, and no store column depends on the user's types") {
    Shop shop;
    shop.store();
    shop.database->run(R"sql(
create type role as enum ('a', 'it''s "b"'); create type pair as (x int, y text); create domain dom as varchar(3);
create type span as range (subtype = int);
create table t (id int primary key, r role, rs role[], p pair, d dom, s span, c char(5), v varchar(5), b bytea, f float8, f4 float4,
    n numeric, j json, i interval, ts timestamptz, m money, bt bit(3), h text, arr text[], o regclass, ip inet, nm name, ch "char", low int[]);
insert into t values
    (1, 'it''s "b"', array['a', null, 'it''s "b"']::role[], row(null, null), 'abc', '[1,5)', 'ab', '', '\x00ff', 'NaN', 0.1, 1.000,
     '{"a": 1,  "a":2}', '1 mon -3 days 04:05:06.789', '0044-03-15 12:00:00.123456+00 BC', '$1.50', b'101', E'a\\b\n"''',
     array[['a', null], ['', '"{}']], 't', '10.0.0.1/8', 'n', 'c', '[0:1]={1,2}'),
    (2, null, '{}', null, null, 'empty', '', 'x    ', '', '-Infinity', '1e-30', 'NaN', 'null', '-00:00:00.000001', 'infinity', '-$0.01',
     b'000', '', '{}', null, '::1', '', '', null);
insert into t (id) values (3))sql");
    auto const t = shop.table("t");
    auto const& dialect = shop.backend.dialect();
    shop.begin();
    std::string definitions;
    std::string saved;
    std::string same = "true";
    int n = 0;
    for (auto const& column : t.columns) {
        auto const value = "t." + dialect.quote(column.name);
        auto const stored = fmt::format("v{}", ++n);
        definitions += (definitions.empty() ? "" : ", ") + stored + " " + column.stored_type;
        saved += (saved.empty() ? "" : ", ") + dialect.save(column, value);
        same += " and " + dialect.same(column, value, dialect.load(column, "s." + stored));
    }
    auto const store = dialect.store("undrop", "snapshot_1");
    shop.backend.run(fmt::format("create table {} ({}, primary key (v1))", store, definitions)).value();
    CHECK(shop.backend.run(fmt::format("insert into {} select {} from {} as t", store, saved, dialect.own_rows(t))).value() == 3);
    CHECK(shop.one(fmt::format("select count(*) from {} t join {} s on s.v1 = t.id where {}", dialect.own_rows(t), store, same)) == "3");
    // Nothing of the store hangs on what a script may drop.
    CHECK(shop.one("select count(*) from pg_depend d join pg_class c on c.oid = d.objid and d.classid = 'pg_class'::regclass "
                   "join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'undrop' and d.refclassid <> 'pg_namespace'::regclass "
                   "and d.refobjid <> c.oid and d.refobjid >= 16384 and c.relkind = 'r'") == "0");
    shop.backend.run("drop table public.t; drop type public.role").value();
    CHECK(shop.one(fmt::format("select v2 from {} where v1 = 1", store)) == "it's \"b\"");
    CHECK(shop.one(fmt::format("select v4 from {} where v1 = 1", store)) == "(,)");
    CHECK(shop.one(fmt::format("select v4 from {} where v1 = 2", store)) == "NULL");
    CHECK(shop.one(fmt::format("select v7 from {} where v1 = 1", store)) == "ab   ");
    shop.backend.rollback();
}

TEST_CASE("postgres: same means the same bytes, image tells NULL from the empty text, digest is SHA-256") {
    Shop shop;
    auto const& dialect = shop.backend.dialect();
    shop.begin();
    auto const same = [&](std::string const& type, std::string const& a, std::string const& b) {
        return shop.one("select " + dialect.same({}, fmt::format("cast({} as {})", a, type), fmt::format("cast({} as {})", b, type)));
    };
    CHECK(same("json", "'{\"a\":1}'", "'{\"a\":1}'") == "t");
    CHECK(same("json", "'{\"a\":1}'", "'{\"a\": 1}'") == "f");
    CHECK(same("numeric", "'1.0'", "'1.00'") == "f");
    CHECK(same("float8", "'NaN'", "'NaN'") == "t");
    CHECK(same("text", "null", "null") == "t");
    CHECK(same("text", "null", "''") == "f");
    auto const image = [&](std::vector<std::string> const& values) { return shop.one("select " + dialect.image(values)); };
    CHECK(image({"null::text", "'a'"}) != image({"''", "'a'"}));
    CHECK(image({"'a,b'", "'c'"}) != image({"'a'", "'b,c'"}));
    CHECK(image({"null::text"}) != "NULL");
    CHECK(shop.one("select " + dialect.digest("'abc'")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(shop.one("select " + dialect.literal("a\\'b")) == "a\\'b");
    CHECK(dialect.relation("a\"b", "c") == "\"a\"\"b\".\"c\"");
    shop.backend.rollback();
}

TEST_CASE("postgres: rows of a table without a key are told apart, in partitions too") {
    Shop shop;
    shop.database->run(
        "create table t (i int); insert into t values (1), (1); create table p (i int) partition by list (i);"
        "create table p1 partition of p for values in (1); create table p2 partition of p for values in (2); insert into p values (1), "
        "(2), (2)");
    auto const& dialect = shop.backend.dialect();
    for (auto const* name : {"t", "p"}) {
        auto const table = shop.table(name);
        CHECK(shop.one(fmt::format("select count(*) = count(distinct {}) from {}", dialect.row_id(table, ""), dialect.own_rows(table))) ==
              "t");
        CHECK(shop.backend
                  .run(fmt::format("update {0} as t set i = i from (select {1} as l from {0}) s where s.l = {2}", dialect.own_rows(table),
                                   dialect.row_id(table, ""), dialect.row_id(table, "t")))
                  .value() == shop.database->count(fmt::format("select count(*) from {}", name)));
    }
}

TEST_CASE("postgres: the text of a script tells what it will do") {
    postgres::PostgresDialect const dialect;
    auto const seen = [&](std::string const& text) {
        auto const foreseen = dialect.foresee(dialect.split({text, "x"}).value());
        std::string out = foreseen.opaque ? "?" : "";
        for (auto const& touch : foreseen.touches) {
            constexpr char const* names[] = {"drop", "drop_column", "alter", "rewrite", "rewrite_table", "create", "rewrite_type"};
            out += fmt::format("{}{} {}{}{}", out.empty() ? "" : "; ", names[static_cast<int>(touch.kind)],
                               touch.schema.empty() ? "" : touch.schema + ".", touch.table, touch.column.empty() ? "" : "." + touch.column);
        }
        return out;
    };
    CHECK(seen("drop table a.\"B\", c") == "drop a.B; drop c");
    CHECK(seen("drop table t cascade") == "?; drop t");
    CHECK(seen("drop view v; drop index i; drop type e") == "");
    CHECK(seen("alter table only s.t drop column a, add column b int") == "drop_column s.t.a; alter s.t");
    CHECK(seen("alter table t alter a type int using f(a)") == "?; rewrite_table t; alter t");
    CHECK(seen("alter table t alter a type varchar(50)") == "alter t");
    CHECK(seen("alter view v rename to w; alter sequence s restart; alter index i rename to j") == "");
    CHECK(seen("alter type s.c drop attribute x, add attribute y int") == "rewrite_type s.c.x");
    CHECK(seen("truncate a, b.c") == "rewrite_table a; rewrite_table b.c");
    CHECK(seen("update t set a = upper(a); delete from u; merge into w using x on true when matched then delete") ==
          "rewrite t; rewrite u; rewrite w");
    CHECK(seen("insert into t values (now()); insert into u values (1) on conflict (i) do update set a = 1") == "rewrite u");
    CHECK(seen("with d as (delete from x returning *) select * from d") == "rewrite x");
    CHECK(seen("alter table t rename a to b; alter table t rename to u; alter table u set schema s") == "alter t; alter t; alter u");
    CHECK(seen("create unique index on t (a); create trigger x after insert on s.t execute function f(); drop policy p on t") ==
          "alter t; alter s.t; alter t");
    CHECK(seen("create table t (i int default f()); create table u as select 1; select 1 as a into w; create temp table scratch (i int)") ==
          "create t; create u; create w");
    CHECK(seen("do $$ begin end $$") == "?");
    CHECK(seen("call p(); select 1") == "?");
    CHECK(seen("select my_function()") == "?");
    CHECK(seen("select count(*), pg_catalog.now(), nextval('s') from t") == "");
    CHECK(seen("drop schema s cascade") == "?");
    CHECK(seen("some syntax of a newer server; drop table t") == "drop t");
}

TEST_CASE("postgres: what cannot be part of a step is named before anything is sent") {
    postgres::PostgresDialect const dialect;
    auto const forbidden = [&](std::string const& text) { return !dialect.forbidden(dialect.split({text, "x"}).value().at(0)).empty(); };
    for (auto const* text : {"begin",
                             "START TRANSACTION",
                             "commit",
                             "end",
                             "/* x */ rollback",
                             "abort",
                             "prepare transaction 'x'",
                             "commit prepared 'x'",
                             "rollback and chain",
                             "savepoint a",
                             "rollback to savepoint a",
                             "rollback to a",
                             "release savepoint a",
                             "set transaction read only",
                             "set session characteristics as transaction read only",
                             "vacuum t",
                             "create index concurrently on t (a)",
                             "create unique index concurrently i on t (a)",
                             "drop index concurrently i",
                             "reindex table concurrently t",
                             "reindex (concurrently) table t",
                             "reindex schema s",
                             "create database d",
                             "drop database d",
                             "alter system set x = 1",
                             "alter database d set tablespace t",
                             "cluster",
                             "discard all",
                             "copy t from stdin",
                             "copy (select 1) to stdout",
                             "alter table p detach partition q concurrently",
                             "\\copy t from 'x'",
                             "\\connect d",
                             "create subscription s connection '' publication p"})
        CHECK_MESSAGE(forbidden(text), text);
    for (auto const* text : {"select 'commit'", "create index on t (a)", "create table commit (i int)", "cluster t using i",
                             "discard plans", "copy t from '/tmp/x'", "set search_path = x", "alter table p detach partition q",
                             "create function f() returns int begin atomic select 1; end", "reindex table t",
                             "refresh materialized view concurrently m", "alter type e add value 'x'", "prepare p as select 1"})
        CHECK_MESSAGE(!forbidden(text), text);
}

TEST_CASE("postgres: a lock that a script takes for the session is named, where it runs now") {
    postgres::PostgresDialect const dialect;
    auto const outlives = [&](std::string const& text) {
        auto const what = dialect.outlives(dialect.split({text, "x"}).value().at(0));
        return what.substr(0, what.find(' '));
    };
    CHECK_EQ(outlives("select pg_advisory_lock(1)"), "pg_advisory_lock");
    CHECK_EQ(outlives("select a from (select PG_CATALOG.pg_try_advisory_lock_shared(1, 2)) as x (a)"), "pg_try_advisory_lock_shared");
    CHECK_EQ(outlives("do $$ begin perform Pg_Advisory_Lock(1); end $$"), "pg_advisory_lock");
    CHECK_EQ(outlives("a newer syntax with pg_try_advisory_lock(1)"), "pg_try_advisory_lock");
    for (auto const* text :
         {"select pg_advisory_xact_lock(1)", "select 'pg_advisory_lock(1)'", "do $$ begin perform pg_advisory_xact_lock(1); end $$",
          "select pg_advisory_unlock(1)", "create function f() returns void language sql as $$ select pg_advisory_lock(1) $$"})
        CHECK_EQ(outlives(text), "");
}

TEST_CASE("postgres: what runs only outside of a transaction is a closed list, and its text says what it is about") {
    postgres::PostgresDialect const dialect;
    auto const what = [&](std::string const& sql) {
        auto const statements = dialect.split({sql, ""}).value();
        auto const found = dialect.outside(statements.at(0));
        return found ? found->text() + (found->table.empty() ? "" : " on " + found->table) + (found->refused.empty() ? "" : " refused")
                     : "";
    };
    CHECK_EQ(what("create index concurrently i on s.t (a)"), "create index s.i on t");
    CHECK_EQ(what("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I\" ON t (a) WHERE b"), "create index I on t");
    CHECK_EQ(what("create index concurrently on t (a)"), "create index on t refused");
    CHECK_EQ(what("create index concurrently i on t (a) with a newer syntax"), "create index refused");
    CHECK_EQ(what("drop index concurrently if exists s.i cascade"), "drop index s.i");
    CHECK_EQ(what("reindex index concurrently i"), "reindex i");
    CHECK_EQ(what("reindex (verbose, concurrently) table s.t"), "reindex s.t");
    CHECK_EQ(what("alter table s.p detach partition c concurrently"), "detach partition c on p");
    CHECK_EQ(what("vacuum (analyze) t"), "vacuum t");
    CHECK_EQ(what("vacuum"), "vacuum");
    for (auto const* text : {"create index i on t (a)", "drop index i", "reindex table t", "reindex schema concurrently s", "analyze t",
                             "alter table p detach partition c", "alter table p detach partition c finalize", "alter type e add value 'x'",
                             "create database d", "call p()"})
        CHECK_EQ(what(text), "");
}

TEST_CASE("postgres: a label is hoisted if another statement of the script uses it, and no other does") {
    postgres::PostgresDialect const dialect;
    auto const hoisted = [&](std::string const& sql) {
        std::string places;
        for (auto const& [at, what] : dialect.hoisted(dialect.split({sql, ""}).value())) places += std::to_string(at);
        return places;
    };
    CHECK_EQ(hoisted("alter type e add value 'x'; update t set a = 'x'"), "0");
    CHECK_EQ(hoisted("create table u (i int); alter type s.e add value 'it''s' before 'y'; do $$ begin perform 'it''s'::e; end $$"), "1");
    CHECK_EQ(hoisted("alter type e add value 'w'; alter type e add value 'x' after 'w'; update t set a = 'x'"), "01");
    CHECK_EQ(hoisted("alter type e add value 'x'; update t set a = 'y'"), "");
    CHECK_EQ(hoisted("update t set a = 'x'; alter type e add value 'x'"), "");
    CHECK_EQ(hoisted("create type e as enum (); alter type e add value 'x'; insert into t values ('x')"), "");
    CHECK_EQ(hoisted("alter type e rename value 'w' to 'x'; update t set a = 'x'"), "");
}

}  // namespace undrop
