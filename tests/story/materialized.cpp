// Materialized views: what they held that their query does not give any more is saved, counted and shown; nothing can put it back.
#include <sstream>
#include <utility>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* m = "public.m (materialized view)";

// m holds 1, 2 and 3; its query gives 2, 3 and 4.
void stale_view(Database& db) {
    db.run(
        "create table t (id integer primary key, c text); insert into t values (1, 'one'), (2, 'two'), (3, 'three');"
        "create materialized view m as select id, c from t;"
        "delete from t where id = 1; insert into t values (4, 'four')");
}

std::string held(Database& db) { return db.table("select id, c from m order by id"); }

Target open(Database& db) { return Target::open(db.url()).value(); }

SnapshotInfo info_of(Database& db, std::string const& what) {
    auto target = open(db);
    SnapshotInfo found;
    auto const all = snapshots(target).value();
    for (auto const& info : all)
        if (info.what == what) found = info;
    REQUIRE_MESSAGE(found.id != 0, what);
    return found;
}

std::string stored(Database& db, SnapshotInfo const& info) { return db.table("select v1, v2 from undrop." + info.store + " order by v1"); }

std::string kept_aside(Database& db, std::int64_t id) {
    auto target = open(db);
    std::string text;
    auto const shown = snapshot_conflicts(target, id).value();
    for (auto const& row : shown.rows) {
        text += row.why;
        for (auto const& value : row.values) text += "|" + value.value_or("NULL");
        text += "\n";
    }
    return text;
}

bool holds(Database& db) {
    auto target = open(db);
    return verify_snapshots(target).value().holds();
}

template <class T>
std::string printed(T const& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::int64_t readable_by_others(Database& db) {
    return db.count(
        "select count(*) from pg_class c cross join lateral aclexplode(c.relacl) x where c.relnamespace = 'undrop'::regnamespace and "
        "x.grantee <> c.relowner");
}

}  // namespace

ON_POSTGRES("views: a dropped one is saved with what its query does not give any more, which stays in the snapshot") {
    stale_view(db);
    db.run("alter default privileges grant select on tables to public");
    auto const source = source_of({{"drop materialized view m"}});
    auto const before = witness(db);
    auto target = open(db);
    auto const plan = printed(plan_up(target, source).value());
    CHECK_MESSAGE(has(plan, "public.m (materialized view)   3 rows  saved first"), plan);
    CHECK_MESSAGE(has(plan, "nothing but its query fills public.m again"), plan);
    auto const went = up(db, source);
    CHECK_EQ(went.steps.at(0).rounds, 1);
    CHECK_EQ(saved(went.steps.at(0), m).rows, 3);
    auto const info = info_of(db, m);
    CHECK_EQ(info.kind, "view");
    CHECK_EQ(stored(db, info), "1|one\n2|two\n3|three");
    CHECK_EQ(readable_by_others(db), 0);  // P8

    auto const back = printed(plan_down(target, source).value());
    CHECK_MESSAGE(has(back, "3 rows saved; unknown before the step: its query fills it"), back);
    auto const report = down(db, source);
    check_same_schema(before, witness(db));
    CHECK_EQ(held(db), "2|two\n3|three\n4|four");
    auto const merge = merged(report.steps.at(0), m);
    CHECK_EQ(merge.rows, 3);
    CHECK_EQ(merge.restored, 2);
    CHECK_EQ(merge.not_found, 1);
    CHECK_EQ(merge.inserted_since, 1);
    CHECK(has(printed(report), "restored 2; inserted since 1; not given by its query 1 (kept aside in the snapshot)"));
    CHECK(has(printed(report), "undrop snapshots show " + std::to_string(info.id) + " --conflicts"));
    CHECK_EQ(kept_aside(db, info.id), "not_found|1|one\n");
    CHECK_EQ(readable_by_others(db), 0);
    CHECK(holds(db));
}

ON_POSTGRES("views: one that holds what its query gives comes back whole, and equal rows are counted as often as they are there") {
    db.run(
        "create type mood as enum ('sad', 'gay'); create table t (id integer primary key, c mood, n numeric(10, 2));"
        "insert into t values (1, 'sad', 1), (2, 'sad', 1), (3, null, null), (4, 'gay', 1.50);"
        "create materialized view m as select c as id, n as c from t; delete from t where id = 2");
    auto const source = source_of({{"drop materialized view m"}});
    (void)up(db, source);
    auto const merge = merged(down(db, source).steps.at(0), m);
    CHECK_EQ(merge.restored, 3);
    CHECK_EQ(merge.not_found, 1);
    CHECK_EQ(merge.inserted_since, 0);
    CHECK_EQ(kept_aside(db, info_of(db, m).id), "not_found|sad|1.00\n");
    db.run("refresh materialized view m");
    (void)up(db, source);
    auto const whole = merged(down(db, source).steps.at(0), m);
    CHECK_EQ(whole.restored, 3);
    CHECK_EQ(whole.not_found + whole.inserted_since, 0);
    CHECK_EQ(held(db), "sad|1.00\ngay|1.50\nNULL|NULL");
}

