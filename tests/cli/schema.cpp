// `undrop schema`: what it prints, its files and its exit statuses.
#include <doctest/doctest.h>

#include "cli/program.hpp"
#include "support/database.hpp"

using namespace undrop::test;

namespace {

// Two files with a schema each: shop.db, and other.db, which has an index more and a column less.
class Two : public Desk {
public:
    Two() {
        sql("create table t (id integer primary key, a text); create view v as select a from t");
        REQUIRE(shell("cp shop.db other.db && sqlite3 other.db 'create index t_a on t (a)'").status == 0);
    }
    [[nodiscard]] std::string other() const { return "sqlite:" + (path / "other.db").string(); }
};

}  // namespace

TEST_CASE("schema dump prints a script that sqlite3 runs, and nothing else on standard output") {
    Two const desk;
    auto const dump = desk.shop({"schema", "dump"});
    CHECK_MESSAGE(dump.status == 0, dump.err);
    CHECK(dump.err.empty());
    CHECK(dump.out.starts_with("-- undrop schema 1, SQLite\n-- fingerprint sha256:"));
    auto const made = desk.shell(
        "\"$UNDROP\" --db sqlite:shop.db schema dump | sqlite3 -bail new.db && sqlite3 new.db .schema | sort >new "
        "&& sqlite3 shop.db .schema | sort | diff - new");
    CHECK_MESSAGE(made.status == 0, (made.out + made.err));
    auto const json = desk.shop({"--json", "schema", "dump"}).json();
    CHECK(json["kind"] == "schema");
    CHECK(json["objects"][0]["sql"] == "CREATE TABLE t (id integer primary key, a text);");
    CHECK(json["unknown"].empty());
}

TEST_CASE("schema fingerprint is one line, the same for a copy and another for another schema") {
    Two const desk;
    auto const mine = desk.shop({"schema", "fingerprint"});
    CHECK_MESSAGE(mine.status == 0, mine.err);
    CHECK(mine.out.starts_with("sha256:"));
    CHECK(mine.out.size() == 7 + 64 + 1);
    auto const copy = desk.shell("cp shop.db copy.db && \"$UNDROP\" --db sqlite:copy.db schema fingerprint");
    CHECK(copy.out == mine.out);
    CHECK(desk.run({"--db", desk.other(), "schema", "fingerprint"}).out != mine.out);
    CHECK(desk.shop({"schema", "fingerprint", "--json"}).json()["fingerprint"].get<std::string>() + "\n" == mine.out);
    CHECK(has(desk.shop({"schema", "dump"}).out, "-- fingerprint " + mine.out));
}

TEST_CASE("schema diff exits with 0 for equal schemas, and with 3 naming what differs") {
    Two const desk;
    auto const equal = desk.shop({"schema", "diff", desk.url(), desk.url()});
    CHECK_MESSAGE(equal.status == 0, equal.err);
    CHECK(has(equal.out, "Equal."));
    CHECK(desk.shop({"-q", "schema", "diff", desk.url(), desk.url()}).out.empty());
    auto const more = desk.shop({"schema", "diff", desk.url(), desk.other()});
    CHECK(more.status == 3);
    CHECK(has(more.out, "only in B\n  index t_a\n    CREATE INDEX t_a on t (a);\n1 only in B.\n"));
    CHECK(desk.shell("\"$UNDROP\" --db sqlite:shop.db schema dump >shop.sql").status == 0);
    CHECK(desk.shop({"schema", "diff", "shop.sql"}).status == 0);  // with the database that --db names
    auto const file = desk.shop({"schema", "diff", desk.other(), "shop.sql"});
    CHECK(file.status == 3);
    CHECK(has(file.out, "only in A\n  index t_a\n"));
    CHECK(has(file.out, "B  shop.sql\n"));
    desk.sql("drop view v; create view v as select a, id from t");
    auto const changed = desk.shop({"schema", "diff", "shop.sql", "--json"});
    CHECK(changed.status == 3);
    auto const json = changed.json();
    CHECK(json["equal"] == false);
    CHECK(json["differences"][0]["object"] == "view v");
    CHECK(json["differences"][0]["a"] == "CREATE VIEW v as select a from t;");
    CHECK(has(desk.shop({"schema", "diff", "shop.sql"}).out, "different\n  view v\n    -CREATE VIEW v as select a from t;\n"));
}

TEST_CASE("schema names what undrop does not know, and exits with 3 unless told that this is meant") {
    Desk const desk;
    auto const db = Database::make(Engine::postgres);
    db->run("create table t (id integer)");
    connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db->one("select current_database()")))
        ->run("create foreign data wrapper w; create server s foreign data wrapper w; create user mapping for public server s");
    auto const dump = desk.run({"--db", db->url(), "schema", "dump"});
    CHECK(dump.status == 3);
    CHECK(has(dump.err, "user mapping public on server s"));
    CHECK(has(dump.err, "--known-only"));
    CHECK(has(dump.out, "CREATE TABLE public.t"));
    CHECK(has(dump.out, "-- unknown \"user mapping public on server s\"\n"));
    auto const meant = desk.run({"--db", db->url(), "schema", "dump", "--known-only"});
    CHECK(meant.status == 0);
    CHECK(has(meant.err, "user mapping public on server s"));
    CHECK(meant.out == dump.out);
    CHECK(desk.run({"--db", db->url(), "schema", "fingerprint"}).status == 3);
    auto const diff = desk.run({"schema", "diff", db->url(), db->url()});
    CHECK(diff.status == 3);
    CHECK(has(diff.out, "not compared  user mapping public on server s\nEqual, as far as undrop knows"));
    CHECK(desk.run({"schema", "diff", "--known-only", db->url(), db->url()}).status == 0);
}

TEST_CASE("schema diff refuses what is neither a database nor a dump, and says which of the two it is") {
    Two const desk;
    desk.file("notes.txt", "create table t (id integer);\n");
    auto const refused = [&](std::string const& what) {
        auto const done = desk.shop({"schema", "diff", what});
        CAPTURE(what);
        CHECK(done.status == 2);
        CHECK(done.out.empty());
        CHECK(has(done.err, "Next:"));
        return done.err;
    };
    CHECK(has(refused("missing.sql"), "missing.sql cannot be read: No such file or directory"));
    CHECK(has(refused("."), ". cannot be read: it is a directory"));
    CHECK(has(refused("notes.txt"), "notes.txt is no schema that undrop has written"));
    CHECK(has(refused("shop.db"), "shop.db is a database"));
    CHECK(has(refused("shop.db"), "undrop schema diff sqlite:shop.db"));
    CHECK(desk.shell("\"$UNDROP\" --db sqlite:shop.db schema dump | head -n 4 >cut.sql").status == 0);
    CHECK(has(refused("cut.sql"), "cut.sql is not as undrop has written it"));
    auto const missing = desk.shop({"schema", "diff", "sqlite:missing.db"});
    CHECK(missing.status == 3);
    CHECK(has(missing.err, "missing.db"));
    auto const unreachable = desk.shop({"schema", "diff", "postgresql://nobody:secret-word@127.0.0.1:1/none"});
    CHECK(unreachable.status == 1);
    CHECK_FALSE(has(unreachable.err, "secret-word"));
    CHECK(desk.shop({"schema"}).status == 2);
    CHECK(desk.shop({"schema", "diff"}).status == 2);
    CHECK(desk.run({"schema", "dump"}).status == 2);
}
