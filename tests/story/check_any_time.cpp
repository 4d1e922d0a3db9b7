// check(): the applied migrations' checks, any time, by whoever may read.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Source accounts() {
    return source_of(
        {{"create table accounts (id integer primary key, balance integer not null);\ninsert into accounts values (1, 10), (2, 20);",
          "drop table accounts;", "select id from accounts where balance < 0;\nselect sum(balance) > 0 from accounts;", "select 1 = 1;"},
         {"create table plain (id integer primary key);"},
         {"create table more (id integer primary key);", {}, "select count(*) = 0 from more;"}});
}

CheckReport checked(Database& db, Source const& source, std::vector<std::string> const& versions = {}) {
    auto target = Target::open(db.url()).value();
    auto report = check(target, source, versions);
    if (!report) FAIL(report.error().text());
    return std::move(report).value();
}

Error check_error(Database& db, Source const& source, std::vector<std::string> const& versions) {
    auto target = Target::open(db.url()).value();
    auto report = check(target, source, versions);
    REQUIRE_FALSE(report.has_value());
    return report.error();
}

}  // namespace

ON_BOTH("story: the checks of applied migrations run any time, statement by statement, and change nothing") {
    auto const source = accounts();
    CHECK(checked(db, source).migrations.empty());  // No ledger, and none is made.
    CHECK_EQ(db.either(db.postgres() ? db.one("select count(*) from pg_namespace where nspname = 'undrop'") : "",
                       db.postgres() ? "" : db.one("select count(*) from sqlite_schema")),
             "0");
    (void)up(db, source);
    auto const report = checked(db, source);
    CHECK(report.holds());
    REQUIRE_EQ(report.migrations.size(), 2);
    CHECK_EQ(report.migrations.at(0).origin, Origin::file);
    CHECK_EQ(report.migrations.at(0).statements.size(), 2);
    CHECK_EQ(report.migrations.at(1).version, "3");

    db.run("update accounts set balance = -5 where id = 1");
    auto const before = witness(db);
    auto target = Target::open(db.url()).value();
    auto const later = check(target, source).value();
    CHECK_FALSE(later.holds());
    CHECK_FALSE(later.migrations.at(0).statements.at(0).holds);
    CHECK_EQ(later.migrations.at(0).statements.at(0).rows, 1);
    CHECK_EQ(later.migrations.at(0).statements.at(0).where.line, 1);
    CHECK(later.migrations.at(0).statements.at(1).holds);
    CHECK(later.migrations.at(1).holds());
    check_unchanged(before, witness(db));
    CHECK_EQ(log(target).value().size(), 3);          // Nothing was written down either.
    CHECK(check(target, source, {"3"}).has_value());  // And the target goes on.
    CHECK_EQ(db.held_off("insert into more values (1)"), "");
}

ON_BOTH("story: a statement that fails does not keep the others from running") {
    auto source = accounts();
    (void)up(db, source);
    source.migrations.at(0).check->text =
        "select nope from accounts;\nselect sum(balance) = 30 from accounts;\nselect 1 / 0 = 1 from nowhere;";
    source.migrations.at(2).check->text = "select 1 = 1;\ndelete from more;";
    auto const report = checked(db, source);
    auto const& first = report.migrations.at(0).statements;
    REQUIRE_EQ(first.size(), 3);
    CHECK(has(first.at(0).problem, "nope"));
    CHECK(first.at(1).holds);
    CHECK(has(first.at(2).problem, "nowhere"));
    // A text that is no check is not run at all.
    auto const& second = report.migrations.at(1).statements;
    REQUIRE_EQ(second.size(), 1);
    CHECK_EQ(second.at(0).where.line, 2);
    CHECK(has(second.at(0).problem, "only reads"));
}

