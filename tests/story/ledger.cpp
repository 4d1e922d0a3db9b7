// P4: the way back is in the database. Edited files, files that are gone, and whose down runs.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool found(std::vector<Finding> const& findings, std::string const& code) {
    for (auto const& finding : findings)
        if (finding.code == code) return true;
    return false;
}

}  // namespace

ON_BOTH("story: a database whose files are gone goes back by its ledger") {
    Participants story(db, 500);
    auto const before = witness(db);
    auto const source = source_of({{story.drop_role()},
                                   {"create table extra (id integer primary key);\ninsert into extra values (1);", "drop table extra;"},
                                   {"alter table request_participants drop column user_id;"}});
    // The last one fails where a view reads the column; the first one took the view away.
    (void)up(db, source);
    auto const empty = source_of({});
    auto const third = down(db, empty);
    CHECK_EQ(third.steps.at(0).version, "3");
    CHECK_EQ(third.steps.at(0).origin, Origin::derived);
    auto const second = down(db, empty);
    CHECK_EQ(second.steps.at(0).origin, Origin::ledger);
    (void)down(db, empty);
    check_same(before, witness(db));
    CHECK(down(db, empty).steps.empty());
}

ON_BOTH("story: for up, a file that is gone is refused; for down it does not matter") {
    auto const source = source_of({{"create table a (id integer primary key);", "drop table a;"}});
    (void)up(db, source);
    auto fewer = source_of({{""}, {"create table b (id integer primary key);"}});
    fewer.migrations.erase(fewer.migrations.begin());
    auto const before = witness(db);
    auto const error = up_error(db, fewer);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_NE(error.message.find("1 step"), std::string::npos);
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    CHECK(status(target, fewer).value().applied.at(0).missing);
    (void)down(db, fewer);
    CHECK_EQ(status(target, fewer).value().applied.size(), 0);
}

ON_BOTH("story: an edited down file is taken, announced with its difference; the ledger's can be chosen") {
    auto const first = source_of({{"create table a (id integer primary key);\ninsert into a values (1);", "drop table a; -- as it was"}});
    auto const edited = source_of({{"create table a (id integer primary key);\ninsert into a values (1);",
                                    "create table edited_was_here (id integer primary key);\ninsert into edited_was_here select 2 from a "
                                    "where id = 2;\ndrop table a;"}});
    (void)up(db, first);
    auto target = Target::open(db.url()).value();
    CHECK(status(target, edited).value().applied.at(0).edited_down);
    auto const plan = plan_down(target, edited).value();
    CHECK(plan.go());
    CHECK(found(plan.findings, "edited-down"));
    CHECK_NE(plan.findings.at(0).text.find("edited_was_here"), std::string::npos);
    CHECK_EQ(plan.steps.at(0).origin, Origin::file);
    auto const other = plan_down(target, edited, {}, {.down_from = DownFrom::ledger}).value();
    CHECK_EQ(other.steps.at(0).origin, Origin::ledger);
    auto const back = down(db, edited, {.down_from = DownFrom::ledger});
    CHECK_EQ(back.steps.at(0).origin, Origin::ledger);
    CHECK_EQ(db.either(db.postgres() ? db.one("select count(*) from pg_tables where tablename = 'edited_was_here'") : "",
                       db.postgres() ? "" : db.one("select count(*) from sqlite_schema where name = 'edited_was_here'")),
             "0");
    // What the down makes of what was written since stays, as its author wants it.
    (void)up(db, first);
    db.run("insert into a values (2)");
    (void)down(db, edited);
    CHECK_EQ(db.count("select count(*) from edited_was_here"), 1);
}

ON_BOTH("story: an edited up of an applied migration is refused for up until it is accepted") {
    auto const first = source_of({{"create table a (id integer primary key);"}});
    auto const edited = source_of({{"create table a (id integer primary key, more text);"}, {"create table b (id integer primary key);"}});
    (void)up(db, first);
    auto const before = witness(db);
    auto const error = up_error(db, edited);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_NE(error.message.find("more text"), std::string::npos);
    CHECK_EQ(error.next.command, "accept 1");
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    CHECK(status(target, edited).value().applied.at(0).edited_up);
    // Going down is not hindered; here it is only planned.
    CHECK(plan_down(target, edited).value().go());

    auto const entry = accept(target, edited, "1").value();
    CHECK_EQ(entry.kind, "accepted");
    CHECK_EQ(up(db, edited).steps.size(), 1);
    CHECK(!status(target, edited).value().applied.at(0).edited_up);
    // What ran is what is taken back.
    (void)down(db, edited, {}, {.to = "0"});
    CHECK(status(target, edited).value().applied.empty());
}

ON_BOTH("story: a drift by hand is refused, and can be accepted") {
    Participants story(db, 50);
    auto const before = witness(db);
    auto const source =
        source_of({{"alter table request_participants add column note text;\ncreate index note_idx on request_participants (note);\n"}});
    (void)up(db, source);
    db.run("drop index note_idx");
    auto const drifted = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.message.find("note_idx"), std::string::npos);
    check_unchanged(drifted, witness(db));
    (void)down(db, source, {.accept_drift = true});
    check_same(before, witness(db));
}

