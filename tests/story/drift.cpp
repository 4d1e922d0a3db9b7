// What somebody changed by hand since a step ran: found, shown as a diff in every form in which it is told, refused until --accept-drift;
// and what others merely added.
#include <nlohmann/json.hpp>

#include <sstream>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Plan plan_of(Database& db, Source const& source, Options const& options = {}, Range const& range = {}) {
    auto target = Target::open(db.url()).value();
    return plan_down(target, source, range, options).value();
}

Finding const* finding(Plan const& plan, std::string const& code) {
    for (auto const& one : plan.findings)
        if (one.code == code) return &one;
    return nullptr;
}

std::string screen(Plan const& plan) {
    std::ostringstream out;
    out << plan;
    return out.str();
}

std::string long_function(std::string const& line_1000) {
    std::string text = "create or replace function f() returns integer language plpgsql as $$\nbegin\n";
    for (int i = 1; i <= 2000; ++i) text += i == 1000 ? line_1000 + "\n" : "    -- line " + std::to_string(i) + "\n";
    return text + "    return 1;\nend $$";
}

}  // namespace

ON_BOTH("drift: what was recorded and what is there now, in text, JSON, Markdown, a stored plan and the refusal") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x')");
    auto const source = source_of({{"alter table t add column c text;\ncreate index t_c on t (c);"}});
    (void)up(db, source);
    db.run("drop index t_c; create unique index t_c on t (c, id)");
    auto const plan = plan_of(db, source);
    CHECK_FALSE(plan.go());
    auto const* drift = finding(plan, "drift");
    REQUIRE(drift != nullptr);
    REQUIRE_EQ(drift->differences.size(), 1);
    auto const& object = drift->differences.front();
    CHECK_EQ(object.object, db.either("index public.t.t_c", "index t_c"));
    CHECK(has(object.before, "(c)"));
    CHECK(has(object.after, "UNIQUE"));
    auto const head = "--- " + object.object + ", recorded after 1 ";
    CHECK(object.diff().starts_with(head));
    CHECK(has(object.diff(), "\n+++ " + object.object + ", now\n-CREATE INDEX"));
    CHECK(has(object.diff(), "\n+CREATE UNIQUE INDEX"));
    CHECK(has(screen(plan), "    " + head));
    CHECK(has(screen(plan), "\n    -CREATE INDEX"));
    CHECK(has(to_markdown(plan), "```diff\n" + head));

    auto const json = nlohmann::json::parse(to_json(plan));
    for (auto const& one : json.at("findings")) {
        if (one.at("code") != "drift") continue;
        auto const& told = one.at("differences").at(0);
        CHECK_EQ(told.at("object"), object.object);
        CHECK_EQ(told.at("before"), object.before);
        CHECK_EQ(told.at("after"), object.after);
        CHECK_EQ(told.at("diff"), object.diff());
    }
    CHECK_EQ(to_json(plan_from_json(to_json(plan)).value()), to_json(plan));

    auto const error = down_error(db, source);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_FALSE(has(error.message, "---"));  // one sentence; the rest is in the fields
    REQUIRE_EQ(error.differences.size(), 1);
    CHECK(has(error.text(), head));
    CHECK(has(error.text(), "undrop down --accept-drift"));

    // What was accepted is told all the same.
    auto const accepted = plan_of(db, source, {.accept_drift = true});
    CHECK(accepted.go());
    CHECK_EQ(finding(accepted, "drift")->differences.size(), 1);
}

ON_POSTGRES("drift: of a function of 2,000 lines only the place that differs is shown") {
    db.run(long_function("    -- one"));
    auto const source = source_of({{long_function("    -- two")}});
    (void)up(db, source);
    db.run(long_function("    -- three"));
    auto const error = down_error(db, source);
    REQUIRE_EQ(error.differences.size(), 1);
    auto const diff = error.differences.front().diff();
    CHECK(has(diff, "@@ -"));
    CHECK(has(diff, "\n-    -- two\n+    -- three\n"));
    CHECK_EQ(std::count(diff.begin(), diff.end(), '\n'), 10);
    CHECK_LT(error.text().size(), 1500);
}

