// What makes a grade, and what is noted beside it.
#include "rehearsal/rehearsal.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

Scripts const members{
    "create table members (id integer primary key, name text, role text not null default 'viewer');\n"
    "insert into members values (1, 'ann', 'manager'), (2, null, 'viewer');",
    "drop table members"};

Rehearsed last(Database& db, Source const& source, Rehearsal const& rehearsal = {}) {
    auto const evidence = rehearsed(db, source, rehearsal);
    REQUIRE_FALSE(evidence.migrations.empty());
    return evidence.migrations.back();
}

}  // namespace

ON_BOTH("a script that does it all is exact, with nothing to add") {
    auto const one = last(db, source_of({members, {"create table visits (id integer)", "drop table visits"}}));
    CHECK(one.grade == Grade::exact);
    CHECK(one.came_back);
    CHECK(one.because.empty());
    CHECK(one.notes.empty());
}

ON_BOTH("an index that the down forgets is mended, and exact") {
    auto const one =
        last(db, source_of({{"create table t (a integer); create index t_a on t (a)", "drop table t"}, {"drop index t_a", "select 1"}}));
    CHECK(one.grade == Grade::exact);
    CHECK(has(one.because, "mended index "));
}

ON_BOTH("values that come from a snapshot are exact with snapshot, and cost what they cost") {
    auto const one = last(db, source_of({members, {"alter table members drop column role", "alter table members add column role text"}}));
    CHECK(one.grade == Grade::exact_with_snapshot);
    CHECK(has(one.because, "put back 2 of " + db.named("members.role")));
    CHECK(one.up.rows_saved == 2);
    CHECK(one.up.seconds > 0);
    CHECK(one.down.seconds > 0);
}

ON_BOTH("a way back that nobody wrote is derived, and says so") {
    auto const one = last(db, source_of({members, {"drop table members"}}));
    CHECK(one.grade == Grade::exact_with_snapshot);
    CHECK(one.because.starts_with("derived; put back 2 of " + db.named("members")));
}

ON_BOTH("what a down computes from rows that nobody touched is what was saved of them") {
    Scripts const split{db.either("alter table members add column first text, add column last text; ",
                                  "alter table members add column first text; alter table members add column last text; ") +
                            "update members set first = 'x' where id = 1; update members set first = 'x', last = 'y' where id = 2; "
                            "alter table members drop column role",
                        db.either("alter table members add column role text; update members set role = first || last; "
                                  "alter table members drop column first, drop column last",
                                  "alter table members add column role text; update members set role = first || last; "
                                  "alter table members drop column first; alter table members drop column last")};
    auto const one = last(db, source_of({members, split}));
    // Neither NULL nor 'xy'.
    CHECK(one.grade == Grade::exact_with_snapshot);
    CHECK(has(one.because, "put back 2 of " + db.named("members") + ".role"));
}

ON_BOTH("a down that fails is broken, and the derived one is tried in its place") {
    auto const source =
        source_of({members,
                   {"alter table members drop column role", "alter table members add column role text;\ndrop table nowhere"},
                   {"create table last (id integer)", "drop table last"}});
    auto const evidence = rehearsed(db, source);
    REQUIRE(evidence.migrations.size() == 3);
    auto const& broken = evidence.migrations[1];
    CHECK(broken.grade == Grade::down_broken);
    CHECK_FALSE(broken.came_back);
    CHECK(broken.statement == "drop table nowhere");
    CHECK(broken.derived.starts_with("exact with snapshot (derived; put back 2 of "));
    CHECK(evidence.migrations[2].grade == Grade::exact);
    CHECK(has(text_of(evidence), "derived exact with snapshot"));
}

ON_BOTH("what its author calls irreversible is graded so, and good where that is accepted") {
    auto const source = source_of({members, {"-- undrop: irreversible the law wants it\ndelete from members"}});
    for (auto const accept : {Grade::exact_with_snapshot, Grade::lossy, Grade::irreversible}) {
        auto const evidence = rehearsed(db, source, {.accept = accept});
        CHECK(evidence.migrations.at(1).grade == Grade::irreversible);
        CHECK_FALSE(evidence.exact());
        CHECK(evidence.good() == (accept == Grade::irreversible));
    }
}