ON_POSTGRES("views: one that goes by CASCADE, with a schema or in a function is saved as well") {
    for (auto const& [script, rounds] : std::vector<std::pair<std::string, int>>{
             {"drop table t cascade", 1},
             {"drop view v cascade", 1},
             {"do $$ begin drop materialized view m; end $$", 2},
             {"drop schema s cascade; drop table t cascade", 2},
         }) {
        CAPTURE(script);
        auto const fresh = Database::make(Engine::postgres);
        fresh->run(
            "create schema s; create table t (id integer primary key, c text); insert into t values (1, 'one'), (2, 'two');"
            "create view v as select id, c from t; create materialized view m as select id, c from v;"
            "create materialized view s.n as select id from m; delete from t where id = 1; refresh materialized view s.n");
        if (script.starts_with("do")) fresh->run("drop materialized view s.n");
        auto const source = source_of({{script}});
        auto const before = witness(*fresh);
        auto const went = up(*fresh, source);
        CHECK_LE(went.steps.at(0).rounds, rounds);
        CHECK_EQ(saved(went.steps.at(0), m).rows, 2);
        CHECK_EQ(stored(*fresh, info_of(*fresh, m)), "1|one\n2|two");
        auto const report = down(*fresh, source);
        CHECK_EQ(merged(report.steps.at(0), m).not_found, 1);
        CHECK_EQ(held(*fresh), "2|two");
        check_same_schema(before, witness(*fresh));
    }
}

ON_POSTGRES("views: REFRESH is saved from wherever the script does it, and the way back fills the view again") {
    for (auto const* refresh :
         {"refresh materialized view m", "refresh materialized view concurrently public.m",
          "do $$ begin execute 'refresh materialized view m'; end $$", "select fill()", "refresh materialized view m with no data"}) {
        CAPTURE(refresh);
        auto const fresh = Database::make(Engine::postgres);
        stale_view(*fresh);
        fresh->run(
            "create unique index on m (id); create function fill() returns void language sql as 'refresh materialized view m';"
            "update t set c = upper(c)");
        auto const source = source_of({{std::string("update t set c = 'x' where id = 2;\n") + refresh}});
        auto const before = witness(*fresh);
        auto const went = up(*fresh, source);
        CHECK_EQ(saved(went.steps.at(0), m).rows, 3);
        CHECK_EQ(stored(*fresh, info_of(*fresh, m)), "1|one\n2|two\n3|three");
        auto const merge = merged(down(*fresh, source).steps.at(0), m);
        CHECK_EQ(merge.not_found, 3);
        CHECK_EQ(merge.inserted_since, 3);
        CHECK_EQ(held(*fresh), "2|TWO\n3|THREE\n4|FOUR");
        check_same_schema(before, witness(*fresh));
        CHECK(holds(*fresh));
    }
}

ON_POSTGRES("views: a REFRESH that changes nothing saves nothing, and is no reason to fill the view on the way back") {
    stale_view(db);
    db.run("refresh materialized view m");
    auto const source = source_of({{"refresh materialized view m"}});
    auto const went = up(db, source);
    CHECK(went.steps.at(0).saved.empty());
    CHECK_EQ(db.count("select count(*) from pg_tables where schemaname = 'undrop' and tablename like 'snapshot\\__%'"), 0);
    db.run("delete from t");
    CHECK(down(db, source).steps.at(0).merged.empty());
    CHECK_EQ(held(db), "2|two\n3|three\n4|four");
}

ON_POSTGRES("views: what was never filled comes back so; what the up filled is as it was before") {
    db.run(
        "create table t (id integer primary key); insert into t values (1); create materialized view u as select id from t with no data;"
        "create materialized view w as select id from t with no data");
    auto const source = source_of({{"drop materialized view u; refresh materialized view w"}});
    auto const filled = [&] { return db.table("select relname, relispopulated from pg_class where relkind = 'm' order by 1"); };
    auto const went = up(db, source);
    CHECK(went.steps.at(0).saved.empty());
    CHECK_EQ(filled(), "w|t");
    auto const back = down(db, source);
    CHECK_EQ(filled(), "u|f\nw|f");
    CHECK_EQ(saved(back.steps.at(0), "public.w (materialized view)").rows, 1);  // P3
    (void)up(db, source);
    CHECK_EQ(filled(), "w|t");
}

