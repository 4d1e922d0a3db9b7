// Kinds of objects that a superuser makes: there and back, and from a dump. tests/cases has those that everybody may make.
#include <doctest/doctest.h>

#include "schema/rebuilt.hpp"
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// A database, as the superuser sees it.
class Super : public Database {
public:
    Super()
        : inner_(Database::make(Engine::postgres)),
          url_(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), inner_->one("select current_database()"))),
          session_(connect_postgres(url_)) {}
    void run(std::string const& sql) override { session_->run(sql); }
    [[nodiscard]] std::vector<Line> rows(std::string const& sql) override { return session_->rows(sql); }
    [[nodiscard]] std::string attempt(std::string const& sql) override { return session_->attempt(sql); }
    void be_impatient() override { session_->be_impatient(); }
    [[nodiscard]] Engine engine() const override { return Engine::postgres; }
    [[nodiscard]] std::string url() const override { return url_; }
    [[nodiscard]] std::string location() const override { return url_; }
    [[nodiscard]] std::unique_ptr<Session> connect() override { return connect_postgres(url_); }
    void remember() override {}
    void rewind() override {}

private:
    std::unique_ptr<Database> inner_;
    std::string url_;
    std::unique_ptr<Session> session_;
};

void check_dumped(Super& db) {
    auto const schema = schema_of(db);
    CHECK_EQ(schema.unknown, std::vector<std::string>{});
    Super copy;
    auto const sql = schema.sql();
    CAPTURE(sql);
    copy.run(sql);
    CHECK_EQ(difference(definitions(db), definitions(copy)), "");
    CHECK_EQ(difference(sql, schema_of(copy).sql()), "");
    CHECK_EQ(schema.fingerprint(), schema_of(copy).fingerprint());
}

// By a derived way back, twice, and behind a down script that forgets all.
void check_there_and_back(Super& db, std::string const& script) {
    CAPTURE(script);
    auto const before = witness(db);
    std::string there;
    for (auto const& source : {source_of({{script}}), source_of({{script}}), source_of({{script, "select;"}})}) {
        (void)up(db, source);
        auto const after = witness(db);
        CHECK_NE(difference(before.exact, after.exact), "");
        if (there.empty()) there = after.schema;
        CHECK_EQ(difference(there, after.schema), "");
        (void)down(db, source);
        check_same(before, witness(db));
    }
}

constexpr char const* classes = R"sql(
create schema "o p";
create type pair as (a integer, b integer);
create function "o p".cmp(pair, pair) returns integer language sql immutable as $$ select btint4cmp($1.a, $2.a) $$;
create function "o p".cmp(pair, integer) returns integer language sql immutable as $$ select btint4cmp($1.a, $2) $$;
create function lt(pair, pair) returns boolean language sql immutable as $$ select $1.a < $2.a $$;
create function le(pair, pair) returns boolean language sql immutable as $$ select $1.a <= $2.a $$;
create function eq(pair, pair) returns boolean language sql immutable as $$ select $1.a = $2.a $$;
create function eq(pair, integer) returns boolean language sql immutable as $$ select $1.a = $2 $$;
create operator <<< (leftarg = pair, rightarg = pair, function = lt, commutator = >>>);
create operator >>> (leftarg = pair, rightarg = pair, function = lt, commutator = <<<);
create operator <<== (leftarg = pair, rightarg = pair, function = le);
create operator >>== (leftarg = pair, rightarg = pair, function = le);
create operator === (leftarg = pair, rightarg = pair, function = eq, commutator = ===, merges, hashes);
create operator === (leftarg = pair, rightarg = integer, function = eq);
create operator family "o p"."fam ily" using btree;
create operator class "o p"."by a" for type pair using btree family "o p"."fam ily" as
    operator 1 <<<, operator 2 <<==, operator 3 ===, operator 4 >>==, operator 5 >>>, function 1 "o p".cmp(pair, pair);
alter operator family "o p"."fam ily" using btree add operator 3 === (pair, integer), function 1 (pair, integer) "o p".cmp(pair, integer);
create operator class ints for type integer using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >,
    function 1 btint4cmp(integer, integer);
create operator class bare for type integer using gist as storage integer;
create operator family unused using hash;
comment on operator class "o p"."by a" using btree is 'by its a';
comment on operator family unused using hash is 'empty';
create table t (id integer primary key, p pair, n integer);
create index t_p on t (p "o p"."by a" desc);
create unique index t_n on t (n ints);
insert into t values (1, '(1,2)', 1), (2, '(2,2)', 2);
)sql";

