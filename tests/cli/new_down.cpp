// `undrop new --derive-down`: the file, and when there is none.
#include <doctest/doctest.h>

#include <filesystem>

#include "cli/program.hpp"

using namespace undrop::test;

TEST_CASE("new --derive-down writes a down file that gives the column back, and never over one that is there") {
    Shop const desk;
    auto const schema = desk.sql("select group_concat(sql, ';') from sqlite_schema where name not like 'undrop%'");
    auto const made = desk.shop({"new", "--derive-down", "migrations/2_drop_role.up.sql"});
    CHECK_MESSAGE(made.status == 0, made.err);
    CHECK(made.out == "migrations/2_drop_role.down.sql\n");
    CHECK(has(made.err, "derived and tried on the target's schema"));
    auto const text = desk.text("migrations/2_drop_role.down.sql");
    CHECK_MESSAGE(has(text, "values of participants.role come back"), text);
    CHECK(has(text, "add column \"role\" TEXT DEFAULT 'viewer';\n"));

    auto const again = desk.shop({"new", "--derive-down", "migrations/2_drop_role.up.sql"});
    CHECK(again.status == 3);
    CHECK(has(again.err, "not overwritten"));
    CHECK(desk.text("migrations/2_drop_role.down.sql") == text);

    REQUIRE(desk.shop({"up"}).status == 0);
    desk.sql("insert into participants (note) values ('since')");
    auto const down = desk.shop({"down"});
    CHECK_MESSAGE(down.status == 0, down.err);
    CHECK(desk.sql("select group_concat(role, ' ') from (select role from participants order by id)") ==
          "viewer manager contributor viewer");
    CHECK(desk.sql("select group_concat(sql, ';') from sqlite_schema where name not like 'undrop%'") == schema);
}

TEST_CASE("new --derive-down takes a bare name from the directory of migrations, and says all as JSON") {
    Shop const desk;
    auto const json = desk.shop({"--json", "new", "--on-empty", "--derive-down", "2_drop_role.up.sql"}).json();
    CHECK(json["kind"] == "new");
    CHECK(json["files"][0] == "migrations/2_drop_role.down.sql");
    CHECK(json["derived"]["from_target"] == false);
    CHECK(json["derived"]["applied"] == nlohmann::json{"1"});
    CHECK(json["derived"]["text"] == desk.text("migrations/2_drop_role.down.sql"));
}

TEST_CASE("new --derive-down refuses a file that is none, or is elsewhere, and writes nothing") {
    Shop const desk;
    auto const refused = [&](std::vector<std::string> const& words, int status, std::string const& part) {
        auto const outcome = desk.shop(words);
        CHECK_MESSAGE(outcome.status == status, outcome.err);
        CHECK_MESSAGE(has(outcome.err, part), outcome.err);
    };
    refused({"new", "--derive-down", "migrations/2_drop_role.sql"}, 2, "there is no file");
    refused({"new", "--derive-down", "migrations/7_x.up.sql"}, 2, "there is no file");
    refused({"new", "name", "--derive-down", "migrations/2_drop_role.up.sql"}, 2, "");
    refused({"new"}, 2, "new wants a name");
    desk.file("elsewhere/3_x.up.sql", "select 1;");
    refused({"new", "--derive-down", "elsewhere/3_x.up.sql"}, 2, "is not in the directory of migrations");
    desk.file("migrations/x.up.sql", "select 1;");
    refused({"new", "--derive-down", "migrations/x.up.sql"}, 3, "the name of this file is not a migration's");
    std::filesystem::remove(desk.path / "migrations/x.up.sql");
    desk.migration("3_bad", "alter table nothing add column x text;");
    refused({"new", "--derive-down", "migrations/3_bad.up.sql"}, 3, "the up fails in the disposable database");
    CHECK_FALSE(std::filesystem::exists(desk.path / "migrations/3_bad.down.sql"));
}
