// Every row of a snapshot and of its table is in exactly one class, whatever kind of snapshot it is and whatever was written since.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

std::int64_t sum_of(Merged const& m) {
    return m.restored + m.unchanged + m.computed + m.changed_since + m.deleted_since + m.inserted_since + m.key_taken + m.not_found +
           m.not_users + m.overwritten + m.orphaned + m.emptied + m.not_restored;
}

// Each merge adds up, and each row that was not put back is shown.
void adds_up(Database& db, Report const& report, std::size_t merges = 1) {
    auto target = Target::open(db.url()).value();
    std::size_t found = 0;
    for (auto const& merged : report.steps.at(0).merged) {
        if (merged.snapshot == 0) continue;
        ++found;
        CAPTURE(merged.what);
        CAPTURE(text_of(report));
        CHECK_EQ(sum_of(merged), merged.rows + merged.inserted_since);
        auto const shown = snapshot_conflicts(target, merged.snapshot).value();
        CHECK_EQ(shown.info.rows, merged.rows);
        CHECK_EQ(shown.total, merged.kept_aside());
    }
    CHECK_EQ(found, merges);
    CHECK(verify_snapshots(target).value().holds());
}

void fill(Database& db, std::string const& key = " primary key") {
    db.run("create table t (id integer not null" + key + ", v text, u integer)");
    db.run("insert into t select n, 'v' || n, n from " + numbers(db, 1, 10));
}

}  // namespace

ON_BOTH("story: rows of a column that comes back are each in one class") {
    fill(db);
    auto const source =
        source_of({{"alter table t drop column v", "alter table t add column v text; update t set v = 'down' where id = 3"}});
    (void)up(db, source);
    db.run("update t set u = 0 where id = 3; delete from t where id < 3; insert into t (id, u) values (11, 11), (12, 12), (13, 13)");
    auto const report = down(db, source);
    auto const v = merged(report.steps.at(0), db.named("t.v"));
    CHECK_EQ(v.computed, 1);
    CHECK_EQ(v.restored, 7);
    CHECK_EQ(v.deleted_since, 2);
    CHECK_EQ(v.inserted_since, 3);
    adds_up(db, report);
}

ON_BOTH("story: rows of a column that comes back into a table without a key are each in one class") {
    fill(db, "");
    db.run("insert into t values (10, 'twin', 10)");
    auto const source = source_of({{"alter table t drop column v"}});
    (void)up(db, source);
    db.run("update t set u = 0 where id = 1; delete from t where id = 2; insert into t (id, u) values (11, 11)");
    auto const report = down(db, source);
    auto const v = merged(report.steps.at(0), db.named("t.v"));
    CHECK_EQ(v.rows, 11);
    CHECK_EQ(v.restored, 9);
    CHECK_EQ(v.deleted_since + v.not_found, 2);
    CHECK_EQ(v.inserted_since, 2);
    adds_up(db, report);
}

ON_BOTH("story: rows of a table that comes back are each in one class") {
    fill(db);
    auto const source = source_of({{"drop table t; create table other (id integer primary key)",
                                    "drop table other; create table t (id integer not null primary key, v text, u integer);"
                                    "insert into t values (1, 'v1', 1), (2, 'down', 2), (99, 'new', 99)"}});
    (void)up(db, source);
    db.run("insert into other values (1)");
    auto const report = down(db, source);
    auto const rows = merged(report.steps.at(0), db.named("t"));
    CHECK_EQ(rows.rows, 10);
    CHECK_EQ(rows.unchanged, 1);
    CHECK_EQ(rows.computed, 1);
    CHECK_EQ(rows.restored, 8);
    CHECK_EQ(rows.inserted_since, 1);
    adds_up(db, report);
}

ON_BOTH("story: rows of a table without a key that comes back are each in one class") {
    fill(db, "");
    auto const source = source_of({{"drop table t; create table other (id integer primary key)",
                                    "drop table other; create table t (id integer not null, v text, u integer);"
                                    "insert into t values (1, 'v1', 1), (1, 'v1', 1), (2, 'down', 2)"}});
    (void)up(db, source);
    db.run("insert into other values (1)");
    auto const report = down(db, source);
    auto const rows = merged(report.steps.at(0), db.named("t"));
    CHECK_EQ(rows.unchanged, 1);
    CHECK_EQ(rows.restored, 9);
    CHECK_EQ(rows.inserted_since, 2);
    adds_up(db, report);
}

ON_BOTH("story: rows that a step deleted are each in one class when they come back") {
    fill(db);
    db.run("create unique index u on t (u)");
    auto const source = source_of({{"delete from t where id > 2"}});
    (void)up(db, source);
    db.run("insert into t values (3, 'v3', 3), (4, 'theirs', 40), (50, 'theirs', 5)");
    auto const report = down(db, source);
    auto const rows = merged(report.steps.at(0), db.named("t") + " (deleted)");
    CHECK_EQ(rows.rows, 8);
    CHECK_EQ(rows.unchanged, 1);
    CHECK_EQ(rows.key_taken, 2);
    CHECK_EQ(rows.restored, 5);
    adds_up(db, report);
    CHECK_EQ(db.table("select v from t where id in (3, 4, 5, 6, 50) order by id"), "v3\ntheirs\nv6\ntheirs");
}