constexpr char const* afar = R"sql(
create extension postgres_fdw; create extension file_fdw;
create schema "f s";
create foreign data wrapper "w r" options (b 'x', a 'it''s');
create foreign data wrapper checked validator postgresql_fdw_validator;
create server far type 'a''b' version '1' foreign data wrapper postgres_fdw options (host 'h', dbname '$undrop$; select 1');
create server "lone ly" foreign data wrapper "w r";
create server disk foreign data wrapper file_fdw;
create function twice(integer) returns integer language sql immutable as 'select $1 * 2';
create foreign table "f s"."t 1" ("i d" integer options (column_name 'x''y') not null, c text collate "C" default 'it''s', d integer
    generated always as (twice("i d")) stored, constraint "ch k" check ("i d" > 0)) server far options (table_name 't', schema_name 's');
alter foreign table "f s"."t 1" alter c set statistics 5, alter d set (n_distinct = 3);
create foreign table empty () server disk options (filename '/nowhere');
comment on foreign table "f s"."t 1" is 'far'; comment on column "f s"."t 1".c is 'c'; comment on server far is 's';
comment on foreign data wrapper "w r" is 'w';
grant select, update (c) on "f s"."t 1" to undrop_reader; grant usage on foreign server far to undrop_reader with grant option;
grant usage on foreign data wrapper "w r" to public;
create view v as select "i d", c from "f s"."t 1";
create function rows_of() returns setof "f s"."t 1" language sql as 'select * from "f s"."t 1"';
)sql";

constexpr char const* events = R"sql(
create schema "e v"; create table t (id integer primary key, c text); insert into t values (1, 'a');
create function "e v"."no t"() returns event_trigger language plpgsql as $$ begin raise exception 'no %', tg_tag; end $$;
create function "e v"."yes"() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger "watch it" on sql_drop when tag in ('DROP TABLE', 'DROP VIEW') execute function "e v"."yes"();
create event trigger asleep on ddl_command_end execute function "e v"."no t"();
alter event trigger asleep disable;
create event trigger guard on ddl_command_start when tag in ('CREATE TABLE') execute function "e v"."no t"();
alter event trigger guard enable replica;
comment on event trigger guard is 'it''s';
)sql";

constexpr char const* workings = R"sql(
create schema "w k"; create schema other;
create text search parser "w k"."par ser" (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, headline = prsd_headline,
    lextypes = prsd_lextype);
create text search parser "bare P" (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create text search template "w k"."temp late" (init = dsimple_init, lexize = dsimple_lexize);
create text search template bare (lexize = dsimple_lexize);
create text search dictionary "w k".words (template = "w k"."temp late", accept = false);
create text search configuration "w k".mine (parser = "w k"."par ser");
alter text search configuration "w k".mine add mapping for asciiword with "w k".words;
create table t (id integer primary key, body text,
    found tsvector generated always as (to_tsvector('"w k".mine', coalesce(body, ''))) stored);
create index t_found on t using gin (found);
create access method "he ap" type table handler heap_tableam_handler;
create access method tree type index handler hashhandler;
create table "w k".kept (id integer primary key, c text) using "he ap";
create operator class "w k".ints for type integer using tree as operator 1 =, function 1 hashint4(integer);
create index kept_id on "w k".kept using tree (id "w k".ints);
create function "w k"."call it"() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create trusted language "pl mine" handler "w k"."call it" inline plpgsql_inline_handler validator plpgsql_validator;
create language plbare handler plpgsql_call_handler;
create function one() returns integer language "pl mine" as $$ begin return 1; end $$;
create transform for point language "pl mine" (from sql with function prsd_lextype(internal));
create function two(point) returns integer language "pl mine" transform for type point as $$ begin return 2; end $$;
comment on text search parser "w k"."par ser" is 'it''s a parser'; comment on text search template bare is 't';
comment on access method "he ap" is 'a'; comment on language plbare is 'l'; comment on transform for point language "pl mine" is 'tr';
revoke usage on language "pl mine" from public; grant usage on language "pl mine" to undrop_owner with grant option;
alter language plbare owner to undrop_owner;
insert into t values (1, 'the running dogs'); insert into "w k".kept values (1, 'a'), (2, 'b');
)sql";

}  // namespace

