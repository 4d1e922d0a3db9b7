// Evidence that travels: from a staging server to production, on PostgreSQL, and in a program.
#include <doctest/doctest.h>

#include <undrop/undrop.hpp>

#include "cli/program.hpp"
#include "support/database.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

// Two databases at the same version, and a migration that one of them is to have first.
struct Stages {
    std::unique_ptr<Database> staging = Database::make(Engine::postgres);
    std::unique_ptr<Database> production = Database::make(Engine::postgres);
    Desk desk;

    Stages() {
        desk.migration("1_people",
                       "create table people (id integer primary key, name text not null);\ncreate schema \"Old Ones\";\n"
                       "create table \"Old Ones\".\"The Dead\" (id integer, who text);\n"
                       "insert into \"Old Ones\".\"The Dead\" values (0, 'y');",
                       "drop schema \"Old Ones\" cascade;\ndrop table people;");
        REQUIRE(on(*staging, {"up"}).status == 0);
        REQUIRE(on(*production, {"up"}).status == 0);
        staging->run(
            "insert into people values (1, 'somebody'), (2, 'somebody else'); insert into \"Old Ones\".\"The Dead\" values (1, 'x')");
        production->run("insert into people select g, 'p' || g from generate_series(1, 50) g");
        desk.migration("2_drop_name", "alter table people drop column name;\nupdate \"Old Ones\".\"The Dead\" set who = upper(who);",
                       "alter table people add column name text;\nselect 1;");
    }
    [[nodiscard]] Outcome on(Database const& db, std::vector<std::string> words) const {
        words.insert(words.begin(), {"--db", db.url()});
        return desk.run(words);
    }
};

bool stops_for(Outcome const& plan, std::string const& code) {
    auto const document = plan.json();
    for (auto const& finding : document["findings"])
        if (finding["severity"] == "stop" && finding["code"] == code) return true;
    return false;
}

}  // namespace

TEST_CASE("evidence of staging's rows lets production up, whoever owns what there; what differs in definitions is named") {
    Stages const stages;
    auto const rehearsed = stages.on(*stages.staging, {"rehearse", "2", "--report", "e.json"});
    CHECK_MESSAGE(rehearsed.status == 0, rehearsed.out);
    std::vector<std::string> const plan{"--json", "plan", "--require-rehearsal", "--evidence", "e.json"};
    CHECK(stages.on(*stages.production, plan).status == 0);
    stages.production->run("grant select on people to public");
    CHECK(stages.on(*stages.production, plan).status == 0);
    stages.production->run(
        "create function stop_it() returns trigger language plpgsql as $$ begin return null; end $$;"
        "create trigger people_stop before delete on people for each row execute function stop_it()");
    auto const refused = stages.on(*stages.production, plan);
    CHECK(refused.status == 3);
    CHECK(stops_for(refused, "rehearsed-objects"));
    CHECK_MESSAGE(has(refused.out, "trigger public.people.people_stop was not there"), refused.out);
    stages.production->run("drop trigger people_stop on people; alter table people alter name type varchar(40)");
    auto const retyped = stages.on(*stages.production, plan);
    CHECK_MESSAGE(has(retyped.out, "column public.people.name is defined otherwise"), retyped.out);
    stages.production->run("alter table people alter name type text; create index on \"Old Ones\".\"The Dead\" (who)");
    CHECK(stops_for(stages.on(*stages.production, plan), "rehearsed-objects"));
    stages.production->run("drop index \"Old Ones\".\"The Dead_who_idx\"; create table elsewhere (x integer)");
    auto const up = stages.on(*stages.production, {"up", "--require-rehearsal", "--evidence", "e.json"});
    CHECK_MESSAGE(up.status == 0, up.err);
    CHECK(stages.on(*stages.production, {"down"}).status == 0);
    CHECK(stages.production->count("select count(*) from people where name = 'p' || id") == 50);
}

TEST_CASE("evidence of SQLite is none for PostgreSQL") {
    Stages const stages;
    stages.desk.migration("1_people", "create table people (id integer primary key, name text not null);", "drop table people;");
    stages.desk.migration("2_drop_name", "alter table people drop column name;", "alter table people add column name text;");
    CHECK(stages.desk.run({"--db", "sqlite::memory:", "rehearse", "--all", "--report", "e.json"}).status == 0);
    auto const fresh = Database::make(Engine::postgres);
    auto const refused = stages.on(*fresh, {"--json", "plan", "--require-rehearsal", "--evidence", "e.json"});
    CHECK(stops_for(refused, "rehearsed-elsewhere"));
}

TEST_CASE("while others have locked what evidence is compared with, the gate is busy and lets nothing through") {
    Stages const stages;
    CHECK(stages.on(*stages.production, {"rehearse", "2", "--record"}).status == 0);
    auto const holder = stages.production->connect();
    holder->run("begin; lock table people in access exclusive mode");
    auto const busy = stages.on(*stages.production, {"--lock-timeout", "100ms", "--wait", "1ms", "up", "--require-rehearsal"});
    CHECK_MESSAGE(busy.status == 5, busy.err);
    holder->run("rollback");
    CHECK(stages.on(*stages.production, {"up", "--require-rehearsal"}).status == 0);
}

