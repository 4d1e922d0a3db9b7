// Procedures that commit in batches: what each of their transactions takes is saved with it, and whatever ends them, it comes back.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stop_token>
#include <thread>

#include "story/kill.hpp"
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* marked = "-- undrop: no-transaction\n";

// Members in teams; `spread` does to them all that one can, three members at a time, and asks `turn` after each batch how to go on.
constexpr char const* club =
    "create type mood as enum ('sad', 'ok', 'glad');"
    "create table team (id int primary key, name text not null unique);"
    "create table \"Mitglied ü\" (id int primary key, team int references team (id) on delete cascade, \"the \"\"role\" text, mood "
    "mood, "
    "extra json, n int not null, double_n int generated always as (n * 2) stored);"
    "create table remark (what text, n int);"
    "insert into team select n, 'team ' || n from generate_series(1, 4) n;"
    "insert into \"Mitglied ü\" (id, team, \"the \"\"role\", mood, extra, n) select n, n % 4 + 1, case when n % 5 = 0 then 'sponsor' when "
    "n % 7 = "
    "0 "
    "then null else 'viewer' end, case when n % 3 = 0 then 'ok' else 'sad' end::mood, json_build_object('n', n), n from generate_series(1, "
    "40) n;"
    "insert into remark select 'x' || n % 3, n % 3 from generate_series(1, 9) n;"
    "create table turn (goes_on boolean); insert into turn values (true);"
    "create procedure spread() language plpgsql as $$ declare i int; begin "
    "for i in 1..14 loop "
    "  update \"Mitglied ü\" set n = n + 100, \"the \"\"role\" = replace(\"the \"\"role\", 'sponsor', 'coach'), mood = 'glad', "
    "    extra = null where id between 3 * i - 2 and 3 * i; "
    "  commit; "
    "  while not (select bool_and(goes_on) from turn) and i = 5 loop commit; perform pg_sleep(0.005); end loop; "
    "end loop; "
    "delete from team where id = 2; commit; "
    "insert into team values (9, 'new'); insert into \"Mitglied ü\" (id, team, n) values (900, 9, 9); commit; "
    "update \"Mitglied ü\" set id = id + 1000 where id < 4; commit; "
    "update remark set n = n + 1 where what = 'x1'; commit; delete from remark where what = 'x2'; commit; "
    "update remark set n = n + 1 where what = 'x1'; end $$;";

std::string script() { return std::string(marked) + "call spread();"; }

Status status_of(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    return status(target, source).value();
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

void nothing_is_left(Database& db) {
    CHECK_EQ(db.count("select count(*) from pg_class where relname like 'capture%'"), 0);
    CHECK_EQ(db.count("select count(*) from pg_trigger where tgname like ' undrop%'"), 0);
    CHECK_EQ(db.count("select count(*) from pg_proc where proname like 'capture%'"), 0);
}

}  // namespace

ON_POSTGRES("captured: a procedure that commits in batches goes up and comes back, with updates, deletes, cascades, new keys and no keys") {
    db.run(club);
    auto const before = witness(db);
    auto const source = source_of({{script()}});
    auto const report = up(db, source);
    CHECK_EQ(db.count("select count(*) from \"Mitglied ü\" where \"the \"\"role\" = 'sponsor'"), 0);
    CHECK_EQ(db.count("select count(*) from team where id = 2"), 0);
    CHECK_EQ(db.table("select what, n from remark order by 1, 2"), "x0|0\nx0|0\nx0|0\nx1|3\nx1|3\nx1|3");
    CHECK(mentions(report.steps.at(0).outside, "call spread"));
    nothing_is_left(db);
    auto const after = witness(db);
    (void)down(db, source);
    check_same(before, witness(db));
    (void)up(db, source);
    check_same(after, witness(db));
    (void)down(db, source);
    check_same(before, witness(db));
    nothing_is_left(db);
}

