// Statements that run outside of a transaction: each kind there and back, what fails is taken back whole, what was interrupted goes on.
#include <utility>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* marked = "-- undrop: no-transaction\n";

struct Kind {
    char const* schema;
    char const* up;
    char const* down;  // null: none but the derived one
};

// Each kind, alone and among plain statements.
constexpr Kind kinds[] = {
    {"create table t (id int primary key, c text); insert into t values (1, 'a')", "create index concurrently i on t (c)",
     "drop index concurrently i"},
    {"create table t (id int primary key, c text)",
     "create unique index concurrently if not exists \"I x\" on public.t (lower(c)) where id > 0", nullptr},
    {"create table t (id int primary key, c text); create index i on t (c desc) with (fillfactor = 70); comment on index i is 'ours'; "
     "alter table t cluster on i",
     "drop index concurrently i", "create index concurrently i on t (c desc) with (fillfactor = 70)"},
    {"create table t (id int primary key, c text); create index i on t (c)",
     "reindex index concurrently i; reindex (concurrently) table t; vacuum (analyze) t", nullptr},
    {"create table p (id int, c text) partition by list (id); create table p1 partition of p for values in (1); create table p2 partition "
     "of p for values in (2); create index on p (c); insert into p values (1, 'a'), (2, 'b')",
     "alter table p detach partition p1 concurrently", nullptr},
    {"create schema s; create table s.t (id int primary key, c text, d text)",
     "set search_path = s; alter table t add column e text; create unique index concurrently u on t (c); alter table t add constraint u "
     "unique using index u; create index concurrently v on t (d, e)",
     "set search_path = s; drop index concurrently v; alter table t drop constraint u, drop column e"},
};

std::string notes_of(Plan const& plan) {
    std::string all;
    for (auto const& step : plan.steps)
        for (auto const& note : step.notes) all += note + "\n";
    return all;
}

Plan plan_of(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    return plan_up(target, source).value();
}

Status status_of(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    return status(target, source).value();
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// Another session that keeps an old snapshot, for which CREATE INDEX CONCURRENTLY waits.
std::unique_ptr<Session> old_snapshot(Database& db, std::string const& table) {
    auto session = db.connect();
    session->run("begin isolation level repeatable read");
    (void)session->rows("select count(*) from " + table);
    return session;
}

}  // namespace

TEST_CASE("outside: each kind goes up, down by its script and by a derived one, and up again") {
    for (auto const& kind : kinds) {
        for (bool const derive : {false, true}) {
            if (!derive && !kind.down) continue;
            CAPTURE(kind.up);
            CAPTURE(derive);
            auto const db = Database::make(Engine::postgres);
            db->run(kind.schema);
            auto const before = witness(*db);
            Scripts scripts{std::string(marked) + kind.up};
            if (!derive) scripts.down = std::string(marked) + kind.down;
            auto const source = source_of({scripts});
            auto const went = up(*db, source);
            auto const after = witness(*db);
            CHECK_FALSE(went.steps.at(0).outside.empty());
            (void)down(*db, source);
            check_same(before, witness(*db));
            (void)up(*db, source);
            check_same(after, witness(*db));
            (void)down(*db, source, {.derive = true});
            check_same(before, witness(*db));
            CHECK(status_of(*db, source).pending.size() == 1);
        }
    }
}

ON_POSTGRES("outside: without the directive it is refused at its place, with the directive as advice") {
    db.run("create table t (id int primary key)");
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{"create table a (id int);\n  create index concurrently i on t (id);\n"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.where.line, 2);
    CHECK_EQ(error.where.column, 3);
    CHECK(has(error.next.advice, "-- undrop: no-transaction"));
    check_unchanged(before, witness(db));
    auto const unnamed = up_error(db, source_of({{std::string(marked) + "create index concurrently on t (id);"}}));
    CHECK(has(unnamed.message, "no name"));
    auto const mixed = up_error(db, source_of({{std::string(marked) + "create index concurrently i on t (id);\ncreate database x;"}}));
    CHECK_EQ(mixed.where.line, 3);
    check_unchanged(before, witness(db));
}

