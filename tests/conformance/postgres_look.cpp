// What the PostgreSQL backend sees of a step, and how it brings rows back.
#include <doctest/doctest.h>

#include "conformance/postgres_shop.hpp"

namespace undrop {

TEST_CASE("postgres: the look tells which tables' rows were written, and how") {
    Shop shop;
    shop.database->run(R"sql(
create table t (id int primary key, a text); insert into t select g, 'x' from generate_series(1, 10) g;
create table kid (id int primary key, t int references t on delete cascade); insert into kid select g, g from generate_series(1, 5) g;
create table big (i int); insert into big values (1);
create table p (i int) partition by list (i); create table p1 partition of p for values in (1);
create function sneaky() returns void language plpgsql as $$ begin execute 'delete from ' || 'kid'; end $$)sql");
    auto const id = [&](char const* name) { return shop.table(name).id; };
    CHECK(
        shop.look(
                "select count(*) from t; select * from t for update; create table u (i int); insert into u values (1); update u set i = 2")
            .writes.empty());
    CHECK(shop.look("alter table t add column b int default 3; alter table t alter b drop default; create index on t (a)").writes.empty());
    CHECK(shop.look("update t set a = 'y' where id > 100; delete from kid where false").writes.empty());
    auto const inserted = shop.look("insert into t values (11, 'y'), (12, 'z'); insert into p values (1)").writes;
    REQUIRE(inserted.size() == 2);
    CHECK(inserted.at(id("t")).inserted == 2);
    CHECK_FALSE(inserted.at(id("t")).rows_may_differ);
    CHECK(inserted.at(id("p1")).inserted == 1);
    auto const cascaded = shop.look("delete from t where id < 4; update t set a = 'y' where id = 9").writes;
    CHECK(cascaded.at(id("t")).deleted == 3);
    CHECK(cascaded.at(id("t")).updated == 1);
    CHECK(cascaded.at(id("t")).rows_may_differ);
    CHECK(cascaded.at(id("kid")).deleted == 3);
    CHECK(shop.look("select sneaky()").writes.at(id("kid")).deleted == 5);
    CHECK(shop.look("truncate big").writes.at(id("big")).rows_may_differ);
    CHECK(shop.look("update big set i = 2; truncate big").writes.at(id("big")).rows_may_differ);
    CHECK(shop.look("alter table t alter id type bigint").writes.at(id("t")).rows_may_differ);
    CHECK(shop.look("drop table kid; delete from big").writes.size() == 1);
    CHECK(shop.look("savepoint a; delete from kid; rollback to a").writes.empty());
    CHECK(shop.look("do $$ begin begin delete from kid; raise 'no'; exception when others then null; end; end $$").writes.empty());
}

TEST_CASE("postgres: the look counts on from the mark, undrop's own statements too, and not what others do") {
    Shop shop;
    shop.store();
    shop.database->run("create table t (i int); insert into t values (1), (2); create table other (i int)");
    auto other = shop.database->connect();
    shop.backend.run("insert into t values (3)").value();  // counted by the server, and not yet told
    shop.begin();
    shop.backend.mark("undrop").value();
    shop.backend.run("create table undrop.snapshot_1 (i int primary key); insert into undrop.snapshot_1 select i from public.t").value();
    shop.script("update t set i = 5 where i = 1").value();
    auto const id = shop.table("t").id;
    auto const script = shop.backend.observed().value();
    CHECK(script.writes.at(id).updated == 1);
    CHECK(script.writes.size() == 1);
    CHECK(script.refused.empty());
    shop.backend.run("update public.t set i = 6 where i = 2; insert into public.t values (7); drop table undrop.snapshot_1").value();
    other->run("insert into other values (1); create table newer (i int); drop table other");
    auto const end = shop.backend.observed().value();
    CHECK(end.writes.at(id).updated == 2);
    CHECK(end.writes.at(id).inserted == 1);
    CHECK(end.writes.size() == 1);
    CHECK(end.refused.empty());
    shop.script("insert into newer values (1)").value();
    CHECK(shop.backend.observed().value().refused.size() == 1);
    shop.backend.rollback();
    CHECK_FALSE(shop.backend.observed().has_value());
}

TEST_CASE("postgres: what undrop cannot save or take back is refused by the look") {
    Shop shop;
    auto admin = test::connect_postgres(superuser_url(shop));
    admin->run(
        "create extension postgres_fdw; create extension hstore; create server here foreign data wrapper postgres_fdw;"
        "create table near (i int); alter extension hstore add table near; grant all on near to undrop_owner; insert into near values (1)");
    admin->run(fmt::format(
        "alter server here options (dbname '{}', host '{}', port '{}'); create table there (i int); grant all on there to undrop_owner;"
        "create foreign table far (i int) server here options (table_name 'there'); grant all on far to undrop_owner;"
        "create user mapping for undrop_owner server here options (user 'undrop_owner', password_required 'false')",
        shop.one("select current_database()"), admin->one("select current_setting('unix_socket_directories')"),
        admin->one("select current_setting('port')")));
    shop.store();
    shop.database->run(R"sql(
create table undrop.event (id int primary key, t text); insert into undrop.event values (1, 'x');
create type addr as (street text, zip text); create type unused as (a int, b int); create table people (i int, homes addr[]);
select lo_create(4711))sql");
    CHECK(shop.refuses("insert into far values (1)", "foreign table"));
    CHECK(shop.look("select * from far").refused.empty());
    CHECK(shop.refuses("delete from near", "extension"));
    CHECK(shop.refuses("delete from undrop.event", "undrop.event"));
    CHECK(shop.refuses("update undrop.event set t = 'y'", "own store"));
    CHECK(shop.refuses("truncate undrop.event", "own store"));
    CHECK(shop.refuses("drop table undrop.event", "own store"));
    CHECK(shop.refuses("drop schema undrop cascade", "own store"));
    CHECK(shop.refuses("alter table undrop.event set schema public", "own store"));
    CHECK(shop.look("create table x (i int); comment on table x is 'y'; create type e as enum ('a'); alter type e add value 'b';"
                    "create collation c (locale = 'C'); alter type unused drop attribute b; drop type unused;"
                    "grant select on people to undrop_reader; create statistics st on i, homes from people;"
                    "alter table people add check (i > 0); create view v as select i from people; create schema s; drop schema s")
              .refused.empty());
    CHECK(shop.refuses("select lo_unlink(4711)", "large object"));
    CHECK(shop.refuses("select lo_put(4711, 0, 'a'); select lo_put(4711, 0, 'b')", "large object"));

    auto root = Target::open(superuser_url(shop)).value();
    auto& backend = root.backend();
    auto const seen = [&](std::string const& sql) {
        backend.begin({}, {}).value();
        backend.mark("undrop").value();
        Statement statement;
        statement.text = sql;
        backend.run_script({sql, "x"}, statement).value();
        auto observed = backend.observed().value();
        backend.rollback();
        return observed;
    };
    auto const refused = seen("delete from pg_catalog.pg_enum where false").refused;
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].find("pg_enum") != std::string::npos);
    CHECK(seen("insert into information_schema.sql_features (feature_id) values ('x')").refused.size() == 1);
    // Silent counters prove nothing.
    shop.database->run("insert into people values (1)");
    auto const silent = seen("set local track_counts = off; update public.people set i = i").writes;
    CHECK(silent.at(shop.table("people").id).rows_may_differ);
    CHECK(seen("update public.people set i = i where false").writes.empty());
}

