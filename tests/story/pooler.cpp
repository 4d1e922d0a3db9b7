// Behind a real connection pooler, pgbouncer: no two transactions run in the same session of the server, so nothing may be left in one, and
// a lease keeps migrators apart.
#include <libpq-fe.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include <undrop/postgres.hpp>

#include "story/story.hpp"
#include "support/pooler.hpp"

using namespace undrop;
using namespace undrop::test;
using namespace std::chrono_literals;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Target through(Pooler const& pooler) { return Target::open(pooler.url()).value(); }

Result<Report> back(Target& target, Source const& source) {
    auto plan = plan_down(target, source);
    if (!plan) return plan.error();
    return apply(target, approve(std::move(plan).value()).value());
}

// Up, writes, down.
void main_job(Database& db, Target target) {
    Participants story(db, 500);
    auto const before = witness(db);
    auto const source = source_of({{story.drop_role()}, {"update request_participants set request_id = request_id + 1 where id <= 10"}});
    auto const went = migrate(target, source);
    REQUIRE_MESSAGE(went, went.error().text());
    CHECK_EQ(saved(went.value().steps.at(0), story.what()).rows, 500);
    CHECK_EQ(status(target, source).value().applied.size(), 2);
    REQUIRE(back(target, source));
    story.application_writes();
    auto const came = back(target, source);
    REQUIRE_MESSAGE(came, came.error().text());
    CHECK_EQ(merged(came.value().steps.at(0), story.what()).restored, 498);
    check_same_schema(before, witness(db));
    CHECK_EQ(story.wrong_roles(), 0);
    CHECK(status(target, source).value().applied.empty());
    CHECK_EQ(db.one("select coalesce(holder, 'free') from undrop.lease"), "free");
}

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

ON_POSTGRES("pooler: a dropped column comes back with its values, and no session of the pool has a trace of it") {
    Pooler const pooler(db);
    auto const sessions = pooler.sessions();
    main_job(db, through(pooler));
    check_same_text(sessions, pooler.sessions());
}

ON_POSTGRES("pooler: the same on a connection that the program hands over") {
    Pooler const pooler(db);
    std::unique_ptr<PGconn, decltype(&PQfinish)> const connection(PQconnectdb(pooler.url().c_str()), &PQfinish);
    REQUIRE_EQ(PQstatus(connection.get()), CONNECTION_OK);
    auto const sessions = pooler.sessions();
    main_job(db, postgres::attach(connection.get()).value());
    check_same_text(sessions, pooler.sessions());
}

ON_POSTGRES("pooler: the same where each client has a session of its own, which nothing shows") {
    Pooler const pooler(db, "session");
    main_job(db, through(pooler));
}

ON_POSTGRES("pooler: who knows that sessions are its own may keep to the session's lock") {
    Pooler const pooler(db, "session");
    auto target = through(pooler);
    db.run("create table done (step integer, n integer)");
    Options options{.lock = Lock::session};
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::started)
            CHECK_EQ(db.count("select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where "
                              "datname = current_database())"),
                     1);
    };
    CHECK_EQ(migrate(target, steps(2), options).value().steps.size(), 2);
    CHECK_EQ(db.one("select to_regclass('undrop.lease') is null"), "t");
    CHECK_EQ(db.count("select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname "
                      "= current_database())"),
             0);
}

ON_POSTGRES("pooler: what a script sets, prepares, opens and makes for its session goes with its step") {
    Pooler const pooler(db);
    db.run("create table t (id integer primary key); insert into t values (1)");
    auto const sessions = pooler.sessions();
    auto const source =
        source_of({{"set search_path = pg_catalog;\nset work_mem = '64kB';\nset statement_timeout = '1h';\nset lock_timeout = '50min';\n"
                    "set my.own = 'x';\nset time zone 'Asia/Tokyo';\nprepare p as select 1;\ndeclare c cursor with hold for select 1;\n"
                    "create temp table short (id integer);\ndo $x$ begin update public.t set id = id + 10; end $x$;\nset role "
                    "undrop_owner;\ncreate table public.made (id integer primary key);"},
                   {"update t set id = 2"}});
    auto target = through(pooler);
    auto const went = migrate(target, source);
    REQUIRE_MESSAGE(went, went.error().text());
    CHECK_EQ(went.value().steps.at(0).rounds, 2);  // nobody foresaw the block's update
    check_same_text(sessions, pooler.sessions());
    REQUIRE(back(target, source));
    REQUIRE(back(target, source));
    CHECK_EQ(db.one("select to_regclass('made') is null"), "t");
}

ON_POSTGRES("pooler: the plan says that tables are copied, and why") {
    Pooler const pooler(db);
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a')");
    auto target = through(pooler);
    auto const source = source_of({{"update t set v = 'b'"}});
    auto const plan = plan_up(target, source).value();
    CHECK(mentions(plan.steps.at(0).notes, "is copied before the script: behind a connection pooler"));
    auto const went = migrate(target, source).value();
    CHECK_EQ(went.steps.at(0).rounds, 1);
    CHECK_EQ(saved(went.steps.at(0), "public.t (v)").rows, 1);
}