TEST_CASE("superuser's kinds: text search parsers and templates go and come back with what is made of them") {
    Super db;
    db.run(workings);
    check_dumped(db);
    for (auto const* script :
         {R"(drop text search parser "bare P"; drop text search template bare)", R"(drop text search parser "w k"."par ser" cascade)",
          R"(drop text search template "w k"."temp late" cascade)",
          R"(alter text search parser "w k"."par ser" rename to other; alter text search template bare rename to "no more")",
          R"(alter text search parser "bare P" set schema other; alter text search template "w k"."temp late" set schema other)",
          R"(comment on text search parser "w k"."par ser" is null; comment on text search template bare is 'other')",
          R"(create text search parser "n w" (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
             create text search template "n w" (lexize = dsimple_lexize); create text search dictionary nw (template = "n w");
             create text search configuration nw (parser = "n w"); comment on text search template "n w" is 'new')"})
        check_there_and_back(db, script);
}

TEST_CASE("superuser's kinds: access methods, languages and transforms go and come back with what uses them") {
    Super db;
    db.run(workings);
    check_dumped(db);
    for (
        auto const* script :
        {R"(drop access method tree cascade)", R"(drop access method "he ap" cascade)", "drop language plbare",
         R"(drop language "pl mine" cascade)", R"(drop transform for point language "pl mine" cascade)",
         R"(drop function "w k"."call it"() cascade)",
         R"(alter language "pl mine" rename to "other pl"; alter language plbare owner to postgres)",
         R"(create or replace trusted language "pl mine" handler plpgsql_call_handler; grant usage on language "pl mine" to undrop_reader)",
         R"(create access method "n w" type table handler heap_tableam_handler; create table nw (id integer) using "n w";
             create language "n w" handler plpgsql_call_handler; create function nw() returns integer language "n w" as 'x';
             create transform for box language "n w" (from sql with function prsd_lextype(internal)); comment on language "n w" is 'new')",
         "drop schema \"w k\" cascade"})
        check_there_and_back(db, script);
}

TEST_CASE("superuser's kinds: rights on a language that was always there come back") {
    Super db;
    db.run("create function f() returns integer language plpgsql as $$ begin return 1; end $$");
    for (auto const* script : {"revoke usage on language plpgsql from public; grant usage on language plpgsql to undrop_owner",
                               "grant usage on language plpgsql to undrop_reader with grant option"})
        check_there_and_back(db, script);
    db.run("revoke usage on language plpgsql from public; grant usage on language plpgsql to undrop_owner");
    check_dumped(db);
    check_there_and_back(db, "revoke usage on language plpgsql from undrop_owner; grant usage on language plpgsql to public");
}

TEST_CASE("superuser's kinds: operator classes and families go and come back with their indexes") {
    Super db;
    db.run(classes);
    check_dumped(db);
    for (auto const* script :
         {R"(drop operator class "o p"."by a" using btree cascade; drop operator class ints using btree cascade)",
          R"(drop operator family "o p"."fam ily" using btree cascade; drop operator family unused using hash)",
          R"(drop operator === (pair, integer) cascade; drop index t_p; drop operator family "o p"."fam ily" using btree)",
          R"(drop schema "o p" cascade; drop operator class bare using gist)",
          R"(drop type pair cascade; drop operator family bare using gist)"})
        check_there_and_back(db, script);
}

TEST_CASE("superuser's kinds: operator classes and families that are made, changed, and renamed go back to what they were") {
    Super db;
    db.run(classes);
    check_dumped(db);
    for (
        auto const* script :
        {R"(create operator class new for type integer using hash as operator 1 =, function 1 hashint4(integer); create index t_new on t using hash (n new))",
         R"(alter operator family "o p"."fam ily" using btree drop operator 3 (pair, integer))",
         R"(alter operator family unused using hash add operator 1 = (integer, bigint), function 1 (integer, bigint) hashint4(integer))",
         R"(alter operator family "o p"."fam ily" using btree rename to other; alter operator class ints using btree rename to numbers)",
         R"(alter operator class bare using gist set schema "o p"; alter operator family unused using hash owner to undrop_owner)"})
        check_there_and_back(db, script);
}

TEST_CASE("superuser's kinds: foreign tables, servers and wrappers go and come back; their rows stay where they are") {
    Super db;
    db.run(afar);
    check_dumped(db);
    for (auto const* script : {R"(drop foreign table "f s"."t 1" cascade; drop foreign table empty)", "drop server far cascade",
                               R"(drop server "lone ly"; drop foreign data wrapper "w r"; drop foreign data wrapper checked)",
                               R"(drop schema "f s" cascade)", "drop function twice(integer) cascade; drop server disk cascade"})
        check_there_and_back(db, script);
}

