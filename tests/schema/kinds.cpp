// Dumps of schemas that have what cases have one at a time: every kind, names of every sort, and objects that need each other.
#include <doctest/doctest.h>

#include "schema/rebuilt.hpp"
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

ON_POSTGRES("schema: names of every sort, in every place, come back from a dump (PostgreSQL)") {
    db.run(R"sql(
create schema "a schema"; create schema "select"; create schema "qu""ote";
create extension hstore schema "a schema"; create extension citext schema "select";
create type "a schema"."mood's" as enum ('happy', 'it''s', ':sad', 'ü', E'two\nlines', '\');
create type "qu""ote".pair as (a integer, "b c" "a schema"."mood's"[]);
create domain "select"."from" as text default ':word' constraint "not ''empty''" check (value <> '');
create type "a schema"."sp an" as range (subtype = float8, multirange_type_name = "sp ans", subtype_diff = float8mi);
create sequence "a schema"."s 1" as integer increment by -2 minvalue -100 maxvalue 50 start 10 cache 3 cycle;
create function "a schema"."f x"("an arg" integer, b text default ':word') returns text language sql immutable
    as 'select $1::text || b || '':word'' || ''\''';
create procedure "select"."do"() language plpgsql as $do$ begin raise notice '-- object ["table","",""] 1'; end $do$;
create table "a schema"."Ta""ble" (
    id bigint generated always as identity (start with 7) constraint "primary" primary key,
    "select" text collate "C" not null default 'x:y', "naïve – ü" "a schema"."mood's"[] default '{happy}', n "select"."from",
    p "qu""ote".pair, h "a schema".hstore, c "select".citext, r "a schema"."sp an", rs public."sp ans",
    "twice it" text generated always as ("a schema"."f x"(id::integer)) stored, ":word" integer default nextval('"a schema"."s 1"'),
    constraint "a : check" check ("a schema"."f x"(1, "select") is not null), constraint "unique" unique nulls not distinct ("select", c));
alter sequence "a schema"."s 1" owned by "a schema"."Ta""ble".":word";
create index "in dex" on "a schema"."Ta""ble" using btree ("select" text_pattern_ops desc, ("a schema"."f x"(3, "select"))) include (c)
    where "naïve – ü" is not null;
create view "qu""ote"."view" ("a column", ":b") with (security_barrier) as select "select", n from "a schema"."Ta""ble";
alter view "qu""ote"."view" alter ":b" set default ':word';
create materialized view "select"."table" as select * from "qu""ote"."view" with no data;
create unique index ":i" on "select"."table" ("a column");
create function "a schema"."tr ig"() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger "tr ' ig" before update of "select" on "a schema"."Ta""ble" for each row when (new.n = ':word')
    execute function "a schema"."tr ig"('it''s', '\');
create rule "ru le" as on insert to "qu""ote"."view" do instead nothing;
create policy "po "" licy" on "a schema"."Ta""ble" for select to public using ("select" <> ':word');
alter table "a schema"."Ta""ble" enable row level security;
create statistics "a schema"."st ats" on "select", n from "a schema"."Ta""ble";
comment on column "a schema"."Ta""ble"."naïve – ü" is E'it''s :word\n-- object ["table","public","t"] 1\n\\';
comment on constraint "not ''empty''" on domain "select"."from" is 'x'; comment on trigger "tr ' ig" on "a schema"."Ta""ble" is 'y';
comment on policy "po "" licy" on "a schema"."Ta""ble" is 'z'; comment on index "a schema"."in dex" is 'i';
comment on schema "qu""ote" is 's'; comment on procedure "select"."do"() is 'p'; comment on view "qu""ote"."view" is 'v';
grant select ("select"), update ("naïve – ü") on "a schema"."Ta""ble" to undrop_reader;
grant usage on schema "qu""ote" to undrop_reader with grant option; grant execute on function "a schema"."f x"(integer, text) to undrop_reader;
create publication "pub lic" for table "a schema"."Ta""ble" (id, "select") where ("select" <> ':word');)sql");
    auto const sql = check_rebuilt(db);
    CHECK(has(sql, "-- object [\"table\",\"\\\"a schema\\\"\",\"Ta\\\"ble\"] 1\n"));
}

ON_POSTGRES("schema: objects that need each other come back from a dump, with something in their place meanwhile (PostgreSQL)") {
    db.run(R"sql(
create table a (id integer primary key, b_id integer); create table b (id integer primary key, a_id integer references a);
alter table a add foreign key (b_id) references b deferrable initially deferred;
create view v1 as select 1::numeric(5, 2) as n, 'x'::text collate "C" as t; create view v2 as select * from v1;
create or replace view v1 with (security_barrier) as select n, t from v2; create view v3 as select n from v2;
grant select on v1 to undrop_reader;
create view grouped as select a.*, count(*) from a join b on b.a_id = a.id group by a.id;
create function of_row(a) returns integer language sql immutable as 'select $1.id';
create function of_view(v1) returns integer language sql immutable as 'select 1';
alter table a add column computed integer default 1, add check (of_row(a) > 0);
create index on a (of_row(a)); create view calls as select of_row(a) from a where of_row(a) > 1;
create function atomic() returns bigint begin atomic select count(*) from calls; end;
create view calls_it as select atomic();
create table kept (id integer default atomic(), a a, vs v3[]);)sql");
    auto const sql = check_rebuilt(db);
    CHECK(has(sql, "-- stand-in [\"view\",\"public\",\"v"));
}

ON_POSTGRES("schema: tables of every sort come back from a dump, with their columns in their order (PostgreSQL)") {
    db.run(R"sql(
create table logs (body text, at date not null, twice text generated always as (body || body) stored, gone integer, kind integer default 3,
    constraint named check (kind > 0)) partition by range (at, kind);
alter table logs drop column gone; alter table logs add column last integer;
create table logs_1 partition of logs for values from ('2026-01-01', 0) to ('2026-02-01', 0) with (fillfactor = 70);
create table logs_2 partition of logs for values from ('2026-02-01', 0) to (maxvalue, maxvalue) partition by list (kind);
create table logs_2_1 partition of logs_2 for values in (1, null); create table logs_rest partition of logs default;
alter table logs_1 alter body set default 'own'; create index logs_kind on logs (kind); create index only_2 on logs_2_1 (last);
create unique index logs_key on logs (at, kind); create table logs_3 (like logs including generated including constraints);
create table hashed (id integer primary key, k text) partition by hash (id);
create table hashed_0 partition of hashed for values with (modulus 2, remainder 0);
create table hashed_1 partition of hashed for values with (modulus 2, remainder 1);
create table by_expression (a text, b text) partition by list (lower(b));
create table parent (id integer primary key, name text not null check (name <> '')); create table other (x integer default 4);
create table child (own text, name text) inherits (parent, other); create table grandchild () inherits (child);
create table checked (id integer) inherits (parent); alter table child add check (own <> '') no inherit;
create unlogged table fast (id serial primary key, at timestamptz default now()) with (autovacuum_enabled = off, toast.autovacuum_enabled = off);
create type of_type as (a integer, b text); create table typed of of_type (a primary key, b with options default 'x');
create table stored (a text, b text compression pglz, c integer);
alter table stored alter a set storage external; alter table stored alter c set statistics 500;
alter table stored alter c set (n_distinct = -0.5); create index stored_i on stored (a, (lower(b))); alter index stored_i alter column 2 set statistics 9;
alter table stored replica identity full; alter table stored cluster on stored_i;
create table like_stored (like typed); create table empty (); create table numbers (n integer generated by default as identity (increment 5 cycle maxvalue 100), m smallint generated always as identity);
create table like_numbers (like numbers including all);
create table excluded (r int4range, exclude using gist (r with &&) where (not isempty(r)) deferrable);
create table late (id integer, t text); alter table late add check (t <> 'x') not valid;
alter table late add foreign key (id) references hashed on update cascade on delete set null (id) deferrable;
create table plain (id integer primary key); alter table late add constraint unchecked foreign key (id) references plain not valid;
create table pairs (a integer, b integer, c integer, primary key (a, b) include (c));
create table matched (a integer, b integer, foreign key (a, b) references pairs match full on delete set default);)sql");
    (void)check_rebuilt(db);
}

ON_POSTGRES("schema: functions, rights and what else there is come back from a dump (PostgreSQL)") {
    db.run(R"sql(
create type state as (total float8, n integer);
create function add_to(state, float8) returns state language sql immutable as 'select row($1.total + $2, $1.n + 1)::state';
create function result_of(state) returns float8 language sql immutable as 'select $1.total / nullif($1.n, 0)';
create aggregate mean(float8) (sfunc = add_to, stype = state, finalfunc = result_of, initcond = '(0,0)', parallel = safe);
create aggregate every_row(*) (sfunc = int8inc, stype = int8, initcond = '0');
comment on aggregate every_row(*) is 'counts'; grant execute on function mean(float8) to undrop_reader;
revoke execute on function mean(float8) from public;
create function variadic_one(variadic numeric[], out a integer, out b text) language sql as 'select 1, ''x''';
create function set_of(integer default 5) returns table (x integer, y text) language sql rows 7 cost 3 strict security definer
    set search_path = public set work_mem = '8MB' as 'select 1, ''y''';
create table t (id integer primary key, name text, at timestamptz, v tsvector);
create materialized view means as select mean(id) as m, every_row(*) as n from t; create index on means (m);
create function note() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger changed after update on t referencing old table as o new table as n for each statement execute function note();
create constraint trigger late after insert on t deferrable initially deferred for each row execute function note();
create trigger off before delete on t for each row execute function note(); alter table t disable trigger off;
create trigger always after truncate on t for each statement execute function note(); alter table t enable always trigger always;
create trigger of_v before update on t for each row execute function tsvector_update_trigger(v, 'pg_catalog.english', name);
create rule quiet as on delete to t where old.id = 0 do instead nothing; alter table t disable rule quiet;
alter table t force row level security; create policy mine on t as restrictive for update using (id > 0) with check (id > 1);
create statistics t_stat (ndistinct, dependencies) on id, name from t; alter statistics t_stat set statistics 50;
grant select, insert on t to undrop_reader with grant option; grant update (name) on t to public; revoke delete on t from undrop_owner;
alter default privileges grant select on tables to undrop_reader; alter default privileges revoke execute on functions from public;
alter default privileges in schema public grant usage on sequences to undrop_reader with grant option;
create publication all_of_t for table t with (publish = 'insert, delete'); comment on publication all_of_t is 'x';
revoke usage on schema public from public; comment on schema public is null;)sql");
    (void)check_rebuilt(db);
}

ON_POSTGRES("schema: a materialized view that was filled is filled, and one that was not is not (PostgreSQL)") {
    db.run(
        "create table t (id integer); create materialized view filled as select 1 / count(*) as n from t with no data; "
        "create materialized view empty as select 1 / count(*) as n from t with no data; insert into t values (1); "
        "refresh materialized view filled; create materialized view plain as select 1 as one");
    Side copy(db.engine());
    auto target = Target::open(db.url()).value();
    CHECK_THROWS_AS(copy.db->run(schema_of(target).sql()), Refused);  // as filled as it was: its query fails without rows
    db.run("drop materialized view filled");
    (void)check_rebuilt(db, target, copy);
    CHECK_EQ(copy.db->one("select string_agg(relname || ' ' || relispopulated, ', ' order by relname) from pg_class where relkind = 'm'"),
             "empty false, plain true");
}

ON_POSTGRES("schema: what undrop does not know is named, and stays out (PostgreSQL)") {
    db.run(
        "create table t (id integer); create table parent (a integer, b integer); create table child (b integer, a integer); "
        "alter table child inherit parent");
    auto const as_superuser = [](Database& which) {
        return connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), which.one("select current_database()")));
    };
    as_superuser(db)->run(
        "create foreign data wrapper w; create server s foreign data wrapper w; create user mapping for public server s; "
        "create user mapping for undrop_reader server s");
    auto const schema = schema_of(db);
    CHECK_EQ(schema.unknown, std::vector<std::string>{"order of the columns of public.child, which is not that of what it inherits",
                                                      "user mapping public on server s", "user mapping undrop_reader on server s"});
    CHECK(has(schema.sql(), "-- unknown \"user mapping public on server s\"\n"));
    auto const copy = Database::make(db.engine());
    as_superuser(*copy)->run(schema.sql());
    auto const diff = compare(schema, schema_of(*copy)).value();
    REQUIRE_EQ(diff.differences.size(), 3);
    for (auto const& one : diff.differences) CHECK((one.a && !one.b));
    CHECK_EQ(compare(schema, schema_of(db)).value().not_compared, schema.unknown);
}

