// `plan down`: what would I lose or get back right now, in rows? The step itself is the witness.
#include <algorithm>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

void fill(Database& db) {
    db.run("create table t (id integer primary key, v text, n integer)");
    db.run("create unique index n on t (n)");
    db.run("insert into t select n, 'v' || n, n from " + numbers(db, 1, 10));
}

PlannedStep planned(Database& db, Source const& source) {
    auto target = Target::open(db.url()).value();
    auto const plan = plan_down(target, source).value();
    auto const read = plan_from_json(to_json(plan)).value();
    CHECK_EQ(to_json(read), to_json(plan));
    return plan.steps.at(0);
}

PlannedReturn of(PlannedStep const& step, std::string const& what) {
    auto const found = std::find_if(step.returns.begin(), step.returns.end(), [&](auto const& back) { return back.what == what; });
    REQUIRE_MESSAGE(found != step.returns.end(), what);
    return *found;
}

// What was said before is what is done.
void comes_true(Database& db, Source const& source) {
    auto const before = witness(db);
    auto const step = planned(db, source);
    check_unchanged(before, witness(db));
    auto const report = down(db, source);
    CHECK_FALSE(step.returns.empty());
    for (auto const& said : step.returns) {
        CAPTURE(said.what);
        CAPTURE(text_of(report));
        CHECK_EQ(said.unknown, "");
        auto const is = merged(report.steps.at(0), said.what);
        CHECK_EQ(said.rows, is.rows);
        CHECK_EQ(said.comes_back.value_or(-1), is.restored + is.unchanged);
        CHECK_EQ(said.changed_since.value_or(0), is.changed_since);
        CHECK_EQ(said.deleted_since.value_or(0), is.deleted_since);
        CHECK_EQ(said.inserted_since.value_or(0), is.inserted_since);
        CHECK_EQ(said.key_taken.value_or(0), is.key_taken);
    }
}

}  // namespace

ON_BOTH("story: a plan down counts what comes back of a column") {
    fill(db);
    auto const source = source_of({{"alter table t drop column v"}});
    (void)up(db, source);
    db.run("delete from t where id < 3; insert into t (id, n) values (11, 11)");
    auto const step = planned(db, source);
    auto const v = of(step, db.named("t.v"));
    CHECK_EQ(v.rows, 10);
    CHECK_EQ(v.comes_back.value(), 8);
    CHECK_EQ(v.deleted_since.value(), 2);
    CHECK_EQ(v.inserted_since.value(), 1);
    comes_true(db, source);
}

ON_BOTH("story: a plan down counts what comes back of rows and values") {
    fill(db);
    auto const source = source_of({{"delete from t where id > 6; update t set v = 'up'"}});
    (void)up(db, source);
    db.run(
        "delete from t where id = 1; update t set v = 'theirs' where id = 2; update t set v = 'v3' where id = 3;"
        "insert into t values (7, 'v7', 7), (8, 'theirs', 80), (90, 'theirs', 9)");
    comes_true(db, source);
}

ON_BOTH("story: a plan down counts values that another row has by now") {
    fill(db);
    auto const source = source_of({{"update t set n = n + 100, v = 'up' where id < 6"}});
    (void)up(db, source);
    db.run("insert into t values (50, 'theirs', 3); update t set n = 0 where id = 4; delete from t where id = 5");
    auto const n = of(planned(db, source), db.named("t.n"));
    CHECK_EQ(n.key_taken.value_or(0), 1);
    CHECK_EQ(n.comes_back.value(), 2);
    comes_true(db, source);
}

ON_BOTH("story: a plan down counts values of rows that the migration deleted with these") {
    fill(db);
    auto const source = source_of({{"alter table t drop column v; delete from t where id = 3"}});
    (void)up(db, source);
    auto const untouched = of(planned(db, source), db.named("t.v"));
    CHECK_EQ(untouched.rows, 9);
    CHECK_EQ(untouched.comes_back.value(), 9);
    CHECK_EQ(untouched.deleted_since.value(), 0);
    db.run("delete from t where id = 2; insert into t values (3, 33), (11, 11)");
    auto const v = of(planned(db, source), db.named("t.v"));
    CHECK_EQ(v.comes_back.value(), 8);
    CHECK_EQ(v.deleted_since.value(), 1);
    CHECK_EQ(v.inserted_since.value(), 2);
    comes_true(db, source);
    CHECK_EQ(db.table("select id, v from t where id in (1, 2, 3, 11) order by id"), "1|v1\n3|NULL\n11|NULL");
}

