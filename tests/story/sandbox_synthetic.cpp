// Made rows: allowed, on the edges, always the same for a seed; and what cannot be filled is named.
#include <algorithm>
#include <sstream>

#include <undrop/evidence.hpp>

#include "story/sandboxes.hpp"
#include "synthetic.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

SandboxWish made(std::int64_t rows, std::uint64_t seed = 1) { return {.data = {.mode = DataMode::synthetic, .rows = rows, .seed = seed}}; }

void make_shop(Database& db) {
    db.run(db.either(
        "create type state as enum ('new', 'it''s paid', 'sent'); create domain short as text check (length(value) <= 5);"
        "create table customer (id integer generated always as identity primary key, email varchar(12) not null unique, note text, born "
        "date);"
        "create table orders (id serial primary key, customer integer not null references customer, state state not null default 'new', "
        "price "
        "numeric(8,2) check (price > 0), code short, kind text check (kind in ('retail', 'whole sale')), many integer[], data jsonb);",
        "create table customer (id integer primary key, email varchar(12) not null unique, note text, born date);"
        "create table orders (id integer primary key, customer integer not null references customer, state text not null check (state in "
        "('new', "
        "'it''s paid', 'sent')), price numeric check (price > 0), code text check (length(code) <= 5), kind text check (kind in ('retail', "
        "'whole "
        "sale')), many text, data text);"));
    db.run("create table line (orders integer references orders, n integer, parent integer, primary key (orders, n))");
    db.run("create table bag (a text, b integer)");
}

}  // namespace

TEST_CASE("synthetic numbers are the same on every machine") {
    Random random(1);
    CHECK(random.next() == 0x910A2DEC89025CC1U);
    CHECK(random.next() == 0xBEEB8DA1658EEC67U);
}

ON_BOTH("made rows keep every rule, and go for the edges") {
    make_shop(db);
    Looked box(db.url(), made(60));
    CHECK(box.sandbox().not_filled.empty());
    CHECK(box.count("select count(*) from customer") == 60);
    CHECK(box.count("select count(*) from orders") == 60);
    CHECK(box.count("select count(*) from line") == 60);
    CHECK(box.count("select count(*) from orders o where not exists (select 1 from customer c where c.id = o.customer)") == 0);
    CHECK(box.count("select count(*) from line l where not exists (select 1 from orders o where o.id = l.orders)") == 0);
    CHECK(box.count("select count(distinct state) from orders") == 3);
    CHECK(box.count("select count(distinct kind) from orders") == 2);
    CHECK(box.count("select count(*) from orders where price <= 0") == 0);
    for (auto const* column : {"note", "born"})
        CHECK_MESSAGE(box.count("select count(*) from customer where " + std::string(column) + " is null") > 0, column);
    CHECK(box.count("select count(*) from customer where note = ''") > 0);
    CHECK(box.count("select count(*) from customer where note like '%O''Brien%'") > 0);
    CHECK(box.count("select max(length(note)) from customer") >= 3000);
    CHECK(box.count("select count(*) from customer where length(email) = 12") > 0);
    CHECK(box.count("select count(*) from customer where length(email) > 12") == 0);
    CHECK(box.count("select count(*) from (select a, b from bag group by a, b having count(*) > 1) d") > 0);
}

ON_BOTH("a seed gives the same rows again, and another one others") {
    make_shop(db);
    auto const rows = [&](std::uint64_t seed) {
        Looked box(db.url(), made(40, seed));
        return box.table("select id, email, note, born from customer order by id") + "\n" +
               box.table("select id, customer, state, price, code, kind, many, data from orders order by id");
    };
    auto const first = rows(7);
    CHECK(rows(7) == first);
    CHECK(rows(8) != first);
}

ON_BOTH("a table that takes no row is named, and the rehearsal goes on") {
    db.run(
        "create table never (id integer primary key, a integer not null check (a > 5 and a < 5)); create table t (id integer primary key, "
        "v text)");
    auto target = Target::open(db.url()).value();
    auto const evidence =
        rehearse(target, source_of({{"alter table t drop column v"}}), {.data = {.mode = DataMode::synthetic, .rows = 10}});
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    CHECK(evidence.value().exact());
    CHECK(mentions(evidence.value().notes, "no row could be made for " + db.named("never")));
    CHECK(evidence.value().migrations.at(0).not_exercised.empty());
    CHECK(evidence.value().not_filled == std::vector<std::string>{db.named("never")});
}

