// A program that is killed, or sent away by the server, in the middle of a step that saves rows or brings them back (P6): the database is
// as before the step or as after it, the ledger says which, and the next run completes. Where it dies is counted, never timed.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include <undrop/postgres.hpp>

#include "story/story.hpp"
#include "support/traffic.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

void fill(Database& db) {
    db.run(
        "create table team (id integer primary key, name text not null);"
        "create table member (id integer primary key, team integer references team (id) on delete cascade, role text not null, note text);"
        "create table remark (what text)");
    db.run("insert into team select n, 'team ' || n from " + numbers(db, 1, 3));
    db.run("insert into member select n, n % 3 + 1, case when n % 4 = 0 then 'sponsor' else 'viewer' end, 'note ' || n from " +
           numbers(db, 1, 24));
    db.run("insert into remark values ('x'), ('x'), ('y')");
}

// Rows updated, deleted, deleted by a cascade, inserted, of a table without a key; and a column that goes.
Source const& migration() {
    static auto const source = source_of(
        {{"update member set role = 'coach' where role = 'sponsor';\ndelete from team where id = 2;\ninsert into team values (7, 'new');\n"
          "delete from remark where what = 'x';\nalter table member drop column note;"}});
    return source;
}

std::string state(Session& db) {
    std::string text;
    for (auto const* table : {"team", "member", "remark"}) text += db.table("select * from " + std::string(table) + " order by 1") + "\n\n";
    return text;
}

Approved planned_on(Database& db, Direction direction) {
    auto target = Target::open(db.url()).value();
    return approve((direction == Direction::up ? plan_up(target, migration()) : plan_down(target, migration())).value()).value();
}

bool is_applied(Database& db) {
    auto target = Target::open(db.url()).value();
    return !status(target, migration()).value().applied.empty();
}

Result<Report> go(Target target, Approved const& approved, Options const& options = {}) { return apply(target, approved, options); }

// Runs in a process of its own, and may be killed there.
void apart(std::function<void()> const& act) {
    auto const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        act();
        _exit(7);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE((WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 7));
}