ON_POSTGRES("pooler: a role that is asked for acts in each transaction, and stays in no session") {
    Pooler const pooler(db);
    auto const admin =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    auto const role = "undrop_acts_" + std::to_string(getpid());
    admin->run("create role " + role + "; grant " + role + " to undrop_owner; grant all on database " +
               db.one("select current_database()") + " to " + role + "; create schema s authorization " + role);
    auto const sessions = pooler.sessions();
    {
        auto target = through(pooler);
        REQUIRE(target.set_role(role));
        CHECK_FALSE(target.set_role("no_such_role"));
        auto const source = source_of({{"create table s.t (id integer primary key);"}, {"insert into s.t values (1)"}});
        auto const went = migrate(target, source);
        REQUIRE_MESSAGE(went, went.error().text());
        CHECK_EQ(db.one("select pg_get_userbyid(relowner) from pg_class where oid = 's.t'::regclass"), role);
        CHECK_EQ(db.one("select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'undrop'"), role);
        REQUIRE(back(target, source));
        CHECK_EQ(db.count("select count(*) from s.t"), 0);
    }
    check_same_text(sessions, pooler.sessions());
    admin->run("drop owned by " + role + " cascade; drop role " + role);
}

ON_POSTGRES("pooler: eight at once, some of them around the pooler, and each of five migrations runs exactly once") {
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

ON_POSTGRES("pooler: nobody takes over from a transaction that lives, however long it takes, and at once from one that was killed") {
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

ON_POSTGRES("pooler: killed between two transactions, and another takes over after the lease's time") {
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

ON_POSTGRES("pooler: who was paused for too long and lost the lease commits nothing more, and is told so") {
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

ON_POSTGRES("pooler: a program at its start that lost the lease waits for its turn and finds less to do") {
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

ON_POSTGRES("pooler: who lost the lease commits nothing even where the other one did something else, and takes nothing back") {
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

ON_POSTGRES("pooler: a lease by option, without a pooler, keeps out and is kept out like the session's lock") {
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

ON_POSTGRES("pooler: an index is built concurrently, with the lease kept, and undone; what a pool cannot hold is refused before") {
    Pooler const pooler(db);
    db.run("create table t (id integer primary key, c text); insert into t values (1, 'a')");
    std::string const marked = "-- undrop: no-transaction\n";
    auto const before = witness(db);
    {
        auto target = through(pooler);
        auto const set = migrate(target, source_of({{marked + "set maintenance_work_mem = '2MB';\nalter table t add column d text;\n"
                                                              "create index concurrently i on t (c);"}}));
        REQUIRE_FALSE(set);
        CHECK_EQ(set.error().code, Code::refused);
        CHECK(has(set.error().message, "any session of the connection pooler"));
        check_unchanged(before, witness(db));

        auto const source = source_of({{marked + "alter table t add column d text;\ncreate index concurrently i on t (c);"}});
        auto const reader = db.connect();
        reader->run("begin isolation level repeatable read");
        (void)reader->rows("select 1 from pg_class limit 1");
        std::thread ender([&] {
            // The lease is renewed while the statement waits for the reader.
            wait_for(db,
                     "select count(*) > 0 from pg_stat_activity where query like 'create index concurrently%' and wait_event_type = "
                     "'Lock' and datname = current_database()");
            wait_for(db, "select renewed_at > taken_at + interval '600 milliseconds' from undrop.lease");
            reader->run("commit");
        });
        auto const went = migrate(target, source, {.lease_time = 300ms});
        ender.join();
        REQUIRE_MESSAGE(went, went.error().text());
        CHECK_EQ(db.one("select indisvalid from pg_index where indexrelid = 'i'::regclass"), "t");
        REQUIRE(back(target, source));
        check_same(before, witness(db));
    }
    db.run("alter role undrop_owner in database " + db.one("select current_database()") + " set lock_timeout = '7s'");
    Pooler const anew(db);
    auto target = through(anew);
    auto const timed = migrate(target, source_of({{marked + "alter table t add column d text;\ncreate index concurrently i on t (c);"}}));
    REQUIRE_FALSE(timed);
    CHECK(has(timed.error().message, "lock_timeout is 7000 ms, and may end it half way"));
    CHECK(has(timed.error().next.advice, "name the server itself"));
    check_same(before, witness(db));
    db.run("alter role undrop_owner in database " + db.one("select current_database()") + " reset lock_timeout");
}

ON_POSTGRES("pooler: what is cancelled ends on the server, is taken back, and the lease is given back") {
    Pooler const pooler(db);
    auto const sessions = pooler.sessions();
    std::string const running =
        "select count(*) > 0 from pg_stat_activity where query like 'select pg_sleep(3%' and state = 'active' and "
        "datname = current_database()";
    {
        auto target = through(pooler);
        Options const options{.cancelled = [&] { return db.one(running) == "t"; }};
        auto const error = migrate(target, source_of({{"create table made (id integer);\nselect pg_sleep(3600)"}}), options).error();
        CHECK_EQ(error.code, Code::interrupted);
        CHECK_EQ(error.left, Left::rolled_back);
    }
    CHECK_EQ(db.one(running), "f");
    CHECK_EQ(db.one("select to_regclass('made') is null and (select holder is null from undrop.lease)"), "t");
    check_same_text(sessions, pooler.sessions());
}

ON_POSTGRES("pooler: a rehearsal is refused with advice") {
    Pooler const pooler(db);
    auto target = through(pooler);
    auto const evidence = rehearse(target, steps(1));
    REQUIRE_FALSE(evidence);
    CHECK_EQ(evidence.error().code, Code::refused);
    CHECK(has(evidence.error().next.advice, "--sandbox URL"));
}