ON_BOTH("story: a plan down counts values of columns that swapped their names") {
    db.run("create table t (id integer primary key, x text, y text); insert into t values (1, 'x1', 'y1'), (2, 'x2', 'y2')");
    auto const source =
        source_of({{"alter table t rename column x to z; alter table t rename column y to x; alter table t rename column z to y;"
                    "update t set x = upper(x)"}});
    (void)up(db, source);
    db.run("update t set x = 'theirs' where id = 2");
    auto const y = of(planned(db, source), db.named("t.y"));
    CHECK_EQ(y.comes_back.value(), 1);
    CHECK_EQ(y.changed_since.value(), 1);
    (void)down(db, source);
    CHECK_EQ(db.table("select id, x, y from t order by id"), "1|x1|y1\n2|x2|theirs");
}

ON_BOTH("story: a plan down warns of saved rows that refer to rows which are gone") {
    db.run(
        "create table u (id integer primary key); insert into u values (1), (2), (3);"
        "create table p (id integer primary key, u integer references u (id));"
        "insert into p values (1, 1), (2, 2), (3, 3), (4, null)");
    auto const source = source_of({{"delete from p; delete from u where id = 3"}});
    (void)up(db, source);
    auto const warned = [&] {
        auto target = Target::open(db.url()).value();
        auto const plan = plan_down(target, source).value();
        auto const at =
            std::find_if(plan.findings.begin(), plan.findings.end(), [](Finding const& finding) { return finding.code == "orphans"; });
        return at == plan.findings.end() ? std::string{} : at->text;
    };
    CHECK_EQ(warned(), "");  // the third comes back, too
    db.run("delete from u where id = 2");
    CHECK_NE(warned().find("1 of " + db.named("p") + " (deleted) refer to rows of " + db.named("u")), std::string::npos);
    CHECK_EQ(down_error(db, source).left, Left::rolled_back);
}

ON_SQLITE("story: with foreign keys off a plan down warns of no missing rows, for nobody asks for them") {
    db.run(
        "create table u (id integer primary key); insert into u values (1), (2);"
        "create table p (id integer primary key, u integer references u (id)); insert into p values (1, 1), (2, 2)");
    auto const source = source_of({{"delete from p"}});
    (void)up(db, source);
    db.run("delete from u where id = 2");
    auto const warnings = [&](std::string const& url) {
        auto target = Target::open(url).value();
        auto const plan = plan_down(target, source).value();
        return std::count_if(plan.findings.begin(), plan.findings.end(), [](Finding const& finding) { return finding.code == "orphans"; });
    };
    CHECK_EQ(warnings(db.url()), 1);
    CHECK_EQ(warnings(db.url() + "?foreign_keys=off"), 0);
    auto target = Target::open(db.url() + "?foreign_keys=off").value();
    auto const back = apply(target, approve(plan_down(target, source).value()).value());
    REQUIRE_MESSAGE(back.has_value(), (back.has_value() ? "" : back.error().text()));
    CHECK_EQ(db.table("select * from p order by id"), "1|1\n2|2");
}

ON_BOTH("story: a plan down tells what of before a down script drops, and what comes of that") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a'), (2, 'b')");
    auto const source = source_of({{"alter table t add column w text", "drop table t"}});
    (void)up(db, source);
    auto const told = [&] {
        auto target = Target::open(db.url()).value();
        auto const plan = plan_down(target, source).value();
        auto const at =
            std::find_if(plan.findings.begin(), plan.findings.end(), [](Finding const& finding) { return finding.code == "beside"; });
        REQUIRE(at != plan.findings.end());
        return *at;
    };
    auto const name = "the down script drops " + db.named("t") + ", which was there before the up: ";
    CHECK_EQ(told().text, name + "the step goes without the script, for nobody has written since");
    db.run("update t set w = 'since' where id = 1");
    CHECK_EQ(told().text, name + "the way back will be refused, for somebody has written since");
    CHECK_EQ(told().severity, Finding::Severity::warning);
    CHECK_EQ(down_error(db, source).code, Code::refused);
}

