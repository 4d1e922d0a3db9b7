// Steps in parts that are interrupted: the process is killed at every point, the server ends the session; the next run goes on, or back.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "story/kill.hpp"
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* marked = "-- undrop: no-transaction\n";
constexpr char const* schema =
    "create table t (id int primary key, c text, d text); create index i on t (c); insert into t select n, 'c' || n, "
    "'d' || n from generate_series(1, 50) n";
Scripts const scripts{std::string(marked) +
                          "alter table t add column e text default 'e';\ndrop index concurrently i;\nalter table t drop "
                          "column c;\ncreate index concurrently j on t (d);",
                      std::string(marked) +
                          "drop index concurrently j;\nalter table t drop column e;\nalter table t add column c text;\ncreate "
                          "index concurrently i on t (c);"};

Status status_of(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    return status(target, source).value();
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

void killed_during_up(Direction next) {
    auto const source = source_of({scripts});
    auto const expected = [&] {
        auto const db = Database::make(Engine::postgres);
        db->run(schema);
        (void)up(*db, source);
        return witness(*db);
    }();
    int in_progress = 0;
    for (int n = 1;; ++n) {
        CAPTURE(n);
        auto const db = Database::make(Engine::postgres);
        db->run(schema);
        auto const before = witness(*db);
        bool const killed = killed_at(n, db->url(), source, Direction::up);
        nobody_else(*db);
        auto const found = status_of(*db, source);
        if (found.in_progress) {
            ++in_progress;
            CHECK(has(found.in_progress->standing, " of 4"));
            CHECK_FALSE(found.clean());
        }
        if (next == Direction::up) {
            auto target = Target::open(db->url()).value();
            auto const done = migrate(target, source);
            REQUIRE_MESSAGE(done, (done ? "" : done.error().text()));
            check_same(expected, witness(*db));
            CHECK(status_of(*db, source).clean());
            (void)down(*db, source, {.derive = true});
        } else if (found.in_progress || !found.applied.empty()) {
            (void)down(*db, source, {.derive = true});
            CHECK_FALSE(status_of(*db, source).in_progress);
        }
        check_same(before, witness(*db));
        CHECK_EQ(db->count("select count(*) from pg_index where not indisvalid"), 0);
        if (!killed) break;
    }
    CHECK_GT(in_progress, 5);
}

void killed_during_down(Direction next) {
    auto const source = source_of({scripts});
    int kills = 0;
    for (int n = 1;; ++n) {
        CAPTURE(n);
        auto const db = Database::make(Engine::postgres);
        db->run(schema);
        auto const before = witness(*db);
        (void)up(*db, source);
        db->run("update t set e = 'user' where id = 7");
        auto const after = witness(*db);
        bool const killed = killed_at(n, db->url(), source, Direction::down);
        nobody_else(*db);
        auto const found = status_of(*db, source);
        auto target = Target::open(db->url()).value();
        if (next == Direction::up) {
            auto const done = migrate(target, source);
            REQUIRE_MESSAGE(done, (done ? "" : done.error().text()));
            check_same(after, witness(*db));
        } else if (found.in_progress || !found.applied.empty()) {
            (void)down(*db, source);
            check_same(before, witness(*db));
            (void)up(*db, source);
            check_same(after, witness(*db));
        }
        CHECK_FALSE(status_of(*db, source).in_progress);
        CHECK_EQ(db->count("select count(*) from pg_index where not indisvalid"), 0);
        if (!killed) break;
        ++kills;
    }
    CHECK_GT(kills, 5);
}

}  // namespace

TEST_CASE("interrupted: killed at each event of an up, the next up completes it") { killed_during_up(Direction::up); }
TEST_CASE("interrupted: killed at each event of an up, the next down takes it back") { killed_during_up(Direction::down); }
TEST_CASE("interrupted: killed at each event of a down, the next down completes it") { killed_during_down(Direction::down); }
TEST_CASE("interrupted: killed at each event of a down, the next up takes it back") { killed_during_down(Direction::up); }

ON_POSTGRES("interrupted: a session ended while an index waits for an old snapshot; the next run drops what is left and builds it") {
    db.run("create table t (id int primary key, c text); create table other (id int); insert into t values (1, 'a')");
    auto const source = source_of({{std::string(marked) + "alter table t add column d text;\ncreate index concurrently i on t (c);"}});
    auto const reader = db.connect();
    reader->run("begin isolation level repeatable read");
    (void)reader->rows("select * from other");
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::waiting)
            db.run(
                "select pg_terminate_backend(pid) from pg_stat_activity where query like 'create index concurrently%' and datname = "
                "current_database()");
    };
    auto const error = up_error(db, source, options);
    CHECK_EQ(error.code, Code::in_doubt);
    CHECK_EQ(error.left, Left::unknown);
    CHECK_EQ(error.next.command, "status");
    CHECK_EQ(db.count("select count(*) from pg_index where not indisvalid"), 1);
    auto const found = status_of(db, source);
    REQUIRE(found.in_progress);
    CHECK(has(found.in_progress->standing, "statement 2 of 2, outside a transaction: create index"));
    CHECK(has(found.in_progress->standing, "i"));
    reader->run("commit");
    auto const went = up(db, source);
    CHECK(mentions(went.steps.at(0).notes, "was interrupted: statement 2 of 2"));
    CHECK_EQ(db.count("select count(*) from pg_index where indisvalid and indexrelid = 'i'::regclass"), 1);
    CHECK_EQ(db.count("select count(*) from pg_index where not indisvalid"), 0);
    CHECK(status_of(db, source).clean());
}