TEST_CASE("superuser's kinds: what changes of foreign tables, servers and wrappers goes back in place where it can") {
    Super db;
    db.run(afar);
    check_dumped(db);
    for (
        auto const* script :
        {R"(alter server far version '2' options (set host 'other', add port '1', drop dbname); alter server "lone ly" options (add z 'y'))",
         R"(alter foreign table "f s"."t 1" options (drop table_name, set schema_name 'x'); alter server far options (add fetch_size '7'))",
         R"(alter foreign data wrapper "w r" options (drop a, set b 'y', add c 'z'); alter foreign data wrapper checked no validator)",
         R"(drop view v; alter foreign table "f s"."t 1" drop column c, add column e text not null default 'e')",
         R"(alter foreign table empty rename to full_; alter server disk rename to disc; grant select on full_ to undrop_reader)",
         R"(alter foreign table empty set schema "f s"; alter foreign table "f s".empty owner to undrop_owner)",
         R"(create server near foreign data wrapper postgres_fdw; create foreign table n (a integer, b text) server near;
             create view nv as select a from n)"})
        check_there_and_back(db, script);
}

TEST_CASE(
    "superuser's kinds: a server with a user mapping changes in place; the mapping's password is nowhere, and it is refused by name (P8)") {
    Super db;
    db.run(afar);
    db.run("create user mapping for public server far options (user 'u', password 'very-secret')");
    auto const source = source_of({{"alter server far options (set host 'other', add port '1')"}});
    auto const before = witness(db);
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
    auto const refused = up_error(db, source_of({{"drop server far cascade"}}));
    CHECK(has(refused.text(), "user mapping public on server far"));
    check_same(before, witness(db));
    auto const waived = source_of({{"-- undrop: lose user mapping public on server far\ndrop server far cascade"}});
    (void)up(db, waived);
    (void)down(db, waived);
    CHECK_EQ(db.one("select count(*) from pg_user_mappings"), "0");
    for (auto const* table : {"object", "event", "script", "snapshot"})
        CHECK_EQ(db.count("select count(*) from undrop." + std::string(table) + " x where x::text like '%secret%'"), 0);
}

TEST_CASE("superuser's kinds: a foreign table that is a partition is named only (P9)") {
    Super db;
    db.run(afar);
    db.run(
        "create table p (id integer) partition by range (id); "
        "create foreign table p1 partition of p for values from (1) to (2) server far; grant select on p1 to undrop_reader");
    CHECK_EQ(schema_of(db).unknown, std::vector<std::string>{"foreign table public.p1"});
    CHECK(has(up_error(db, source_of({{"drop foreign table p1"}})).text(), "foreign table public.p1"));
}

TEST_CASE("superuser's kinds: event triggers go and come back, with their state") {
    Super db;
    db.run(events);
    check_dumped(db);
    for (auto const* script :
         {R"(drop event trigger "watch it"; drop event trigger asleep; drop event trigger guard)",
          R"(drop function "e v"."no t"() cascade)",
          R"(alter event trigger "watch it" disable; alter event trigger guard enable always; drop event trigger guard)",
          R"(alter event trigger asleep enable replica; alter event trigger guard disable)",
          R"(alter event trigger asleep rename to awake; drop schema "e v" cascade)"})
        check_there_and_back(db, script);
}

TEST_CASE("superuser's kinds: an event trigger that is to go, or to come back, does not stand in the way back") {
    Super db;
    db.run(events);
    db.run(R"(create view seen as select id from t;
              create event trigger still on ddl_command_start when tag in ('CREATE VIEW') execute function "e v"."no t"())");
    for (auto const* script : {R"(create function f() returns integer language sql as 'select 1';
            create event trigger none on sql_drop when tag in ('DROP FUNCTION') execute function "e v"."no t"())",
                               "drop event trigger still; drop view seen"})
        check_there_and_back(db, script);
}

TEST_CASE("superuser's kinds: a cast without a function goes and comes back with what uses it") {
    Super db;
    db.run(
        "create cast (text as bytea) without function; create table t (id integer primary key, b bytea default cast(upper('a') as bytea))");
    check_there_and_back(db, "drop cast (text as bytea) cascade");
}

TEST_CASE("superuser's kinds: members of extensions are no objects of their own") {
    Super db;
    db.run(
        "create extension citext; create extension hstore; create extension unaccent; create extension postgres_fdw; create extension "
        "dict_int");
    CHECK_FALSE(has(schema_of(db).sql(), "OPERATOR"));
    CHECK_FALSE(has(schema_of(db).sql(), "TEXT SEARCH"));
    CHECK_FALSE(has(schema_of(db).sql(), "FOREIGN"));
    check_dumped(db);
}