ON_POSTGRES("captured: what others write before, between and after the batches is theirs, and stays") {
    db.run(club);
    db.run("update turn set goes_on = false");
    auto const source = source_of({{script()}});
    auto const user = db.connect();
    std::jthread meanwhile([&](std::stop_token const& stop) {
        while (!stop.stop_requested() && user->count("select count(*) from \"Mitglied ü\" where n > 100") < 15)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        // Touched by a batch already, and one of them again by a later statement; and not touched yet.
        user->run(
            "update \"Mitglied ü\" set mood = 'ok' where id = 2; update \"Mitglied ü\" set \"the \"\"role\" = 'boss' where id = 5; "
            "update \"Mitglied ü\" set \"the \"\"role\" = 'early' where id = 30; delete from \"Mitglied ü\" where id = 7; "
            "insert into team values (8, 'users'); insert into remark values ('x1', 77); update turn set goes_on = true");
    });
    (void)up(db, source);
    meanwhile.join();
    auto const of = [&](int id) {
        return db.table("select \"the \"\"role\", mood, n from \"Mitglied ü\" where id = " + std::to_string(id));
    };
    CHECK_EQ(of(1002), "viewer|ok|102");
    CHECK_EQ(of(30), "early|glad|130");
    user->run(
        "update \"Mitglied ü\" set n = 5000 where id = 10; delete from \"Mitglied ü\" where id = 11; insert into team values (10, 'late')");
    (void)down(db, source);
    CHECK_EQ(of(2), "viewer|ok|2");        // mood is the user's, n is as it was
    CHECK_EQ(of(5), "boss|sad|5");         // sponsor before, coach then, and then the user's
    CHECK_EQ(of(30), "early|ok|30");       // as the user had left it before the batch came
    CHECK_EQ(of(10), "sponsor|sad|5000");  // n is the user's, all else as it was
    CHECK_EQ(of(4), "viewer|sad|4");
    CHECK_EQ(db.count("select count(*) from \"Mitglied ü\" where id in (7, 11)"), 0);
    CHECK_EQ(db.count("select count(*) from team where id in (2, 8, 10)"), 3);
    CHECK_EQ(db.count("select count(*) from team where id = 9"), 0);
    CHECK_EQ(db.table("select what, n from remark where what = 'x1' order by n"), "x1|1\nx1|1\nx1|1\nx1|77");
}

ON_POSTGRES("captured: a batch that fails takes back those before it") {
    db.run(club);
    db.run("create procedure fails() language plpgsql as $$ begin call spread(); commit; perform 1 / 0; end $$");
    auto const before = witness(db);
    auto const source = source_of({{std::string(marked) + "alter table team add column motto text default 'on';\ncall fails();"}});
    auto const error = up_error(db, source);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(error.where.line, 3);
    CHECK(has(error.message, "division by zero"));
    check_same(before, witness(db));
    CHECK_FALSE(status_of(db, source).in_progress);
    nothing_is_left(db);
}

ON_POSTGRES("captured: killed at each event, the next run takes the batches back and does all of it once") {
    auto const source = source_of({{script()}});
    auto const expected = [&] {
        auto const clean = Database::make(Engine::postgres);
        clean->run(club);
        (void)up(*clean, source);
        return witness(*clean);
    }();
    for (int n = 1;; ++n) {
        CAPTURE(n);
        auto const one = Database::make(Engine::postgres);
        one->run(club);
        auto const before = witness(*one);
        bool const killed = killed_at(n, one->url(), source, Direction::up);
        nobody_else(*one);
        (void)up(*one, source);
        check_same(expected, witness(*one));
        nothing_is_left(*one);
        (void)down(*one, source);
        check_same(before, witness(*one));
        if (!killed) break;
    }
}

ON_POSTGRES("captured: killed between two batches, with users at work, the next down or up loses nothing") {
    for (auto const next : {Direction::down, Direction::up}) {
        auto const one = Database::make(Engine::postgres);
        one->run(club);
        auto const source = source_of({{script()}});
        one->run("update turn set goes_on = false");
        auto const before = witness(*one);
        auto const child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            auto target = Target::open(one->url());
            _exit(target && migrate(target.value(), source) ? 0 : 1);
        }
        while (one->count("select count(*) from \"Mitglied ü\" where n > 100") < 15)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        kill(child, SIGKILL);
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        one->run(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%spread%' and pid "
            "<> pg_backend_pid()");
        nobody_else(*one);
        auto const found = status_of(*one, source);
        REQUIRE(found.in_progress);
        CHECK(has(found.in_progress->standing, "call spread"));
        one->run("update turn set goes_on = true");
        if (next == Direction::down) {
            (void)down(*one, source);
            one->run("update turn set goes_on = false");
            check_same(before, witness(*one));
        } else {
            one->run("update \"Mitglied ü\" set mood = 'ok' where id = 8");
            (void)up(*one, source);
            CHECK_EQ(one->table("select mood, n from \"Mitglied ü\" where id in (1002, 8) order by id"), "glad|108\nglad|102");
            (void)down(*one, source);
            CHECK_EQ(one->table("select mood, n from \"Mitglied ü\" where id in (2, 8) order by id"), "sad|2\nok|8");
        }
        CHECK_FALSE(status_of(*one, source).in_progress);
        nothing_is_left(*one);
    }
}

