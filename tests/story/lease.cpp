// A lease keeps migrators apart behind a real connection pooler, pgbouncer, and around it: who waits, who takes over, who is fenced off.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

#include "story/story.hpp"
#include "support/pooler.hpp"

using namespace undrop;
using namespace undrop::test;
using namespace std::chrono_literals;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Target through(Pooler const& pooler) { return Target::open(pooler.url()).value(); }

Source steps(int count) {
    std::vector<Scripts> scripts;
    for (int i = 1; i <= count; ++i) {
        auto const n = std::to_string(i);
        scripts.push_back(
            {"insert into done select " + n + ", count(*) from done;\ncreate table made_" + n + " (id integer primary key);"});
    }
    return source_of(scripts);
}

Source first_of(Source source, std::size_t count) {
    source.migrations.resize(count);
    return source;
}

void let_it_run_out(Database& db) { db.run("update undrop.lease set expires_at = clock_timestamp() - interval '1 second'"); }

// The real program, which waits for a table that is locked.
pid_t start_program(std::string const& url, std::string const& directory, std::vector<std::string> words) {
    auto const child = fork();
    if (child != 0) return child;
    (void)freopen("/dev/null", "w", stdout);
    (void)freopen("/dev/null", "w", stderr);
    words.insert(words.begin(), {UNDROP_TEST_PROGRAM, "--db", url, "--dir", directory});
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(UNDROP_TEST_PROGRAM, arguments.data());
    _exit(127);
}

void wait_for(Database& db, std::string const& question) {
    while (db.one(question) != "t") std::this_thread::sleep_for(2ms);
}

}  // namespace

ON_POSTGRES("lease: eight at once, some of them around the pooler, and each of five migrations runs exactly once") {
    Pooler const pooler(db);
    db.run("create table done (step integer, n integer)");
    std::atomic<int> applied = 0;
    std::vector<std::string> errors(8);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < errors.size(); ++i)
        threads.emplace_back([&, i] {
            auto target = Target::open(i % 4 == 3 ? db.url() : pooler.url());
            auto const report = target ? migrate(target.value(), steps(5), {.lock_timeout = 60s}) : Result<Report>(target.error());
            if (report)
                applied += static_cast<int>(report.value().steps.size());
            else
                errors[i] = report.error().text();
        });
    for (auto& thread : threads) thread.join();
    for (auto const& error : errors) CHECK_EQ(error, "");
    CHECK_EQ(applied, 5);
    CHECK_EQ(db.table("select step, n from done order by step"), "1|0\n2|1\n3|2\n4|3\n5|4");
}

ON_POSTGRES("lease: nobody takes over from a transaction that lives, however long it takes, and at once from one that was killed") {
    Pooler const pooler(db);
    db.run("create table done (step integer, n integer); create table t (id integer)");
    Directory const files;
    files.write("1_step.up.sql", steps(1).migrations[0].up.text);
    files.write("2_step.up.sql", "alter table t add column v text;");
    auto const source = Source::directory(files.path()).value();
    auto const holder = db.connect();
    holder->run("begin; lock table t");
    // Its time has run out at once; its transaction lives.
    auto const child = start_program(pooler.url(), files.path(), {"--lock-timeout", "1h", "--lease-time", "1ms", "up"});
    wait_for(db, "select count(*) > 0 from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 't' and not l.granted");

    auto target = through(pooler);
    auto const busy = migrate(target, source, {.busy = Busy::fail});
    REQUIRE_FALSE(busy);
    CHECK_EQ(busy.error().code, Code::busy);
    CHECK(has(busy.error().message, "(process " + std::to_string(child)));
    CHECK(has(busy.error().message, " since 20"));
    auto direct = Target::open(db.url()).value();
    CHECK_FALSE(migrate(direct, source, {.busy = Busy::fail}));
    CHECK(migrate(target, source, {.busy = Busy::serve}).value().elsewhere);

    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    holder->run("rollback");
    auto const took = migrate(target, source, {.wait = 60s});
    REQUIRE_MESSAGE(took, took.error().text());
    CHECK_EQ(took.value().steps.size(), 1);
    CHECK_EQ(db.count("select count(*) from done"), 1);
    CHECK_EQ(log(target).value().size(), 2);
}