ON_POSTGRES("views: a down saves what a view holds as an up does, to any depth") {
    db.run("create table t (id integer primary key, c text); insert into t values (1, 'one')");
    auto const source = source_of({{"create materialized view m as select id, c from t"}});
    (void)up(db, source);
    db.run("insert into t values (2, 'two'); refresh materialized view m; delete from t where id = 1");
    CHECK_EQ(saved(down(db, source).steps.at(0), m).rows, 2);
    CHECK_EQ(db.count("select count(*) from pg_class where relkind = 'm'"), 0);
    auto const again = merged(up(db, source).steps.at(0), m);
    CHECK_EQ(again.unchanged, 1);
    CHECK_EQ(again.not_found, 1);
    CHECK_EQ(held(db), "2|two");
    CHECK_EQ(saved(down(db, source).steps.at(0), m).rows, 1);
    CHECK(holds(db));
}

ON_POSTGRES("views: a waiver lets the rows go without a copy, and one that names no view is refused") {
    stale_view(db);
    auto const source = source_of({{"-- undrop: lose m\nrefresh materialized view m"}});
    auto target = open(db);
    auto const plan = printed(plan_up(target, source).value());
    CHECK_MESSAGE(has(plan, "public.m (materialized view)   3 rows  NOT saved: waived"), plan);
    auto const went = up(db, source);
    CHECK(went.steps.at(0).saved.empty());
    CHECK_EQ(went.steps.at(0).waived, std::vector<std::string>{"public.m"});
    CHECK_EQ(went.steps.at(0).rounds, 1);
    CHECK(snapshots(target).value().empty());
    (void)down(db, source);
    CHECK_EQ(held(db), "2|two\n3|three\n4|four");
    auto const wrong = up_error(db, source_of({{"-- undrop: lose mm\nrefresh materialized view m"}}));
    CHECK_EQ(wrong.left, Left::untouched);
    CHECK_NE(wrong.next.advice.find("lose m`"), std::string::npos);
}

ON_POSTGRES("views: whoever would fill a view while it is copied waits, and what others fill is not the step's") {
    stale_view(db);
    db.run("create unique index on m (id); create materialized view other as select id from t; insert into t values (5, 'five')");
    auto const session = db.connect();
    int tried = 0;
    std::string filled;
    Options const options{.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::saved) {
            ++tried;
            CHECK_NE(session->held_off("refresh materialized view m"), "");
            CHECK_NE(session->held_off("refresh materialized view concurrently m"), "");
        }
        if (event.kind == Event::Kind::ran) filled = session->held_off("refresh materialized view other");
    }};
    auto const went = up(db, source_of({{"drop materialized view m"}}), options);
    CHECK_EQ(tried, 1);
    CHECK_EQ(filled, "");
    CHECK_EQ(went.steps.at(0).rounds, 1);
    CHECK_EQ(went.steps.at(0).saved.size(), 1);
    CHECK_EQ(db.count("select count(*) from other"), 4);
}

ON_POSTGRES("views: a query that fails on the way back leaves the view as it is, and the report says so") {
    db.run(
        "create table t (id integer primary key, n integer); insert into t values (1, 1), (2, 2);"
        "create materialized view m as select id, 10 / n as c from t");
    auto const source = source_of({{"update t set n = n + 1; refresh materialized view m"}});
    (void)up(db, source);
    db.run("update t set n = 0 where id = 2");
    auto const report = down(db, source);
    CHECK_EQ(db.table("select * from t order by id"), "1|1\n2|0");
    CHECK_EQ(held(db), "1|5\n2|3");
    CHECK(mentions(report.steps.at(0).notes, "public.m could not be filled anew, since its query fails"));
    CHECK_EQ(merged(report.steps.at(0), m).not_found, 2);
}

