// Behind a real connection pooler, pgbouncer: no two transactions run in the same session of the server, so nothing may be left in one.
#include <libpq-fe.h>
#include <unistd.h>

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
    Options options{.lock = Lock::session};
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::started)
            CHECK_EQ(db.count("select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where "
                              "datname = current_database())"),
                     1);
    };
    CHECK_EQ(migrate(target, source_of({{"create table a (id integer);"}, {"create table b (id integer);"}}), options).value().steps.size(),
             2);
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
    auto const evidence = rehearse(target, source_of({{"create table a (id integer);"}}));
    REQUIRE_FALSE(evidence);
    CHECK_EQ(evidence.error().code, Code::refused);
    CHECK(has(evidence.error().next.advice, "--sandbox URL"));
}
