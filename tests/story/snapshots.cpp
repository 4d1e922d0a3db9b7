// Snapshots as things: a snapshot that is not what was saved is never restored from, and what can still be done is done.
#include <algorithm>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* people =
    "create table people (id integer primary key, name text not null, role text not null default 'viewer');"
    "insert into people values (1, 'Ann', 'admin'), (2, 'Bob', 'editor'), (3, 'Cy', 'admin');"
    "create table notes (about text, body text); insert into notes values ('a', 'x'), ('a', 'x'), ('b', null)";

Source losing() {
    return source_of(
        {{"alter table people drop column role;\ndrop table notes;\nupdate people set name = upper(name) where id = 1;\n"
          "delete from people where id = 3;"}});
}

std::string store(Database const& db, std::string const& table) { return db.either("undrop.", "undrop_") + table; }

SnapshotInfo info_of(Database& db, std::string const& what) {
    auto target = Target::open(db.url()).value();
    auto const all = snapshots(target).value();
    auto const found = std::find_if(all.begin(), all.end(), [&](SnapshotInfo const& s) { return s.what == what; });
    REQUIRE_MESSAGE(found != all.end(), what);
    return *found;
}

std::string table_of(Database& db, std::string const& what) { return store(db, info_of(db, db.named(what)).store); }

Verification verified(Database& db, std::vector<std::int64_t> const& ids = {}) {
    auto target = Target::open(db.url()).value();
    return verify_snapshots(target, ids).value();
}

std::string faults(Verification const& verification) {
    std::string text;
    for (auto const& [info, fault] : verification.snapshots)
        if (!fault.empty()) text += info.what + " " + fault + "\n";
    return text;
}

// Everything, undrop's store too.
std::string everything(Database& db) {
    return db.postgres() ? without_noise(output_of("pg_dump --no-owner " + shell_quoted(db.location())))
                         : output_of("sqlite3 " + shell_quoted(db.location()) + " .dump");
}

}  // namespace

ON_BOTH("snapshots: what was changed in a store by hand is found, named, and not restored from") {
    db.run(people);
    auto const before = witness(db);
    (void)up(db, losing());
    CHECK(verified(db).holds());
    CHECK_EQ(verified(db).snapshots.size(), 4);
    auto const roles = table_of(db, "people.role");
    auto const notes = table_of(db, "notes");
    auto const gone = db.either("alter table " + roles + " set schema public", "alter table " + roles + " rename to taken");
    auto const back =
        db.either("alter table public." + roles.substr(roles.find('.') + 1) + " set schema undrop", "alter table taken rename to " + roles);
    auto const rename = [&](std::string const& table, std::string const& from, std::string const& to) {
        return "alter table " + table + " rename column " + from + " to " + to + ";";
    };
    struct Tampering {
        std::string done;
        std::string undone;
        std::string words;
    };
    std::vector<Tampering> const all{
        {"update " + roles + " set v1 = 'root' where k1 = 2", "update " + roles + " set v1 = 'editor' where k1 = 2", "holds other values"},
        {"update " + roles + " set state = 'm' where k1 = 2", "update " + roles + " set state = 'u' where k1 = 2", "holds other values"},
        {"delete from " + roles + " where k1 = 2", "insert into " + roles + " (k1, state, v1) values (2, 'u', 'editor')", "has 2 rows"},
        {"insert into " + roles + " (k1, state, v1) values (9, 'u', 'x')", "delete from " + roles + " where k1 = 9", "has 4 rows"},
        {gone, back, "has no table any more"},
        {rename(roles, "v1", "x1"), rename(roles, "x1", "v1"), "has other columns"},
        {rename(notes, "v1", "x") + rename(notes, "v2", "v1") + rename(notes, "x", "v2"),
         rename(notes, "v1", "x") + rename(notes, "v2", "v1") + rename(notes, "x", "v2"), "holds other values"}};
    for (auto const& [done, undone, words] : all) {
        CAPTURE(done);
        db.run(done);
        auto const found = faults(verified(db));
        CHECK_MESSAGE(found.find(words) != std::string::npos, found);
        CHECK_EQ(std::count(found.begin(), found.end(), '\n'), 1);
        auto const error = down_error(db, losing());
        CHECK_EQ(error.code, Code::refused);
        CHECK_MESSAGE(error.message.find(words) != std::string::npos, error.message);
        CHECK_NE(error.message.find("nothing is restored from it"), std::string::npos);
        CHECK_EQ(error.next.command, "down --without-snapshot");
        CHECK_EQ(db.table("select id, name from people order by id"), "1|ANN\n2|Bob");
        db.run(undone);
        CHECK_MESSAGE(verified(db).holds(), faults(verified(db)));
    }
    (void)down(db, losing());
    check_same(before, witness(db));
}

