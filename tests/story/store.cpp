// What a step puts into the store hangs on nothing of the user's, is its owner's alone, and fits into a replicated database.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* rich =
    "create extension citext; create type mood as enum ('sad', 'ok'); create type pair as (a integer, m mood);"
    "create domain positive as integer check (value > 0); create type span as range (subtype = integer);"
    "create table t (id integer primary key, m mood, ms mood[], p pair, d positive, s span, c citext, r regclass, x char(5));"
    "insert into t values (1, 'sad', '{ok}', '(1,sad)', 5, '[1,2]', 'A', 't', 'ab'), (2, 'ok', null, null, null, null, null, null, null);"
    "create table gone (like t); insert into gone select * from t;"
    "create table keyless (m mood, v text); insert into keyless values ('sad', 'x'), ('sad', 'x'), ('ok', 'y');"
    "create table guarded (id integer primary key, what text); insert into guarded values (1, 'secret');"
    "alter table guarded enable row level security; create policy p on guarded using (false);"
    "create sequence s; select setval('s', 42)";

Source const& migration() {
    static auto const source =
        source_of({{"update t set m = 'ok', ms = null, p = null, d = 6, s = null, c = 'B', r = null, x = '' where id = 1;\n"
                    "delete from t where id = 2;\ninsert into t values (3, 'ok');\nupdate keyless set m = 'ok' where v = 'x';\n"
                    "update guarded set what = 'open';\nalter table t drop column m, drop column p;\ndrop table gone;\ndrop sequence s;"}});
    return source;
}

}  // namespace

ON_POSTGRES("story: no table of the store depends on a type, a collation or a function of the user's") {
    db.run(rich);
    (void)up(db, migration());
    CHECK_EQ(db.table("select distinct c.relname, r.refclassid::regclass, pg_describe_object(r.refclassid, r.refobjid, r.refobjsubid) "
                      "from pg_class c join pg_depend r on r.classid = 'pg_class'::regclass and r.objid = c.oid "
                      "where c.relnamespace = 'undrop'::regnamespace and r.refobjid >= 16384 "
                      "and not (r.refclassid = 'pg_namespace'::regclass and r.refobjid = 'undrop'::regnamespace) "
                      "and not (r.refclassid = 'pg_class'::regclass and exists (select from pg_class o where o.oid = r.refobjid and "
                      "o.relnamespace = 'undrop'::regnamespace)) and r.refclassid <> 'pg_constraint'::regclass"),
             "");
    CHECK_GT(db.count("select count(*) from pg_class where relnamespace = 'undrop'::regnamespace and relkind = 'r'"), 10);
}

ON_POSTGRES("story: types that go by CASCADE long after a step leave what it saved alone") {
    db.run(rich);
    auto const before = witness(db);
    (void)up(db, migration());
    auto const columns = [&] {
        return db.table(
            "select c.relname, string_agg(a.attname, ',' order by a.attnum) from pg_class c join pg_attribute a on a.attrelid = "
            "c.oid and a.attnum > 0 and not a.attisdropped where c.relnamespace = 'undrop'::regnamespace group by 1 order by 1");
    };
    auto const kept = columns();
    db.run(
        "begin; drop type mood cascade; drop type pair cascade; drop domain positive cascade; drop type span cascade; "
        "drop extension citext cascade");
    CHECK_EQ(columns(), kept);
    db.run("rollback");
    (void)down(db, migration());
    check_same(before, witness(db));
}

ON_POSTGRES("story: every table of the store has a key, so a publication of all tables can ship it") {
    db.run(rich);
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    superuser->run("create publication everything for all tables");
    (void)up(
        db,
        source_of({{"update t set m = 'ok' where id = 1;\ndelete from t where id = 2;\nalter table t drop column p;\ndrop table gone;"}}),
        {.published_store = true});
    CHECK_EQ(db.table("select c.relname from pg_class c where c.relnamespace = 'undrop'::regnamespace and c.relkind = 'r' and not exists "
                      "(select from pg_index i where i.indrelid = c.oid and i.indisprimary)"),
             "");
    superuser->run("drop publication everything");
}

ON_POSTGRES("story: nobody but its owner can read what was saved, whatever default privileges say") {
    db.run(rich);
    db.run("grant select on t, keyless to undrop_reader");
    db.run("alter default privileges grant select on tables to public; alter default privileges grant usage on schemas to undrop_reader");
    (void)up(db, migration());
    CHECK_EQ(db.table("select c.relname from pg_class c where c.relnamespace = 'undrop'::regnamespace and c.relkind in ('r', 'S', 'v') and "
                      "has_table_privilege('undrop_reader', c.oid, 'select')"),
             "");
    CHECK_FALSE(db.one("select has_schema_privilege('undrop_reader', 'undrop', 'usage')") == "t");
}

ON_POSTGRES("story: what comes back has the rights that it had, not those that default privileges give to anything new by now") {
    db.run(
        "create table people (id serial primary key, salary text); create view v as select id from people; create sequence s;"
        "create function f(i int, t text) returns int language sql as 'select 1'; create procedure p(i int) language sql as 'select 1';"
        "create type mood as enum ('a'); create domain d as int; create schema sub; create table sub.t (i int);"
        "create materialized view m as select 1 as x; create table part (id int, x text) partition by range (id);"
        "create table part1 partition of part for values from (0) to (10); create index on part (id); insert into people values (1, 'x')");
    for (auto const* defaults :
         {"alter default privileges grant all on tables to public, undrop_reader; alter default privileges grant all on sequences to "
          "undrop_reader; alter default privileges grant usage on types to undrop_reader; alter default privileges grant usage on schemas "
          "to "
          "undrop_reader",
          "alter default privileges revoke execute on functions from public; alter default privileges grant all on functions to "
          "undrop_reader; alter default privileges in schema public grant select on tables to undrop_reader"}) {
        CAPTURE(defaults);
        db.run(defaults);
        auto const before = witness(db);
        auto const source = source_of(
            {{"drop view v;\ndrop table people;\ndrop function f(int, text);\ndrop procedure p(int);\ndrop type mood;\ndrop domain d;\n"
              "drop sequence s;\ndrop schema sub cascade;\ndrop materialized view m;\ndrop table part;"}});
        (void)up(db, source);
        (void)down(db, source);
        check_same(before, witness(db));
        CHECK_FALSE(db.one("select has_table_privilege('undrop_reader', 'people', 'select')") == "t");
    }
}