ON_POSTGRES("views: a view's query runs with the settings of a script on the way back") {
    if (db.count("show server_version_num") >= 170000) return;  // there REFRESH has settings of its own
    db.run(
        "create schema s; create table s.t (id integer primary key, c text); insert into s.t values (1, 'one');"
        "create function s.c(integer) returns text language plpgsql as $$ begin return (select c from t where id = $1); end $$;"
        "do $$ begin execute format('alter role current_user in database %I set search_path = s, public', current_database()); end $$");
    auto const session = db.connect();
    session->run("create materialized view public.m as select id, s.c(id) as c from s.t");
    auto const source = source_of({{"update s.t set c = 'two'; refresh materialized view public.m"}});
    (void)up(db, source);
    auto const report = down(db, source);
    CHECK_MESSAGE(db.table("select * from public.m") == "1|one", text_of(report));
}

ON_POSTGRES("views: without its snapshot a view is filled all the same") {
    for (auto const damage : {false, true}) {
        CAPTURE(damage);
        auto const fresh = Database::make(Engine::postgres);
        stale_view(*fresh);
        auto const source = source_of({{"drop materialized view m"}});
        (void)up(*fresh, source);
        auto const info = info_of(*fresh, m);
        auto target = open(*fresh);
        if (damage) {
            fresh->run("update undrop." + info.store + " set v2 = 'x'");
            CHECK_FALSE(holds(*fresh));
        } else {
            auto const purge = purge_snapshots(target, plan_purge(target, {.ids = {info.id}}).value()).value();
            CHECK(purge.irreversible.empty());
        }
        CHECK(plan_down(target, source).value().go());
        auto const report = down(*fresh, source);
        CHECK_EQ(held(*fresh), "2|two\n3|three\n4|four");
        CHECK(mentions(report.steps.at(0).notes, "its query alone tells what it holds"));
        CHECK(report.steps.at(0).merged.empty());
    }
}

ON_POSTGRES("views: somebody's rows are erased from their snapshots by column; an erasure from the table names them") {
    stale_view(db);
    (void)up(db, source_of({{"drop materialized view m; delete from t where id = 2"}}));
    auto target = open(db);
    auto const of_table = erase_from_snapshots(target, {.table = "t", .key = {{"", "2"}}}).value();
    CHECK_EQ(of_table.rows, 1);
    REQUIRE_EQ(of_table.not_searched.size(), 1);
    CHECK(has(of_table.not_searched[0], "of public.m (materialized view) (it has id, c)"));
    CHECK_EQ(erase_from_snapshots(target, {.table = "m", .key = {{"", "2"}}}).error().code, Code::usage);
    CHECK_EQ(erase_from_snapshots(target, {.table = "m", .key = {{"id", "2"}}}).value().rows, 1);
    CHECK_EQ(stored(db, info_of(db, m)), "1|one\n3|three");
    CHECK(holds(db));
}

ON_POSTGRES("views: a snapshot of one is exported and imported, with what was kept aside") {
    stale_view(db);
    auto const source = source_of({{"drop materialized view m"}});
    (void)up(db, source);
    (void)down(db, source);
    auto const info = info_of(db, m);
    auto target = open(db);
    std::string bytes;
    auto const sink = [&](std::string_view piece) -> Result<void> {
        bytes += piece;
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    };
    REQUIRE(export_snapshots(target, sink).has_value());
    (void)purge_snapshots(target, plan_purge(target, {.ids = {info.id}}).value()).value();
    auto const imported = import_snapshots(target, [&]() -> Result<std::string> { return std::exchange(bytes, std::string{}); });
    REQUIRE_MESSAGE(imported.has_value(), imported.error().text());
    CHECK_EQ(stored(db, info), "1|one\n2|two\n3|three");
    CHECK_EQ(kept_aside(db, info.id), "not_found|1|one\n");
    CHECK(holds(db));
}

ON_POSTGRES("views: a script in parts saves what each of its transactions takes") {
    stale_view(db);
    auto const source = source_of(
        {{"-- undrop: no-transaction\nrefresh materialized view m;\ncreate index concurrently t_c on t (c);\ndrop materialized view m;"}});
    auto const before = witness(db);
    (void)up(db, source);
    auto const all = [&] {
        auto target = open(db);
        return snapshots(target).value();
    }();
    REQUIRE_EQ(all.size(), 2);
    CHECK_EQ(stored(db, all.at(0)), "1|one\n2|two\n3|three");
    CHECK_EQ(stored(db, all.at(1)), "2|two\n3|three\n4|four");
    (void)down(db, source);
    check_same_schema(before, witness(db));
    CHECK_EQ(held(db), "2|two\n3|three\n4|four");
    CHECK_EQ(kept_aside(db, all.at(0).id), "not_found|1|one\n");
    CHECK_EQ(kept_aside(db, all.at(1).id), "");
}