ON_POSTGRES("lease: killed between two transactions, and another takes over after the lease's time") {
    Pooler const pooler(db);
    db.run("create table done (step integer, n integer)");
    auto const child = fork();
    if (child == 0) {
        Options options{.lease_time = 700ms};
        options.on_event = [](Event const& event) {
            if (event.kind == Event::Kind::committed) kill(getpid(), SIGKILL);
        };
        auto target = through(pooler);
        (void)migrate(target, steps(3), options);
        _exit(1);
    }
    waitpid(child, nullptr, 0);
    CHECK_EQ(db.count("select count(*) from done"), 1);
    CHECK_EQ(db.count("select count(*) from undrop.lease where holder is not null"), 1);
    auto target = through(pooler);
    std::string waited;
    Options options{.wait = 60s};
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::waiting) waited = event.text;
    };
    CHECK_EQ(migrate(target, steps(3), options).value().steps.size(), 2);
    if (!waited.empty()) CHECK(has(waited, "(process " + std::to_string(child)));
}

ON_POSTGRES("lease: who was paused for too long and lost the lease commits nothing more, and is told so") {
    Pooler const pooler(db);
    for (bool const by_session : {false, true}) {
        db.run("drop schema if exists undrop cascade; drop table if exists done, made_1, made_2, made_3");
        db.run("create table done (step integer, n integer)");
        auto paused = through(pooler);
        auto other = by_session ? Target::open(db.url()).value() : through(pooler);
        Options options;
        options.on_event = [&](Event const& event) {
            if (event.kind != Event::Kind::committed || event.version != "1") return;
            CHECK_FALSE(migrate(other, steps(2), {.busy = Busy::fail}));
            let_it_run_out(db);
            CHECK_EQ(migrate(other, first_of(steps(3), 2)).value().steps.size(), 1);
        };
        auto const error = apply(paused, approve(plan_up(paused, steps(3)).value()).value(), options).error();
        CAPTURE(error.text());
        CHECK_EQ(error.code, Code::conflict);
        CHECK_EQ(error.left, Left::changed);  // its first step
        CHECK(has(error.message, "longer than its lease is good (30.0 s), and another one took over"));
        CHECK_EQ(error.next.command, "status");
        CHECK_EQ(db.table("select step, n from done order by step"), "1|0\n2|1");
        // A program that migrates when it starts just goes on with what is left.
        CHECK_EQ(migrate(paused, steps(3)).value().steps.size(), 1);
    }
}

ON_POSTGRES("lease: a program at its start that lost the lease waits for its turn and finds less to do") {
    Pooler const pooler(db);
    db.run("create table done (step integer, n integer)");
    auto paused = through(pooler);
    auto other = through(pooler);
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::committed || event.version != "1") return;
        let_it_run_out(db);
        CHECK_EQ(migrate(other, first_of(steps(3), 2)).value().steps.size(), 1);
    };
    CHECK_EQ(migrate(paused, steps(3), options).value().steps.size(), 2);
    CHECK_EQ(db.table("select step, n from done order by step"), "1|0\n2|1\n3|2");
}

ON_POSTGRES("lease: who lost the lease commits nothing even where the other one did something else, and takes nothing back") {
    Pooler const pooler(db);
    db.run("create table done (step integer, n integer)");
    auto paused = through(pooler);
    auto other = through(pooler);
    auto others = steps(4);
    others.migrations.erase(others.migrations.begin() + 1, others.migrations.begin() + 3);
    Options options{.atomic = true};
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::committed || event.version != "1") return;
        let_it_run_out(db);
        CHECK_EQ(migrate(other, others).value().steps.size(), 1);
    };
    auto const result = apply(paused, approve(plan_up(paused, steps(3)).value()).value(), options);
    REQUIRE_FALSE(result);
    CHECK_EQ(result.error().code, Code::conflict);
    CHECK_EQ(result.error().left, Left::changed);
    CHECK_EQ(db.table("select step, n from done order by step"), "1|0\n4|1");
    CHECK_EQ(migrate(paused, steps(3), {.out_of_order = true}).value().steps.size(), 2);
}

ON_POSTGRES("lease: a lease by option, without a pooler, keeps out and is kept out like the session's lock") {
    db.run("create table done (step integer, n integer)");
    for (auto const lock : {Lock::lease, Lock::session}) {
        auto holder = Target::open(db.url()).value();
        auto other = Target::open(db.url()).value();
        Options options{.lock = lock};
        int seen = 0;
        options.on_event = [&](Event const& event) {
            if (event.kind != Event::Kind::committed) return;
            for (auto const others : {Lock::lease, Lock::session}) {
                auto const refused = migrate(other, steps(2), {.busy = Busy::fail, .lock = others});
                CHECK_FALSE(refused);
                if (!refused) CHECK_EQ(refused.error().code, Code::busy);
                if (!refused) CHECK(has(refused.error().message, "another migrator is at work on ledger undrop: "));
                ++seen;
            }
        };
        CHECK_EQ(migrate(holder, first_of(steps(2), 1), options).value().steps.size(), 1);
        CHECK_EQ(seen, 2);
        (void)down(db, steps(2));
    }
}