ON_POSTGRES("interrupted: a detach that is pending is brought to its end, and attached again on the way back") {
    db.run(
        "create table p (id int, c text) partition by list (id); create table p1 partition of p for values in (1); insert into p values "
        "(1, 'a')");
    auto const before = witness(db);
    auto const source = source_of({{std::string(marked) + "alter table p detach partition p1 concurrently;"}});
    auto const reader = db.connect();
    reader->run("begin");
    (void)reader->rows("select * from p");
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::waiting)
            db.run(
                "select pg_terminate_backend(pid) from pg_stat_activity where query like 'alter table p detach%' and datname = "
                "current_database()");
    };
    CHECK_EQ(up_error(db, source, options).code, Code::in_doubt);
    CHECK_EQ(db.count("select count(*) from pg_inherits where inhdetachpending"), 1);
    reader->run("commit");
    (void)up(db, source);
    CHECK_EQ(db.count("select count(*) from pg_inherits"), 0);
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_POSTGRES("interrupted: a script edited since is taken back before the new one runs") {
    db.run("create table t (id int primary key, c text)");
    auto const before = witness(db);
    auto const first = source_of({{std::string(marked) + "alter table t add column d text;\ncreate index concurrently i on t (c);"}});
    REQUIRE(killed_at(9, db.url(), first, Direction::up));
    nobody_else(db);
    REQUIRE(status_of(db, first).in_progress);
    auto const second = source_of({{"alter table t add column f text;"}});
    auto const went = up(db, second);
    REQUIRE_EQ(went.steps.size(), 2);
    CHECK_EQ(went.steps[0].direction, Direction::down);
    CHECK_EQ(db.count("select count(*) from pg_attribute where attrelid = 't'::regclass and attname in ('d', 'f') and not attisdropped"),
             1);
    (void)down(db, second);
    check_same(before, witness(db));
}

ON_BOTH("interrupted: without its files the ledger alone takes an interrupted step back") {
    db.run("create table t (id integer primary key, c text)");
    auto const before = witness(db);
    auto const between = db.either("create index concurrently i on t (c)", "vacuum");
    auto const source =
        source_of({{std::string(marked) + "alter table t add column d text;\n" + between + ";\ncreate table u (id integer);"}});
    int taken_back = 0;
    for (int n = 1; killed_at(n, db.url(), source, Direction::up); ++n) {
        CAPTURE(n);
        nobody_else(db);
        auto const found = status_of(db, {});
        if (!found.applied.empty()) break;
        if (found.in_progress) {
            ++taken_back;
            (void)down(db, source_of({}));
        }
        CHECK_FALSE(status_of(db, {}).in_progress);
        check_same(before, witness(db));
    }
    CHECK_GT(taken_back, 5);
}

ON_POSTGRES("interrupted: a program killed while its index waits for an old snapshot; another one, started meanwhile, completes it") {
    db.run("create table t (id int primary key, c text); create table other (id int)");
    Directory const directory;
    directory.write("1_index.up.sql", std::string(marked) + "alter table t add column d text;\ncreate index concurrently i on t (c);\n");
    auto const reader = db.connect();
    reader->run("begin isolation level repeatable read");
    (void)reader->rows("select * from other");
    auto const url = db.url();
    auto const start = [&] {
        auto const child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            execl(UNDROP_TEST_MIGRATOR, UNDROP_TEST_MIGRATOR, url.c_str(), directory.path().c_str(), static_cast<char*>(nullptr));
            _exit(127);
        }
        return child;
    };
    auto const first = start();
    while (db.count("select count(*) from pg_stat_activity where datname = current_database() and query like 'create index concurrently%' "
                    "and wait_event_type = 'Lock'") == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    auto const second = start();
    REQUIRE(kill(first, SIGKILL) == 0);
    int status = 0;
    REQUIRE(waitpid(first, &status, 0) == first);
    reader->run("commit");
    REQUIRE(waitpid(second, &status, 0) == second);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_EQ(db.count("select count(*) from pg_index where indisvalid and indexrelid = 'i'::regclass"), 1);
    CHECK_EQ(db.count("select count(*) from pg_index where not indisvalid"), 0);
    CHECK(status_of(db, Source::directory(directory.path()).value()).clean());
}