TEST_CASE("postgres: rows that the script wrote are told from others, also under savepoints") {
    Shop shop;
    shop.database->run(
        "create table t (i int); insert into t values (1), (2), (3); create table p (i int, k int) partition by list (i);"
        "create table p1 partition of p for values in (1); insert into p values (1, 1)");
    auto other = shop.database->connect();
    auto const t = shop.table("t");
    shop.begin();
    shop.backend.mark("undrop").value();
    shop.script("update t set i = 20 where i = 2; savepoint a; insert into t values (4); release a; insert into p values (1, 2)").value();
    other->run("insert into t values (100)");
    auto const mine = shop.backend.written_by_us(t, "x").value();
    CHECK(shop.one("select string_agg(i::text, ',' order by i) from public.t x where " + mine) == "4,20");
    CHECK(shop.one("select count(*) from public.p x where " + shop.backend.written_by_us(shop.table("p"), "x").value()) == "1");
    shop.script("alter table t alter i type bigint").value();
    CHECK(shop.backend.written_by_us(t, "x").value() == "");
    shop.backend.rollback();
}

TEST_CASE("postgres: triggers and rules are off while rows come back, and then exactly as they were") {
    Shop shop;
    shop.database->run(R"sql(
create table t (i int); create table log (what text);
create function note() returns trigger language plpgsql as $$ begin insert into public.log values (tg_name); return new; end $$;
create trigger plain before insert on t for each row execute function note();
create trigger "al ways" before insert on t for each row execute function note();
create trigger dis before insert on t for each row execute function note();
create trigger rep before insert on t for each row execute function note();
alter table t enable always trigger "al ways"; alter table t disable trigger dis; alter table t enable replica trigger rep;
create rule r as on insert to t do also insert into log values ('rule');
create table p (i int) partition by list (i); create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2);
create trigger pt before insert on p for each row execute function note();
alter table p1 disable trigger pt; alter table p2 enable always trigger pt)sql");
    auto const all = [&] {
        return shop.backend
            .rows(
                "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger union all select ev_class::regclass::text, "
                "rulename, ev_enabled from pg_rewrite where ev_class = 'public.t'::regclass order by 1, 2")
            .value();
    };
    shop.begin();
    auto const before = all();
    auto const t = shop.table("t");
    auto const p = shop.table("p");
    shop.backend.quiet(t).value();
    shop.backend.quiet(p).value();
    shop.backend.run("insert into public.t values (1); insert into public.p values (1), (2)").value();
    CHECK(shop.one("select count(*) from public.log") == "0");
    shop.backend.loud(t).value();
    shop.backend.loud(p).value();
    CHECK(all() == before);
    shop.backend.run("insert into public.t values (1)").value();
    CHECK(shop.one("select string_agg(what, ',' order by what) from public.log") == "al ways,plain,rule");
    shop.backend.rollback();
}