ON_POSTGRES("what undrop finds no way back for is irreversible, and no GO") {
    auto const source =
        source_of({{"create domain d as text; create table k (id integer primary key, l d[]); insert into k values (1, '{a,b}')",
                    "drop table k; drop domain d"},
                   // PostgreSQL does not change a domain in arrays.
                   {"alter domain d rename to d0; create domain d as varchar(10); "
                    "alter table k alter l type d[] using l::text[]::d[]"}});
    auto const evidence = rehearsed(db, source);
    CHECK(evidence.migrations.at(1).grade == Grade::irreversible);
    CHECK_FALSE(evidence.migrations.at(1).reason.empty());
    CHECK_FALSE(evidence.good());
    CHECK_FALSE(rehearsed(db, source, {.accept = Grade::irreversible}).good());
}

ON_BOTH("an up that fails is up broken") {
    CHECK(last(db, source_of({members, {"insert into nowhere values (1)", "select 1"}})).grade == Grade::up_broken);
}

ON_BOTH("values that two ups from the same state fill otherwise are named and not compared") {
    auto const one = last(db, source_of({members,
                                         {"create table dice (id integer primary key, face text, same text);\n"
                                          "insert into dice select 5, cast(random() as text), 'same'",
                                          "drop table dice"}}));
    CHECK(one.grade == Grade::exact);
    REQUIRE(one.notes.size() == 1);
    CHECK(one.notes[0].starts_with("not compared: " + db.named("dice.face") + ","));
}

ON_BOTH("a key that is drawn anew each time is not compared either, and the rest is") {
    auto const drawn = db.either("gen_random_uuid()::text", "hex(randomblob(16))");
    auto const one =
        last(db, source_of({members,
                            {"create table keys (id text primary key, v text); insert into keys select " + drawn + ", name from members",
                             "drop table keys"}}));
    CHECK(one.grade == Grade::exact);
    REQUIRE(one.notes.size() == 1);
    CHECK(one.notes[0].starts_with("not compared: " + db.named("keys.id") + ","));
}

ON_POSTGRES("a function that mentions a dropped column is noted") {
    auto const one =
        last(db, source_of({members,
                            {"create function roles() returns bigint language plpgsql as $$begin return (select count(role) from "
                             "members); end$$",
                             "drop function roles()"},
                            {"alter table members drop column role"}}));
    CHECK(one.grade == Grade::exact_with_snapshot);
    REQUIRE(one.notes.size() == 1);
    CHECK(has(one.notes[0], "roles"));
    CHECK(has(one.notes[0], "mentions role, which is gone"));
}

ON_POSTGRES("a policy that mentions a dropped column by its name is noted") {
    auto const one = last(db, source_of({members,
                                         {"create table notes (id integer primary key); create policy own on notes using "
                                          "(has_column_privilege('members', 'role', 'select'))",
                                          "drop table notes"},
                                         {"alter table members drop column role"}}));
    REQUIRE(one.notes.size() == 1);
    CHECK(has(one.notes[0], "policy own on "));
    CHECK(has(one.notes[0], "mentions role, which is gone"));
}

ON_SQLITE("a trigger that mentions a dropped table is noted") {
    auto const one = last(db,
                          source_of({members,
                                     {"create table log (n integer); create trigger logged after insert on members begin insert into log "
                                      "values (new.id); end",
                                      "drop trigger logged; drop table log"},
                                     {"drop table log"}}),
                          {.writes = false});
    REQUIRE(one.notes.size() == 1);
    CHECK(has(one.notes[0], "logged"));
    CHECK(has(one.notes[0], "mentions log, which is gone"));
}

ON_POSTGRES("a large object that the down leaves is a loss by name") {
    auto const left = rehearsed(db, source_of({{"select lo_from_bytea(4711, 'abc')", "select 1"}}));
    CHECK(left.migrations.at(0).grade == Grade::lossy);
    REQUIRE(left.migrations.at(0).objects.size() == 1);
    CHECK(left.migrations.at(0).objects[0].object == "large object 4711");
    db.run("select lo_from_bytea(4712, 'abc')");
    auto const kept = rehearsed(db, source_of({{"create table t (id integer)", "drop table t"}}), {.data = {.mode = DataMode::full}});
    CHECK_MESSAGE(kept.migrations.at(0).grade == Grade::exact, text_of(kept));
}

ON_POSTGRES("what a script raises may hold a row's value, and is told of the target's rows only where that is asked for") {
    db.run("create table people (id integer primary key, name text); insert into people values (1, 'Ann Secret')");
    auto const source = source_of({{"do $$ begin raise exception 'no: %', (select name from people); end $$", "select 1"}});
    auto const hidden = rehearsed(db, source, {.data = {.mode = DataMode::full}});
    CHECK(hidden.migrations.at(0).grade == Grade::up_broken);
    CHECK_FALSE(has(text_of(hidden) + to_json(hidden) + to_markdown(hidden) + to_junit(hidden), "Ann"));
    CHECK(has(hidden.migrations.at(0).reason, "--show-rows"));
    auto const shown = rehearsed(db, source, {.data = {.mode = DataMode::full}, .show_rows = true});
    CHECK(has(text_of(shown), "Ann Secret"));
}

