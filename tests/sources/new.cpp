// `undrop new` among other tools' files: what the tool's user expects, or what to do.
#include <doctest/doctest.h>

#include <filesystem>

#include "cli/program.hpp"

using namespace undrop::test;

namespace {

std::vector<std::string> made(Desk const& desk, std::vector<std::string> words) {
    words.insert(words.begin(), "--json");
    auto const outcome = desk.run(words);
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    return outcome.json()["files"].get<std::vector<std::string>>();
}

// The one file's name, with each digit as 0.
std::string pattern(std::vector<std::string> const& files) {
    REQUIRE(files.size() == 1);
    auto text = files[0];
    for (char& c : text)
        if (c >= '0' && c <= '9') c = '0';
    return text;
}

// Derives the way back of the desk's file, goes up and back by it, and says which file has it.
std::string derived(Desk const& desk, std::string const& file) {
    auto const outcome = desk.shop({"--json", "new", "--derive-down", file});
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    CHECK(desk.shop({"up", "--yes"}).status == 0);
    CHECK(desk.sql("select count(*) from pragma_table_info('t') where name = 'a'") == "0");
    auto const plan = desk.shop({"plan", "down"});
    CHECK_MESSAGE(!has(plan.out, "derived"), plan.out);
    auto const back = desk.shop({"down", "--yes"});
    CHECK_MESSAGE(back.status == 0, back.err);
    CHECK(desk.sql("select group_concat(a) from t") == "x,y");
    auto const again = desk.shop({"new", "--derive-down", file});
    CHECK(again.status == 3);
    CHECK_MESSAGE(has(again.err, "not overwritten"), again.err);
    auto const status = desk.shop({"status"});
    CHECK_MESSAGE(has(status.out, "1 pending"), status.out);
    return outcome.json()["files"][0];
}

// A table with rows of which a migration drops a column.
Desk const& with_rows(Desk const& desk) {
    desk.sql("create table t (id integer primary key, a text not null default 'z'); insert into t (a) values ('x'), ('y')");
    return desk;
}

constexpr char const* drop = "alter table t drop column a;\n";

}  // namespace

TEST_CASE("new makes the file that the folder's tool would: dbmate, goose") {
    Desk const desk;
    desk.file("migrations/20240101120000_a.sql", "-- migrate:up\nselect 1;\n");
    auto const file = made(desk, {"new", "add nick"});
    CHECK(pattern(file) == "migrations/00000000000000_add_nick.sql");
    CHECK(has(desk.text(file[0]), "-- migrate:up\n"));
    CHECK(has(desk.text(file[0]), "-- migrate:down\n"));
    CHECK(has(desk.run({"--db", "sqlite::memory:", "status"}).out, "2 pending"));
    Desk const other;
    other.file("migrations/00009_a.sql", "-- +goose Up\nselect 1;\n");
    CHECK(made(other, {"new", "b"}) == std::vector<std::string>{"migrations/00010_b.sql"});  // the folder counts
    Desk const empty;
    CHECK(pattern(made(empty, {"--source-format", "goose", "new", "b"})) == "migrations/00000000000000_b.sql");
    CHECK(has(empty.run({"--db", "sqlite::memory:", "status"}).out, "goose files"));
}

TEST_CASE("new makes the files that the folder's tool would: diesel, prisma, flyway, postgrator, plain") {
    Desk const desk;
    auto const first = [&](std::string const& name, std::string const& text) {
        std::filesystem::remove_all(desk.path / "migrations");
        desk.file("migrations/" + name, text);
    };
    auto const all_pending = [&] { CHECK(has(desk.run({"--db", "sqlite::memory:", "status"}).out, "2 pending")); };
    first("2024-01-01-120000_a/up.sql", "select 1;");
    auto const folder = made(desk, {"new", "b"});
    REQUIRE(folder.size() == 2);
    CHECK(pattern({folder[0]}) == "migrations/0000-00-00-000000_b/up.sql");
    all_pending();
    first("20240101120000_a/migration.sql", "select 1;");
    CHECK(pattern(made(desk, {"new", "b"})) == "migrations/00000000000000_b/migration.sql");
    all_pending();
    first("V1.9__a.sql", "select 1;");
    desk.file("migrations/R__views.sql", "select 1;");
    CHECK(made(desk, {"new", "b"}) == std::vector<std::string>{"migrations/V1.10__b.sql", "migrations/U1.10__b.sql"});
    first("009.do.a.sql", "select 1;");
    CHECK(made(desk, {"new", "b"}) == std::vector<std::string>{"migrations/010.do.b.sql", "migrations/010.undo.b.sql"});
    all_pending();
    first("09-a.sql", "select 1;");
    CHECK(made(desk, {"new", "b"}) == std::vector<std::string>{"migrations/10-b.sql"});
    all_pending();
}

