// Up again, where others wrote between the way back and the next up: whose row is whose, and which value is the newer one.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

std::string serial(Database const& db) { return db.either("serial primary key", "integer primary key"); }

// Without a down script, and with one.
std::vector<Source> both_ways(std::string const& up, std::string const& down) {
    return {source_of({{.up = up}}), source_of({{.up = up, .down = down}})};
}

}  // namespace

ON_BOTH("up again: a saved row whose drawn number is another row's by now gets another number") {
    auto const script = "create table pets (id " + serial(db) +
                        ", kind text not null, name text); insert into pets (kind, name) select 'cat', name from cats order by name;";
    db.run("create table cats (name text primary key); insert into cats values ('kit'), ('tom')");
    auto const source = source_of({{.up = script, .down = "drop table pets;"}});
    (void)up(db, source);
    db.run("insert into pets (kind, name) values ('dog', 'rex')");
    (void)down(db, source);
    db.run("insert into cats values ('zoe')");
    auto const report = up(db, source);
    CHECK(db.table("select id, kind, name from pets order by id") == "1|cat|kit\n2|cat|tom\n3|cat|zoe\n4|dog|rex");
    CHECK(mentions(report.steps.front().notes, "came back with another id"));
    db.run("insert into pets (kind, name) values ('dog', 'new')");  // no number is given twice
    CHECK(db.one("select id from pets where name = 'new'") == "5");
}

ON_BOTH("up again: an edited row comes back as itself under another number, and alone where its source is gone") {
    db.run("create table cats (name text primary key); insert into cats values ('kit'), ('tom')");
    auto const source = source_of({{.up = "create table pets (id " + serial(db) +
                                          ", name text, food text); insert into pets (name) select name from cats order by name;",
                                    .down = "drop table pets;"}});
    (void)up(db, source);
    db.run("update pets set food = 'fish' where name = 'tom'");
    (void)down(db, source);
    db.run("insert into cats values ('abe')");
    (void)up(db, source);
    CHECK(db.table("select id, name, food from pets order by id") == "1|abe|NULL\n2|kit|NULL\n3|tom|fish");
    (void)down(db, source);
    db.run("delete from cats where name = 'tom'; insert into cats values ('sid')");
    (void)up(db, source);
    CHECK(db.table("select id, name, food from pets order by id") == "1|abe|NULL\n2|kit|NULL\n3|sid|NULL\n4|tom|fish");
}

ON_BOTH("up again: references to a lookup table whose rows are drawn anew go with them") {
    auto const script =
        "create table cities (id " + serial(db) +
        ", name text not null unique); insert into cities (name) select distinct city from users where city is not null order by city;"
        "alter table users add column city_id integer references cities (id);"
        "update users set city_id = (select id from cities c where c.name = users.city); alter table users drop column city;";
    std::string const back =
        "alter table users add column city text; update users set city = (select name from cities c where c.id = city_id);"
        "alter table users drop column city_id; drop table cities;";
    db.run(
        "create table users (id integer primary key, name text, city text);"
        "insert into users values (1, 'ann', 'rome'), (2, 'bob', 'oslo'), (3, 'cy', 'rome')");
    db.remember();
    auto const lives = "select u.name, c.name from users u left join cities c on c.id = city_id order by 1";
    for (auto const& source : db.postgres() ? both_ways(script, back) : std::vector{source_of({{.up = script}})}) {
        db.rewind();
        (void)up(db, source);
        db.run(
            "insert into cities (name) values ('paris'); update users set city_id = 3 where id = 2;"
            "insert into users (id, name, city_id) values (4, 'di', 1)");
        CHECK(db.table(lives) == "ann|rome\nbob|paris\ncy|rome\ndi|oslo");
        (void)down(db, source);
        db.run("insert into users (id, name, city) values (5, 'ed', 'bonn')");
        (void)up(db, source);
        CHECK(db.table(lives) == "ann|rome\nbob|paris\ncy|rome\ndi|oslo\ned|bonn");
        CHECK(db.count("select count(*) from cities") == 4);
    }
}

ON_BOTH("up again: what was written last wins over a value that the way back had carried") {
    db.run("create table t (id integer primary key, colour text); insert into t values (1, 'red'), (2, 'blue'), (3, 'red'), (4, 'red')");
    auto const source =
        source_of({{.up = "alter table t add column color text; update t set color = colour; alter table t drop column colour;",
                    .down = "alter table t add column colour text; update t set colour = color; "
                            "alter table t drop column color;"}});
    (void)up(db, source);
    db.run("update t set color = 'green' where id in (1, 3, 4)");
    (void)down(db, source);
    db.run("update t set colour = 'black' where id = 1; update t set colour = 'red' where id = 4");
    auto const report = up(db, source);
    CHECK(db.table("select id, color from t order by id") == "1|black\n2|blue\n3|green\n4|red");
    CHECK(merged(report.steps.front(), db.named("t.color")).changed_since == 2);
    (void)down(db, source);
    CHECK(db.table("select id, colour from t order by id") == "1|black\n2|blue\n3|green\n4|red");
}

