// A dropped table comes back with its rows, indexes, sequence and the foreign keys to and from it; also where rows have no key.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

void family(Database& db, std::string const& id) {
    db.run(
        "create table teams (id integer primary key, name text not null unique);"
        "insert into teams values (1, 'red'), (2, 'blue');"
        "create table members (id " +
        id +
        ", team integer not null references teams, boss integer references members, name text not null, "
        "score integer not null default 0 check (score >= 0));"
        "create unique index members_name_idx on members (team, name);"
        "create index members_score_idx on members (score) where score > 10;"
        "create table badges (id integer primary key, member integer not null references members, label text);"
        "create view scores as select m.name, m.score, t.name as team from members m join teams t on t.id = m.team;");
    db.run(
        "insert into members (team, boss, name, score) values (1, null, 'ada', 50), (1, 1, 'bob', 7), (2, 1, 'cyd', 12), (2, 3, 'dan', 0)");
    db.run("delete from members where name = 'dan'");
    db.run("insert into badges values (1, 1, 'gold'), (2, 3, 'tin')");
}

std::string drop_members(Database const& db) {
    return db.either("drop view scores;\nalter table badges drop constraint badges_member_fkey;\ndrop table members;\n",
                     "pragma foreign_keys = off;\ndrop view scores;\ndrop table members;\n"
                     "create table badges_new (id integer primary key, member integer not null, label text);\n"
                     "insert into badges_new select * from badges;\ndrop table badges;\nalter table badges_new rename to badges;\n");
}

void comes_back(Database& db) {
    auto const before = witness(db);
    auto const source = source_of({{drop_members(db)}});
    auto const went = up(db, source);
    CHECK_EQ(saved(went.steps.at(0), db.named("members")).rows, 3);
    CHECK_EQ(went.steps[0].saved.size(), 1);
    auto const back = down(db, source);
    CHECK_EQ(merged(back.steps.at(0), db.named("members")).restored, 3);
    check_same(before, witness(db));
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
    // The position came back too: the next row does not get a number that was in use, deleted rows' included.
    db.run("insert into members (team, name) values (1, 'eve')");
    CHECK_EQ(db.one("select id from members where name = 'eve'"), "5");
}

}  // namespace

ON_POSTGRES("story: a dropped table comes back with a serial") {
    family(db, "serial primary key");
    comes_back(db);
}

ON_POSTGRES("story: a dropped table comes back with an identity that is always generated") {
    family(db, "integer generated always as identity primary key");
    comes_back(db);
}

ON_POSTGRES("story: a dropped table comes back with a sequence of its own, cycling downwards") {
    db.run(
        "create sequence down_seq increment -3 minvalue -90 maxvalue 100 start 100 cycle cache 1;"
        "create table t (id integer primary key default nextval('down_seq'), v text);"
        "alter sequence down_seq owned by t.id;"
        "insert into t (v) values ('a'), ('b'), ('c');");
    auto const before = witness(db);
    auto const source = source_of({{"drop table t;"}});
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
    CHECK_EQ(db.one("insert into t (v) values ('d') returning id"), "91");
}

ON_SQLITE("story: a dropped table comes back with AUTOINCREMENT") {
    family(db, "integer primary key autoincrement");
    comes_back(db);
}

