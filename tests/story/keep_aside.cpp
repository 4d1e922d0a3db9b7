// A column that is kept aside: renamed away where the script drops it, and what an operator does with it over the years.
#include <algorithm>
#include <sstream>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* people =
    "create table people (id integer primary key, name text, role text not null default 'viewer', nick text);"
    "insert into people values (1, 'Ann', 'admin', 'a'), (2, 'Bob', 'editor', null), (3, 'Cy', 'viewer', 'c')";

Source losing_role(std::string const& more = "") {
    return source_of({{"-- undrop: keep-aside people.role\n" + more + "alter table people drop column role;"}});
}

Target open(Database& db) { return Target::open(db.url()).value(); }

SnapshotInfo only_snapshot(Database& db) {
    auto target = open(db);
    auto const all = snapshots(target).value();
    REQUIRE_EQ(all.size(), 1);
    return all[0];
}

std::vector<std::string> faults(Database& db) {
    auto target = open(db);
    std::vector<std::string> found;
    auto const done = verify_snapshots(target).value();
    for (auto const& snapshot : done.snapshots)
        if (!snapshot.fault.empty()) found.push_back(snapshot.fault);
    return found;
}

Purge purged(Database& db, PurgeWish const& wish) {
    auto target = open(db);
    return purge_snapshots(target, plan_purge(target, wish).value()).value();
}

// Tables of the store that hold rows of users.
std::int64_t copies(Database& db) {
    return db.count(
        db.either("select count(*) from pg_tables where schemaname = 'undrop' and tablename like 'snapshot\\__%'",
                  "select count(*) from sqlite_schema where type = 'table' and name like 'undrop\\_snapshot\\__%' escape '\\'"));
}