ON_BOTH("up again: a value that the way back could carry in part only comes back whole, but where its source was written") {
    db.run("create table t (id integer primary key, euros integer); insert into t values (1, 12), (2, 12), (3, 12)");
    auto const source =
        source_of({{.up = "alter table t add column cents integer; update t set cents = euros * 100; alter table t drop column euros;",
                    .down = "alter table t add column euros integer; update t set euros = cents / 100; "
                            "alter table t drop column cents;"}});
    (void)up(db, source);
    db.run("update t set cents = 1234 where id = 1; update t set cents = 5678 where id in (2, 3)");
    (void)down(db, source);
    db.run("update t set euros = 7 where id = 3");
    (void)up(db, source);
    CHECK(db.table("select id, cents from t order by id") == "1|1234\n2|5678\n3|700");
}

ON_BOTH("up again: what was written last wins in a table that the script fills, by keys of its own") {
    db.run("create table users (id integer primary key, name text, bio text); insert into users values (1, 'ann', 'a'), (2, 'bob', 'b')");
    auto const source = source_of({{.up = "create table profiles (user_id integer primary key references users (id), bio text);"
                                          "insert into profiles select id, bio from users; alter table users drop column bio;",
                                    .down = "alter table users add column bio text; update users set bio = "
                                            "(select bio from profiles p where p.user_id = users.id); drop table profiles;"}});
    (void)up(db, source);
    db.run("update profiles set bio = 'A'");
    (void)down(db, source);
    db.run("update users set bio = 'last' where id = 1");
    (void)up(db, source);
    CHECK(db.table("select user_id, bio from profiles order by 1") == "1|last\n2|A");
    (void)down(db, source);
    CHECK(db.table("select id, bio from users order by 1") == "1|last\n2|A");
}

ON_BOTH("up again: a unique value that the script computes for another row by now is kept aside") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'b'), (2, 'a'), (3, 'c')");
    auto const source =
        source_of({{.up = "alter table t add column pos integer;"
                          "update t set pos = (select count(*) from t x where x.name <= t.name); create unique index tp on t (pos);"}});
    (void)up(db, source);
    db.run("insert into t values (4, 'd', 4); update t set pos = -1 where id = 1");
    (void)down(db, source);
    db.run("delete from t where id = 3; insert into t values (5, 'e')");
    auto const report = up(db, source);
    CHECK(db.table("select id, pos from t order by id") == "1|-1\n2|1\n4|3\n5|4");
    CHECK(merged(report.steps.front(), db.named("t.pos")).key_taken == 1);
    (void)down(db, source);
    (void)up(db, source);
    CHECK(db.table("select id, pos from t order by id") == "1|-1\n2|1\n4|3\n5|4");
}

ON_BOTH("up again: unique values that users swapped come back swapped") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
    auto const source =
        source_of({{.up = "alter table t add column pos integer; update t set pos = id; create unique index tp on t (pos);"}});
    (void)up(db, source);
    db.run("update t set pos = 0 where id = 1; update t set pos = 1 where id = 2; update t set pos = 2 where id = 1");
    (void)down(db, source);
    (void)up(db, source);
    CHECK(db.table("select id, pos from t order by id") == "1|2\n2|1\n3|3");
}

ON_SQLITE("up again: a key that a rebuild adds, where rows came and went") {
    db.run("create table t (name text); insert into t values ('a'), ('b'), ('c')");
    auto const up_script =
        "create table t_new (id integer primary key autoincrement, name text); insert into t_new (name) select name from t;"
        "drop table t; alter table t_new rename to t;";
    auto const down_script =
        "create table t_old (name text); insert into t_old (name) select name from t; drop table t; "
        "alter table t_old rename to t;";
    db.remember();
    for (auto const& source : both_ways(up_script, down_script)) {
        db.rewind();
        (void)up(db, source);
        db.run("delete from t where name = 'a'; update t set name = 'cc' where name = 'c'");
        (void)down(db, source);
        db.run("insert into t values ('late')");
        (void)up(db, source);
        CHECK(db.table("select name from t order by 1") == "b\ncc\nlate");
        CHECK(db.one("select id from t where name = 'cc'") == "3");
        CHECK(db.count("select count(distinct id) from t") == 3);
    }
}