ON_POSTGRES("story: what a down script in parts drops of before is refused before its first part") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a'), (2, 'b')");
    auto const source = source_of({{"create table u (id integer)", "-- undrop: no-transaction\ndrop table u;\ndrop table t;\nvacuum;"}});
    (void)up(db, source);
    db.run("insert into u values (1)");
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_MESSAGE(error.message.find("the down script drops public.t") != std::string::npos, error.message);
    check_unchanged(before, witness(db));
}

ON_BOTH("story: a plan down counts what comes back of a table") {
    fill(db);
    auto const source = source_of({{"drop table t"}});
    (void)up(db, source);
    comes_true(db, source);
}

ON_BOTH("story: a plan down counts what users wrote into what goes") {
    fill(db);
    auto const source =
        source_of({{"alter table t add column w text default 'up';"
                    "create table u (id integer primary key, v text); insert into u values (1, 'up'), (2, 'up');"
                    "insert into t (id, n) values (0, 0), (99, 99)"}});
    (void)up(db, source);
    db.run(
        "update t set w = 'theirs' where id < 4 and id > 0; insert into u values (3, 'theirs'); update u set v = 'theirs' where id = 1;"
        "update t set v = 'theirs' where id = 99");
    auto const step = planned(db, source);
    auto const loss = [&](std::string const& what) {
        auto const found = std::find_if(step.losses.begin(), step.losses.end(), [&](auto const& l) { return l.what == what; });
        REQUIRE_MESSAGE(found != step.losses.end(), what);
        return *found;
    };
    CHECK_EQ(loss(db.named("t.w")).rows.value(), 12);
    CHECK_EQ(loss(db.named("t.w")).written_since.value(), 3);
    CHECK_EQ(loss(db.named("u")).rows.value(), 3);
    CHECK_EQ(loss(db.named("u")).written_since.value(), 2);
    CHECK(mentions(step.notes, "takes 1 rows out of " + db.named("t") + " that the migration had inserted"));
}

ON_BOTH("story: a plan down says what only the step can tell") {
    fill(db);
    auto const source =
        source_of({{"alter table t drop column v", "alter table t add column v text; update t set v = 'down' where id = 1"}});
    (void)up(db, source);
    auto const v = of(planned(db, source), db.named("t.v"));
    CHECK_FALSE(v.comes_back.has_value());
    CHECK_NE(v.unknown.find("the down script writes rows"), std::string::npos);
    CHECK_EQ(v.deleted_since.value(), 0);
    auto const two = source_of({{"alter table t drop column v"}, {"update t set n = n + 100"}});
    (void)down(db, source);
    (void)up(db, two);
    auto target = Target::open(db.url()).value();
    auto const plan = plan_down(target, two, {.steps = 2}).value();
    CHECK_EQ(of(plan.steps.at(0), db.named("t.n")).comes_back.value(), 10);
    CHECK_NE(of(plan.steps.at(1), db.named("t.v")).unknown.find("an earlier step of this plan"), std::string::npos);
}

ON_POSTGRES("story: a plan down neither waits for a writer nor keeps one waiting") {
    fill(db);
    auto const source = source_of({{"update t set v = 'up'"}});
    (void)up(db, source);
    auto const writer = db.connect();
    writer->run("begin; update t set v = 'theirs' where id = 1");
    auto const v = of(planned(db, source), db.named("t.v"));
    CHECK_EQ(v.comes_back.value(), 10);
    writer->run("commit");
    CHECK_EQ(of(planned(db, source), db.named("t.v")).changed_since.value(), 1);
}

ON_BOTH("story: a unique value that another row has by now keeps no other value of the row away") {
    db.run("create table p (id integer primary key, name text, email text unique, phone text unique)");
    db.run("insert into p values (1, 'ann', 'a@x', '111'), (2, 'bob', 'b@x', '222')");
    auto const source = source_of({{"update p set name = 'user ' || id, email = 'u' || id, phone = 'p' || id"}});
    (void)up(db, source);
    db.run("insert into p values (3, 'new', 'a@x', '333')");
    comes_true(db, source);
    CHECK_EQ(db.table("select id, name, email, phone from p order by id"), "1|ann|u1|111\n2|bob|b@x|222\n3|new|a@x|333");
}

