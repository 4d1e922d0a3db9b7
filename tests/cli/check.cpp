// undrop check, and checks on the other verbs' screens.
#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace undrop::test;

namespace {

// The shop, with a check for each migration.
class CheckedShop : public Shop {
public:
    CheckedShop() {
        file("migrations/2_drop_role.check.sql", "select count(*) > 0 from participants;\n");
        file("migrations/2_drop_role.down.check.sql", "-- every role is one of three\nselect id from participants\n where role is null;\n");
    }
};

}  // namespace

TEST_CASE("check tells by its exit status whether the applied migrations' checks hold") {
    CheckedShop const desk;
    auto const none = desk.shop({"check"});
    CHECK(none.status == 0);
    CHECK(has(none.out, "No applied migration has a check."));
    CHECK(has(desk.shop({"plan"}).out, "  checks  1 statement of migrations/2_drop_role.check.sql\n"));
    auto const up = desk.shop({"up"});
    CHECK_MESSAGE(up.status == 0, up.err);
    CHECK(has(up.out, "  checks  1 statement holds\n"));
    auto const holds = desk.shop({"check"});
    CHECK(holds.status == 0);
    CHECK(has(holds.out, "2 drop_role   migrations/2_drop_role.check.sql\n  holds  1:1  select count(*) > 0 from participants\n"));
    CHECK(has(holds.out, "1 statement holds.\n"));
    CHECK(desk.shop({"--quiet", "check"}).out.empty());

    desk.sql("delete from participants");
    auto const fails = desk.shop({"check", "2"});
    CHECK(fails.status == 3);
    CHECK(has(fails.out, "  FAILS  1:1  select count(*) > 0 from participants\n         1 row, and its first column is not true\n"));
    CHECK(has(fails.out, "1 of 1 statement fails.\n"));
    CHECK(has(desk.shop({"--quiet", "check"}).out, "FAILS"));
    CHECK(desk.sql("select count(*) from undrop_event") == "2");
}

TEST_CASE("check --json is one document with every statement") {
    CheckedShop const desk;
    CHECK(desk.shop({"up"}).status == 0);
    desk.file("migrations/2_drop_role.check.sql", "select 1 = 1;\n\n  select id\n from participants;\nselect nope;\n");
    auto const outcome = desk.shop({"check", "--json"});
    CHECK(outcome.status == 3);
    auto const document = outcome.json();
    CHECK(document["kind"] == "check");
    CHECK(document["holds"] == false);
    REQUIRE(document["checks"].size() == 1);
    auto const& statements = document["checks"][0]["statements"];
    REQUIRE(statements.size() == 3);
    CHECK(statements[0]["holds"] == true);
    CHECK(statements[1]["rows"] == 3);
    CHECK(statements[1]["statement"] == "select id");
    CHECK(statements[1]["where"]["line"] == 3);
    CHECK(statements[1]["where"]["column"] == 3);
    CHECK(has(statements[2]["problem"], "no such column: nope"));
    CHECK(document["checks"][0]["origin"] == "file");
}

TEST_CASE("a version that is unknown, pending or without a check is wrong use, with what to do next") {
    CheckedShop const desk;
    CHECK(desk.shop({"up", "--to", "2"}).status == 0);
    desk.migration("10_more", "create table more (id);");
    struct Wrong {
        std::string version;
        std::string said;
        std::string next;
    };
    for (auto const& [version, said, next] : std::vector<Wrong>{{"1", "1_create has no check", "1_create.check.sql"},
                                                                {"20", "20 is not applied. Did you mean 2?", "Next: undrop check 2"},
                                                                {"10", "10 more is not applied", "Next: undrop up --to 10"},
                                                                {"99999999999999", "99999999999999 is not applied", "Next: undrop status"},
                                                                {"two", "two is not applied", "Next: undrop status"}}) {
        CAPTURE(version);
        auto const outcome = desk.shop({"check", version});
        CHECK(outcome.status == 2);
        CHECK(has(outcome.err, said));
        CHECK(has(outcome.err, next));
    }
    CHECK(desk.shop({"check", "2"}).status == 0);
}

TEST_CASE("a check that does not hold takes the step back: exit 3, and the log has it") {
    CheckedShop const desk;
    desk.file("migrations/2_drop_role.check.sql", "select 1;\nselect id from participants;\n");
    auto const up = desk.shop({"up"});
    CHECK(up.status == 3);
    CHECK(has(up.err, "2_drop_role.check.sql:2:1: a check does not hold (3 rows): select id from participants"));
    CHECK(has(up.err, "rolled back"));
    CHECK(desk.sql("select count(role) from participants") == "3");
    CHECK(has(desk.shop({"log"}).out, "a check does not hold (3 rows)"));

    desk.file("migrations/2_drop_role.check.sql", "select 1;\ndrop table participants;\n");
    auto const plan = desk.shop({"plan"});
    CHECK(plan.status == 3);
    CHECK(has(plan.out, "stop [check] migrations/2_drop_role.check.sql:2:1: a check only reads"));
    CHECK(plan.out.ends_with("NO-GO\n"));
}

TEST_CASE("from an empty directory the recorded checks run, on the way back too") {
    CheckedShop const desk;
    CHECK(desk.shop({"up"}).status == 0);
    std::filesystem::create_directory(desk.path / "empty");
    auto const recorded = desk.shop({"--dir", "empty", "check"});
    CHECK(recorded.status == 0);
    CHECK(has(recorded.out, "2_drop_role.check.sql (ledger)"));
    auto const down = desk.shop({"--dir", "empty", "down"});
    CHECK_MESSAGE(down.status == 0, down.err);
    CHECK(has(down.out, "  checks  1 statement holds\n"));
}

TEST_CASE("a lonely check is refused by name") {
    Shop const desk;
    desk.file("migrations/7_seven.check.sql", "select 1;");
    auto const outcome = desk.shop({"check"});
    CHECK(outcome.status == 3);
    CHECK(has(outcome.err, "7_seven.check.sql"));
    CHECK(has(outcome.err, "7_seven.up.sql"));
}