ON_BOTH("snapshots: those asked for are verified, and one that there is not is said to be none") {
    db.run(people);
    (void)up(db, losing());
    auto const id = info_of(db, db.named("notes")).id;
    auto const one = verified(db, {id});
    REQUIRE_EQ(one.snapshots.size(), 1);
    CHECK_EQ(one.snapshots[0].info.id, id);
    auto target = Target::open(db.url()).value();
    CHECK_EQ(verify_snapshots(target, {999}).error().code, Code::usage);
    auto const empty = Database::make(db.engine());
    CHECK(verified(*empty).snapshots.empty());
}

ON_BOTH("snapshots: a hash does not depend on the session's settings") {
    db.run("create table t (id integer primary key, f double precision, x " + db.either("bytea", "blob") + ", d " +
           db.either("timestamptz", "text") + "); insert into t values (1, 0.1, " + db.either("'\\x00ff'", "x'00ff'") +
           ", '2026-01-01 00:00:00+00'), (2, 1e300, null, null)");
    (void)up(db, source_of({{"drop table t;"}}));
    if (db.postgres())
        db.run(
            "do $$ begin execute format('alter database %I set datestyle to ''German''; alter database %I set timezone to "
            "''Asia/Tokyo''; alter database %I set bytea_output to ''escape''; alter database %I set extra_float_digits to -10', "
            "current_database(), current_database(), current_database(), current_database()); end $$");
    CHECK_MESSAGE(verified(db).holds(), faults(verified(db)));
}

ON_BOTH("snapshots: without a snapshot the schema comes back, and what stays away is counted") {
    db.run(people);
    auto const before = witness(db);
    (void)up(db, losing());
    db.run("drop table " + table_of(db, "people.role"));
    db.run("delete from " + table_of(db, "notes") + " where n = 1");
    (void)down_error(db, losing());
    auto const report = down(db, losing(), {.without_snapshot = true});
    auto const& step = report.steps.at(0);
    CHECK_EQ(merged(step, db.named("people.role")).at_default, 2);
    CHECK_EQ(merged(step, db.named("people.role")).restored, 0);
    CHECK_EQ(merged(step, db.named("notes")).not_restored, 3);
    CHECK(mentions(step.notes, "has no table any more"));
    CHECK(mentions(step.notes, "3 were saved"));
    CHECK_NE(text_of(report).find("at the default 2 (no snapshot)"), std::string::npos);
    check_same_schema(before, witness(db));
    // What has its snapshot came back.
    CHECK_EQ(db.table("select id, name, role from people order by id"), "1|Ann|viewer\n2|Bob|viewer\n3|Cy|admin");
    CHECK_EQ(db.count("select count(*) from notes"), 0);
}