ON_POSTGRES("captured: a new column filled in batches goes with its values, and a user's value is saved") {
    db.run(
        "create table t (id int primary key, a text, o int, l int, c int, p int, e int, k int, undrop_n int, n int); insert into t select "
        "n, 'a' || n from generate_series(1, 20) n");
    auto const before = witness(db);
    auto const source = source_of(
        {{std::string(marked) + "alter table t add column b text;\ncreate table log (id int primary key, n int);\n"
                                "create procedure fill() language plpgsql as $$ declare i int; begin for i in 0..3 loop update t set b = "
                                "upper(a) where id % 4 = i; insert into log values (i, i); commit; end loop; end $$;\n"
                                "call fill();\ndrop procedure fill();\nalter table t alter column b set not null;"}});
    (void)up(db, source);
    auto const after = witness(db);
    CHECK_EQ(db.one("select b from t where id = 7"), "A7");
    (void)down(db, source);
    check_same(before, witness(db));
    (void)up(db, source);
    check_same(after, witness(db));
    db.run("update t set b = 'user' where id = 7; insert into t (id, a, b) values (99, 'x', 'mine'); insert into log values (50, 5)");
    (void)down(db, source);
    (void)up(db, source);
    CHECK_EQ(db.table("select id, b from t where id in (6, 7, 99) order by id"), "6|A6\n7|user\n99|mine");
    CHECK_EQ(db.table("select id, n from log order by id"), "0|0\n1|1\n2|2\n3|3\n50|5");
}

ON_POSTGRES("captured: rows of partitions, rows that move between them, and triggers that write further") {
    db.run(
        "create table p (id int, part int, v text, primary key (id, part)) partition by list (part);"
        "create table p1 partition of p for values in (1); create table p2 (v text, part int not null, id int not null);"
        "alter table p attach partition p2 for values in (2);"
        "insert into p select n, n % 2 + 1, 'v' || n from generate_series(1, 20) n;"
        "create table audit (id int primary key, changes int not null); insert into audit select n, 0 from generate_series(1, 20) n;"
        "create function follow() returns trigger language plpgsql as $$ begin update audit set changes = changes + 1 where id = new.id; "
        "update p set v = v || '!' where id = new.id + 1 and v not like '%!'; return null; end $$;"
        "create trigger follow after update on p for each row execute function follow();"
        "create procedure move() language plpgsql as $$ declare i int; begin for i in 1..3 loop update p set part = 3 - part, v = v || "
        "'m' where id % 3 = i - 1 and id < 15; commit; update p set v = v || 'x' where id % 3 = i - 1; commit; end loop; delete from p2 "
        "where id = 20; commit; end $$");
    auto const before = witness(db);
    auto const source = source_of({{std::string(marked) + "call move();"}});
    (void)up(db, source);
    CHECK_GT(db.count("select count(*) from p where v like '%m%'"), 10);
    CHECK_GT(db.count("select sum(changes) from audit"), 10);
    (void)down(db, source);
    check_same(before, witness(db));
    nothing_is_left(db);
}

ON_POSTGRES("captured: what could not be saved is refused, and the batches before it are taken back") {
    db.run(
        "create table t (id int primary key, a text); insert into t select n, 'a' || n from generate_series(1, 9) n; create table u (id "
        "int); insert into u values (1)");
    struct Case {
        char const* body;
        char const* words;
    };
    for (auto const& [body, words] :
         {Case{"execute 'trun' || 'cate t'", "TRUNCATE of public.t"}, Case{"execute 'dr' || 'op table t'", "depend"},
          Case{"execute 'al' || 'ter table t dr' || 'op column a'", "depend"},
          Case{"execute 'trun' || 'cate u'", "TRUNCATE of public.u"}}) {
        CAPTURE(body);
        db.run(
            std::string("create or replace procedure sly() language plpgsql as $$ begin update t set a = a || '!' where id < 4; commit; ") +
            body + "; commit; end $$");
        auto const before = witness(db);
        auto const error = up_error(db, source_of({{std::string(marked) + "call sly();"}}));
        CHECK_MESSAGE(has(error.text(), words), error.text());
        CHECK_EQ(error.left, Left::rolled_back);
        check_same(before, witness(db));
        nothing_is_left(db);
    }
    db.run("create or replace procedure sly() language plpgsql as $$ begin commit; alter table t drop column a; end $$");
    auto const plain = up_error(db, source_of({{std::string(marked) + "call sly();"}}));
    CHECK_EQ(plain.left, Left::untouched);
    CHECK(has(plain.message, "changes the schema"));
    auto const twice =
        up_error(db, source_of({{std::string(marked) + "update t set a = 'x' where id = 1;\ndo $$ begin update t set a = 'y' "
                                                       "where id = 2; commit; end $$;"}}));
    CHECK_MESSAGE(has(twice.message, "in the same script"), twice.text());
    CHECK_EQ(db.one("select a from t where id = 1"), "a1");
}

