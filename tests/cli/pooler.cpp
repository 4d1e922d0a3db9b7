// The real program among other migrators, through a real connection pooler and around it.
#include "support/pooler.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <undrop/undrop.hpp>

#include "cli/program.hpp"

using namespace undrop;
using namespace undrop::test;

TEST_CASE("behind a connection pooler the program goes there and back, and --busy tells who is at work") {
    auto const db = Database::make(Engine::postgres);
    Pooler const pooler(*db);
    Desk const desk;
    desk.migration("1_create", "create table t (id integer primary key, v text); insert into t values (1, 'a'), (2, 'b');");
    desk.migration("2_drop", "alter table t drop column v;");
    auto const run = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"--db", pooler.url()});
        return desk.run(words);
    };
    auto target = Target::open(pooler.url()).value();
    int told = 0;
    Options options{.program = "the other one"};
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::committed) return;
        auto const failed = run({"up", "--busy", "fail"});
        CHECK(failed.status == 5);
        CHECK(has(failed.err, "another migrator is at work on ledger undrop: the other one (process " + std::to_string(getpid())));
        CHECK(has(failed.err, "by a lease that is good for"));
        auto const serves = run({"up", "--busy", "serve"});
        CHECK(serves.status == 0);
        CHECK(has(serves.out, "Nothing was done here."));
        ++told;
    };
    auto const source = Source::directory((desk.path / "migrations").string()).value();
    auto first = source;
    first.migrations.resize(1);
    REQUIRE(migrate(target, first, options));
    CHECK(told == 1);

    CHECK(run({"up"}).status == 0);
    auto const down = run({"down"});
    CHECK(down.status == 0);
    CHECK(has(down.out, "restored 2"));
    CHECK(db->one("select string_agg(v, '' order by id) from t") == "ab");
    CHECK(run({"status", "--check"}).status == 3);
    CHECK(run({"plan"}).status == 0);
    CHECK(run({"check"}).status == 0);
    CHECK(run({"--lock", "lease", "--lease-time", "1s", "up"}).status == 0);
}

TEST_CASE("a down that another migrator was faster with takes back nothing else") {
    auto const db = Database::make(Engine::postgres);
    Desk const desk;
    desk.migration("1_create", "create table t (id integer primary key);");
    desk.migration("2_more", "create table more (id integer primary key);");
    REQUIRE(desk.run({"--db", db->url(), "up"}).status == 0);
    auto const source = Source::directory((desk.path / "migrations").string()).value();
    auto target = Target::open(db->url()).value();
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::started) return;
        // It has planned, and waits.
        (void)desk.shell("{ $UNDROP --db '" + db->url() +
                         "' down > out 2> err; echo $? > status; mv status done; } & until grep -q 'waiting' err 2> /dev/null; do sleep "
                         "0.01; done");
    };
    REQUIRE(apply(target, approve(plan_down(target, source).value()).value(), options));
    (void)desk.shell("until test -e done; do sleep 0.01; done");
    CHECK(desk.text("done") != "0\n");
    CHECK(has(desk.text("err"), "2 was taken back by another migrator meanwhile"));
    CHECK(has(desk.text("err"), "Next: undrop status"));
    CHECK(db->one("select to_regclass('t') is not null and to_regclass('more') is null") == "t");
}