ON_BOTH("snapshots: without a snapshot rows need a default, or the migration's backfill") {
    db.run("create table t (id integer primary key, v integer not null, w integer); insert into t values (1, 10, 5), (2, 20, 6)");
    auto const source = source_of({{"alter table t drop column v;"}});
    (void)up(db, source);
    db.run("drop table " + table_of(db, "t.v"));
    auto const error = down_error(db, source, {.without_snapshot = true});
    CHECK_EQ(error.code, Code::refused);
    CHECK_MESSAGE(error.message.find("must not be NULL") != std::string::npos, error.text());
    CHECK_MESSAGE(error.next.advice.find("backfill") != std::string::npos, error.text());
    CHECK_EQ(db.table("select * from t order by id"), "1|5\n2|6");
    auto const filling = source_of({{"-- undrop: backfill t.v = w * 2\nalter table t drop column v;"}});
    auto const report = down(db, filling, {.without_snapshot = true});
    CHECK_EQ(merged(report.steps.at(0), db.named("t.v")).at_default, 2);
    CHECK_EQ(db.table("select id, v, w from t order by id"), "1|10|5\n2|12|6");
}

ON_BOTH("snapshots: without a snapshot what the down script computed is kept and counted as that") {
    db.run("create table t (id integer primary key, v text default 'd'); insert into t values (1, 'x'), (2, 'y')");
    auto const source =
        source_of({{"alter table t drop column v;", "alter table t add column v text default 'd';\nupdate t set v = 'c' where id = 1;"}});
    (void)up(db, source);
    db.run("drop table " + table_of(db, "t.v"));
    auto const report = down(db, source, {.without_snapshot = true});
    auto const counted = merged(report.steps.at(0), db.named("t.v"));
    CHECK_EQ(counted.computed, 1);
    CHECK_EQ(counted.at_default, 1);
    CHECK_EQ(db.table("select id, v from t order by id"), "1|c\n2|d");
}

ON_BOTH("snapshots: the way up is refused, too, where what users had written is not what was saved") {
    db.run("create table t (id integer primary key); insert into t values (1), (2)");
    auto const source = source_of({{"alter table t add column v text;"}});
    (void)up(db, source);
    db.run("update t set v = 'mine' where id = 1");
    (void)down(db, source);
    auto const saved_values = table_of(db, "t.v");
    db.run("update " + saved_values + " set v1 = 'other' where k1 = 1");
    auto const error = up_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.next.command, "up --without-snapshot");
    auto const report = up(db, source, {.without_snapshot = true});
    CHECK_EQ(merged(report.steps.at(0), db.named("t.v")).at_default, 2);
    CHECK_EQ(db.table("select id, v from t order by id"), "1|NULL\n2|NULL");
}

ON_BOTH("snapshots: what was purged on purpose does not stand in the way up") {
    db.run("create table t (id integer primary key); insert into t values (1)");
    auto const source = source_of({{"alter table t add column v text;"}});
    (void)up(db, source);
    db.run("update t set v = 'mine'");
    (void)down(db, source);
    CHECK_EQ(info_of(db, db.named("t.v")).needed_by, "up 1");
    auto target = Target::open(db.url()).value();
    auto const gone = purge_snapshots(target, plan_purge(target, {.all = true}).value()).value();
    CHECK_EQ(gone.irreversible.at(0), "1: up does not bring back " + db.named("t.v"));
    auto const report = migrate(target, source);
    REQUIRE_MESSAGE(report.has_value(), report.error().text());
    CHECK(mentions(report.value().steps.at(0).notes, "was purged"));
    CHECK_EQ(db.table("select * from t"), "1|NULL");
}

ON_BOTH("snapshots: nothing is erased from a snapshot that is not what was saved") {
    db.run(people);
    (void)up(db, losing());
    auto const table = table_of(db, "people.role");
    db.run("update " + table + " set v1 = 'root' where k1 = 2");
    auto const before = everything(db);
    auto target = Target::open(db.url()).value();
    CHECK_EQ(erase_from_snapshots(target, {.table = "people", .key = {{"", "1"}}}).error().code, Code::refused);
    check_same_text(before, everything(db));
    CHECK_FALSE(verified(db).holds());
}
