// What the program says and does while another session has locked a table of the target, even against readers.
#include <doctest/doctest.h>

#include <undrop/undrop.hpp>

#include "cli/program.hpp"
#include "support/database.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

// A PostgreSQL database with a table of three rows, and a desk whose second migration takes a column from it.
struct People {
    std::unique_ptr<Database> db = Database::make(Engine::postgres);
    Desk desk;

    People() {
        desk.migration("1_people",
                       "create table people (id integer primary key, name text default 'x' not null);\n"
                       "create view names as select name from people where name <> '';\n"
                       "insert into people values (1, 'topsecret'), (2, 'b'), (3, 'c');");
        REQUIRE(run({"up"}).status == 0);
        db->run("analyze people");
        desk.migration("2_drop", "drop view names;\nalter table people drop column name;");
    }
    [[nodiscard]] Outcome run(std::vector<std::string> words) const {
        words.insert(words.begin(), {"--db", db->url()});
        return desk.run(words);
    }
    [[nodiscard]] std::int64_t columns() const {
        return db->count("select count(*) from pg_attribute where attrelid = 'people'::regclass and attnum > 0 and not attisdropped");
    }
};

}  // namespace

TEST_CASE("plan shows a step whose table another session has locked, and says what could not be read and because of whom") {
    People const people;
    auto const holder = people.db->connect();
    holder->run("set application_name = 'the holder'; begin; lock table people in access exclusive mode");
    auto const who = "public.people is locked by process " + holder->one("select pg_backend_pid()") + " (the holder as ";
    auto const plan = people.run({"plan", "--out", "plan.json"});
    CAPTURE(plan.out);
    CHECK(plan.status == 0);
    CHECK(has(plan.out, "2 drop (up)"));
    CHECK(has(plan.out, "public.people.name"));
    CHECK(has(plan.out, "rows not counted"));
    CHECK(has(plan.out, "rows of public.people cannot be counted now, since it is locked; about 3 by the database's own statistics"));
    CHECK(has(plan.out, who));
    CHECK(has(plan.out, "no definitions can be read, and the plan is made of what the scripts' text tells"));
    CHECK(plan.out.ends_with("GO\n"));
    CHECK_FALSE(has(plan.out, "NO-GO"));
    CHECK(people.run({"status"}).status == 0);

    // A way back cannot do without: what was changed by hand would be overwritten unseen.
    auto const back = people.run({"--lock-timeout", "100ms", "plan", "down"});
    CHECK(back.status == 3);
    CHECK(has(back.out, "1 people (down)"));
    CHECK(has(back.out, "it is not known whether the way back would overwrite what was changed by hand"));
    CHECK(back.out.ends_with("NO-GO\n"));
    auto const down = people.run({"--lock-timeout", "100ms", "--wait", "1ms", "down"});
    CHECK(down.status == 5);
    CHECK(has(down.err, who));
    CHECK(has(down.err, "Next: "));
    holder->run("rollback");

    // Nobody knows what the stored plan was made for.
    auto const stored = people.run({"up", "--plan", "plan.json"});
    CHECK(stored.status == 3);
    CHECK(has(stored.err, "Next: undrop plan --out plan.json"));
    CHECK(people.columns() == 2);
    auto const again = people.run({"plan", "--out", "plan.json"});
    CHECK(has(again.out, "3 rows"));
    CHECK_FALSE(has(again.out, "locked by"));
    CHECK(people.run({"up", "--plan", "plan.json"}).status == 0);
    CHECK(people.columns() == 1);
    CHECK(people.run({"down"}).status == 0);
    CHECK(people.db->one("select string_agg(name, ' ' order by id) from people") == "topsecret b c");
}

TEST_CASE("up --busy does not wait for a migrator that has locked a table, and says that it is a migrator") {
    People const people;
    auto const source = Source::directory((people.desk.path / "migrations").string()).value();
    auto target = Target::open(people.db->url()).value();
    int told = 0;
    Options options{.program = "the other one"};
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::ran) return;
        REQUIRE(people.db->count("select count(*) from pg_locks where relation = 'people'::regclass and mode = 'AccessExclusiveLock'") ==
                1);
        auto const failed = people.run({"up", "--busy", "fail"});
        CHECK(failed.status == 5);
        CHECK(has(failed.err, "another migrator is at work on ledger undrop"));
        auto const serves = people.run({"up", "--busy", "serve"});
        CHECK(serves.status == 0);
        CHECK(has(serves.out, "Nothing was done here."));
        auto const plan = people.run({"plan"});
        CHECK(plan.status == 0);
        CHECK(has(plan.out, "2 drop (up)"));
        ++told;
    };
    REQUIRE(migrate(target, source, options));
    CHECK(told == 1);
}

TEST_CASE("up of a table that somebody else has locked ends as busy with the name of who has, and changes nothing") {
    People const people;
    auto const holder = people.db->connect();
    holder->run("set application_name = 'the holder'; begin; lock table people in access exclusive mode");
    auto const up = people.run({"--lock-timeout", "1500ms", "up", "--busy", "fail"});
    CAPTURE(up.err);
    CHECK(up.status == 5);
    CHECK(has(up.err, "(the holder as "));
    CHECK(has(up.err, "Next: "));
    holder->run("rollback");
    CHECK(people.columns() == 2);
    CHECK(people.run({"up"}).status == 0);
}

TEST_CASE("plan names the event triggers that run in the middle of a step, and none that is switched off") {
    People const people;
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), people.db->one("select current_database()")));
    superuser->run(
        "create function watch() returns event_trigger language plpgsql as $$ begin end $$;"
        "create event trigger watching on sql_drop when tag in ('DROP VIEW', 'ALTER TABLE') execute function watch();"
        "create event trigger sleeping on ddl_command_end execute function watch(); alter event trigger sleeping disable");
    auto const plan = people.run({"plan"});
    CHECK(plan.status == 0);
    CHECK(has(plan.out,
              "event trigger watching of postgres runs public.watch() on sql_drop of DROP VIEW, ALTER TABLE, also in the middle "
              "of a step"));
    CHECK_FALSE(has(plan.out, "sleeping"));
    CHECK(people.run({"up"}).status == 0);
    superuser->run("drop event trigger watching; drop event trigger sleeping");
    CHECK_FALSE(has(people.run({"plan", "down"}).out, "event trigger"));
}

TEST_CASE("plan warns of a lock that a script takes for the session, with its place") {
    People const people;
    people.desk.migration("3_locks", "select 1;\n  select pg_advisory_lock(77);");
    auto const plan = people.run({"plan"});
    CHECK(plan.status == 0);
    CHECK(has(plan.out, "3_locks.up.sql:2:3"));
    CHECK(has(plan.out, "pg_advisory_lock takes a lock for the session: it stays on the connection after the step"));
    CHECK(has(plan.out, "pg_advisory_xact_lock"));
    CHECK(people.run({"up"}).status == 0);
}