ON_POSTGRES("outside: plan, report and log say what is done in which transaction") {
    db.run("create table t (id int primary key, c text)");
    auto const source =
        source_of({{std::string(marked) +
                    "alter table t add column d text;\ncreate index concurrently i on t (c);\nalter table t add column e text;\n"}});
    auto const plan = plan_of(db, source);
    CHECK(has(notes_of(plan), "runs in 3 parts"));
    CHECK(has(notes_of(plan), "1. statement 1, in a transaction"));
    CHECK(has(notes_of(plan), "2. statement 2, outside a transaction: create index i"));
    CHECK(has(notes_of(plan), "3. statement 3, in a transaction with the ledger's entry"));
    auto const went = up(db, source);
    CHECK(has(text_of(went), "statement 2, outside a transaction: create index"));
    auto target = Target::open(db.url()).value();
    auto const events = log(target).value();
    REQUIRE(events.size() == 2);
    CHECK(events[0].kind == "applying");
    CHECK(events[1].kind == "applied");
    CHECK(has(events[1].detail, "statement 2, outside a transaction"));
    CHECK(status_of(db, source).clean());
}

ON_POSTGRES("outside: what a transaction of the script takes is saved, and comes back") {
    db.run(
        "create table t (id int primary key, c text, d text); create index i on t (d); insert into t select n, 'c' || n, 'd' || n from "
        "generate_series(1, 100) n");
    auto const before = witness(db);
    auto const source = source_of(
        {{std::string(marked) + "drop index concurrently i;\nalter table t drop column c;\ncreate index concurrently j on t (d, id);"}});
    auto const went = up(db, source);
    CHECK_EQ(saved(went.steps.at(0), "public.t.c").rows, 100);
    (void)down(db, source);
    check_same(before, witness(db));
    (void)up(db, source);
    // A down that brings the column itself, and an index after it: the values come back at its end.
    auto const by_hand = source_of({{std::string(marked) + "drop index concurrently i;\nalter table t drop column c;\ncreate index "
                                                           "concurrently j on t (d, id);",
                                     std::string(marked) + "alter table t add column c text;\ndrop index concurrently j;\ncreate index "
                                                           "concurrently i on t (d);"}});
    (void)down(db, by_hand);
    check_same(before, witness(db));
}

ON_POSTGRES("outside: rows of one table taken in two transactions of one script are refused, and all of it is taken back") {
    db.run("create table t (id int primary key, c text); insert into t values (1, 'a'), (2, 'b')");
    auto const before = witness(db);
    auto const source = source_of({{std::string(marked) + "update t set c = 'x';\ncreate index concurrently i on t (c);\ndelete from t;"}});
    auto const error = up_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::rolled_back);
    check_same(before, witness(db));
    CHECK_FALSE(status_of(db, source).in_progress);
}

ON_POSTGRES("outside: a statement that fails takes back what was done before it, and leaves no invalid index") {
    db.run("create table t (id int primary key, c text); insert into t values (1, 'a'), (2, 'a')");
    auto const before = witness(db);
    auto const source =
        source_of({{std::string(marked) + "alter table t drop column id;\ncreate unique index concurrently u on t (c);\n"}});
    auto const error = up_error(db, source);
    CHECK_EQ(error.code, Code::failed);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(error.where.line, 3);
    check_same(before, witness(db));
    CHECK_EQ(db.count("select count(*) from pg_index where not indisvalid"), 0);
    CHECK_FALSE(status_of(db, source).in_progress);
    db.run("delete from t where id = 2");
    (void)up(db, source);
    CHECK_EQ(db.count("select count(*) from pg_index where indisvalid and indexrelid = 'u'::regclass"), 1);
}

