// Bad input is refused before anything changes, with place, reason and what to do next (P7).
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <filesystem>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Error open_error(std::string const& url) {
    auto opened = Target::open(url);
    if (opened) {
        // A target may connect only when it is first used.
        auto asked = status(opened.value(), source_of({}));
        REQUIRE(!asked.has_value());
        return asked.error();
    }
    return opened.error();
}

}  // namespace

TEST_CASE("story: two migrations of one version are refused, from a directory and compiled in") {
    Directory const files;
    files.write("1_a.up.sql", "create table a (id integer primary key);");
    files.write("001_b.up.sql", "create table b (id integer primary key);");
    auto const read = Source::directory(files.path());
    REQUIRE(!read.has_value());
    CHECK_EQ(read.error().code, Code::refused);
    CHECK(has(read.error().text(), "1_a"));
    CHECK(has(read.error().text(), "001_b"));
    std::array<EmbeddedFile, 2> const embedded{EmbeddedFile{"1_a.up.sql", "select 1;"}, EmbeddedFile{"01_b.up.sql", "select 1;"}};
    CHECK(!Source::embedded(embedded).has_value());
}

ON_BOTH("story: a version lower than the newest applied one is refused, unless asked for") {
    auto source = source_of({{"create table a (id integer primary key);"},
                             {"create table b (id integer primary key);"},
                             {"create table c (id integer primary key);"}});
    auto without_second = source;
    without_second.migrations.erase(without_second.migrations.begin() + 1);
    (void)up(db, without_second);
    auto const before = witness(db);
    auto const error = up_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.next.command, "--out-of-order"));
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    CHECK(status(target, source).value().pending.at(0).out_of_order);
    CHECK_EQ(up(db, source, {.out_of_order = true}).steps.size(), 1);
    CHECK(status(target, source).value().clean());
}

ON_BOTH("story: an SQL error names file, line, column and the database's own words, and all is rolled back") {
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{"create table fine (id integer primary key);\n\n  insert into fine\n    select "
                                                "no_such_column from fine;\ncreate table more (x int);\n"}}));
    CHECK_EQ(error.code, Code::failed);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_EQ(error.where.file, "1_step.up.sql");
    CHECK_EQ(error.where.line, db.postgres() ? 4 : error.where.line);
    CHECK_GE(error.where.line, 3);
    CHECK_LE(error.where.line, 4);
    CHECK_GT(error.where.column, 0);
    CHECK(has(error.native, "no_such_column"));
    if (db.postgres()) CHECK(has(error.native, "42703"));
    CHECK(has(error.text(), "1_step.up.sql:"));
    CHECK(!error.text().empty());
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    auto const events = log(target).value();
    REQUIRE(!events.empty());
    CHECK_EQ(events.back().kind, "failed");
}

