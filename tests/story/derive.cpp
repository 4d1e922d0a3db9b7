// Down scripts that undrop writes: each is derived from an up in a database made for it, and then takes back that up where there are rows.
#include <algorithm>
#include <undrop/derive.hpp>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

DerivedDown derived(Database& db, Source const& source, DownWish const& wish) {
    auto const before = witness(db);
    auto target = Target::open(db.url()).value();
    auto down = derive_down(target, source, wish);
    REQUIRE_MESSAGE(down, down.error().text());
    check_unchanged(before, witness(db));
    return std::move(down).value();
}

Error derive_error(Database& db, Source const& source, DownWish const& wish) {
    auto target = Target::open(db.url()).value();
    auto const down = derive_down(target, source, wish);
    REQUIRE_FALSE(down);
    CHECK(down.error().left == Left::untouched);
    return down.error();
}

// The last migration gets the down script that is derived for it.
Source with_down(Database& db, Source source, DownWish wish = {}) {
    auto& last = source.migrations.back();
    wish.version = last.version;
    last.down = Script{derived(db, source, wish).text, last.version + "_step.down.sql"};
    return source;
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// Up and back by the script, twice: the second time undrop has a down's snapshots, too.
void there_and_back(Database& db, Source const& source) {
    auto const before = witness(db);
    for (int n = 0; n < 2; ++n) {
        (void)up(db, source);
        auto const back = down(db, source);
        CHECK(back.steps.at(0).origin == Origin::file);
        check_same(before, witness(db));
    }
}

}  // namespace

ON_BOTH("a derived down script brings the dropped column back with what the application has written since") {
    Participants story(db, 1'000);
    auto const before = witness(db);
    auto const source = with_down(db, source_of({{story.drop_role() + db.either("drop type role;\n", "")}}));
    auto const& text = source.migrations[0].down->text;
    CHECK_MESSAGE(has(text, "values of " + story.what() + " come back"), text);
    if (db.postgres()) {
        CHECK(has(text, "CREATE TYPE public.role AS ENUM ('viewer', 'contributor', 'manager');\n"));
        CHECK(has(text, "\nALTER TABLE public.request_participants ADD COLUMN role public.role DEFAULT 'viewer'::public.role;\n"));
        CHECK(has(text, "\n--   ALTER TABLE ONLY public.request_participants ALTER COLUMN role SET NOT NULL;\n"));
        CHECK(has(text, "\nCREATE VIEW public.managers "));
    }
    (void)up(db, source);
    story.application_writes();
    auto const others = story.others();
    auto const back = down(db, source).steps.at(0);
    CHECK(back.origin == Origin::file);
    CHECK_EQ(merged(back, story.what()).computed, 0);
    check_same_schema(before, witness(db));
    CHECK_EQ(story.wrong_roles(), 0);
    CHECK_EQ(story.new_with_default(), story.inserted());
    CHECK(others == story.others());
}

ON_BOTH("a derived down script takes back tables, views, indexes and rows, whatever they are called") {
    db.run(R"(create table "Ünï ""q"" t" ("ké'y" integer primary key, "v""x" text not null default 'é''"'))");
    db.run(R"(create index "Ünï i" on "Ünï ""q"" t" ("v""x"))");
    db.run(R"(create table kept (id integer primary key, "A b" text, n integer not null default 7))");
    db.run(R"(create table child (id integer primary key, t integer references "Ünï ""q"" t" ("ké'y")))");
    db.run(R"(create view "Vü" as select "A b" from kept)");
    db.run(R"(insert into "Ünï ""q"" t" values (1, 'a'), (2, 'b'); insert into child values (1, 1), (2, null))");
    db.run(R"(insert into kept values (1, 'x', 1), (2, null, 2), (3, 'z', 3))");
    there_and_back(db, with_down(db, source_of({{R"(
        drop view "Vü";
        create table "nèw" (id integer primary key, w text);
        create index "nèw_w" on "nèw" (w);
        insert into "nèw" values (1, 'n');
        alter table kept add column "später" text;
        update kept set "A b" = 'changed' where id = 1;
        delete from kept where id = 2;
        insert into kept (id, "A b", n) values (40, 'new', 1), (41, 'new', 1);)" +
                                                 db.either(R"(alter table child drop constraint child_t_fkey;
        drop table "Ünï ""q"" t";)",
                                                           R"(drop table child; drop table "Ünï ""q"" t";)")}})));
}