ON_POSTGRES("outside: an invalid index of the name that an earlier failure left is dropped and built again") {
    db.run("create table t (id int primary key, c text); insert into t values (1, 'a'), (2, 'a')");
    CHECK_THROWS_AS(db.run("create unique index concurrently u on t (c)"), Refused);
    db.run("update t set c = 'b' where id = 2");
    (void)up(db, source_of({{std::string(marked) + "create unique index concurrently if not exists u on t (c);"}}));
    CHECK_EQ(db.count("select count(*) from pg_index where indisvalid and indexrelid = 'u'::regclass"), 1);
}

ON_POSTGRES("outside: what a REINDEX that failed left is cleared away by the next") {
    db.run("create table t (id int primary key, c int); create index i on t (c)");
    auto const before = witness(db);
    auto const reader = old_snapshot(db, "t");
    auto const other = db.connect();
    other->run("set statement_timeout = 300");
    CHECK_THROWS_AS(other->run("reindex table concurrently t"), Refused);
    CHECK_GT(db.count("select count(*) from pg_index where not indisvalid"), 0);
    reader->run("commit");
    (void)up(db, source_of({{std::string(marked) + "reindex table concurrently t;"}}));
    CHECK_EQ(db.count("select count(*) from pg_index where not indisvalid"), 0);
    check_same(before, witness(db));
}

ON_POSTGRES("outside: a label that the same script uses is committed first, and goes again if the step is taken back") {
    db.run("create type mood as enum ('sad', 'ok'); create table t (id int primary key, m mood); insert into t values (1, 'ok')");
    auto const script = std::string(
        "create table u (id int primary key);\nalter type mood add value 'glad' before 'ok';\nupdate t set m = "
        "'glad';\n");
    auto const bad = source_of({{script + "select 1 / 0;"}});
    CHECK(has(notes_of(plan_of(db, bad)), "1. statement 2, outside a transaction: add value 'glad' of mood"));
    auto const error = up_error(db, bad);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(db.one("select m from t"), "ok");
    CHECK_EQ(db.count("select count(*) from pg_class where relname = 'u'"), 0);
    CHECK_EQ(db.table("select enumlabel from pg_enum order by enumsortorder"), "sad\nok");
    CHECK_FALSE(status_of(db, bad).in_progress);
    // Back by a derived down, by a script, and up again each time.
    for (auto const& down_script : {std::optional<std::string>{}, std::optional<std::string>{"update t set m = 'ok';\ndrop table u;"}}) {
        auto const good = source_of({{script, down_script}});
        CHECK(notes_of(plan_of(db, good)).find("derived way") == std::string::npos);
        (void)up(db, good);
        CHECK_EQ(db.one("select m from t"), "glad");
        auto const back = down(db, good);
        CHECK(mentions(back.steps.at(0).mended, "labels of type public.mood"));
        CHECK_EQ(db.one("select m from t"), "ok");
        CHECK_EQ(db.count("select count(*) from pg_class where relname = 'u'"), 0);
        CHECK_EQ(db.table("select enumlabel from pg_enum order by enumsortorder"), "sad\nok");
    }
}

ON_POSTGRES("outside: a label that the script does not use is added in the step's own transaction") {
    db.run("create type mood as enum ('sad', 'ok')");
    auto const source = source_of({{"alter type mood add value 'glad';\nselect 1 / 0;"}});
    CHECK_FALSE(has(notes_of(plan_of(db, source)), "outside"));
    (void)up_error(db, source);
    CHECK_EQ(db.table("select enumlabel from pg_enum order by enumsortorder"), "sad\nok");
}

ON_POSTGRES("outside: definitions that another session keeps locked are not waited for without end, and the next run goes on") {
    db.run("create table t (id int primary key, c text); create table other (id int primary key); create view v as select id from other");
    auto const before = witness(db);
    auto const source = source_of({{std::string(marked) + "create index concurrently i on t (c);"}});
    auto const holder = db.connect();
    Options options;
    options.lock_timeout = std::chrono::milliseconds{20};
    options.tries = 1;
    bool locked = false;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::journaled || std::exchange(locked, true)) return;
        (void)holder->rows("select pg_current_xact_id()");  // somebody else has done something, so definitions are read again
        holder->run("begin; lock table other in access exclusive mode");
    };
    auto const error = up_error(db, source, options);
    CHECK_EQ(error.code, Code::busy);
    CHECK_MESSAGE(has(error.text(), "other"), error.text());
    holder->run("commit");
    (void)up(db, source);
    CHECK_EQ(db.count("select count(*) from pg_index where indisvalid and indexrelid = 'i'::regclass"), 1);
    (void)down(db, source);
    check_unchanged(before, witness(db));
}