template <class T>
std::string printed(T const& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

std::string planned_up(Database& db, Source const& source) {
    auto target = open(db);
    return printed(plan_up(target, source).value());
}

std::string planned_down(Database& db, Source const& source) {
    auto target = open(db);
    return printed(plan_down(target, source).value());
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

ON_BOTH("keep-aside: the application finds what it finds after a drop, nothing is copied, and all comes back in its place") {
    db.run(people);
    auto const before = witness(db);
    auto const step = up(db, losing_role()).steps.at(0);
    CHECK(step.saved.empty());
    CHECK_EQ(step.rounds, 1);
    CHECK_EQ(copies(db), 0);
    CHECK(mentions(step.notes, db.named("people.role") + " is not dropped, but kept aside as undrop_aside_1_role"));
    CHECK_EQ(db.table("select id, undrop_aside_1_role from people order by id"), "1|admin\n2|editor\n3|viewer");
    CHECK_THROWS_AS(db.run("update people set role = 'x'"), Refused);
    db.run("insert into people (id, name) values (4, 'Di'); delete from people where id = 2; update people set name = 'Cyd' where id = 3");
    auto const back = down(db, losing_role()).steps.at(0);
    CHECK_EQ(copies(db), 0);
    CHECK_EQ(db.table("select id, name, role, nick from people order by id"), "1|Ann|admin|a\n3|Cyd|viewer|c\n4|Di|viewer|NULL");
    check_same_text(before.exact, witness(db).exact);
    auto const role = merged(back, db.named("people.role"));
    CHECK_EQ(role.restored, 2);
    CHECK_EQ(role.inserted_since, 1);
    auto target = open(db);
    CHECK(snapshots(target).value().empty());  // it is a column like any other again
    (void)up(db, losing_role());
    CHECK_EQ(db.table("select id, undrop_aside_1_role from people order by id"), "1|admin\n3|viewer\n4|viewer");
    CHECK_EQ(only_snapshot(db).rows, 3);
}

ON_BOTH("keep-aside: a plan says what stays visible, and a plan down what is renamed back") {
    db.run(people);
    auto const plan = planned_up(db, losing_role());
    CHECK(has(plan, db.named("people.role") + " is not dropped, but kept aside as undrop_aside_1_role"));
    CHECK(has(plan, "SELECT * sees it"));
    CHECK(plan.ends_with("GO\n"));
    auto const plain = source_of({{"alter table people drop column role"}});
    CHECK_FALSE(has(planned_up(db, plain), "keep-aside"));  // three rows
    (void)up(db, losing_role());
    auto const back = planned_down(db, losing_role());
    CHECK(has(back, "renames undrop_aside_1_role back to " + db.named("people.role")));
    CHECK_FALSE(has(back, "removes column"));
    CHECK(back.ends_with("GO\n"));
}

ON_SQLITE("keep-aside: a plan recommends it where a million values would be copied") {
    db.run("create table big (id integer primary key, note text); insert into big select n, 'x' from " + numbers(db, 1, 1'000'000));
    auto const plan = planned_up(db, source_of({{"alter table big drop column note"}}));
    CHECK(has(plan, "`-- undrop: keep-aside big.note` at the top of the script"));
    db.run("delete from big where id = 7");
    CHECK_FALSE(has(planned_up(db, source_of({{"alter table big drop column note"}})), "keep-aside"));
}

ON_BOTH("keep-aside: what cannot be kept so is refused in the plan, with its line, and nothing has changed") {
    db.run(people);
    auto const before = witness(db);
    auto const source = source_of({{"-- why\n-- undrop: keep-aside people.rolle\nalter table people drop column role"}});
    auto target = open(db);
    auto const plan = plan_up(target, source).value();
    CHECK_FALSE(plan.go());
    auto const stop = std::find_if(plan.findings.begin(), plan.findings.end(), [](Finding const& f) { return f.code == "keep-aside"; });
    REQUIRE(stop != plan.findings.end());
    CHECK_EQ(stop->where.line, 2);
    CHECK_NE(stop->next.advice.find("keep-aside people.role`"), std::string::npos);
    CHECK_EQ(up_error(db, source).left, Left::untouched);
    for (auto const* wrong : {"-- undrop: keep-aside\nselect 1",
                              "-- undrop: keep-aside people.role\n-- undrop: keep-aside people.role\n"
                              "alter table people drop column role"})
        CHECK_EQ(up_error(db, source_of({{wrong}})).code, Code::refused);
    check_unchanged(before, witness(db));
}

ON_BOTH("keep-aside: what the database refuses to drop is not renamed either") {
    db.run(people);
    db.run(db.either("create view v as select role from people", "create index people_role on people (role)"));
    auto const before = witness(db);
    auto const error = up_error(db, losing_role());
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(error.where.line, 2);
    CHECK_FALSE(has(error.text(), "undrop_aside"));
    check_unchanged(before, witness(db));
}

ON_BOTH("keep-aside: rows inserted meanwhile need a value where the column had no default, and a backfill gives it") {
    db.run("create table t (id integer primary key, c text not null); insert into t values (1, 'a')");
    auto const source = source_of({{"-- undrop: keep-aside t.c\nalter table t drop column c"}});
    (void)up(db, source);
    db.run("insert into t (id) values (2)");
    auto const after = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.next.advice.find("backfill " + db.named("t.c")), std::string::npos);
    check_unchanged(after, witness(db));
    (void)down(db, source_of({{"-- undrop: keep-aside t.c\n-- undrop: backfill t.c = 'new'\nalter table t drop column c"}}));
    CHECK_EQ(db.table("select id, c from t order by id"), "1|a\n2|new");
}

ON_BOTH("keep-aside: later migrations change, rename and drop the table, and going down brings it all back") {
    db.run(people);
    auto const before = witness(db);
    auto const source = source_of({{"-- undrop: keep-aside people.role\nalter table people drop column role"},
                                   {"alter table people rename to persons"},
                                   {"alter table persons add column age integer; update persons set age = 5 where id = 1"},
                                   {"drop table persons"}});
    (void)up(db, source);
    CHECK(faults(db).empty());
    (void)down(db, source, {}, {.to = "1"});
    db.run("insert into people (id, name) values (4, 'Di')");
    (void)up(db, source);
    (void)down(db, source, {}, {.to = "0"});
    CHECK_EQ(db.table("select id, name, role, nick from people order by id"),
             "1|Ann|admin|a\n2|Bob|editor|NULL\n3|Cy|viewer|c\n4|Di|viewer|NULL");
    check_same_schema(before, witness(db));
}

ON_BOTH("keep-aside: a down script that makes the column is merged value by value, and what is saved of that outlives it") {
    db.run(people);
    auto source = losing_role();
    source.migrations[0].down = Script{
        "alter table people add column role text not null default 'viewer';\n"
        "update people set role = 'boss' where name in ('Bob', 'Eve')",
        "1_step.down.sql"};
    (void)up(db, source);
    db.run("insert into people (id, name) values (4, 'Di'), (5, 'Eve'); delete from people where id = 3");
    auto const step = down(db, source).steps.at(0);
    CHECK_EQ(step.rounds, 2);
    CHECK_EQ(db.table("select id, name, role from people order by id"), "1|Ann|admin\n2|Bob|boss\n4|Di|viewer\n5|Eve|boss");
    CHECK_EQ(merged(step, db.named("people.role")).computed, 1);
    CHECK_EQ(copies(db), 1);
    CHECK(faults(db).empty());
    CHECK_THROWS_AS(db.run("update people set undrop_aside_1_role = 'x'"), Refused);
    (void)up(db, source);
    CHECK_EQ(db.table("select id, undrop_aside_1_role from people order by id"), "1|admin\n2|boss\n4|viewer\n5|boss");
    (void)down(db, source, {.derive = true});
    CHECK_EQ(db.table("select id, name, role from people order by id"), "1|Ann|admin\n2|Bob|boss\n4|Di|viewer\n5|Eve|boss");
}

ON_BOTH("keep-aside: it is listed, shown, verified and erased from like a snapshot, and an export names it") {
    db.run(people);
    db.run(
        db.either("create function stamp() returns trigger language plpgsql as 'begin new.name := ''touched''; return new; end';"
                  "create trigger stamp before update on people for each row execute function stamp()",
                  "create trigger stamp after update on people begin update people set name = 'touched' where id = new.id; end"));
    (void)up(db, losing_role());
    auto const info = only_snapshot(db);
    CHECK_EQ(info.kind, "aside");
    CHECK_EQ(info.what, db.named("people.role"));
    CHECK_EQ(info.rows, 3);
    CHECK_EQ(info.needed_by, "down 1");
    CHECK(faults(db).empty());
    auto target = open(db);
    auto const shown = snapshot_rows(target, info.id).value();
    CHECK_EQ(shown.columns, std::vector<std::string>{"id", "role"});
    REQUIRE_EQ(shown.rows.size(), 3);
    CHECK_EQ(shown.rows[1][1].value_or(""), "editor");

    auto const erased = erase_from_snapshots(target, {.table = "people", .key = {{"", "2"}}}).value();
    CHECK_EQ(erased.rows, 1);
    CHECK_EQ(db.table("select id, name, undrop_aside_1_role from people order by id"), "1|Ann|admin\n2|Bob|NULL\n3|Cy|viewer");
    CHECK_EQ(erase_from_snapshots(target, {.table = "people", .key = {{"role", "admin"}}}).value().rows, 1);
    CHECK_EQ(erase_from_snapshots(target, {.table = "people", .key = {{"nobody", "x"}}}).error().code, Code::usage);
    CHECK(faults(db).empty());

    std::string bytes;
    auto const sink = [&](std::string_view piece) -> Result<void> {
        bytes += piece;
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    };
    CHECK_EQ(export_snapshots(target, sink).value().snapshots.size(), 0);
    CHECK(has(export_snapshots(target, sink, {info.id}).error().message, "kept aside in its own table, as undrop_aside_1_role"));
    (void)down(db, losing_role());
    CHECK_EQ(db.table("select id, role from people order by id"), "1|viewer\n2|viewer\n3|viewer");
}

ON_BOTH("keep-aside: a purge drops the column for good, and the way back goes without it where that is said") {
    db.run(people);
    auto const before = witness(db);
    (void)up(db, losing_role("-- undrop: keep 90d\n"));
    CHECK_EQ(purged(db, {.all = true}).kept.size(), 1);
    auto const done = purged(db, {.ids = {only_snapshot(db).id}});
    REQUIRE_EQ(done.irreversible.size(), 1);
    CHECK_EQ(done.irreversible[0], "1 step: down does not bring back " + db.named("people.role"));
    CHECK_THROWS_AS(db.run("update people set undrop_aside_1_role = 'x'"), Refused);
    CHECK_EQ(db.count("select count(*) from people"), 3);
    CHECK(only_snapshot(db).purged);
    CHECK(faults(db).empty());
    auto const error = down_error(db, losing_role());
    CHECK_NE(error.message.find("was purged"), std::string::npos);
    CHECK_EQ(error.next.command, "down --without-snapshot");
    auto const back = down(db, losing_role(), {.without_snapshot = true}).steps.at(0);
    CHECK_EQ(merged(back, db.named("people.role")).at_default, 3);
    CHECK_EQ(db.table("select id, role from people order by id"), "1|viewer\n2|viewer\n3|viewer");
    check_same_schema(before, witness(db));
}

ON_BOTH("keep-aside: a column that others dropped by hand is said to be gone, and never made up") {
    db.run(people);
    (void)up(db, losing_role());
    db.run("alter table people drop column undrop_aside_1_role");
    REQUIRE_EQ(faults(db).size(), 1);
    CHECK(has(faults(db)[0], "undrop_aside_1_role of " + db.named("people") + " is gone"));
    CHECK_FALSE([&] {
        auto target = open(db);
        return plan_down(target, losing_role()).value().go();
    }());
}

ON_BOTH("keep-aside: a rehearsal goes there and back") {
    db.run("create table t (id integer primary key)");
    auto const source =
        source_of({{std::string(people), "drop table people"},
                   {"-- undrop: keep-aside people.role, people.nick\nalter table people drop column role;\n"
                    "alter table people drop column nick;"},
                   {"-- undrop: keep-aside people.name\nalter table people drop column name", "alter table people add column name text"}});
    auto target = open(db);
    auto const evidence = rehearse(target, source).value();
    CHECK_MESSAGE(evidence.exact(), printed(evidence));
}

ON_BOTH("keep-aside: to a program before this one it is a drop") {
    auto source = source_of({{std::string(people)}, {"-- undrop: keep-aside people.role\nalter table people drop column role"}});
    (void)up(db, source);
    source.migrations.pop_back();
    auto target = open(db);
    auto const now = status(target, source).value();
    REQUIRE_EQ(now.applied.size(), 2);
    CHECK(mentions(now.applied[1].harms, "drops column " + db.named("people.role")));
}

ON_POSTGRES("keep-aside: a statement that waits for a lock in vain leaves all as it was") {
    db.run(people);
    auto const before = witness(db);
    auto other = db.connect();
    other->run("begin; select * from people");
    auto const error = up_error(db, losing_role(), {.lock_timeout = std::chrono::milliseconds{50}, .tries = 1});
    CHECK_EQ(error.code, Code::busy);
    other->run("rollback");
    check_unchanged(before, witness(db));
}
