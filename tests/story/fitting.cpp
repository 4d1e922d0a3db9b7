// What users wrote does not fit what a way back makes again: told by the plan where it can be, refused by its name where not, and nothing
// is changed.
#include <algorithm>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// Refused by the step, with all that a person needs, and without a value.
void is_refused(Database& db, Source const& source, std::vector<std::string> const& parts, Left left = Left::rolled_back) {
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CAPTURE(error.text());
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, left);
    for (auto const& part : parts) CHECK_MESSAGE(has(error.text(), part), part);
    CHECK_FALSE(has(error.text(), "secret"));  // P8
    CHECK_FALSE(error.next.advice.empty());
    check_unchanged(before, witness(db));
}

Plan planned(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    return plan_down(target, source).value();
}

std::string stops(Plan const& plan) {
    std::string text;
    for (auto const& finding : plan.findings)
        if (finding.severity == Finding::Severity::stop) text += finding.text + "\n";
    return text;
}

}  // namespace

ON_BOTH("fitting: a unique index that users' rows do not fit by now is refused with the table and their number") {
    db.run("create table t (id integer primary key, a text); insert into t values (1, 'secret'), (2, 'b'), (9, null)");
    db.run("create unique index ta on t (a)");
    auto const before = witness(db);
    auto const source = source_of({{"drop index ta"}});
    (void)up(db, source);
    db.run("insert into t values (3, 'secret'), (4, 'secret'), (5, 'c'), (6, null)");
    is_refused(db, source,
               {"2 rows of " + db.named("t") + " do not fit unique index ta", "written since the up", "Next: undrop down",
                "change these values first"},
               db.engine() == Engine::postgres ? Left::untouched : Left::rolled_back);
    db.run("update t set a = a || id where id in (3, 4)");
    (void)down(db, source);
    CHECK_EQ(db.table("select id, a from t order by id"), "1|secret\n2|b\n3|secret3\n4|secret4\n5|c\n6|NULL\n9|NULL");
    check_same_schema(before, witness(db));
}

ON_POSTGRES("fitting: constraints that users' rows do not fit by now are refused with their names and the number of rows") {
    struct Case {
        std::string table;
        std::string up;
        std::string since;
        std::string told;
    };
    for (auto const& one : std::vector<Case>{
             {"a text constraint ua unique", "drop constraint ua", "(3, 'secret'), (4, 'secret')",
              "1 row of public.t does not fit unique constraint ua"},
             {"a text constraint ua unique deferrable initially deferred", "drop constraint ua", "(3, 'secret'), (4, 'secret')",
              "1 row of public.t does not fit unique constraint ua"},
             {"a text not null", "alter a drop not null", "(3, null), (4, null), (5, 'secret')",
              "2 rows of public.t do not fit NOT NULL of a"},
             {"a text constraint ca check (a <> 'secret')", "drop constraint ca", "(3, 'secret'), (4, 'b'), (5, null)",
              "1 row of public.t does not fit check constraint ca"},
             {"a text", "drop constraint t_pkey", "(1, 'secret'), (1, 'x'), (5, 'y')", "2 rows of public.t do not fit primary key t_pkey"},
             {"a text, constraint ex exclude (a with =) where (id > 2)", "drop constraint ex", "(3, 'secret'), (4, 'secret'), (5, 'y')",
              "1 row of public.t does not fit exclusion constraint ex"}}) {
        CAPTURE(one.told);
        db.run("create table t (id integer primary key, " + one.table + "); insert into t values (1, 'a')");
        auto const before = witness(db);
        auto const source = source_of({{"alter table t " + one.up}});
        (void)up(db, source);
        db.run("insert into t values " + one.since);
        auto const known = one.table.find("exclude") == std::string::npos;  // by the plan
        CHECK_EQ(has(stops(planned(db, source)), one.told), known);
        is_refused(db, source, {one.told, "written since the up", "Next: undrop down"}, known ? Left::untouched : Left::rolled_back);
        db.run("delete from t where id > 1 or a <> 'a'");
        (void)down(db, source);
        check_same(before, witness(db));
        db.run("drop table t");
    }
}