ON_BOTH("story: without files the recorded checks run; a file wins; an accepted edit is recorded") {
    auto source = accounts();
    (void)up(db, source);
    auto const recorded = checked(db, source_of({}));
    REQUIRE_EQ(recorded.migrations.size(), 2);
    CHECK_EQ(recorded.migrations.at(0).origin, Origin::ledger);
    CHECK_EQ(recorded.migrations.at(0).statements.size(), 2);
    CHECK(recorded.holds());
    source.migrations.at(0).check->text = "select 1 = 2;";
    CHECK_FALSE(checked(db, source).holds());
    CHECK(checked(db, source_of({})).holds());
    // An edited check is no edited migration: up goes on.
    CHECK(up(db, source).steps.empty());
    auto target = Target::open(db.url()).value();
    CHECK(accept(target, source, "1").has_value());
    CHECK_FALSE(checked(db, source_of({})).holds());
    CHECK_FALSE(accept(target, source, "1").has_value());
}

ON_BOTH("story: versions that are not applied, or have no check, are named") {
    auto const source = accounts();
    auto first = source;
    first.migrations.erase(first.migrations.begin() + 2);
    (void)up(db, first);
    CHECK_EQ(checked(db, source, {"1", "01"}).migrations.size(), 1);
    auto const pending = check_error(db, source, {"3"});
    CHECK_EQ(pending.code, Code::usage);
    CHECK(has(pending.message, "3 step is not applied"));
    CHECK_EQ(pending.next.command, "up --to 3");
    auto const none = check_error(db, source, {"1", "2"});
    CHECK_EQ(none.code, Code::usage);
    CHECK(has(none.message, "2_step has no check"));
    CHECK(has(none.next.advice, "2_step.check.sql"));
    auto const unknown = check_error(db, source, {"4"});
    CHECK(has(unknown.message, "4 is not applied. Did you mean"));
    (void)down(db, first, {}, {.to = "0"});
    CHECK(has(check_error(db, source, {"9"}).message, "9 is not applied"));
}

ON_POSTGRES("story: a role that may only read can check") {
    (void)up(db, accounts());
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    auto const role = "undrop_check_" + db.one("select current_database()");
    superuser->run("create role \"" + role + "\" login in role pg_read_all_data");
    auto url = db.url();
    url.replace(url.find("user=undrop_owner"), std::string("user=undrop_owner").size(), "user=" + role);
    {
        auto target = Target::open(url).value();
        auto const report = check(target, source_of({}));
        REQUIRE_MESSAGE(report.has_value(), report.error().text());
        CHECK_EQ(report.value().migrations.size(), 2);
        CHECK(report.value().holds());
    }
    superuser->run("drop role \"" + role + "\"");
}

ON_POSTGRES("story: a check that meets a locked table says busy in time") {
    (void)up(db, accounts());
    auto const other = db.connect();
    other->run("begin; lock table accounts in access exclusive mode");
    auto target = Target::open(db.url()).value();
    auto const report = check(target, source_of({}), {}, {.lock_timeout = std::chrono::milliseconds(20)});
    REQUIRE_FALSE(report.has_value());
    CHECK_EQ(report.error().code, Code::busy);
    CHECK_EQ(report.error().left, Left::untouched);
    other->run("rollback");
    CHECK(check(target, source_of({})).value().holds());
}

ON_BOTH("story: a store that was made before there were checks gets their table with the next step, and is read without it") {
    auto const source = accounts();
    auto without = source;
    without.migrations.resize(1);
    without.migrations.at(0).check.reset();
    without.migrations.at(0).down_check.reset();
    (void)up(db, without);
    db.run(db.either("drop table undrop.\"check\"", "drop table undrop_check"));
    CHECK(checked(db, without).migrations.empty());
    auto target = Target::open(db.url()).value();
    CHECK(plan_down(target, without).value().go());
    CHECK(accept(target, source, "1").has_value());
    CHECK_EQ(checked(db, source_of({})).migrations.size(), 1);
    db.run(db.either("drop table undrop.\"check\"", "drop table undrop_check"));
    (void)up(db, source);
    auto const recorded = checked(db, source_of({}));
    REQUIRE_EQ(recorded.migrations.size(), 1);
    CHECK_EQ(recorded.migrations.at(0).version, "3");
}