ON_BOTH("story: rows without a key that a step deleted are each in one class when they come back") {
    fill(db, "");
    db.run("create unique index u on t (u)");
    auto const source = source_of({{"delete from t where id > 2", "insert into t values (3, 'v3', 3)"}});
    (void)up(db, source);
    db.run("insert into t values (40, 'theirs', 4)");
    auto const report = down(db, source);
    auto const rows = merged(report.steps.at(0), db.named("t") + " (deleted)");
    CHECK_EQ(rows.rows, 8);
    CHECK_EQ(rows.key_taken, 1);
    CHECK_EQ(rows.computed, 1);
    CHECK_EQ(rows.restored, 6);
    adds_up(db, report);
}

ON_BOTH("story: values that a step updated are each in one class when they come back") {
    fill(db);
    db.run("create unique index u on t (u)");
    auto const source = source_of({{"update t set v = 'up', u = u + 100"}});
    (void)up(db, source);
    db.run(
        "update t set v = 'theirs' where id = 1; update t set v = 'v2' where id = 2; insert into t values (11, 'new', 3);"
        "update t set u = 400 where id = 4");
    auto const report = down(db, source);
    auto const v = merged(report.steps.at(0), db.named("t.v"));
    auto const u = merged(report.steps.at(0), db.named("t.u"));
    CHECK_EQ(v.changed_since, 1);
    CHECK_EQ(v.unchanged, 1);
    CHECK_EQ(u.changed_since, 1);
    CHECK_EQ(u.key_taken, 1);
    CHECK_EQ(v.rows, 10);
    for (auto const& one : {v, u}) CHECK_EQ(sum_of(one), one.rows);
    auto target = Target::open(db.url()).value();
    CHECK_EQ(snapshot_conflicts(target, v.snapshot).value().total, v.kept_aside() + u.kept_aside());
    CHECK_NE(text_of(report).find("undrop snapshots show " + std::to_string(v.snapshot) + " --conflicts"), std::string::npos);
    CHECK(verify_snapshots(target).value().holds());
}

ON_BOTH("story: a row that is gone is in one class of each value that a step updated, and is shown once") {
    fill(db);
    auto const source = source_of({{"update t set v = 'up', u = 0"}});
    (void)up(db, source);
    db.run("delete from t where id = 1");
    auto const report = down(db, source);
    auto const v = merged(report.steps.at(0), db.named("t.v"));
    CHECK_EQ(v.deleted_since, 1);
    CHECK_EQ(sum_of(v), 10);
    auto target = Target::open(db.url()).value();
    auto const shown = snapshot_conflicts(target, v.snapshot).value();
    REQUIRE_EQ(shown.total, 1);
    CHECK_EQ(shown.rows.at(0).why, "deleted_since");
    CHECK_EQ(shown.columns, std::vector<std::string>{"id", "v", "u"});
    CHECK_EQ(shown.rows.at(0).values, std::vector<std::optional<std::string>>{"1", "v1", "1"});
}

ON_BOTH("story: values of rows without a key that a step updated are each in one class when they come back") {
    fill(db, "");
    auto const source = source_of({{"update t set v = 'up' where id < 6"}});
    (void)up(db, source);
    db.run("delete from t where id = 1; insert into t values (12, 'new', 12)");
    auto const report = down(db, source);
    auto const v = merged(report.steps.at(0), db.named("t.v"));
    CHECK_EQ(v.rows, 5);
    CHECK_EQ(v.not_found, 1);
    CHECK_EQ(v.restored, 4);
    adds_up(db, report);
}

ON_BOTH("story: values whose column gets its old type again are each in one class") {
    fill(db);
    auto const source = source_of({{db.either("alter table t alter column u type text using u || '!'",
                                              "create table n (id integer not null primary key, v text, u text);"
                                              "insert into n select id, v, u || '!' from t; drop table t; alter table n rename to t"),
                                    db.either("alter table t alter column u type integer using replace(u, '!', '')::integer",
                                              "create table n (id integer not null primary key, v text, u integer);"
                                              "insert into n select id, v, cast(u as integer) from t; drop table t;"
                                              "alter table n rename to t")}});
    (void)up(db, source);
    db.run("delete from t where id = 1; update t set u = '77' where id = 2; insert into t values (11, 'new', '11')");
    auto const report = down(db, source);
    CHECK_EQ(db.count("select u from t where id = 2"), 77);
    for (auto const& one : report.steps.at(0).merged)
        if (one.snapshot != 0) CHECK_EQ(sum_of(one), one.rows + one.inserted_since);
    CHECK_EQ(merged(report.steps.at(0), db.named("t.u")).deleted_since, 1);
}