ON_POSTGRES("captured: without the directive a procedure or block that commits is refused, with it as advice") {
    db.run(club);
    for (auto const* text : {"call spread();", "do $$ begin delete from remark; commit; end $$;"}) {
        auto const error = up_error(db, source_of({{text}}));
        CHECK_EQ(error.left, Left::untouched);
        CHECK(has(error.next.advice, "no-transaction"));
    }
    db.run("create procedure outer_one() language plpgsql as $$ begin call spread(); end $$");
    auto const before = witness(db);
    auto const late = up_error(db, source_of({{"call outer_one();"}}));
    CHECK_EQ(late.left, Left::rolled_back);
    CHECK(has(late.next.advice, "no-transaction"));
    check_unchanged(before, witness(db));
    auto const source =
        source_of({{std::string(marked) + "do $$ begin delete from remark where n = 1; commit; delete from remark; end $$;"}});
    (void)up(db, source);
    CHECK_EQ(db.count("select count(*) from remark"), 0);
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_POSTGRES("captured: a down script that commits in batches, and the up after it") {
    db.run(club);
    db.run(
        "create procedure back() language plpgsql as $$ begin update \"Mitglied ü\" set n = n - 100 where id % 2 = 0; commit; update "
        "\"Mitglied ü\" set n = n - 100 where id % 2 = 1; commit; end $$");
    auto const before = witness(db);
    auto const source = source_of({{"update \"Mitglied ü\" set n = n + 100;", std::string(marked) + "call back();"}});
    (void)up(db, source);
    auto const after = witness(db);
    (void)down(db, source);
    check_same(before, witness(db));
    (void)up(db, source);
    check_same(after, witness(db));
    nothing_is_left(db);
}

ON_POSTGRES("captured: nobody else may read what is captured") {
    db.run(club);
    db.run(
        "alter default privileges grant select on tables to public; create policy mine on team using (true); alter table team enable row "
        "level security");
    db.run("update turn set goes_on = false");
    auto const look = db.connect();
    std::string rights;
    std::int64_t tables = 0;
    std::jthread meanwhile([&](std::stop_token const& stop) {
        while (!stop.stop_requested() && look->count("select count(*) from \"Mitglied ü\" where n > 100") < 15)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        tables = look->count("select count(*) from pg_class where relname like 'capture%'");
        rights = look->table(
            "select relname from pg_class where relname like 'capture%' and relkind in ('r', 'v') and "
            "has_table_privilege('undrop_reader', oid, 'SELECT, INSERT, UPDATE, DELETE')");
        look->run("update turn set goes_on = true");
    });
    (void)up(db, source_of({{script()}}));
    meanwhile.join();
    CHECK_GT(tables, 9);
    CHECK_EQ(rights, "");
}

ON_POSTGRES("captured: where the script keeps triggers from firing, what the batches take is saved all the same") {
    db.run(
        "create table t (id int primary key, n int); insert into t select n, n from generate_series(1, 9) n; create procedure raise_all() "
        "language plpgsql as $$ begin update t set n = n + 1 where id < 5; commit; delete from t where id = 9; commit; end $$");
    auto const before = witness(db);
    auto target =
        Target::open(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"))).value();
    auto const source = source_of({{std::string(marked) + "set session_replication_role = replica;\ncall raise_all();"}});
    REQUIRE(migrate(target, source));
    CHECK_EQ(db.one("select sum(n) from t"), "40");
    auto const back = apply(target, approve(plan_down(target, source).value()).value());
    REQUIRE_MESSAGE(back, back.error().text());
    check_same(before, witness(db));
    nothing_is_left(db);
}

ON_POSTGRES("captured: cancelled between two batches it is taken back") {
    db.run(club);
    auto const before = witness(db);
    db.run("update turn set goes_on = false");
    auto const look = db.connect();
    Options options;
    options.cancelled = [&] { return look->count("select count(*) from \"Mitglied ü\" where n > 100") >= 15; };
    auto const error = up_error(db, source_of({{script()}}), options);
    CHECK_EQ(error.code, Code::interrupted);
    CHECK_EQ(error.left, Left::rolled_back);
    db.run("update turn set goes_on = true");
    check_same(before, witness(db));
    nothing_is_left(db);
}