ON_POSTGRES("schema: a database without the schema that a new one has is made without it (PostgreSQL)") {
    db.run("drop schema public; create schema other; create table other.t (id integer)");
    (void)check_rebuilt(db);
}

ON_POSTGRES("schema: a schema of undrop's name that is not undrop's is named (PostgreSQL)") {
    auto const name = db.one("select current_database()");
    auto const superuser = connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), name));
    superuser->run("create schema undrop authorization undrop_reader");
    auto const schema = schema_of(db);
    REQUIRE_EQ(schema.unknown.size(), 1);
    CHECK_EQ(schema.unknown[0], "schema undrop, which is no store of undrop's");
}

ON_POSTGRES("schema: what others keep locked is waited for as long as told, and then named (PostgreSQL)") {
    db.run("create table held (id integer); create view v as select id from held");
    auto const other = db.connect();
    other->run("begin; lock table held in access exclusive mode");
    auto target = Target::open(db.url()).value();
    auto const read = read_schema(target, {}, Options{.lock_timeout = std::chrono::milliseconds(50)});
    REQUIRE_FALSE(read.has_value());
    CHECK_EQ(read.error().code, Code::busy);
    CHECK(has(read.error().message, "held"));
    other->run("rollback");
    CHECK(read_schema(target).has_value());
}