ON_BOTH("the grade of a migration whose table took no row is marked in every report, and evidence says so when it is read again") {
    db.run(
        "create table never (id integer primary key, a integer not null check (a > 5 and a < 5)); create table t (id integer primary key, "
        "v text)");
    auto target = Target::open(db.url()).value();
    auto const rehearsed = rehearse(
        target,
        source_of({{"alter table t drop column v"}, {"alter table never add column b integer"}, {"update never set a = 7", "select 1"}}),
        {.data = {.mode = DataMode::synthetic, .rows = 10}});
    REQUIRE_MESSAGE(rehearsed, rehearsed.error().text());
    auto const& evidence = rehearsed.value();
    CHECK(evidence.migrations.at(0).not_exercised.empty());
    CHECK(evidence.migrations.at(1).not_exercised == std::vector<std::string>{db.named("never")});
    CHECK(evidence.migrations.at(2).not_exercised == std::vector<std::string>{db.named("never")});
    std::ostringstream text;
    text << evidence;
    CHECK_MESSAGE(text.str().find("exact, not exercised") != std::string::npos, text.str());
    CHECK(text.str().find("2 exact, 1 exact with snapshot, 2 of them not exercised") != std::string::npos);
    CHECK(to_markdown(evidence).find("| exact, not exercised |") != std::string::npos);
    CHECK(to_junit(evidence).find("<property name=\"not exercised\" value=\"" + db.named("never") + "\"/>") != std::string::npos);
    auto const again = evidence_from_json(to_json(evidence));
    REQUIRE(again);
    CHECK(again.value().migrations.at(1).not_exercised == evidence.migrations.at(1).not_exercised);
}

ON_BOTH("a table that takes fewer rows than were wished for is named with its number") {
    db.run("create table few (id integer primary key, a integer not null unique check (a between 1 and 3)); create table t (v text)");
    auto target = Target::open(db.url()).value();
    auto const evidence =
        rehearse(target, source_of({{"alter table t add column w text"}}), {.data = {.mode = DataMode::synthetic, .rows = 10}});
    REQUIRE_MESSAGE(evidence, evidence.error().text());
    CHECK_MESSAGE(mentions(evidence.value().notes, "fewer than 10 rows, since no others could be made: " + db.named("few") + " ("),
                  evidence.value().notes.front());
}

ON_BOTH("made rows fire no trigger, and triggers are as they were afterwards") {
    db.run("create table t (id integer primary key, v text); create table seen (v text)");
    db.run(db.either(
        "create function no() returns trigger language plpgsql as $$ begin raise exception 'fired'; end $$; create trigger a before "
        "insert on t for each row execute function no(); create trigger b before insert on t for each row execute function no(); alter "
        "table t disable trigger b",
        "create trigger a before insert on t begin select raise(abort, 'fired'); end"));
    Looked box(db.url(), made(10));
    CHECK(box.count("select count(*) from t") == 10);
    auto const triggers = db.either("select tgname, tgenabled from pg_trigger where not tgisinternal order by 1",
                                    "select name, sql from sqlite_master where type = 'trigger'");
    CHECK(box.table(triggers) == db.table(triggers));
}

ON_POSTGRES("every built-in type is filled, with its own edges") {
    db.run(
        "create type pair as (a integer, b text); create table x (id uuid primary key, i2 smallint, i8 bigint, f real, d double precision, "
        "n "
        "numeric, m money, b boolean, dt date, ts timestamp, tz timestamptz, t time, ttz timetz, iv interval, by bytea, j json, jb jsonb, "
        "ip inet, "
        "ci cidr, mac macaddr, bits bit(5), vb varbit(7), c char(4), nm name, xm xml, tv tsvector, pt point, bx box, r int4range, tr "
        "tstzrange, "
        "mr int4multirange, ia integer[], ta text[], p pair, gen integer generated always as (1) stored, def text default 'it is')");
    Looked box(db.url(), made(40));
    CHECK(box.sandbox().not_filled.empty());
    for (std::string const name :
         {"dt = 'infinity'", "ts = '-infinity'", "n = 'NaN'", "d = 'infinity'", "i8 = 9223372036854775807", "by = ''",
          "iv = '178000000 years'", "r = 'empty'", "ia = '{}'", "def = 'it is'", "jb = 'null'", "tz is null",
          "p is not distinct "
          "from row(null, null)::pair"})
        CHECK_MESSAGE(box.count("select count(*) from x where " + name) > 0, name);
}

ON_POSTGRES("tables that refer to each other are filled where they may begin with NULL, else named") {
    db.run(
        "create table a (id integer primary key, b integer); create table b (id integer primary key, a integer references a); alter table "
        "a add "
        "foreign key (b) references b");
    db.run(
        "create table c (id integer primary key, d integer not null); create table d (id integer primary key, c integer not null "
        "references c); "
        "alter table c add foreign key (d) references d deferrable");
    db.run("create table tree (id integer primary key, up integer not null references tree)");
    db.run(
        "create table parts (id integer, day integer, primary key (id, day)) partition by range (day); create table parts_1 partition of "
        "parts "
        "for values from (0) to (10); create table r (id integer primary key, part integer, day integer, foreign key (part, day) "
        "references parts)");
    Looked box(db.url(), made(20));
    CHECK(box.count("select count(*) from a where b is not null") > 0);
    CHECK(box.count("select count(*) from b where a is not null") > 0);
    CHECK(box.count("select count(*) from tree") == 20);
    CHECK(box.count("select count(*) from r where day is not null") > 0);
    CHECK(box.sandbox().not_filled == std::vector<std::string>{"public.c", "public.d"});
}