ON_BOTH("story: a quote that is never closed is refused with its place") {
    auto const error = up_error(db, source_of({{"create table a (id integer primary key);\ninsert into a values ('oh);\n"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_EQ(error.where.line, 2);
    CHECK_GT(error.where.column, 20);
}

ON_BOTH("story: transaction statements inside a script are refused") {
    std::vector<std::string> statements{"begin", "commit", "rollback", "end", "savepoint x", "release x", "rollback to x"};
    if (db.postgres())
        statements.insert(statements.end(),
                          {"start transaction", "abort", "commit and chain", "prepare transaction 'x'", "set transaction read only"});
    else
        statements.push_back("begin immediate");
    auto const before = witness(db);
    for (auto const& statement : statements) {
        CAPTURE(statement);
        auto const error = up_error(db, source_of({{"create table a (id integer primary key);\n  /* sly */ " + statement +
                                                    ";\ncreate table b (id integer primary key);\n"}}));
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK_EQ(error.where.line, 2);
        CHECK(error.message.ends_with(" cannot be part of a script: a step is one transaction, which undrop begins and ends"));
        CHECK_FALSE(error.next.advice.empty());
        check_unchanged(before, witness(db));
    }
}

ON_BOTH("story: what cannot run in a transaction is refused before anything runs") {
    std::vector<std::string> statements{"vacuum"};
    if (db.postgres())
        statements.insert(statements.end(), {"create index concurrently i on t (id)", "drop index concurrently i",
                                             "reindex table concurrently t", "vacuum (analyze) t", "create database x", "drop database x",
                                             "alter system set work_mem = '1MB'", "create tablespace x location '/tmp'"});
    else
        statements.insert(statements.end(), {"attach 'other.db' as other", "detach other", "pragma journal_mode = wal"});
    db.run("create table t (id integer primary key)");
    auto const before = witness(db);
    for (auto const& statement : statements) {
        CAPTURE(statement);
        auto const error = up_error(db, source_of({{"create table a (id integer primary key);\n" + statement + ";\n"}}));
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK_EQ(error.where.line, 2);
        CHECK_FALSE(error.next.advice.empty());
        check_unchanged(before, witness(db));
    }
    auto const asked = up_error(db, source_of({{"-- undrop: no-transaction\nselect 1;\n"}}));
    CHECK_EQ(asked.code, Code::refused);
    CHECK_EQ(asked.left, Left::untouched);
}

ON_BOTH("story: a misspelt directive is refused with its line") {
    auto const error = up_error(db, source_of({{"-- a comment\n-- undrop: loose t\nselect 1;\n"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_EQ(error.where.line, 2);
}

ON_POSTGRES("story: a transaction ended inside a block or a procedure is caught, and nothing stays") {
    db.run("create procedure sly() language plpgsql as $$ begin perform 1; /* at once */ commit; end $$");
    auto const before = witness(db);
    auto const error =
        up_error(db, source_of({{"create table a (id integer primary key);\ncall sly();\ncreate table b (id integer primary key);\n"}}));
    CHECK_EQ(error.left, Left::rolled_back);
    check_unchanged(before, witness(db));
}

ON_SQLITE("story: a statement that rolls back by itself does not let the rest of the script commit") {
    db.run("create table t (id integer primary key); insert into t values (1)");
    auto const before = witness(db);
    auto const error = up_error(
        db, source_of({{"create table a (id integer primary key);\ninsert or rollback into t values (1);\ninsert into t values (2);\n"}}));
    CHECK_NE(error.left, Left::changed);
    check_unchanged(before, witness(db));
    auto const silent = up_error(
        db, source_of({{"create trigger tr before insert on t begin select raise(rollback, 'no'); end;\ninsert into t values (5);\n"}}));
    CHECK_NE(silent.left, Left::changed);
    check_unchanged(before, witness(db));
}

ON_POSTGRES("story: a squatted store is refused, and nothing of it is read or run") {
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    superuser->run(
        "create schema undrop; grant usage on schema undrop to public; create table undrop.event (id bigint); grant all on undrop.event to "
        "public;"
        "create function undrop.evil() returns trigger language plpgsql as $$ begin raise exception 'evil ran'; end $$;"
        "create trigger evil before insert on undrop.event execute function undrop.evil()");
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{"create table a (id integer primary key);"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.text(), "undrop"));
    CHECK(!has(error.text(), "evil ran"));
    check_unchanged(before, witness(db));
    auto target = Target::open(db.url()).value();
    CHECK(!status(target, source_of({})).has_value());
}

ON_POSTGRES("story: another's store that reads like ours is refused by all that only read, and its views are not run") {
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    for (auto const* kind :
         {"view undrop.event as select 1::bigint as id, 1::bigint as run, undrop.evil() as kind, '1' as version, 'x' as name, 'x' as at, "
          "'' as label, '' as up_sum, '' as down_sum, '' as up_script, '' as down_script",
          "table undrop.event as select 1::bigint as id, 1::bigint as run, 'applied' as kind, '1' as version, 'x' as name, 'x' as at, "
          "'' as label, '' as up_sum, '' as down_sum, '' as up_script, '' as down_script"}) {
        CAPTURE(kind);
        superuser->run(
            "drop schema if exists undrop cascade; create schema undrop authorization undrop_reader; grant usage on schema undrop to "
            "public;"
            "create function undrop.evil() returns text language plpgsql immutable as $$ begin raise exception 'evil ran'; end $$;"
            "create " +
            std::string(kind) + "; grant select on undrop.event to public");
        auto target = Target::open(db.url()).value();
        auto const source = source_of({{"create table a (id integer primary key);"}});
        std::vector<Error> errors;
        if (auto const asked = status(target, source); !asked.has_value()) errors.push_back(asked.error());
        if (auto const asked = plan_up(target, source); !asked.has_value()) errors.push_back(asked.error());
        if (auto const asked = plan_down(target, source); !asked.has_value()) errors.push_back(asked.error());
        if (auto const asked = log(target); !asked.has_value()) errors.push_back(asked.error());
        CHECK_EQ(errors.size(), 4);
        for (auto const& error : errors) {
            CHECK_EQ(error.code, Code::refused);
            CHECK_EQ(error.left, Left::untouched);
            CHECK(has(error.message, "undrop_reader"));
            CHECK(!has(error.text(), "evil ran"));
        }
    }
}

ON_SQLITE("story: tables that only look like the store are refused") {
    db.run("create table undrop_event (id integer primary key, mine text); insert into undrop_event values (1, 'precious')");
    auto const error = up_error(db, source_of({{"create table a (id integer primary key);"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_EQ(db.one("select mine from undrop_event"), "precious");
}

ON_POSTGRES("story: without the right to make the store, up is refused by the server, and says so") {
    auto const url = db.url();
    auto const at = url.find("user=undrop_owner");
    REQUIRE_NE(at, std::string::npos);
    auto reader = url;
    reader.replace(at, 17, "user=undrop_reader");
    auto target = Target::open(reader).value();
    auto const source = source_of({{"create table a (id integer primary key);"}});
    CHECK_FALSE(status(target, source).value().has_ledger);
    auto const before = witness(db);
    auto const failed = migrate(target, source);
    REQUIRE(!failed.has_value());
    CHECK_EQ(failed.error().left, Left::untouched);
    CHECK(has(failed.error().text(), "CREATE"));
    check_unchanged(before, witness(db));

    // A ledger that others made can be read by nobody else; the refusal says so instead of calling the database new.
    (void)up(db, source);
    auto const asked = status(target, source);
    if (asked.has_value()) CHECK(asked.value().has_ledger);
}

TEST_CASE("story: a server that cannot be reached, a wrong password and a wrong URL") {
    auto const nowhere = open_error("postgresql://someone:s3cret@127.0.0.1:1/nothing?connect_timeout=2");
    CHECK_EQ(nowhere.code, Code::failed);
    CHECK(!has(nowhere.text(), "s3cret"));
    auto wrong = required_variable("UNDROP_TEST_POSTGRES_TCP");
    auto const at = wrong.find("right-password");
    REQUIRE_NE(at, std::string::npos);
    wrong.replace(at, 14, "my-wr0ng-passw0rd");
    auto const denied = open_error(wrong);
    CHECK_EQ(denied.code, Code::failed);
    CHECK(has(denied.text(), "password authentication failed"));
    CHECK(!has(denied.text(), "my-wr0ng-passw0rd"));
    auto right = Target::open(required_variable("UNDROP_TEST_POSTGRES_TCP")).value();
    CHECK(!has(right.description(), "right-password"));
    for (auto const* url : {"", "mysql://x", "postgres", "sqlite", "postgresql://h:99999999/x", "sqlite:"}) {
        CAPTURE(url);
        auto const error = open_error(url);
        CHECK_NE(error.left, Left::changed);
        CHECK_FALSE(error.message.empty());
    }
}

TEST_CASE("story: SQLite files that are missing, no database, or read-only") {
    Directory const files;
    auto const missing = open_error("sqlite:" + files.path() + "/none.db");
    CHECK_EQ(missing.code, Code::refused);
    CHECK(has(missing.text(), "create"));
    CHECK(!std::filesystem::exists(files.path() + "/none.db"));
    CHECK(Target::open("sqlite:" + files.path() + "/made.db?create=1").has_value());

    files.write("text.db", std::string(5'000, 'x'));
    auto const text = open_error("sqlite:" + files.path() + "/text.db");
    CHECK_EQ(text.code, Code::refused);
    auto const directory = open_error("sqlite:" + files.path());
    CHECK_NE(directory.message, "");
}

ON_SQLITE("story: a read-only SQLite file can be read, and up is refused with nothing changed") {
    db.run("create table t (id integer primary key)");
    auto const before = witness(db);
    Directory const elsewhere;
    auto const copy = elsewhere.path() + "/immutable.db";
    std::filesystem::copy_file(db.location(), copy);
    REQUIRE_EQ(chmod(copy.c_str(), 0444), 0);
    if (geteuid() == 0) {
        // Root may write to any file: another user has a look at it.
        REQUIRE_EQ(chmod(elsewhere.path().c_str(), 0755), 0);
        REQUIRE_EQ(seteuid(65534), 0);
    }
    auto opened = Target::open("sqlite:" + copy);
    std::string error;
    if (opened) {
        CHECK(status(opened.value(), source_of({})).has_value());
        auto const failed = migrate(opened.value(), source_of({{"create table a (id integer primary key);"}}));
        CHECK(!failed.has_value());
        if (!failed.has_value()) {
            error = failed.error().text();
            CHECK_EQ(failed.error().left, Left::untouched);
        }
    } else {
        error = opened.error().text();
    }
    if (getuid() == 0) REQUIRE_EQ(seteuid(0), 0);
    CHECK(has(error, "read"));
    check_unchanged(before, witness(db));
}

ON_BOTH("story: wrong ranges are wrong use") {
    auto const source = source_of({{"create table a (id integer primary key);"}});
    auto target = Target::open(db.url()).value();
    CHECK_EQ(plan_up(target, source, {.to = "7"}).error().code, Code::usage);
    CHECK_EQ(plan_down(target, source, {.to = "7"}).error().code, Code::usage);
    CHECK_EQ(plan_to(target, source, "7").error().code, Code::usage);
    CHECK_EQ(accept(target, source, "1").error().code, Code::usage);
    (void)up(db, source);
    CHECK_EQ(accept(target, source, "1").error().code, Code::usage);
    CHECK_EQ(plan_down(target, source, {.run = 99}).error().code, Code::usage);
}

ON_BOTH("story: rows inserted since without a default are refused with advice, and a backfill helps") {
    db.run("create table t (id integer primary key, v text not null); insert into t values (1, 'a'), (2, 'b')");
    auto const before = witness(db);
    auto const plain = source_of({{"alter table t drop column v;"}});
    (void)up(db, plain);
    db.run("insert into t values (3)");
    auto const dropped = witness(db);
    auto const error = down_error(db, plain);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.next.advice, "undrop: backfill"));
    check_unchanged(dropped, witness(db));
    db.run("delete from t where id = 3");
    (void)down(db, plain);
    check_same(before, witness(db));

    auto const filled = source_of({{"-- undrop: backfill t.v = 'row ' || id\nalter table t drop column v;"}});
    (void)up(db, filled);
    db.run("insert into t values (3)");
    (void)down(db, filled);
    check_same_schema(before, witness(db));
    CHECK_EQ(db.table("select id, v from t order by id"), "1|a\n2|b\n3|row 3");
}