ON_POSTGRES("schema: whoever asks is told the same (PostgreSQL)") {
    db.run(
        "create extension hstore; create table t (id integer primary key, h hstore default 'a=>1'); create view v as select id from t; "
        "create schema closed; create table closed.u (id integer); create function closed.f() returns integer language sql as 'select 1'; "
        "revoke all on all tables in schema public, closed from public; alter table t enable row level security");
    (void)up(db, source_of({{"create table made (id integer primary key)"}}));
    auto const mine = schema_of(db).sql();
    auto url = db.url();
    std::string const user = "undrop_owner";
    url.replace(url.find(user), user.size(), "undrop_reader");
    auto target = Target::open(url).value();
    CHECK_EQ(difference(mine, read_schema(target).value().sql()), "");
}

ON_BOTH("schema: undrop's own store is left out, and a schema is the same with it and without") {
    auto const source =
        source_of({{"create table t (id integer primary key, a text)", "drop table t"}, {"alter table t drop column a", {}}});
    auto const plain = Database::make(db.engine());
    plain->run("create table t (id integer primary key, a text)");
    (void)up(db, source);
    (void)down(db, source);
    CHECK_EQ(difference(schema_of(*plain).sql(), schema_of(db).sql()), "");
    CHECK_EQ(schema_of(*plain).fingerprint(), schema_of(db).fingerprint());
}