ON_BOTH("how long writers stop on the target is told by what grows with its rows") {
    db.run("create table big (id integer primary key, v text); " +
           db.either("insert into big select i, 'some text ' || i from generate_series(1, 40000) as i; analyze big",
                     "insert into big with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000) select i, 'some "
                     "text ' || i from n; analyze"));
    auto const evidence = rehearsed(db, source_of({{"alter table big add column w integer"}, {"alter table big drop column v"}}),
                                    {.data = {.mode = DataMode::sample, .rows = 10}});
    for (auto const& one : evidence.migrations) {
        CHECK_MESSAGE(has(one.up.assumption, "10 rows of " + db.named("big") + " here, about 40000 there"), one.up.assumption);
        CHECK(one.up.writers_stop > 0);
        CHECK(one.up.writers_stop < 20);  // 4,000 times the time of ten rows would be minutes
    }
    CHECK(has(text_of(evidence), "writers stop for about"));
}

ON_POSTGRES("default privileges give nobody anything of the sandbox's copies, and no grade suffers") {
    db.run(
        "create table t (id integer primary key, a text); insert into t values (1, 'x'); "
        "alter default privileges grant select on tables to undrop_reader");
    auto const source = source_of({{"alter table t drop column a", "alter table t add column a text"}});
    for (auto const mode : {DataMode::schema, DataMode::synthetic, DataMode::sample, DataMode::full}) {
        auto const evidence = rehearsed(db, source, {.data = {.mode = mode}});
        CHECK_MESSAGE(evidence.exact(), text_of(evidence));
    }
}

ON_POSTGRES("what a script raises under another name, and what it says by the way, is hidden, too") {
    db.run("create table people (id integer primary key, name text); insert into people values (1, 'Ann Secret')");
    std::string heard;
    Options const options{.on_event = [&](Event const& event) { heard += event.text + "\n"; }};
    auto const source =
        source_of({{"do $$ begin raise notice 'it is %', (select name from people); raise exception 'no: %', (select name "
                    "from people) using errcode = 'check_violation'; end $$"}});
    auto const hidden = rehearsed(db, source, {.data = {.mode = DataMode::full}}, options);
    CHECK(hidden.migrations.at(0).grade == Grade::up_broken);
    CHECK_FALSE(has(text_of(hidden) + to_json(hidden) + heard, "Ann"));
    (void)rehearsed(db, source, {.data = {.mode = DataMode::full}, .show_rows = true}, options);
    CHECK(has(heard, "Ann Secret"));
}

ON_POSTGRES("what is the whole server's is done for real, and noted") {
    auto const name = db.one("select 'undrop_role_' || current_database()");
    auto const evidence =
        rehearsed(db, source_of({{"do $$ begin end $$;\ncreate role " + name, "drop role " + name}}), {.data = {.mode = DataMode::full}});
    CHECK_MESSAGE(mentions(evidence.migrations.at(0).notes, "roles are the whole server's: line 2 was carried out for real"),
                  text_of(evidence));
}

ON_POSTGRES("what an up changes beside the schema, where no statement's text shows it, is no exact way back") {
    std::string const sets = "do $$ begin execute format('alter database %I set work_mem = ''8MB''', current_database()); end $$";
    std::string const resets = "do $$ begin execute format('alter database %I reset work_mem', current_database()); end $$";
    auto const evidence = rehearsed(db, source_of({{sets + "; create table t (id integer)"}}));
    CHECK(evidence.migrations.at(0).grade == Grade::lossy);
    CHECK_MESSAGE(has(text_of(evidence), "what is changed of database "), text_of(evidence));
    CHECK(rehearsed(db, source_of({{sets, resets}})).migrations.at(0).grade == Grade::exact);
}

ON_SQLITE("temporary tables of a script are gone before it runs again, as with another program") {
    auto const evidence =
        rehearsed(db, source_of({members,
                                 {"create temp table few as select id from members; alter table members add column k integer; "
                                  "update members set k = 1 where id in (select id from few)"}}));
    CHECK_MESSAGE(evidence.exact(), text_of(evidence));
}