ON_POSTGRES("fitting: a plan counts rows that do not fit what comes back, stops nobody, and says what it cannot know") {
    db.run(
        "create table p (id integer primary key, code text); insert into p values (1, 'a'), (2, 'b');"
        "create table t (id integer primary key, p integer constraint fp references p, a text, \"odd (name\" text, b integer,"
        " constraint \"c, (1)\" check (\"odd (name\" <> 'it''s )'), constraint cu unique (a, \"odd (name\"));"
        "create unique index ux on t (lower(a), b desc nulls last) include (p) where b > 0;"
        "insert into t values (1, 1, 'x', 'o', 1), (2, 2, 'y', 'o', 2)");
    auto const source = source_of({{"alter table t drop constraint fp, drop constraint \"c, (1)\", drop constraint cu; drop index ux"}});
    (void)up(db, source);
    CHECK(planned(db, source).go());
    db.run("insert into t values (3, 9, 'z', 'it''s )', 3), (4, null, 'x', 'o', -1), (5, 2, 'Y', 'other', 2), (6, 8, null, null, 1)");
    auto const told = stops(planned(db, source));
    CHECK(has(told, "1 row of public.t does not fit check constraint c, (1), which comes back; it was written since the up"));
    CHECK(has(told, "1 row of public.t does not fit unique constraint cu"));
    CHECK(has(told, "1 row of public.t does not fit unique index ux"));
    CHECK(has(told, "2 rows of public.t do not refer to rows of public.p, as foreign key fp wants it"));
    db.run("delete from t where id > 2");
    CHECK(planned(db, source).go());
    (void)down(db, source);
}

ON_POSTGRES("fitting: where what comes back may make rows fit, a plan says up to how many, and goes on") {
    db.run("create table t (id integer primary key, a text constraint ua unique); insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t drop constraint ua; update t set a = 'same' where id < 3"}});
    (void)up(db, source);
    auto const plan = planned(db, source);
    CHECK(plan.go());
    CHECK(std::any_of(plan.findings.begin(), plan.findings.end(), [](Finding const& f) {
        return f.severity == Finding::Severity::warning && has(f.text, "up to 1 row of public.t may not fit unique constraint ua");
    }));
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_POSTGRES("fitting: what a hand-written down computes and the old constraint does not take is told alike") {
    db.run("create table t (id integer primary key, a text constraint ua unique); insert into t values (1, 'a'), (2, 'b')");
    auto const source = source_of(
        {{"alter table t drop constraint ua; alter table t add column n integer", "update t set a = 'same'; alter table t drop column n"}});
    (void)up(db, source);
    (void)down(db, source);  // nobody wrote there since: without the script, which cannot be mended
    CHECK_EQ(db.table("select id, a from t order by id"), "1|a\n2|b");
    CHECK_EQ(db.one("select count(*) from pg_constraint where conname = 'ua'"), "1");
    (void)up(db, source);
    db.run("update t set n = 1 where id = 2");
    is_refused(db, source, {"1 row of public.t does not fit unique constraint ua", "or by the script"});
}

ON_BOTH("fitting: a column that was let go, takes no NULL and has no default asks for a backfill") {
    db.run("create table t (id integer primary key, a text not null); insert into t values (1, 'a')");
    std::string const script = "-- undrop: lose t.a\nalter table t drop column a;";
    (void)up(db, source_of({{script}}));
    is_refused(db, source_of({{script}}), {"the column a of " + db.named("t") + " is NOT NULL without a default", "-- undrop: backfill"});
    (void)down(db, source_of({{"-- undrop: backfill t.a = 'gone'\n" + script}}));
    CHECK_EQ(db.table("select id, a from t"), "1|gone");
}

ON_POSTGRES("fitting: a backfill that gives rows the same key is refused by its name") {
    db.run("create table t (id integer primary key, name text); insert into t values (1, 'a')");
    auto const script = [](std::string const& value) {
        return source_of({{"-- undrop: backfill t.id = " + value + "\nalter table t drop column id;"}});
    };
    (void)up(db, script("99"));
    db.run("insert into t values ('b'), ('c'), ('d')");
    is_refused(db, script("99"),
               {"2 rows of public.t do not fit primary key t_pkey", "backfill public.t.id", "gives each row a value that fits"});
    (void)down(db, script("99 + length(name) * ascii(name)"));
    CHECK_EQ(db.table("select name, id from t order by name"), "a|1\nb|197\nc|198\nd|199");
}