ON_BOTH("drift: many objects are cut for people, and whole in JSON") {
    std::string script;
    std::string drop;
    for (int i = 1; i <= 25; ++i) {
        script += "create index t_" + std::to_string(i) + " on t (a);\n";
        drop += "drop index t_" + std::to_string(i) + ";\n";
    }
    db.run("create table t (id integer primary key, a text)");
    auto const source = source_of({{script}});
    (void)up(db, source);
    db.run(drop);
    auto const error = down_error(db, source);
    CHECK_EQ(error.differences.size(), 25);
    CHECK(has(error.text(), "(and 5 more objects)"));
}

ON_BOTH("drift: what a later migration changed is none, when that is taken back first") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x')");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t add column c text;\ncreate index t_c on t (c);"},
                                   {"drop index t_c;\ncreate index t_c on t (c, id);\nalter table t add column d text;"},
                                   {"create index t_d on t (d, c);"}});
    (void)up(db, source);
    auto const plan = plan_of(db, source, {}, {.to = "0"});
    CHECK(plan.go());
    CHECK(finding(plan, "drift") == nullptr);
    CHECK(finding(plan, "added") == nullptr);
    (void)down(db, source, {}, {.to = "0"});
    check_same(before, witness(db));
}

ON_BOTH("drift: what others have put on what goes is told, with it gone") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x')");
    auto const before = witness(db);
    auto const source = source_of({{"create table n (id integer primary key, b text);"}});
    (void)up(db, source);
    db.run("create index mine on n (b)");
    auto const plan = plan_of(db, source);
    CHECK(plan.go());
    REQUIRE(finding(plan, "added") != nullptr);
    CHECK(has(finding(plan, "added")->text, "mine"));
    auto const report = down(db, source);
    CHECK(mentions(report.steps.at(0).went, "mine"));
    check_same(before, witness(db));
}

ON_POSTGRES("drift: what needs a column that goes is refused by the plan, or goes along where that is said") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x')");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t add column c text default 'd';"}});
    (void)up(db, source);
    db.run("create view v as select id, c from t; create view w as select id from v");
    auto const with_views = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.message, "view public.v, view public.w"));
    CHECK_EQ(error.next.command, "down --accept-drift");
    check_unchanged(with_views, witness(db));
    auto const report = down(db, source, {.accept_drift = true});
    CHECK(mentions(report.steps.at(0).went, "view public.v"));
    CHECK(mentions(report.steps.at(0).notes, "their definitions are in the ledger"));
    check_same(before, witness(db));
    CHECK(has(db.table("select before from undrop.object where kind = 'view'"), "CREATE VIEW public.v"));
}

ON_POSTGRES("drift: what needs what has an old name by now is refused by the plan, or goes along where that is said") {
    db.run("create table t (id integer primary key, a text); create table n (id integer primary key); create view v as select id from t");
    auto const before = witness(db);
    auto const source =
        source_of({{"alter view v rename to w; create view v as select id, a from t;\n"
                    "alter table n rename to m; create table n (id integer primary key, a text);"}});
    (void)up(db, source);
    CHECK(plan_of(db, source).go());
    db.run("create view others as select id, a from v; create view more as select id from others");
    db.run("create table o (id integer constraint f references n)");
    auto const with_others = witness(db);
    auto const error = down_error(db, source);
    CAPTURE(error.text());
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    for (auto const* needs : {"view public.others", "view public.more", "foreign_key public.o.f"}) CHECK(has(error.message, needs));
    CHECK_EQ(error.next.command, "down --accept-drift");
    check_unchanged(with_others, witness(db));
    auto const report = down(db, source, {.accept_drift = true});
    CHECK(mentions(report.steps.at(0).notes, "their definitions are in the ledger"));
    CHECK(has(db.table("select before from undrop.object where kind = 'view'"), "CREATE VIEW public.others"));
    db.run("drop table o");
    check_same(before, witness(db));
}