ON_BOTH("story: two ledgers in one database do not see each other") {
    auto const one = source_of({{"create table one (id integer primary key);\ninsert into one values (1);"}});
    auto const two = source_of({{"create table two (id integer primary key);\ninsert into two values (2);"}});
    (void)up(db, one);
    (void)up(db, two, {.ledger = "second"});
    auto target = Target::open(db.url()).value();
    CHECK_EQ(status(target, one).value().applied.size(), 1);
    CHECK_EQ(status(target, two, {.ledger = "second"}).value().applied.size(), 1);
    (void)down(db, two, {.ledger = "second"});
    CHECK_EQ(db.count("select id from one"), 1);
    CHECK_EQ(status(target, one).value().applied.size(), 1);
}

ON_BOTH("story: steps, targets, runs and labels choose what is taken back") {
    auto const table = [](std::string const& name) {
        return Scripts{"create table " + name + " (id integer primary key);\n", "drop table " + name + ";\n"};
    };
    auto const source = source_of({table("a"), table("b"), table("c"), table("d"), table("e")});
    auto target = Target::open(db.url()).value();
    auto const applied = [&] { return status(target, source).value().applied.size(); };
    auto const go = [&](Plan plan, Options const& options = {}) {
        return apply(target, approve(std::move(plan)).value(), options).value();
    };
    (void)go(plan_up(target, source, {.steps = 2}).value(), {.label = "shop 1"});
    CHECK_EQ(applied(), 2);
    (void)go(plan_up(target, source, {.to = "3"}).value(), {.label = "shop 2"});
    CHECK_EQ(applied(), 3);
    auto const last = go(plan_to(target, source, "5").value(), {.label = "shop 2"});
    CHECK_EQ(applied(), 5);
    CHECK_EQ(go(plan_down(target, source, {.run = last.run}).value()).steps.size(), 2);
    CHECK_EQ(go(plan_down(target, source, {.label = "shop 2"}).value()).steps.size(), 1);
    CHECK_EQ(applied(), 2);
    CHECK(!plan_down(target, source, {.label = "no such"}).has_value());
    CHECK_EQ(go(plan_down(target, source, {.to = "1"}).value()).steps.size(), 1);
    CHECK_EQ(go(plan_to(target, source, "0").value()).steps.size(), 1);
    CHECK_EQ(applied(), 0);
    auto const entries = log(target).value();
    CHECK_EQ(entries.size(), 10);
    CHECK_EQ(entries.front().label, "shop 1");
}

ON_BOTH("story: a run that fails keeps its earlier steps, unless it is atomic") {
    auto const source =
        source_of({{"create table a (id integer primary key);"}, {"create table b (id integer primary key);\nselect nothing_like_this;"}});
    auto const before = witness(db);
    auto const error = up_error(db, source);
    CHECK_EQ(error.left, Left::changed);
    auto target = Target::open(db.url()).value();
    CHECK_EQ(status(target, source).value().applied.size(), 1);
    (void)down(db, source);
    check_same(before, witness(db));
    CHECK_EQ(up_error(db, source, {.atomic = true}).left, Left::rolled_back);
    check_same(before, witness(db));
    CHECK_EQ(status(target, source).value().applied.size(), 0);
}

ON_BOTH("story: a plan is refused when the database is no longer what it was made for") {
    Participants story(db, 50);
    auto const source = source_of({{story.drop_role()}});
    auto target = Target::open(db.url()).value();
    auto const old = approve(plan_up(target, source).value()).value();
    db.run("create index another on request_participants (user_id)");
    auto const before = witness(db);
    auto const refused = apply(target, old);
    REQUIRE(!refused.has_value());
    CHECK_EQ(refused.error().code, Code::conflict);
    CHECK_EQ(refused.error().left, Left::untouched);
    check_unchanged(before, witness(db));
    db.run("create table unrelated (id integer primary key)");
    auto const fresh = approve(plan_up(target, source).value()).value();
    db.run("create table also_unrelated (id integer primary key)");
    CHECK(apply(target, fresh).has_value());
    auto const twice = apply(target, fresh);
    REQUIRE(!twice.has_value());
    CHECK_EQ(twice.error().code, Code::conflict);
}

ON_BOTH("story: snapshots are listed and shown") {
    Participants story(db, 300);
    auto const source = source_of({{story.drop_role()}});
    auto target = Target::open(db.url()).value();
    CHECK(snapshots(target).value().empty());
    (void)up(db, source);
    auto const list = snapshots(target).value();
    REQUIRE_EQ(list.size(), 1);
    CHECK_EQ(list[0].what, story.what());
    CHECK_EQ(list[0].rows, 300);
    CHECK_GT(list[0].bytes, 0);
    CHECK_EQ(list[0].version, "1");
    auto const rows = snapshot_rows(target, list[0].id, 10).value();
    CHECK_EQ(rows.rows.size(), 10);
    CHECK_EQ(rows.columns, std::vector<std::string>{"id", "role"});
    CHECK(!snapshot_rows(target, 999).has_value());
    (void)down(db, source);
    CHECK_EQ(snapshots(target).value().size(), 1);  // Kept until someone removes them.
}

ON_BOTH("story: what a user wrote last comes back, however often the migration has gone up and down") {
    db.run("create table t (id integer primary key); insert into t select n from " + numbers(db, 1, 12));
    auto const source = source_of({{"alter table t add column e text default 'e';", "alter table t drop column e;"}});
    for (int n = 1; n <= 12; ++n) {  // ten events and more: numbers of two digits
        CAPTURE(n);
        (void)up(db, source);
        db.run("update t set e = 'user' where id = " + std::to_string(n));
        (void)down(db, source);
        (void)up(db, source);
        CHECK_EQ(db.count("select count(*) from t where e = 'user'"), n);
        (void)down(db, source);
    }
}