ON_BOTH("fitting: rows that came without a value for a column that needs one are told by the plan") {
    db.run("create table t (id integer primary key, a text not null); insert into t values (1, 'a')");
    std::string const script = "alter table t drop column a;";
    (void)up(db, source_of({{script}}));
    CHECK(planned(db, source_of({{script}})).go());
    db.run("insert into t values (2), (3)");
    CHECK(has(stops(planned(db, source_of({{script}}))), "2 rows were inserted into " + db.named("t") + " since; a must not be NULL"));
    is_refused(db, source_of({{script}}), {"2 rows were inserted", "-- undrop: backfill " + db.named("t.a")}, Left::untouched);
    auto const filled = source_of({{"-- undrop: backfill t.a = 'new'\n" + script}});
    CHECK(planned(db, filled).go());
    (void)down(db, filled);
    CHECK_EQ(db.table("select id, a from t order by id"), "1|a\n2|new\n3|new");
}

ON_POSTGRES("fitting: values that an old type does not take are told by the plan, and those that it takes are none") {
    db.run("create table t (id integer primary key, n integer); insert into t values (1, 10)");
    auto const source = source_of({{"alter table t alter n type bigint"}});
    (void)up(db, source);
    db.run("insert into t values (2, 20)");
    CHECK(planned(db, source).go());
    db.run("insert into t values (3, 9999999999), (4, 9999999998)");
    CHECK(has(stops(planned(db, source)), "2 rows of public.t hold a value of n that its old type does not take"));
    is_refused(db, source, {"2 rows of public.t", " n "}, Left::untouched);
    db.run("delete from t where id > 2");
    (void)down(db, source);
    CHECK_EQ(db.table("select id, n from t order by id"), "1|10\n2|20");
}

ON_BOTH("fitting: rows that have the key of one another by now are told by the plan, and none is promised") {
    db.run(
        "create table t (a integer not null primary key, b integer not null default 0, v text);"
        "insert into t values (1, 0, 'v1'), (2, 0, 'v2')");
    auto const source = source_of(
        {{db.engine() == Engine::postgres ? "alter table t drop constraint t_pkey; alter table t add primary key (a, b);"
                                            "alter table t drop column v"
                                          : "create table u (a integer not null, b integer not null default 0, primary key (a, b));"
                                            "insert into u select a, b from t; drop table t; alter table u rename to t"}});
    (void)up(db, source);
    CHECK(planned(db, source).go());
    db.run("insert into t values (1, 1)");
    auto const plan = planned(db, source);
    CHECK(has(stops(plan), "1 row of " + db.named("t") + " has the key (a) of another row"));
    for (auto const& back : plan.steps.at(0).returns) CHECK_LE(back.comes_back.value_or(0), back.rows);
    is_refused(db, source, {"1 row of " + db.named("t")}, Left::untouched);
    db.run("delete from t where b = 1");
    (void)down(db, source);
    CHECK_EQ(db.table("select a, b, v from t order by a"), "1|0|v1\n2|0|v2");
}

ON_POSTGRES("fitting: a down script that builds a table anew gives its key the old name") {
    db.run("create table t (id integer primary key, v text, n integer constraint u unique); insert into t values (1, 'a', 1), (2, 'b', 2)");
    db.run("create index i on t (v)");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t add w integer; update t set v = upper(v)",
                                    "create table t2 (id integer primary key, v text, n integer unique);"
                                    "create index other on t2 (v);"
                                    "insert into t2 select id, lower(v), n from t; drop table t; alter table t2 rename to t"}});
    (void)up(db, source);
    auto const report = down(db, source);
    CHECK(mentions(report.steps.at(0).mended, "name of primary_key public.t.t_pkey"));
    check_same(before, witness(db));
}

