// Conflicts: what was not put back stays where it can be looked at; and the options that say otherwise.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

void fill(Database& db) {
    db.run("create table t (id integer primary key, v text, n integer)");
    db.run("insert into t select n, 'v' || n, n from " + numbers(db, 1, 5));
}

std::string aside(Database const& db, std::int64_t snapshot) {
    return db.either("undrop.aside_", "undrop_aside_") + std::to_string(snapshot);
}

bool has_table(Database& db, std::string const& table) {
    return db.count(db.either("select count(*) from pg_tables where schemaname || '.' || tablename = '" + table + "'",
                              "select count(*) from sqlite_schema where name = '" + table + "'")) == 1;
}

Conflicts conflicts(Database& db, std::int64_t snapshot) {
    auto target = Target::open(db.url()).value();
    return snapshot_conflicts(target, snapshot).value();
}

bool holds(Database& db) {
    auto target = Target::open(db.url()).value();
    return verify_snapshots(target).value().holds();
}

std::string values(Database& db) { return db.table("select v from t order by id"); }

}  // namespace

ON_BOTH("story: what was changed since is shown with the saved value, and goes with its snapshot") {
    fill(db);
    auto const source = source_of({{"update t set v = 'up'"}});
    (void)up(db, source);
    db.run("update t set v = 'theirs' where id = 2");
    if (db.postgres()) db.run("alter default privileges grant select on tables to public");
    auto const id = merged(down(db, source).steps.at(0), db.named("t.v")).snapshot;
    CHECK_EQ(values(db), "v1\ntheirs\nv3\nv4\nv5");
    auto const shown = conflicts(db, id);
    REQUIRE_EQ(shown.rows.size(), 1);
    CHECK_EQ(shown.rows.at(0).why, "changed_since");
    CHECK_EQ(shown.rows.at(0).column, "v");
    CHECK_EQ(shown.rows.at(0).values, std::vector<std::optional<std::string>>{"2", "v2"});
    CHECK(holds(db));
    REQUIRE(has_table(db, aside(db, id)));
    if (db.postgres())  // P8
        CHECK_EQ(db.count("select count(*) from pg_class c, aclexplode(c.relacl) x where c.relname = 'aside_" + std::to_string(id) +
                          "' and x.grantee <> c.relowner"),
                 0);
    auto target = Target::open(db.url()).value();
    (void)purge_snapshots(target, plan_purge(target, {.ids = {id}}).value()).value();
    CHECK_FALSE(has_table(db, aside(db, id)));
}

ON_BOTH("story: nothing is kept aside of what came back whole") {
    fill(db);
    auto const source = source_of({{"update t set v = 'up'; delete from t where id = 5"}});
    (void)up(db, source);
    auto const report = down(db, source);
    CHECK_EQ(text_of(report).find("--conflicts"), std::string::npos);
    auto const id = merged(report.steps.at(0), db.named("t.v")).snapshot;
    CHECK_EQ(conflicts(db, id).total, 0);
    CHECK_FALSE(has_table(db, aside(db, id)));
}

ON_BOTH("story: who is erased from a snapshot is erased from what was kept aside of it") {
    fill(db);
    auto const source = source_of({{"update t set v = 'up'"}});
    (void)up(db, source);
    db.run("update t set v = 'theirs' where id in (2, 3)");
    auto const id = merged(down(db, source).steps.at(0), db.named("t.v")).snapshot;
    auto target = Target::open(db.url()).value();
    (void)erase_from_snapshots(target, {.table = "t", .key = {{.column = "", .value = "2"}}}).value();
    CHECK_EQ(db.table("select k1 from " + aside(db, id)), "3");
    CHECK_EQ(conflicts(db, id).total, 1);
    CHECK(holds(db));
}

ON_BOTH("story: keep-old puts saved values over what was written since, saves that, and up brings it back") {
    fill(db);
    auto const source = source_of({{"update t set v = 'up ' || id"}});
    (void)up(db, source);
    db.run("update t set v = 'theirs' where id = 2; delete from t where id = 5");
    auto const report = down(db, source, {.on_conflict = OnConflict::keep_old});
    CHECK_EQ(values(db), "v1\nv2\nv3\nv4");
    auto const v = merged(report.steps.at(0), db.named("t.v"));
    CHECK_EQ(v.overwritten, 1);
    CHECK_EQ(v.restored, 3);
    CHECK_EQ(v.deleted_since, 1);
    CHECK_EQ(v.changed_since, 0);
    CHECK_EQ(saved(report.steps.at(0), db.named("t") + " (v)").rows, 1);  // P1
    CHECK(holds(db));
    (void)up(db, source);
    CHECK_EQ(values(db), "up 1\ntheirs\nup 3\nup 4");
    (void)down(db, source);
    CHECK_EQ(values(db), "v1\ntheirs\nv3\nv4");
}

ON_BOTH("story: what keep-old put over comes back under the names that the migration gives") {
    fill(db);
    auto const source = source_of({{"alter table t rename to w; alter table w rename column v to x; update w set x = 'up'"}});
    (void)up(db, source);
    db.run("update w set x = 'theirs' where id = 2");
    (void)down(db, source, {.on_conflict = OnConflict::keep_old});
    CHECK_EQ(values(db), "v1\nv2\nv3\nv4\nv5");
    (void)up(db, source);
    CHECK_EQ(db.table("select x from w order by id"), "up\ntheirs\nup\nup\nup");
}

ON_BOTH("story: keep-old puts saved rows over rows that took their key, saves those, and up brings them back") {
    fill(db);
    db.run("create unique index n on t (n)");
    auto const source = source_of({{"delete from t where id > 1"}});
    (void)up(db, source);
    db.run("insert into t values (2, 'theirs', 20), (3, 'theirs', 30), (40, 'theirs', 4), (9, 'theirs', 3)");
    auto const report = down(db, source, {.on_conflict = OnConflict::keep_old});
    auto const rows = merged(report.steps.at(0), db.named("t") + " (deleted)");
    CHECK_EQ(rows.overwritten, 1);  // 2
    CHECK_EQ(rows.key_taken, 2);    // 3 and 4, whose n others have: both stay
    CHECK_EQ(rows.restored, 1);     // 5
    CHECK_EQ(db.table("select id, v, n from t order by id"), "1|v1|1\n2|v2|2\n3|theirs|30\n5|v5|5\n9|theirs|3\n40|theirs|4");
    CHECK(holds(db));
    (void)up(db, source);
    CHECK_EQ(db.table("select id, v, n from t where id < 3 order by id"), "1|v1|1\n2|theirs|20");
}

ON_BOTH("story: stop takes the step back where something was written since, and says of what and how many") {
    fill(db);
    auto const source = source_of({{"update t set v = 'up'; delete from t where id = 5"}});
    (void)up(db, source);
    db.run("update t set v = 'theirs' where id in (2, 3); insert into t values (5, 'theirs', 5)");
    auto const before = witness(db);
    auto const error = down_error(db, source, {.on_conflict = OnConflict::stop});
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_NE(error.message.find("2 of " + db.named("t.v") + ": changed since"), std::string::npos);
    CHECK_NE(error.message.find("1 of " + db.named("t") + " (deleted): key taken since"), std::string::npos);
    CHECK_EQ(error.next.command, "plan down");
    CHECK_EQ(error.text().find("theirs"), std::string::npos);  // P8
    check_unchanged(before, witness(db));
    db.run("update t set v = 'up' where id < 5; delete from t where id = 5");
    (void)down(db, source, {.on_conflict = OnConflict::stop});
    CHECK_EQ(values(db), "v1\nv2\nv3\nv4\nv5");
}