ON_BOTH("story: a unique value may be taken by a row that the step had changed, too") {
    fill(db);
    auto const source = source_of({{"update t set n = null"}});
    (void)up(db, source);
    db.run("update t set n = 2 where id = 1; update t set n = 4 where id = 3");
    comes_true(db, source);
    CHECK_EQ(db.table("select id, coalesce(n, 0) from t where id < 6 order by id"), "1|2\n2|0\n3|4\n4|0\n5|5");
}

ON_BOTH("story: a row that cannot get its unique value back keeps the one that it has from the next") {
    fill(db);
    auto const source = source_of({{"update t set v = 'up', n = -n where id > 5; update t set n = 1 - n where id > 5"}});
    (void)up(db, source);
    CHECK_EQ(db.table("select id, n from t where id > 8 order by id"), "9|10\n10|11");
    db.run("insert into t values (12, 'theirs', 6)");
    comes_true(db, source);
    CHECK_EQ(db.table("select id, v, n from t where id > 4 order by id"),
             "5|v5|5\n6|v6|7\n7|v7|8\n8|v8|9\n9|v9|10\n10|v10|11\n12|theirs|6");
}

ON_BOTH("story: two rows that would be the same by now stay as they are") {
    db.run("create table c (id integer primary key, a integer, b text, unique (a, b))");
    db.run("insert into c values (1, 1, 'x'), (2, 1, 'y'), (3, 1, 'z')");
    auto const source = source_of({{"update c set a = null"}});
    (void)up(db, source);
    db.run("update c set b = 'y' where id = 1");
    comes_true(db, source);
    CHECK_EQ(db.table("select id, coalesce(a, 0), b from c order by id"), "1|0|y\n2|0|y\n3|1|z");
}

ON_BOTH("story: a deleted row's unique value may be taken by the row that has another one's key") {
    fill(db);
    auto const source = source_of({{"delete from t where id < 4"}});
    (void)up(db, source);
    db.run("insert into t values (1, 'theirs', 2)");
    auto const report = down(db, source);
    auto const rows = merged(report.steps.at(0), db.named("t") + " (deleted)");
    CHECK_EQ(rows.key_taken, 2);
    CHECK_EQ(rows.restored, 1);
    CHECK_EQ(db.table("select id, v, n from t where id < 5 order by id"), "1|theirs|2\n3|v3|3\n4|v4|4");
}

ON_BOTH("story: where other columns are the key, a plan down tells rows by the new one, as the step does") {
    db.run("create table a (email varchar(20) not null primary key, v text, role text)");
    db.run("insert into a values ('a', 'v1', 'r1'), ('b', 'v2', 'r2'), ('c', 'v3', 'r3'), ('d', 'v4', 'r4'), ('e', 'v5', 'r5')");
    auto const source =
        source_of({{db.engine() == Engine::postgres
                        ? "alter table a drop constraint a_pkey; alter table a add id serial primary key; update a set v = upper(v);"
                          "alter table a drop column role"
                        : "create table n (id integer primary key, email varchar(20) not null, v text);"
                          "insert into n (email, v) select email, upper(v) from a; drop table a; alter table n rename to a"}});
    (void)up(db, source);
    db.run("update a set email = 'aa' where email = 'a'; update a set v = 'mine' where email = 'b'");
    db.run("delete from a where email = 'c'; insert into a (email, v) values ('c', 'V3')");
    db.run("update a set email = 'x' where email = 'd'; update a set email = 'd' where email = 'e'");
    auto const step = planned(db, source);
    CHECK_EQ(of(step, db.named("a.role")).deleted_since, 1);
    CHECK_EQ(of(step, db.named("a.role")).inserted_since, 1);
    CHECK_EQ(of(step, db.named("a.v")).changed_since, 1);
    comes_true(db, source);
    CHECK_EQ(db.table("select email, v, role from a order by email"), "aa|v1|r1\nb|mine|r2\nc|V3|NULL\nd|v5|r5\nx|v4|r4");
}