ON_POSTGRES("fitting: rows that the bounds of a partition do not take by now are refused with its name and their number") {
    db.run("create table m (at integer not null, what text) partition by range (at)");
    db.run("create table m_1 partition of m for values from (0) to (10); create table m_rest partition of m default");
    db.run("insert into m values (1, 'a'), (20, 'b')");
    auto const before = witness(db);
    auto const source = source_of({{"alter table m detach partition m_1"}});
    (void)up(db, source);
    db.run("insert into m_1 values (11, 'secret'), (12, 'secret'), (2, 'c')");
    is_refused(db, source, {"2 rows of public.m_1 do not fit the bounds of partition m_1", "Next: undrop down", "move them"});
    db.run("with gone as (delete from m_1 where at > 10 returning *) insert into m select * from gone; insert into m values (3, 'secret')");
    is_refused(db, source, {"1 row of public.m_rest belongs to partition m_1", "Next: undrop down", "move them"});
    db.run("with gone as (delete from m where at = 3 returning *) insert into m_1 select * from gone");
    (void)down(db, source);
    CHECK_EQ(db.table("select at, what, tableoid::regclass from m order by at"),
             "1|a|m_1\n2|c|m_1\n3|secret|m_1\n11|secret|m_rest\n12|secret|m_rest\n20|b|m_rest");
    check_same_schema(before, witness(db));
}

ON_POSTGRES("fitting: values that an old type does not take are counted also where another table has an old name") {
    db.run("create table m (a integer, c integer); create table t (id integer primary key); insert into m values (1, 2)");
    auto const source =
        source_of({{"alter table m drop column c; alter table m add column c text; "
                    "alter table t rename to u; create table t (x integer)"}});
    (void)up(db, source);
    db.run("insert into m values (1, 'secret'), (2, '3')");
    is_refused(db, source, {"1 row of public.m holds a value of c", "change these values first"});
}

ON_POSTGRES("fitting: values that the up itself wrote, and that make room, are not counted among users'") {
    db.run("create table t (id integer primary key, n integer); insert into t select i, i from generate_series(1, 5) i");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t alter n type bigint; update t set n = 99999999999 where id > 2"}});
    (void)up(db, source);
    db.run("update t set n = 99999999998 where id = 1");
    is_refused(db, source, {"1 row of public.t holds a value of n that its old type does not take; written since the up"}, Left::untouched);
    db.run("update t set n = 1 where id = 1");
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_POSTGRES("fitting: labels that users wrote as keys of another type stay where the others come back") {
    db.run(
        "create type e as enum ('a', 'b', 'c'); create table t (id e primary key, v integer); create table k (t e constraint f references "
        "t)");
    db.run("insert into t values ('a', 1); insert into k values ('a')");
    auto const source =
        source_of({{"alter table k drop constraint f; alter table t alter column id type text using 'k' || id; alter table k alter column "
                    "t type text "
                    "using 'k' || t; alter table k add constraint f foreign key (t) references t"}});
    (void)up(db, source);
    db.run("insert into t values ('c', 3); insert into k values ('c'), ('ka')");
    CHECK(planned(db, source).go());
    (void)down(db, source);
    CHECK_EQ(db.table("select id, v from t order by id"), "a|1\nc|3");
    CHECK_EQ(db.table("select t from k order by t"), "a\na\nc");
}

ON_POSTGRES("fitting: keys of a new type that the old one does not take are counted without those that come back") {
    auto const to_uuid = [](std::string const& column) {
        return " alter column " + column + " type uuid using ('00000000-0000-0000-0000-00000000000' || " + column + ")::uuid; ";
    };
    auto const script = "alter table c drop constraint f; alter table p" + to_uuid("id") + "alter table c" + to_uuid("p") +
                        "alter table c add constraint f foreign key (p) references p;";
    // What the up itself inserts is not known before the step.
    for (auto const* inserted : {"", "insert into p values (gen_random_uuid())"}) {
        CAPTURE(inserted);
        db.run("create table p (id integer primary key); create table c (id integer primary key, p integer constraint f references p)");
        db.run("insert into p values (1), (2); insert into c values (1, 1)");
        auto const before = witness(db);
        auto const source = source_of({{script + inserted}});
        (void)up(db, source);
        db.run("insert into c values (2, '00000000-0000-0000-0000-000000000001')");
        CHECK(planned(db, source).go());
        db.run("insert into p values (md5('secret')::uuid)");
        std::string const told = "1 row of public.p holds a value of id that its old type does not take; written since the up";
        auto const known = inserted[0] == '\0';  // by the plan
        CHECK_EQ(has(stops(planned(db, source)), told), known);
        is_refused(db, source, {told, "change these values first"}, known ? Left::untouched : Left::rolled_back);
        db.run("delete from p where id = md5('secret')::uuid; delete from c where id = 2");
        (void)down(db, source);
        check_same(before, witness(db));
        db.run("drop table c, p");
    }
}