ON_POSTGRES("drift: rows of others in what goes keep it there, also where drift is accepted") {
    db.run("create table t (id integer primary key); insert into t values (1)");
    auto const source = source_of({{"create schema s;\ncreate type e as enum ('x');"}});
    (void)up(db, source);
    for (auto const* hand : {"create table s.hand (id int); insert into s.hand values (5)", "alter table t add column e e default 'x'"}) {
        CAPTURE(hand);
        db.run(hand);
        auto const before = witness(db);
        for (bool const accept : {false, true}) {
            auto const error = down_error(db, source, {.accept_drift = accept});
            CAPTURE(error.text());
            CHECK_EQ(error.code, Code::refused);
            CHECK_EQ(error.left, Left::untouched);
            CHECK(has(error.message, "others have made what needs what the rollback removes"));
        }
        check_unchanged(before, witness(db));
        db.run("drop table if exists s.hand; alter table t drop column if exists e");
    }
    (void)down(db, source);
}

ON_POSTGRES("drift: what a materialized view of others held is saved where it goes along") {
    auto const source = source_of({{"create table n (id integer primary key);\ninsert into n values (1), (2);"}});
    (void)up(db, source);
    db.run("create materialized view mv as select id from n");
    CHECK(has(down_error(db, source).message, "materialized_view public.mv"));
    auto const report = down(db, source, {.accept_drift = true});
    CHECK_EQ(saved(report.steps.at(0), "public.mv (materialized view)").rows, 2);
}

ON_POSTGRES("drift: a partition that others have added goes with its table, its rows saved") {
    auto const source =
        source_of({{"create table p (id integer, k integer, primary key (id, k)) partition by list (k);\ncreate table p1 partition of p "
                    "for values in (1);"}});
    (void)up(db, source);
    db.run("create table p2 partition of p for values in (2); insert into p values (1, 1), (2, 2)");
    auto const plan = plan_of(db, source);
    CHECK(plan.go());
    CHECK(has(finding(plan, "added")->text, "table public.p2"));
    auto const report = down(db, source);
    CHECK_EQ(saved(report.steps.at(0), "public.p2").rows, 1);
    CHECK_EQ(saved(report.steps.at(0), "public.p1").rows, 1);
}

ON_SQLITE("drift: an index of others on a column that goes, goes with it, and its definition is told") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x')");
    auto const source = source_of({{"alter table t add column c text;"}});
    (void)up(db, source);
    db.run("create index gone on t (c, a); create index stays on t (a)");
    auto const report = down(db, source);
    CHECK(mentions(report.steps.at(0).notes, "index gone, which others had made"));
    CHECK(mentions(report.steps.at(0).notes, "CREATE INDEX gone"));
    CHECK_EQ(db.one("select group_concat(name) from sqlite_schema where type = 'index' and tbl_name = 't'"), "stays");
}

ON_SQLITE("drift: a unique index of others whose rows do not fit any more keeps the step from going back") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x'), (2, 'x')");
    auto const source = source_of({{"update t set a = a || id;\nalter table t add column c text;"}});
    (void)up(db, source);
    db.run("create unique index mine on t (a)");
    auto const before = witness(db);
    CHECK_EQ(down_error(db, source).code, Code::refused);
    check_unchanged(before, witness(db));
}

ON_SQLITE("drift: a table that others dropped or renamed does not come back empty") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x')");
    auto const source = source_of({{"alter table t add column c text;"}});
    (void)up(db, source);
    for (auto const* hand : {"alter table t rename to tt", "alter table tt rename to t; drop table t"}) {
        db.run(hand);
        auto const before = witness(db);
        CHECK(has(down_error(db, source).message, "table t"));
        auto const error = down_error(db, source, {.accept_drift = true});
        CAPTURE(error.text());
        CHECK_EQ(error.code, Code::refused);
        CHECK(has(error.message, "table t was there when the up had changed it"));
        check_unchanged(before, witness(db));
    }
}

ON_POSTGRES("drift: a new type that others gave a column of the up's own does not keep the next up from running") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'x')");
    auto const source = source_of({{"alter table t add column c text default 'd';\nupdate t set c = a;"}});
    (void)up(db, source);
    db.run("alter table t alter column c type varchar(20); update t set c = 'users'");
    (void)down(db, source, {.accept_drift = true});
    (void)up(db, source);
    CHECK_EQ(db.one("select c from t"), "users");
}