ON_BOTH("story: a dropped column that was a key's, or a foreign key's, comes back with its keys") {
    family(db, db.either("serial primary key", "integer primary key autoincrement"));
    auto const before = witness(db);
    auto const source =
        source_of({{db.either("alter table members drop column team cascade;",
                              "drop view scores;\ndrop index members_name_idx;\n"
                              "pragma foreign_keys = off;\n"
                              "create table m2 (id integer primary key autoincrement, boss integer references members, name text not null, "
                              "score integer not null default 0 check (score >= 0));\n"
                              "insert into m2 select id, boss, name, score from members;\n"
                              "drop table members;\nalter table m2 rename to members;\n"
                              "create index members_score_idx on members (score) where score > 10;\n")}});
    auto const went = up(db, source);
    CHECK_EQ(saved(went.steps.at(0), db.named("members.team")).rows, 3);
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_BOTH("story: a dropped table without a key comes back with its duplicate rows") {
    db.run("create table events (at text, what text, note text)");
    db.run(
        "insert into events values ('1', 'a', null), ('1', 'a', null), ('1', 'a', null), ('2', 'b', ''), ('2', 'b', ''), ('3', null, 'x'), "
        "(null, null, null), "
        "(null, null, null)");
    auto const before = witness(db);
    auto const source = source_of({{"drop table events;"}});
    CHECK_EQ(saved(up(db, source).steps.at(0), db.named("events")).rows, 8);
    auto const back = down(db, source);
    CHECK_EQ(merged(back.steps.at(0), db.named("events")).restored, 8);
    check_same(before, witness(db));
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_BOTH("story: a column of a table without a key comes back where equal rows cannot be told apart") {
    db.run("create table events (at text, what text, note text)");
    db.run(
        "insert into events values ('1', 'a', 'n1'), ('1', 'a', 'n2'), ('1', 'a', null), ('2', 'b', 'n3'), ('2', 'b', 'n3'), ('3', null, "
        "'n4'), (null, null, 'n5')");
    auto const before = witness(db);
    auto const source = source_of({{"alter table events drop column note;"}});
    (void)up(db, source);
    auto target = Target::open(db.url()).value();
    CHECK(mentions(plan_down(target, source).value().steps.at(0).notes, "no key"));
    (void)down(db, source);
    check_same(before, witness(db));

    (void)up(db, source);
    db.run("insert into events values ('9', 'new')");
    db.run("delete from events where at = '2'");
    auto const counts = merged(down(db, source).steps.at(0), db.named("events.note"));
    CHECK_EQ(counts.deleted_since, 2);
    CHECK_EQ(counts.inserted_since, 1);
    CHECK_EQ(db.table("select at, what, note from events where at is not null order by at, what, note is null, note"),
             "1|a|n1\n1|a|n2\n1|a|NULL\n3|NULL|n4\n9|new|NULL");
}

ON_BOTH("story: a table made again by the down script has the rows that were saved, where nobody wrote since") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
    auto const before = witness(db);
    auto const source =
        source_of({{"drop table t;", "create table t (id integer primary key, v text);\ninsert into t values (2, 'made by the down');"}});
    (void)up(db, source);
    auto const step = down(db, source).steps.at(0);
    CHECK_EQ(merged(step, db.named("t")).restored, 3);
    CHECK(mentions(step.notes, "the down script leaves otherwise than it was before the up: 1 rows of"));
    check_same(before, witness(db));
}

ON_BOTH("story: a table made again by the down script of what users wrote is filled with the saved rows, less the keys that are taken") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
    auto const source = source_of({{"drop table t; create table u (id integer primary key, v text)",
                                    "create table t (id integer primary key, v text); insert into t select id, v from u; drop table u"}});
    (void)up(db, source);
    db.run("insert into u values (2, 'written since')");
    auto const step = down(db, source).steps.at(0);
    CHECK_EQ(merged(step, db.named("t")).restored, 2);
    CHECK_EQ(merged(step, db.named("t")).computed, 1);
    CHECK_EQ(db.table("select id, v from t order by id"), "1|a\n2|written since\n3|c");
}

ON_BOTH("story: a renamed table or column is no loss, and takes its name back") {
    Participants story(db, 100);
    auto const before = witness(db);
    for (auto const* script : {"alter table request_participants rename column user_id to person;",
                               "alter table request_participants rename to participants;"}) {
        auto const source = source_of({{script}});
        auto const went = up(db, source);
        CHECK(went.steps.at(0).saved.empty());
        (void)down(db, source);
        check_unchanged(before, witness(db));
    }
}

ON_BOTH("story: what the up renamed and others renamed once more does not come back empty beside it") {
    db.run("create table t (id integer primary key, c text); insert into t values (1, 'a')");
    struct Play {
        char const* up;
        char const* others;
        char const* again;
        char const* told;
    };
    for (auto const& play :
         {Play{"alter table t rename column c to d", "alter table t rename column d to e", "alter table t rename column e to d",
               "give the column"},
          Play{"alter table t rename to u", "alter table u rename to w", "alter table w rename to u", "give the table"}}) {
        CAPTURE(play.up);
        auto const source = source_of({{play.up}});
        (void)up(db, source);
        db.run(play.others);
        auto const before = witness(db);
        auto const error = down_error(db, source, {.accept_drift = true});
        CAPTURE(error.text());
        CHECK_EQ(error.code, Code::refused);
        CHECK_NE(error.message.find("would come back empty"), std::string::npos);
        CHECK_NE(error.next.advice.find(play.told), std::string::npos);
        check_unchanged(before, witness(db));
        db.run(play.again);
        (void)down(db, source);
        CHECK_EQ(db.table("select id, c from t"), "1|a");
    }
}