ON_BOTH("rows that the up inserted go again by the script's directive, where they are as it left them") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a')");
    auto source = with_down(db, source_of({{"insert into t values (10, 'x'), (11, 'x'), (12, 'x')"}}));
    CHECK(has(source.migrations[0].down->text, "\n-- undrop: remove-inserted\n"));
    (void)up(db, source);
    db.run("update t set v = 'mine' where id = 11; insert into t values (20, 'y')");
    auto const back = down(db, source).steps.at(0);
    CHECK_EQ(db.table("select id, v from t order by id"), "1|a\n11|mine\n20|y");
    CHECK_EQ(merged(back, db.named("t") + " (inserted)").removed, 2);
    CHECK_EQ(merged(back, db.named("t") + " (inserted)").changed_since, 1);
    db.run("delete from t where id = 11");
    (void)up(db, source);
    CHECK_EQ(db.count("select count(*) from t"), 5);
    // Without it they are the script's matter.
    source.migrations[0].down->text = "select 1;";
    auto const left = down(db, source).steps.at(0).notes;
    CHECK_EQ(db.count("select count(*) from t"), 5);
    auto const told = "the down script leaves 3 rows of " + db.named("t") + " that the up inserted";
    CHECK(std::any_of(left.begin(), left.end(), [&](std::string const& note) { return note.starts_with(told); }));
}

ON_BOTH("a row of the up's that others refer to stays, and goes when what refers to it is the up's own") {
    db.run("create table t (id integer primary key); create table mine (id integer primary key, t integer references t)");
    auto const source = with_down(
        db, source_of({{"insert into t values (1), (2); create table its (t integer references t); insert into its values (1)"}}));
    (void)up(db, source);
    db.run("insert into mine values (1, 2)");
    CHECK_EQ(merged(down(db, source).steps.at(0), db.named("t") + " (inserted)").in_use, 1);
    CHECK_EQ(db.table("select id from t"), "2");
}

ON_BOTH("a column without a default asks for what rows inserted since get, and its file says how") {
    db.run("create table t (id integer primary key, \"Näme\" text not null); insert into t values (1, 'a')");
    auto source = with_down(db, source_of({{"alter table t drop column \"Näme\""}}));
    auto& text = source.migrations[0].down->text;
    CHECK_MESSAGE(has(text, "-- undrop: backfill"), text);
    auto const before = witness(db);
    (void)up(db, source);
    db.run("insert into t values (2)");
    auto const error = down_error(db, source);
    CHECK_MESSAGE(has(error.message, "1 rows"), error.text());
    CHECK_MESSAGE(has(error.next.advice, "-- undrop: backfill"), error.text());
    text = "-- undrop: backfill " + db.named("t") + ".\"Näme\" = 'nobody'\n" + text;
    (void)down(db, source);
    check_same_schema(before, witness(db));
    CHECK_EQ(db.table("select id, \"Näme\" from t order by id"), "1|a\n2|nobody");
}