ON_POSTGRES("outside: it waits for old snapshots without regard to lock_timeout, and says for whom") {
    db.run("create table t (id int primary key, c text); create table other (id int)");
    auto const reader = old_snapshot(db, "other");
    std::string told;
    Options options;
    options.lock_timeout = std::chrono::milliseconds{20};
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::waiting || !told.empty()) return;
        told = event.text;
        reader->run("commit");
    };
    (void)up(db, source_of({{std::string(marked) + "set lock_timeout = 30;\ncreate index concurrently i on t (c);"}}), options);
    CHECK(has(told, "idle in transaction"));
    CHECK_EQ(db.count("select count(*) from pg_index where indisvalid and indexrelid = 'i'::regclass"), 1);
}

ON_POSTGRES("outside: a wait that is too long, or cancelled, ends as if nothing had been done") {
    db.run("create table t (id int primary key, c text); create table other (id int)");
    auto const before = witness(db);
    auto const reader = old_snapshot(db, "other");
    auto const source = source_of({{std::string(marked) + "alter table t add column d text;\ncreate index concurrently i on t (c);"}});
    Options options;
    options.outside_wait = std::chrono::milliseconds{300};
    auto const error = up_error(db, source, options);
    CHECK_EQ(error.code, Code::busy);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK(has(error.message, "idle in transaction"));
    check_same(before, witness(db));
    bool waits = false;
    Options stopped;
    stopped.on_event = [&](Event const& event) { waits = waits || event.kind == Event::Kind::waiting; };
    stopped.cancelled = [&] { return waits; };
    auto const cancelled = up_error(db, source, stopped);
    CHECK_EQ(cancelled.code, Code::interrupted);
    CHECK_EQ(cancelled.left, Left::rolled_back);
    check_same(before, witness(db));
    CHECK_EQ(db.count("select count(*) from pg_index where not indisvalid"), 0);
    reader->run("commit");
    (void)up(db, source);
}

ON_POSTGRES("outside: another migrator that waits for the run does not stand in its way") {
    db.run("create table t (id int primary key, c text); create table other (id int)");
    auto const source = source_of({{std::string(marked) + "create index concurrently i on t (c);"}});
    auto const reader = old_snapshot(db, "other");
    int told = 0;
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::waiting || ++told > 1) return;
        // While the index waits for the reader, a second migrator waits for the first and gives up; then the reader ends.
        CHECK(has(event.text, "idle in transaction"));
        auto late = Target::open(db.url()).value();
        auto const error = migrate(late, source, {.wait = std::chrono::milliseconds{200}});
        REQUIRE_FALSE(error);
        CHECK_EQ(error.error().code, Code::busy);
        reader->run("commit");
    };
    auto target = Target::open(db.url()).value();
    REQUIRE(migrate(target, source, options));
    CHECK_EQ(told, 1);
    CHECK_EQ(db.count("select count(*) from pg_index where indisvalid and indexrelid = 'i'::regclass"), 1);
}

ON_SQLITE("outside: VACUUM runs between transactions") {
    db.run("create table t (id integer primary key, c text); insert into t values (1, 'a')");
    auto const before = witness(db);
    auto const source = source_of({{std::string(marked) + "alter table t drop column c;\nvacuum;\nalter table t add column d text;"}});
    auto const went = up(db, source);
    CHECK(has(text_of(went), "statement 2, outside a transaction: vacuum"));
    (void)down(db, source);
    check_same(before, witness(db));
    auto const error = up_error(db, source_of({{std::string(marked) + "vacuum into 'x.db';"}}));
    CHECK_EQ(error.code, Code::refused);
}