ON_BOTH("schema: a dump can be the first migration of another database") {
    db.run(
        "create table t (id integer primary key, a text not null default 'x:y;'); create table u (id integer primary key, t_id integer "
        "references t); create index t_a on t (a); create view v as select a from t");
    if (db.postgres()) db.run("comment on table t is 'x'; grant select on t to undrop_reader");
    auto const other = Database::make(db.engine());
    auto const source = source_of({{schema_of(db).sql()}});
    auto const before = schema_of(*other).fingerprint();
    (void)up(*other, source);
    CHECK_EQ(difference(definitions(db), definitions(*other)), "");
    (void)down(*other, source);
    CHECK_EQ(schema_of(*other).fingerprint(), before);
}

ON_SQLITE("schema: everything that a file can hold comes back from a dump (SQLite)") {
    db.run(R"sql(
pragma user_version = 42; pragma application_id = -7;
create table "b's ""table""" (id integer primary key autoincrement, "select" text collate nocase not null default ':word' check ("select" <> ''),
    [naïve – ü] blob, twice text generated always as ("select" || "select") stored, thrice as (twice || "select") virtual,
    a_id integer references a on delete set null deferrable initially deferred, unique ("select", a_id) on conflict replace) -- a comment
;
create table a (id integer primary key, b_id integer references "b's ""table""", x any) strict;
create table w (k text, n integer, primary key (k, n desc)) strict, without rowid;
create table if not exists   spaced
(
    a,   b /* inside */ integer
);
create unique index "in dex" on "b's ""table""" ("select" collate rtrim desc, length(twice)) where a_id is not null;
create view "z first" ("a:b") as select n from v; create view v as select count(*) as n from a;
create trigger "tr ' ig" instead of insert on v begin insert into a (id) values (new.n); select ':word; -- object ["table","",""] 1'; end;
create trigger after_a after update of b_id on a when new.id > 0 begin delete from w; end;
create virtual table words using fts5("select", content='b''s "table"', content_rowid=id);
create virtual table alone using fts5(body, tokenize = 'porter'); create virtual table boxes using rtree(id, x0, x1);
create table undrop_things (id integer); create view undrop_view as select 1 as one;)sql");
    auto const sql = check_rebuilt(db);
    CHECK_FALSE(has(sql, "words_data"));
    CHECK_FALSE(has(sql, "boxes_node"));
    CHECK(has(sql, "undrop_things"));
    CHECK(has(sql, "PRAGMA main.user_version = 42;"));
    auto const copy = Database::make(db.engine());
    copy->run(sql);
    CHECK_EQ(copy->one("pragma integrity_check"), "ok");
    copy->run("insert into \"b's \"\"table\"\"\" (id, \"select\") values (1, 'needle'); insert into words (words) values ('rebuild')");
    CHECK_EQ(copy->count("select count(*) from words where words match 'needle'"), 1);
}