// The server notices that a client is gone, and ends what it was doing.
void wait_for_the_server(Database& db) {
    while (db.postgres() && db.count("select count(*) from pg_stat_activity where datname = current_database() and backend_type = "
                                     "'client backend' and (xact_start is not null and pid <> pg_backend_pid() or pid in (select pid from "
                                     "pg_locks where locktype = 'advisory'))") > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

// Places in a step, by number, at which it can be ended; told of each, `at` is where that happens.
using Place = std::function<void()>;
using Step = std::function<void(std::string const& url, Approved const& approved, Place const& at)>;

void by_event(std::string const& url, Approved const& approved, Place const& at) {
    (void)go(Target::open(url).value(), approved, {.on_event = [&](Event const&) { at(); }});
}

void by_message(std::string const& url, Approved const& approved, Place const& at) {
    Traffic const traffic(url, [&](std::string const& line) {
        if (is_statement(line) || is_answer(line)) at();
    });
    (void)go(postgres::attach(traffic.handle()).value(), approved);
}

// Some of the places, and each of the last ones, around COMMIT.
std::vector<int> some_of(int count) {
    std::vector<int> places;
    for (int place = 1; place <= count; place += place + 6 < count ? std::max(1, count / 8) : 1) places.push_back(place);
    return places;
}

// Ends the step at one place after the other, there and back.
void end_everywhere(Database& db, Step const& step, std::function<void(Approved const&, int place)> const& end_at) {
    auto const twin = Database::make(db.engine());
    fill(db);
    fill(*twin);
    auto const before = witness(db);
    for (auto const direction : {Direction::up, Direction::down}) {
        auto const before_state = state(db);
        int count = 0;
        step(twin->url(), planned_on(*twin, direction), [&] { ++count; });
        auto const after_state = state(*twin);
        REQUIRE_NE(before_state, after_state);
        CHECK_GE(count, 8);

        auto const approved = planned_on(db, direction);
        auto const done = [&] { return is_applied(db) == (direction == Direction::up); };
        int ended = 0;
        for (auto const place : some_of(count)) {
            CAPTURE(place);
            end_at(approved, place);
            wait_for_the_server(db);
            auto const whole = done();
            REQUIRE_EQ(state(db), whole ? after_state : before_state);
            if (whole) break;
            ++ended;
        }
        CHECK_GE(ended, 7);
        if (!done()) (void)go(Target::open(db.url()).value(), approved).value();
        CHECK_EQ(state(db), after_state);
        check_same(direction == Direction::up ? witness(*twin) : before, witness(db));
    }
}

void killed_everywhere(Database& db, Step const& step) {
    end_everywhere(db, step, [&, url = db.url()](Approved const& approved, int place) {
        apart([&] {
            int count = 0;
            step(url, approved, [&] {
                if (++count == place) kill(getpid(), SIGKILL);
            });
        });
    });
}

}  // namespace

ON_BOTH("story: killed at any event of a step the database is as before or as after it, and the next run completes") {
    killed_everywhere(db, by_event);
}

ON_POSTGRES("story: killed between any two messages of a step the database is as before or as after it") {
    killed_everywhere(db, by_message);
}

ON_POSTGRES("story: a session that the server ends between any two messages takes its step back, and the next run completes") {
    auto const killer = db.connect();
    end_everywhere(db, by_message, [&](Approved const& approved, int place) {
        int count = 0;
        std::string end;
        Traffic const traffic(db.url(), [&](std::string const& line) {
            if ((is_statement(line) || is_answer(line)) && ++count == place) (void)killer->rows(end);
        });
        end = "select pg_terminate_backend(" + std::to_string(traffic.pid()) + ", 60000)";
        auto const result = go(postgres::attach(traffic.handle()).value(), approved);
        if (result) return;
        CAPTURE(result.error().text());
        CHECK((result.error().code == Code::failed || result.error().code == Code::in_doubt));
        CHECK_EQ(result.error().code == Code::in_doubt, result.error().left == Left::unknown);
    });
}

ON_POSTGRES("story: a session that is ended while it waits for a table loses nothing") {
    fill(db);
    auto const before = witness(db);
    (void)up(db, migration());
    auto const migrated = witness(db);
    auto const holder = db.connect();
    holder->run("begin; select 1 from member where id = 3 for update; lock table remark in row exclusive mode");
    std::thread ender([&] {
        auto const killer = db.connect();
        auto const waiting = std::string(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = "
            "'Lock' and backend_xid is not null");
        while (killer->count(waiting) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        (void)killer->rows(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = current_database() and "
            "wait_event_type = 'Lock'");
    });
    auto const error = down_error(db, migration(), {.lock_timeout = std::chrono::minutes(2)});
    ender.join();
    CHECK_EQ(error.code, Code::failed);
    CHECK_EQ(error.left, Left::rolled_back);
    holder->run("rollback");
    check_unchanged(migrated, witness(db));
    (void)down(db, migration());
    check_same(before, witness(db));
}

ON_POSTGRES("story: where the session that reads the old rows is ended, the tables are copied in a second round") {
    fill(db);
    auto const before = witness(db);
    auto const killer = db.connect();
    auto const source = source_of({{"update member set role = 'coach' where role = 'sponsor';\ndelete from remark where what = 'x'"}});
    // The one that undrop opened beside the one that it was given.
    std::string const second = " from pg_stat_activity where datname = current_database() and application_name = 'undrop'";
    int again = 0;
    for (bool reached = true; reached; ++again) {
        CAPTURE(again);
        reached = false;
        int count = 0;
        Traffic const traffic(db.url(), [&](std::string const& line) {
            if (reached || !is_statement(line) || killer->count("select count(*)" + second) == 0 || count++ < again) return;
            reached = !killer->rows("select pg_terminate_backend(pid, 60000)" + second).empty();
        });
        auto target = postgres::attach(traffic.handle()).value();
        auto const went = migrate(target, source).value();
        if (again == 0) CHECK_EQ(went.steps.at(0).rounds, 2);
        CHECK_EQ(saved(went.steps.at(0), "public.member (role)").rows, 6);
        CHECK_EQ(saved(went.steps.at(0), "public.remark (deleted)").rows, 2);
        (void)down(db, source);
        check_same(before, witness(db));
        if (again == 4) break;  // by then all old rows are read
    }
    CHECK_GT(again, 2);
}
