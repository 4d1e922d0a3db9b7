// Labels of enum types that an up adds or takes away, and what keeps the way back from being gone.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::string labels(Database& db) { return db.table("select enumlabel from pg_enum order by enumsortorder"); }

}  // namespace

ON_POSTGRES("labels: rows that users gave a new label refuse the way back, counted by table and column, and nothing is changed") {
    db.run(
        "create type mood as enum ('sad', 'ok'); create domain calm as mood; create type pair as (a mood, b integer);"
        "create table t (id integer primary key, m mood, l mood[], d calm, p pair);"
        "create table parts (id integer, m mood) partition by range (id);"
        "create table part partition of parts for values from (0) to (100);"
        "create table parent (m mood); create table heir () inherits (parent); create table keyless (m mood);"
        "insert into t values (1, 'sad', '{ok}', 'ok', '(ok,1)')");
    auto const source = source_of({{"alter type mood add value 'glad' before 'ok'"}});
    (void)up(db, source);
    db.run(
        "insert into t (id, m) values (2, 'glad'), (3, 'glad'); insert into t (id, l) values (4, '{ok,glad}'); insert into t (id, d) "
        "values (5, 'glad');"
        "insert into t (id, p) values (6, '(glad,1)');"
        "insert into parts values (1, 'glad'); insert into heir values ('glad'), ('glad'); insert into keyless values ('ok'), ('glad')");
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::rolled_back);
    for (auto const* part : {"'glad' of type public.mood", "2 of public.t in m", "1 of public.t in l", "1 of public.t in d",
                             "1 of public.t in p", "1 of public.parts in m", "2 of public.heir in m", "1 of public.keyless in m"})
        CHECK_MESSAGE(has(error.message, part), error.message);
    CHECK_MESSAGE(!has(error.message, "parent in"), error.message);
    CHECK(has(error.next.advice, "UPDATE"));
    check_unchanged(before, witness(db));
    db.run(
        "update t set m = 'ok' where m = 'glad'; update t set l = '{ok}' where id = 4; update t set d = 'ok', p = '(ok,1)' where id > 4;"
        "update parts set m = 'ok'; update parent set m = 'ok'; update keyless set m = 'sad'");
    (void)down(db, source);
    CHECK_EQ(labels(db), "sad\nok");
}

ON_POSTGRES("labels: what else can be of the type refuses the way back by its name") {
    struct {
        char const* schema;
        char const* said;
    } const cases[] = {
        {"create table t (m mood) partition by list (m)", "table public.t is partitioned by a column of it"},
        {"create table t (d date, m mood) partition by range (d);"
         "create table day partition of t for values from ('2026-01-01') to ('2026-01-02') partition by list (m);"
         "create table day_ok partition of day for values in ('ok')",
         "table public.day is partitioned by a column of it"},
        {"create type row as (m mood); create table t of row", "table public.t is partitioned by a column of it, or made of it"},
        {"create table inner_t (m mood); create table t (r inner_t)", "column public.t.r holds rows of table public.inner_t"},
    };
    for (auto const& [schema, said] : cases) {
        auto const own = Database::make(Engine::postgres);
        own->run(std::string("create type mood as enum ('sad', 'ok');") + schema);
        auto const source = source_of({{"alter type mood add value 'glad'"}});
        auto const went = up(*own, source);
        CHECK_MESSAGE(mentions(went.steps.at(0).notes, said), text_of(went));
        auto const before = witness(*own);
        auto const error = down_error(*own, source);
        CHECK_MESSAGE(has(error.text(), said), error.text());
        check_unchanged(before, witness(*own));
    }
}

ON_POSTGRES("labels: what others made since, and needs a label that goes, refuses the way back by its name") {
    db.run("create type mood as enum ('sad', 'ok'); create table t (id integer primary key, m mood)");
    auto const source = source_of({{"alter type mood add value 'glad'"}});
    (void)up(db, source);
    db.run("create view since as select id from t where m = 'glad'");
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CHECK_MESSAGE(has(error.text(), "view public.since"), error.text());
    check_unchanged(before, witness(db));
    db.run("drop view since; create view since as select id from t where m = 'ok'; comment on view since is 'others made it'");
    auto const others = db.one("select pg_get_viewdef('since'::regclass)");
    (void)down(db, source);
    CHECK_EQ(db.one("select pg_get_viewdef('since'::regclass)"), others);
    CHECK_EQ(db.one("select obj_description('since'::regclass)"), "others made it");
}

ON_POSTGRES("labels: one hidden in a block goes like any other") {
    db.run("create type mood as enum ('sad', 'ok'); create table t (id integer primary key, m mood); insert into t values (1, 'ok')");
    auto const before = witness(db);
    auto const source = source_of({{"do $$ begin execute 'alter type mood add value ''fine'' before ''ok'''; end $$"}});
    (void)up(db, source);
    auto const back = down(db, source);
    check_unchanged(before, witness(db));
    CHECK(mentions(back.steps.at(0).mended, "labels of type public.mood"));
}

ON_POSTGRES("labels: keys of an enum, and rows that refer to them, keep their values") {
    db.run(
        "create type mood as enum ('sad', 'ok'); create table m (m mood primary key, n text);"
        "create table t (id integer primary key, m mood not null references m on update cascade);"
        "insert into m values ('sad', 'x'), ('ok', 'y'); insert into t values (1, 'ok'), (2, 'sad'), (3, 'ok')");
    auto const before = witness(db);
    auto const source =
        source_of({{"alter type mood add value 'glad';\ninsert into m values ('glad', 'z');\nupdate t set m = 'glad' where id = 1"}});
    for (int n = 0; n < 2; ++n) {
        (void)up(db, source);
        CHECK_EQ(db.count("select count(*) from t where m = 'glad'"), 1);
        (void)down(db, source);
        check_unchanged(before, witness(db));
    }
}

ON_POSTGRES("labels: two migrations that add labels to one type, and one that renames, are taken back one after the other") {
    db.run("create type mood as enum ('sad', 'ok'); create table t (id integer primary key, m mood); insert into t values (1, 'ok')");
    auto const before = witness(db);
    auto const source = source_of({{"alter type mood add value 'a'"},
                                   {"alter type mood rename value 'ok' to 'fine'"},
                                   {"alter type mood add value 'b' before 'fine'; alter type mood rename value 'sad' to 'blue'"}});
    (void)up(db, source);
    CHECK_EQ(labels(db), "blue\nb\nfine\na");
    auto const all = witness(db);
    (void)down(db, source, {}, {.steps = 2});
    CHECK_EQ(labels(db), "sad\nok\na");
    CHECK_EQ(db.one("select m from t"), "ok");
    (void)up(db, source);
    check_same(all, witness(db));
    (void)down(db, source, {}, {.to = "0"});
    check_unchanged(before, witness(db));
}
