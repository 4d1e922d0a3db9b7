// Ending what takes too long: cancelled statements, statement_timeout, and who keeps a step waiting.
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;
using namespace std::chrono_literals;

namespace {

// A minute's work, at least; a test that waits for it has failed.
std::string endless(Database const& db) {
    return db.either("select pg_sleep(60)",
                     "create table endless as with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000000) "
                     "select count(*) c from n");
}

std::string with_endless(Database const& db, std::string const& first) { return first + ";\n" + endless(db) + ";\n"; }

bool contains(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// Runs `work` in a thread once a statement of another session has waited for a lock for longer than a look takes.
std::thread when_somebody_waits(Database& db, std::function<void(Session&)> work) {
    return std::thread([&db, work = std::move(work)] {
        auto const watcher = db.connect();
        while (watcher->count("select count(*) from pg_locks l where not l.granted and l.database = (select oid from pg_database where "
                              "datname = current_database()) and l.waitstart < clock_timestamp() - interval '900 ms'") == 0)
            std::this_thread::sleep_for(20ms);
        work(*watcher);
    });
}

}  // namespace

ON_BOTH("story: a cancelled statement ends, its step is taken back, and the next run does the work") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'a')");
    auto const before = witness(db);
    bool running = false;
    int asked = 0;
    Options options;
    options.on_event = [&](Event const& event) { running = running || contains(event.text, db.either("pg_sleep", "endless")); };
    options.cancelled = [&] { return running && ++asked > 2; };
    auto const began = std::chrono::steady_clock::now();
    auto const error = up_error(db, source_of({{with_endless(db, "alter table t drop column name")}}), options);
    CHECK_LT(std::chrono::steady_clock::now() - began, 30s);
    CHECK_EQ(error.code, Code::interrupted);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(error.where.line, 2);
    check_unchanged(before, witness(db));
    auto const source = source_of({{"alter table t drop column name"}});
    CHECK_EQ(up(db, source).steps.size(), 1);
    CHECK_EQ(down(db, source).steps.size(), 1);
    check_same(before, witness(db));
}

ON_BOTH("story: a down is cancelled as an up is") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'a')");
    auto const source = source_of({{"alter table t drop column name", "alter table t add column name text;\n" + endless(db)}});
    (void)up(db, source);
    auto const before = witness(db);
    bool running = false;
    Options options;
    options.on_event = [&](Event const& event) { running = running || contains(event.text, db.either("pg_sleep", "endless")); };
    options.cancelled = [&] { return running; };
    auto const error = down_error(db, source, options);
    CHECK_EQ(error.code, Code::interrupted);
    check_unchanged(before, witness(db));
    options.cancelled = {};
    options.derive = true;
    CHECK_EQ(down(db, source, options).steps.size(), 1);
    CHECK_EQ(db.one("select name from t"), "a");
}

ON_BOTH("story: a callback that throws while a statement runs ends it") {
    db.run("create table t (id integer primary key)");
    auto const before = witness(db);
    bool running = false;
    Options options;
    options.on_event = [&](Event const& event) { running = running || contains(event.text, db.either("pg_sleep", "endless")); };
    options.cancelled = [&] { return running ? throw std::runtime_error("mine") : false; };
    CHECK_EQ(up_error(db, source_of({{with_endless(db, "alter table t add column x integer")}}), options).code, Code::interrupted);
    check_unchanged(before, witness(db));
}

ON_BOTH("story: a statement has as long as the options give it, and no longer") {
    db.run("create table t (id integer primary key)");
    auto const before = witness(db);
    Options options;
    options.statement_timeout = 300ms;
    auto const error = up_error(db, source_of({{with_endless(db, "alter table t add column x integer")}}), options);
    CHECK_EQ(error.code, Code::failed);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(error.where.line, 2);
    CHECK(contains(error.text(), "ran for longer"));
    CHECK(contains(error.text(), "--statement-timeout"));
    check_unchanged(before, witness(db));
}

ON_POSTGRES("story: who keeps a step from its lock is named, with what it does, without the values") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'a')");
    auto const other = db.connect();
    other->run("set application_name = 'the holder'; begin; update t set name = 'topsecret 4711' where id = 815");
    auto const pid = other->one("select pg_backend_pid()");
    other->run("update t set name = 'topsecret 4711' where id = 815");
    Options options;
    options.lock_timeout = 1500ms;
    options.tries = 1;
    for (auto const* script : {"alter table t drop column name", "create index t_name on t (name)"}) {
        INFO(std::string(script));
        auto const error = up_error(db, source_of({{script}}), options);
        CHECK_EQ(error.code, Code::busy);
        CHECK_MESSAGE(contains(error.message, "process " + pid + " (the holder as "), error.message);
        CHECK_MESSAGE(contains(error.message, "idle in transaction for "), error.message);
        CHECK_MESSAGE(contains(error.message, "update t set name = ? where id = ?"), error.message);
        CHECK_FALSE(contains(error.text(), "topsecret"));
        CHECK_FALSE(contains(error.text(), "815"));
    }
    options.second_connection = false;
    auto const error = up_error(db, source_of({{"alter table t drop column name"}}), options);
    CHECK_EQ(error.code, Code::busy);
    CHECK_FALSE(contains(error.message, "the holder"));
}