ON_POSTGRES("a derived down script takes back functions, triggers, types, policies, renames and rights") {
    db.run(R"(
        create schema "Über";
        create type "Über".mood as enum ('sad', 'ok');
        create table "Über".people (id bigint generated always as identity primary key, m "Über".mood not null default 'ok',
                                    "Old" text, total numeric(10, 2), at timestamptz not null default now());
        create function "Über".mood_of(p bigint) returns "Über".mood language sql as 'select m from "Über".people where id = p';
        create function "Über".touch() returns trigger language plpgsql as $$ begin new."Old" := 't'; return new; end $$;
        create trigger touch before update on "Über".people for each row execute function "Über".touch();
        create policy own on "Über".people using (true);
        create view "Über".sad as select id, m, "Old" from "Über".people where m = 'sad';
        create materialized view "Über".sums as select m, sum(total) from "Über".people group by m;
        create unique index sums_m on "Über".sums (m);
        grant select on "Über".sad to public;
        comment on column "Über".people.m is 'wie''s geht';
        create table "Über".log (id bigserial primary key, person bigint references "Über".people, at date) partition by range (id);
        create table "Über".log_1 partition of "Über".log for values from (1) to (100);
        insert into "Über".people (m, "Old", total) values ('sad', 'a', 1.5), ('ok', null, null), ('sad', 'c', 3);
        insert into "Über".log (person, at) values (1, '2026-01-01'), (2, null);
        refresh materialized view "Über".sums;)");
    there_and_back(db, with_down(db, source_of({{R"(
        drop materialized view "Über".sums;
        drop view "Über".sad;
        drop function "Über".mood_of(bigint);
        drop trigger touch on "Über".people;
        create or replace function "Über".touch() returns trigger language plpgsql as $$ begin return null; end $$;
        drop policy own on "Über".people;
        alter table "Über".people alter column m drop default;
        alter table "Über".people alter column m type text using upper(m::text);
        drop type "Über".mood;
        alter table "Über".people rename column "Old" to "Nèw";
        alter table "Über".people alter column total type text;
        alter table "Über".people drop column at;
        alter table "Über".people enable row level security;
        grant insert on "Über".people to public;
        drop table "Über".log;
        create table "Über".more (id int primary key, p bigint references "Über".people);
        insert into "Über".more select 1, id from "Über".people where id = 1;)"}})));
}

ON_POSTGRES("constraints and foreign keys come back after the rows that they count on") {
    db.run(R"(
        create table category (id int primary key, name text unique not null);
        create table product (id int primary key, category int not null references category, sku text constraint sku_once unique,
                              price int not null constraint dear check (price > 0));
        insert into category values (1, 'a'), (2, 'b'); insert into product values (1, 1, 'x', 1), (2, 2, 'y', 2);)");
    there_and_back(db, with_down(db, source_of({{R"(
        alter table product drop constraint product_category_fkey;
        drop table category;
        alter table product drop constraint sku_once, drop constraint dear, alter column price drop not null;
        update product set sku = 'same', price = null;)"}})));
}

ON_POSTGRES("rows of a partition that the up made go back to the table's others") {
    db.run(R"(
        create schema "Ä"; create table "Ä".t (id int, v text) partition by list (id);
        create table "Ä".rest partition of "Ä".t default; insert into "Ä".t values (1, 'a');)");
    auto const source = with_down(db, source_of({{R"(create table "Ä".t_5 partition of "Ä".t for values in (5))"}}));
    auto const before = witness(db);
    (void)up(db, source);
    db.run(R"(insert into "Ä".t values (5, 'five'))");
    (void)down(db, source);
    check_same_schema(before, witness(db));
    CHECK_EQ(db.table("select id, v from \"Ä\".t order by id"), "1|a\n5|five");
}

ON_BOTH("a down script is derived on the target's schema, on pending migrations, or on the earlier ones alone") {
    auto const create = Scripts{"create table t (id integer primary key, v text)", "drop table t"};
    auto const drop = Scripts{"drop table t"};
    auto source = source_of({create, drop});
    auto const pending = derived(db, source, {.version = "2"});
    CHECK(pending.from_target);
    CHECK(pending.applied == std::vector<std::string>{"1"});
    (void)up(db, source_of({create}));
    auto const ready = derived(db, source, {.version = "2"});
    CHECK(ready.from_target);
    CHECK(ready.applied.empty());
    (void)up(db, source);
    auto const applied = derived(db, source, {.version = "2"});
    CHECK_FALSE(applied.from_target);
    CHECK(applied.applied == std::vector<std::string>{"1"});
    CHECK(applied.text == ready.text);
    CHECK(applied.text == pending.text);
    CHECK(derived(db, source, {.version = "2", .on_empty = true}).text == ready.text);
    CHECK(has(to_json(ready), "\"kind\": \"derived_down\""));
}

ON_BOTH("what no down script can be derived for is refused, and says why") {
    db.run("create table t (id integer primary key, v text)");
    auto const refused = [&](Scripts const& scripts) { return derive_error(db, source_of({scripts}), {.version = "1"}); };
    auto error = refused({"drop table t", "select 1"});
    CHECK(error.code == Code::refused);
    CHECK(has(error.message, "has a down script already"));
    CHECK(error.where.file == "1_step.down.sql");
    error = refused({"alter table t drop column v;\nalter table nothing add column x text;"});
    CHECK(error.code == Code::refused);
    CHECK(has(error.message, "the up fails in the disposable database"));
    CHECK(error.where.line == 2);
    CHECK(has(error.next.advice, "--on-empty"));
    CHECK(has(refused({"-- undrop: irreversible \"gone is gone\"\ndrop table t"}).message, "gone is gone"));
    CHECK(has(refused({"-- undrop: keep-aside t.v\nalter table t drop column v"}).message, "aside"));
    CHECK(has(refused({"begin; drop table t; commit;"}).message, "the up fails"));
    if (db.postgres()) CHECK(has(refused({"-- undrop: no-transaction\ncreate index concurrently i on t (v)"}).message, "in parts"));
    CHECK(derive_error(db, source_of({{"drop table t"}}), {.version = "7"}).code == Code::usage);
    error = derive_error(db, source_of({{"drop table nothing"}, {"drop table t"}}), {.version = "2"});
    CHECK(has(error.message, "1 step, which comes before it, fails"));
    CHECK(error.where.file == "1_step.up.sql");
}
