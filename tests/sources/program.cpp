// The program with migrations of other tools: --source-format, --set, undrop.toml, adopt, convert.
#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace undrop::test;

namespace {

void write_goose(Desk const& desk) {
    desk.file("migrations/00001_make.sql", "-- +goose Up\ncreate table t (i int);\n-- +goose Down\ndrop table t;\n");
    desk.file("migrations/00002_add.sql", "-- +goose Up\nalter table t add column a text;\n");
}

}  // namespace

TEST_CASE("status says in which layout the migrations are") {
    Desk const desk;
    write_goose(desk);
    CHECK(desk.shop({"up", "--create", "--yes"}).status == 0);
    auto const status = desk.shop({"status"});
    CHECK(has(status.out, "migrations: goose files"));
    CHECK(desk.shop({"--json", "status"}).json()["source"]["format"] == "goose");
    CHECK(desk.shop({"down", "--to", "1", "--yes"}).status == 0);
    CHECK(has(desk.shop({"status"}).out, "1 applied, 1 pending"));
}

TEST_CASE("a directory that two layouts fit is refused with what to type; undrop.toml may say it for good") {
    Desk const desk;
    write_goose(desk);
    desk.file("migrations/00003_more.sql", "-- migrate:up\ncreate table u (i int);\n");
    auto const refused = desk.shop({"status"});
    CHECK(refused.status == 3);
    CHECK(has(refused.err, "--source-format dbmate or --source-format goose"));
    desk.file("undrop.toml", "source_format = \"goos\"\n");
    auto const misspelt = desk.shop({"status"});
    CHECK(misspelt.status == 2);
    CHECK(has(misspelt.err, "undrop.toml:1"));
    CHECK(has(misspelt.err, "did you mean --source-format goose?"));
}

TEST_CASE("placeholders come from --set, and from undrop.toml") {
    Desk const desk;
    desk.file("migrations/V1__make.sql", "create table ${name} (${column} int);\n");
    auto const refused = desk.shop({"up", "--create", "--yes", "--set", "name=t"});
    CHECK(refused.status == 3);
    CHECK(has(refused.err, "V1__make.sql:1:"));
    CHECK(has(refused.err, "--set column=TEXT"));
    desk.file("undrop.toml", "[set]\nname = \"u\"\ncolumn = \"c\"\n");
    CHECK(desk.shop({"up", "--create", "--yes", "--set", "name=t"}).status == 0);
    CHECK(desk.sql("select count(c) from t") == "0");
    CHECK(desk.shop({"status", "--set", "name"}).status == 2);
}

TEST_CASE("adopt lists what it took from the other tool's history") {
    Desk const desk;
    write_goose(desk);
    desk.sql(
        "create table t (i int); create table goose_db_version (id integer primary key, version_id int, is_applied int);"
        "insert into goose_db_version values (1, 0, 1), (2, 1, 1)");
    auto const dry = desk.shop({"adopt", "--from", "goose", "--dry-run"});
    CHECK_MESSAGE(dry.status == 0, dry.err);
    CHECK(has(dry.out, "would be adopted"));
    auto const done = desk.shop({"adopt", "--from", "goose"});
    CHECK(done.status == 0);
    CHECK(has(done.out, "00001"));
    CHECK(has(done.out, "1 adopted, 1 pending. Nothing was run."));
    CHECK(desk.shop({"--json", "adopt", "--from", "goose"}).json()["migrations"][0]["state"] == "applied");
    CHECK(desk.shop({"adopt"}).status == 2);
    CHECK(desk.shop({"up", "--yes"}).status == 0);
    CHECK(desk.sql("select count(a) from t") == "0");
}

TEST_CASE("convert writes pairs that say the same, with derived downs where asked") {
    Desk const desk;
    write_goose(desk);
    auto const done = desk.run({"convert", "--to", "pairs", "pairs"});
    CHECK_MESSAGE(done.status == 0, done.err);
    CHECK(has(done.out, "pairs: 2 goose migrations written as pairs, 3 files."));
    CHECK(has(desk.text("pairs/00001_make.down.sql"), "drop table t;"));
    // The same versions and checksums: a ledger fits both.
    CHECK(desk.shop({"up", "--create", "--yes"}).status == 0);
    CHECK(desk.shop({"--dir", "pairs", "status", "--check"}).status == 0);
    CHECK(desk.run({"convert", "pairs"}).status == 3);  // not over what is there
    auto const derived = desk.shop({"convert", "--derive", "more"});
    CHECK_MESSAGE(derived.status == 0, derived.err);
    CHECK(has(derived.out, "4 files, 1 down scripts derived"));
    CHECK(has(desk.text("more/00002_add.down.sql"), "DROP COLUMN"));
}

TEST_CASE("convert numbers anew what has no numbers of its own") {
    Desk const desk;
    desk.file("migrations/sqitch.plan", "users 2020 A <a@b>\nviews/all [users] 2020 A <a@b>\n");
    desk.file("migrations/deploy/users.sql", "BEGIN;\ncreate table users (i int);\nCOMMIT;\n");
    desk.file("migrations/deploy/views/all.sql", "create view v as select i from users;\n");
    desk.file("migrations/verify/users.sql", "select i from users;\n");
    CHECK(has(desk.run({"convert", "out"}).out, "2 sqitch migrations"));
    CHECK(has(desk.text("out/2_views_all.up.sql"), "create view v"));
    CHECK(has(desk.text("out/1_users.check.sql"), "-- undrop: verify\n"));
    desk.file("times/2024-03-06-170000_a/up.sql", "select 1;\n");
    desk.file("times/2024-03-13_b/up.sql", "select 1;\n");
    CHECK(has(desk.run({"--dir", "times", "convert", "of_times"}).out, "numbered anew"));
    CHECK(has(desk.text("of_times/0002_b.up.sql"), "select 1;"));
    desk.file("dotted/V1.2__b.sql", "select 1;\n");
    desk.file("dotted/V1.10__c.sql", "select 1;\n");
    CHECK(has(desk.run({"--dir", "dotted", "convert", "numbered"}).out, "numbered anew"));
    CHECK(has(desk.text("numbered/0002_c.up.sql"), "select 1;"));
}