TEST_CASE("postgres: positions of sequences are told, set forward only, and survive what a rollback does not take back") {
    Shop shop;
    shop.database->run(
        "create sequence s; create sequence \"S 2\" increment -5 maxvalue 100 start 100; create sequence fresh start 1000;"
        "create table t (id serial); select setval('s', 5000); select nextval('\"S 2\"')");
    auto const positions = shop.backend.positions().value();
    CHECK(positions.at("public.s") == "5000");
    CHECK(positions.at("public.\"S 2\"") == "100");
    CHECK(positions.at("public.fresh") == "1000 uncalled");
    CHECK(positions.contains("public.t_id_seq"));
    shop.begin();
    shop.backend.mark("undrop").value();
    shop.script("select setval('s', 1); select setval('\"S 2\"', 100, false); select setval('fresh', 1); select nextval('t_id_seq')")
        .value();
    shop.backend.rollback();
    CHECK(shop.one("select last_value || is_called::text from s") == "5000true");
    CHECK(shop.one("select last_value || is_called::text from \"S 2\"") == "100true");
    CHECK(shop.one("select last_value || is_called::text from fresh") == "1000false");
    CHECK(shop.one("select last_value || is_called::text from t_id_seq") == "1true");  // moved on is not put back
    shop.begin();
    shop.backend.set_position("public.s", "4000").value();
    shop.backend.set_position("public.\"S 2\"", "90").value();
    shop.backend.set_position("public.fresh", "1000").value();
    shop.backend.commit().value();
    CHECK(shop.one("select last_value from s") == "5000");
    CHECK(shop.one("select last_value from \"S 2\"") == "90");
    CHECK(shop.one("select is_called from fresh") == "t");
    CHECK_FALSE(shop.backend.set_position("public.s", "1; drop table t").has_value());
}

}  // namespace undrop