ON_POSTGRES("story: a plan names a session that has long had a table in use which is to be locked") {
    db.run("create table t (id integer primary key, name text); create table u (id integer primary key)");
    auto const other = db.connect();
    other->run("set application_name = 'the holder'; begin; insert into t values (1, 'topsecret'); insert into u values (1)");
    auto const pid = other->one("select pg_backend_pid()");
    other->run("insert into t select 2, 'topsecret' from pg_sleep(1.2)");
    auto target = Target::open(db.url()).value();
    auto const plan = plan_up(target, source_of({{"alter table t drop column name"}}), {}, {}).value();
    REQUIRE_EQ(plan.findings.size(), 1);
    CHECK_EQ(plan.findings[0].code, "in-use");
    CHECK_EQ(plan.findings[0].severity, Finding::Severity::warning);
    CHECK_MESSAGE(contains(plan.findings[0].text, "public.t is in use by process " + pid + " (the holder as "), plan.findings[0].text);
    CHECK_FALSE(contains(plan.findings[0].text, "topsecret"));
    CHECK(plan.go());
}

ON_POSTGRES("story: the report tells how long each lock was waited for and held, also those that the script takes itself") {
    db.run("create table t (id integer primary key, name text); create table u (id integer primary key)");
    auto const other = db.connect();
    other->run("begin; select * from t");
    auto release = when_somebody_waits(db, [&](Session&) { other->run("commit"); });
    auto const report = up(db, source_of({{"alter table u add column x integer; alter table t alter column name set default 'x'; "
                                           "create table fresh (id integer); create index on fresh (id)"}}));
    release.join();
    auto const& locks = report.steps.at(0).locks;
    REQUIRE_EQ(locks.size(), 2);
    CHECK_EQ(locks[0].table, "public.u");
    CHECK_EQ(locks[0].waited_seconds, 0);
    CHECK_EQ(locks[1].table, "public.t");
    CHECK_GE(locks[1].waited_seconds, 0.4);
    CHECK_GE(locks[0].held_seconds, locks[1].waited_seconds);
}

ON_POSTGRES("story: a step whose lock was not given is taken back whole and done again") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'a'); create table u (id integer primary key)");
    auto const other = db.connect();
    other->run("begin; select * from t");
    Options options;
    options.lock_timeout = 1100ms;
    int waits = 0;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::waiting) return;
        ++waits;
        // Nothing of the failed try is left to hold anybody up.
        CHECK_EQ(db.count("select count(*) from information_schema.columns where table_name = 'u'"), 1);
        other->run("commit");
    };
    auto const report = up(db, source_of({{"alter table u add column x integer; alter table t drop column name"}}), options);
    CHECK_EQ(waits, 1);
    CHECK_EQ(report.steps.at(0).tries, 2);
}

ON_POSTGRES("story: a connection that is lost in COMMIT is made anew, and what became of the step is found out") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'a')");
    auto const before = witness(db);
    auto target = Target::open(db.url()).value();
    auto const source = source_of({{"alter table t add column x integer"}, {"alter table t drop column name"}});
    Options options;
    int recorded = 0;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::recorded || ++recorded != 2) return;
        db.run(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where state = 'idle in transaction' and datname = "
            "current_database() and pid <> pg_backend_pid()");
    };
    auto const lost = migrate(target, source, options);
    REQUIRE_FALSE(lost.has_value());
    CHECK_EQ(lost.error().code, Code::failed);
    CHECK_EQ(lost.error().left, Left::changed);  // the first step is done
    CHECK_MESSAGE(contains(lost.error().message, "during COMMIT, and the step was taken back"), lost.error().text());
    CHECK_EQ(db.one("select name from t"), "a");
    // The target is as good as new.
    CHECK_EQ(migrate(target, source).value().steps.size(), 1);
    CHECK_EQ(status(target, source).value().pending.size(), 0);
    (void)down(db, source, {}, {.steps = 2});
    check_same(before, witness(db));
}

ON_BOTH("story: no exception of a callback leaves the library, whenever it is thrown") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'a')");
    auto const source = source_of({{"alter table t drop column name"}});
    for (auto const kind : {Event::Kind::started, Event::Kind::saved, Event::Kind::statement, Event::Kind::ran, Event::Kind::recorded}) {
        Options options;
        options.on_event = [&](Event const& event) {
            if (event.kind == kind || event.kind == Event::Kind::failed) throw 42;
        };
        auto target = Target::open(db.url()).value();
        auto const ended = migrate(target, source, options);
        REQUIRE_FALSE(ended.has_value());
        CHECK_EQ(ended.error().code, Code::interrupted);
        CHECK_EQ(db.one("select name from t"), "a");
    }
    Options options;
    options.on_event = [](Event const& event) {
        if (event.kind == Event::Kind::committed) throw 42;
    };
    CHECK_EQ(up(db, source, options).steps.size(), 1);
    CHECK_EQ(down(db, source, options).steps.size(), 1);
    CHECK_EQ(db.one("select name from t"), "a");
}