TEST_CASE("new makes no down file where the tool would run it as a migration") {
    Desk const desk;
    std::filesystem::remove(desk.path / "migrations");
    desk.file("supabase/migrations/20240101120000_a.sql", "create table t (i int);");
    CHECK(pattern(made(desk, {"new", "b"})) == "supabase/migrations/00000000000000_b.sql");
    auto const refused = desk.shop({"new", "--derive-down", "20240101120000_a.sql"});
    CHECK(refused.status == 3);
    CHECK_MESSAGE(has(refused.err, "convert --derive"), refused.err);
    Desk const sqlx;
    sqlx.file("migrations/20240101120000_a.sql", "create table t (i int);");
    CHECK(pattern(made(sqlx, {"new", "b"})) == "migrations/00000000000000_b.sql");
}

TEST_CASE("new says what to type where only the tool can make a migration") {
    Desk const desk;
    desk.file("migrations/sqitch.plan", "a 2020 A <a@b>\n");
    desk.file("migrations/deploy/a.sql", "select 1;");
    auto const sqitch = desk.run({"new", "b"});
    CHECK(sqitch.status == 3);
    CHECK(has(sqitch.err, "sqitch add b"));
    Desk const other;
    other.file("migrations/meta/_journal.json", R"({"entries":[{"idx":0,"tag":"0000_a"}]})");
    other.file("migrations/0000_a.sql", "select 1;");
    auto const drizzle = other.run({"new", "b"});
    CHECK(drizzle.status == 3);
    CHECK(has(drizzle.err, "drizzle-kit generate"));
    auto const no_place = other.shop({"new", "--derive-down", "0000_a.sql"});
    CHECK(no_place.status == 3);
    CHECK(has(no_place.err, "convert"));
}

TEST_CASE("new --derive-down writes the section of a file for both ways") {
    Desk const desk;
    with_rows(desk).file("migrations/20240101120000_a.sql", std::string("-- migrate:up\n") + drop + "\n-- migrate:down\n\n");
    auto const before = desk.text("migrations/20240101120000_a.sql");
    CHECK(derived(desk, "migrations/20240101120000_a.sql") == "migrations/20240101120000_a.sql");
    auto const text = desk.text("migrations/20240101120000_a.sql");
    CHECK(text.starts_with(before));  // the empty section that dbmate makes is filled
    CHECK(has(text.substr(before.size()), "add column \"a\""));
    CHECK_FALSE(has(text.substr(before.size()), "migrate:down"));
    Desk const other;
    with_rows(other).file("migrations/00001_a.sql", std::string("-- +goose Up\r\n") + "alter table t drop column a;");
    CHECK(derived(other, "00001_a.sql") == "migrations/00001_a.sql");
    CHECK(has(other.text("migrations/00001_a.sql"), "\n-- +goose Down\n"));
    CHECK(has(other.text("migrations/00001_a.sql"), "-- +goose StatementBegin\n"));
}

TEST_CASE("new --derive-down into an applied migration's file leaves the way up what it was") {
    Desk const desk;
    with_rows(desk).file("migrations/00001_a.sql", std::string("-- +goose Up\n") + drop);
    REQUIRE(desk.shop({"up", "--yes"}).status == 0);
    auto const outcome = desk.shop({"new", "--on-empty", "--derive-down", "00001_a.sql"});
    CHECK(outcome.status == 3);  // the table was there before the first migration
    CHECK(desk.text("migrations/00001_a.sql") == std::string("-- +goose Up\n") + drop);
    desk.file("migrations/00001_a.sql", std::string("-- +goose Up\n") + drop + "\n-- +goose Down\nalter table t add column a text;\n");
    CHECK(desk.shop({"status", "--check"}).status == 0);
}

TEST_CASE("new --derive-down writes the file that the layout has for it") {
    struct Case {
        std::string up;
        std::string down;
    };
    for (auto const& [up, down] : {Case{"V1__a.sql", "U1__a.sql"}, Case{"2024-01-01-120000_a/up.sql", "2024-01-01-120000_a/down.sql"},
                                   Case{"20240101120000_a/migration.sql", "20240101120000_a/down.sql"}, Case{"1.do.a.sql", "1.undo.a.sql"},
                                   Case{"1_a.sql", "1_a.down.sql"}}) {
        Desk const desk;
        with_rows(desk).file("migrations/" + up, drop);
        CHECK(derived(desk, "migrations/" + up) == "migrations/" + down);
    }
    Desk const sqitch;
    with_rows(sqitch).file("migrations/sqitch.plan", "views/a 2020-01-01T00:00:00Z A <a@b>\n");
    sqitch.file("migrations/deploy/views/a.sql", std::string("BEGIN;\n") + drop + "COMMIT;\n");
    CHECK(derived(sqitch, "migrations/deploy/views/a.sql") == "migrations/revert/views/a.sql");
    CHECK(has(sqitch.text("migrations/revert/views/a.sql"), "BEGIN;\n"));
    Desk const plain;
    with_rows(plain).file("migrations/1-a.sql", drop);
    auto const refused = plain.shop({"new", "--derive-down", "migrations/1-a.sql"});
    CHECK(refused.status == 3);
    CHECK_MESSAGE(has(refused.err, "convert --derive"), refused.err);
}
