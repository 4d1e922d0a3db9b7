// Many of the real program at once; and one that is killed while it holds the lock, so that another takes over.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

#include "faults/faults.hpp"
#include "support/process.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

using Clock = std::chrono::steady_clock;

// Server processes look after their clients once a second, and who waits asks five times a second.
constexpr double takes_over_within = 3.0;

std::string text_of(std::string const& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

void all_at_once(Database& db, Directory const& files, int programs) {
    std::array<int, 2> gate{};
    REQUIRE_EQ(pipe(gate.data()), 0);
    std::vector<std::unique_ptr<Process>> all;
    for (int i = 0; i < programs; ++i)
        all.push_back(
            std::make_unique<Process>(std::vector<std::string>{UNDROP_TEST_PROGRAM, "--db", db.url(), "--dir", files.path(), "up"},
                                      fmt::format("{}/said.{}", files.path(), i), gate[0], gate[1]));
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < programs; ++i) {
        auto const status = all[static_cast<std::size_t>(i)]->wait();
        CHECK_MESSAGE(status == 0, text_of(fmt::format("{}/said.{}", files.path(), i)));
    }
}

// Each step finds the work of those before it, and says in a table that it ran.
void race(Engine engine, int programs, int times) {
    for (int n = 0; n < times; ++n) {
        CAPTURE(n);
        auto const db = Database::make(engine);
        db->run(
            "create table log (id integer primary key, step integer not null); create table t (id integer primary key, v text not null "
            "default 'x', w text)");
        db->run("insert into t (id) select n from " + numbers(*db, 1, 500));
        Directory const files;
        for (int i = 1; i <= 5; ++i)
            files.write(
                fmt::format("{}_step.up.sql", i),
                fmt::format("insert into log select coalesce(max(id), 0) + 1, {0} from log;\ncreate table made_{0} (id integer primary "
                            "key);\n{1}",
                            i, i == 3 ? "alter table t drop column v;\n" : ""));
        all_at_once(*db, files, programs);
        REQUIRE_EQ(db->table("select id, step from log order by id"), "1|1\n2|2\n3|3\n4|4\n5|5");
        auto target = Target::open(db->url()).value();
        REQUIRE_EQ(log(target).value().size(), 5);
        REQUIRE(status(target, Source::directory(files.path()).value()).value().clean());
        auto const back = apply(target, approve(plan_down(target, {}, {.to = "2"}).value()).value()).value();
        REQUIRE_EQ(merged(back.steps.back(), db->named("t.v")).restored, 500);
    }
    std::cout << fmt::format("{}: {} programs at once, {} times: each of 5 migrations ran once.",
                             engine == Engine::postgres ? "PostgreSQL" : "SQLite", programs, times)
              << std::endl;
}

}  // namespace

TEST_CASE("faults: of many programs that start at once one migrates (PostgreSQL)") {
    rounds() > 0 ? race(Engine::postgres, 32, 20) : race(Engine::postgres, 8, 2);
}

TEST_CASE("faults: of many programs that start at once one migrates (SQLite)") {
    rounds() > 0 ? race(Engine::sqlite, 32, 20) : race(Engine::sqlite, 8, 2);
}

// The one that is killed is in the middle of a statement that would take minutes.
ON_BOTH("faults: where the one that holds the lock is killed, one that waits takes over") {
    db.run("create table t (id integer primary key, v text); create table ready (id integer)");
    db.run("insert into t values (1, 'a')");
    std::string const work = "alter table t drop column v;\n";
    Directory const slow;
    slow.write("1_step.up.sql",
               work + db.either("select pg_sleep(300);\n",
                                "with recursive c(n) as (select 1 union all select n + 1 from c where n < 1000000000) select "
                                "count(*) from c;\n"));
    Directory const quick;
    quick.write("1_step.up.sql", work);
    auto const words = [&](Directory const& files) {
        return std::vector<std::string>{UNDROP_TEST_PROGRAM, "--db", db.url(), "--dir", files.path(), "up"};
    };
    Process first(words(slow), slow.path() + "/said");
    auto const other = db.connect();
    auto const holds = [&] {
        if (db.postgres())
            return other->count(
                       "select count(*) from pg_stat_activity where query like '%pg_sleep(300)%' and state = 'active' and "
                       "pid <> pg_backend_pid() and datname = current_database()") > 0;
        return !other->held_off("insert into ready values (1)").empty();
    };
    while (!holds()) REQUIRE_FALSE(first.ended());
    Process second(words(quick), quick.path() + "/said");
    // For the run's lock, or already for a table that it wants to count.
    auto const waits = [&] {
        if (!db.postgres()) return text_of(quick.path() + "/said").find("waiting") != std::string::npos;
        return other->count(
                   "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'undrop' and "
                   "(query like '%pg_try_advisory%' or wait_event_type = 'Lock')") > 0;
    };
    while (!waits()) REQUIRE_FALSE(second.ended());
    auto const start = Clock::now();
    REQUIRE(first.kill());
    auto const status = second.wait();
    auto const seconds = std::chrono::duration<double>(Clock::now() - start).count();
    CHECK_MESSAGE(status == 0, text_of(quick.path() + "/said"));
    CHECK_LT(seconds, takes_over_within + 7);  // with its own work, on a machine that is busy
    std::cout << fmt::format("{}: one was killed with the lock in its hands; another had migrated {:.2f} s later.",
                             db.postgres() ? "PostgreSQL" : "SQLite", seconds)
              << std::endl;
    auto target = Target::open(db.url()).value();
    CHECK_EQ(log(target).value().size(), 1);
    (void)down(db, Source::directory(quick.path()).value());
    CHECK_EQ(db.one("select v from t"), "a");
}