TEST_CASE("a program applies at its start only what was rehearsed") {
    for (auto const engine : {Engine::postgres, Engine::sqlite}) {
        auto const db = Database::make(engine);
        CAPTURE(db->url());
        db->run("create table mine (x integer)");
        Source source{.migrations = {{.version = "1", .name = "t", .up = {"create table t (id integer);", "1_t.up.sql"}, .down = {}}},
                      .origin = "here"};
        auto target = Target::open(db->url()).value();
        RehearsalPolicy const strict{.required = DataMode::migrations};
        auto const refused = migrate_rehearsed(target, source, strict);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::refused);
        CHECK(refused.error().left == Left::untouched);
        CHECK(refused.error().next.command == "rehearse 1 --record");

        auto const evidence = rehearse(target, source).value();
        auto const text = to_json(evidence);
        auto const read = evidence_from_json(text);
        REQUIRE_MESSAGE(read.has_value(), read.error().text());
        CHECK(to_json(read.value()) == text);
        RehearsalPolicy const along{.required = DataMode::migrations, .evidence = {read.value()}};
        CHECK(with_evidence(target, plan_up(target, source).value(), along).value().go());
        CHECK_FALSE(with_evidence(target, plan_up(target, source).value(), strict).value().go());

        auto const entries = record(target, evidence);
        REQUIRE_MESSAGE(entries.has_value(), entries.error().text());
        CHECK(entries.value().at(0).kind == "rehearsed");
        CHECK(migrate_rehearsed(target, source, strict).value().steps.size() == 1);
        CHECK(migrate_rehearsed(target, source, strict).value().steps.empty());
        source.migrations.push_back({.version = "2", .name = "u", .up = {"create table u (id integer);", "2_u.up.sql"}, .down = {}});
        CHECK_FALSE(migrate_rehearsed(target, source, strict).has_value());
        CHECK(migrate(target, source).value().steps.size() == 1);
    }
}

TEST_CASE("a rehearsal on a copy is evidence for what was copied, with all that hangs on its tables, whatever becomes of the rows") {
    for (auto const engine : {Engine::postgres, Engine::sqlite}) {
        auto const db = Database::make(engine);
        CAPTURE(db->url());
        db->run(
            "create table parents (id integer primary key, code varchar(9) not null unique, note text default 'n', old integer);"
            "create table children (id integer primary key, parent integer references parents (id) on delete cascade);"
            "create view codes as select id, code from parents;"
            "create index parents_note on parents (note) where note <> '';"
            "insert into parents (id, code, old) values (1, 'a', 5), (2, 'b', null); insert into children values (7, 1)");
        if (db->postgres())
            db->run(
                "comment on column parents.note is 'what is said'; grant select on parents to public; alter table parents drop column old;"
                "alter table parents add old integer generated by default as identity; alter table parents add check (code <> '');"
                "create function told() returns trigger language plpgsql as $$ begin return new; end $$;"
                "create trigger told before update on parents for each row execute function told()");
        Source const source{
            .migrations = {{.version = "1",
                            .name = "less",
                            .up = {"drop view codes; alter table parents drop column old; delete from children;", "1.up.sql"},
                            .down = {},
                            .check = {},
                            .down_check = {}},
                           {.version = "2",
                            .name = "more",
                            .up = {"alter table parents add column extra text; update parents set extra = code;", "2.up.sql"},
                            .down = {},
                            .check = {},
                            .down_check = {}}},
            .origin = "here"};
        auto target = Target::open(db->url()).value();
        auto const evidence = rehearse(target, source, {.which = Rehearsal::Which::pending, .data = {.mode = DataMode::full}}).value();
        RehearsalPolicy const policy{.required = DataMode::full, .evidence = {evidence}};
        db->run("insert into parents (id, code) values (3, 'c'); update children set id = 8");
        auto const plan = with_evidence(target, plan_up(target, source).value(), policy).value();
        CHECK_MESSAGE(plan.go(), to_json(plan));
        db->run("create index children_parent on children (parent)");
        CHECK_FALSE(with_evidence(target, plan_up(target, source).value(), policy).value().go());
        db->run("drop index children_parent");
        if (db->postgres()) {
            auto const told = [&](std::string const& body) {
                db->run("create or replace function told() returns trigger language plpgsql as $$ begin " + body + " end $$");
            };
            told("new.note = 'x'; return new;");
            auto const plan_now = with_evidence(target, plan_up(target, source).value(), policy).value();
            CHECK_FALSE(plan_now.go());
            CHECK(to_json(plan_now).find("function public.told() is defined otherwise") != std::string::npos);
            told("return new;");
        }
        CHECK(migrate_rehearsed(target, source, policy).value().steps.size() == 2);
    }
}
