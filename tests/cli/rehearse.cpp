// The verb rehearse: screen, JSON, reports, exit status.
#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace undrop::test;

TEST_CASE("rehearse says GO for what comes back, and does not touch the database") {
    Shop const desk;
    auto const before = desk.shop({"--json", "status"}).json();
    auto const rehearsal = desk.shop({"rehearse", "--data", "full"});
    CHECK_MESSAGE(rehearsal.status == 0, rehearsal.err);
    CHECK(has(rehearsal.out, "2        drop_role  exact with snapshot  "));
    CHECK(rehearsal.out.ends_with("\nGO\n"));
    CHECK(desk.shop({"--json", "status"}).json() == before);
    CHECK(desk.shop({"--quiet", "rehearse", "--data", "full"}).out.empty());
}

TEST_CASE("rehearse says NO-GO with exit status 3, and its last line does the same again") {
    Desk const desk;
    desk.migration("1_t", "create table t (id integer primary key, v text);", "drop table t;");
    desk.migration("2_u", "create table u (id integer);", "drop table u; insert into t values (1, 'x');");
    desk.sql("select 1");
    auto const rehearsal = desk.shop({"rehearse", "--all", "--report", "r.md"});
    CHECK(rehearsal.status == 3);
    CHECK(has(rehearsal.out, "t 1: no row -> (1, 'x')"));
    CHECK(has(desk.text("r.md"), "**NO-GO**"));
    auto const at = rehearsal.out.find("again   ");
    REQUIRE(at != std::string::npos);
    auto const command = rehearsal.out.substr(at + 8, rehearsal.out.find('\n', at) - at - 8);
    CHECK(command.ends_with(" rehearse 2"));
    auto const again = desk.shell("\"$UNDROP\" " + command.substr(command.find(' ')));
    CHECK(again.status == 3);
    CHECK(has(again.out, "t 1: no row -> (1, 'x')"));
    CHECK(has(again.out, "1 before them only applied"));

    auto const document = desk.shop({"--json", "rehearse", "--report", "r.json", "--report", "both.xml"}).json();
    CHECK(document["kind"] == "evidence");
    CHECK(document["exact"] == false);
    CHECK(document["migrations"][1]["rows"][0]["text"] == "t 1: no row -> (1, 'x')");
    CHECK(has(desk.text("r.json"), "\"kind\": \"evidence\""));
    CHECK(has(desk.text("both.xml"), "<testsuite"));
    CHECK(desk.shop({"rehearse", "1"}).status == 0);
}

TEST_CASE("rehearse refuses what makes no sense") {
    Shop const desk;
    CHECK(desk.shop({"rehearse", "9"}).status == 2);
    CHECK(desk.shop({"rehearse", "x"}).status == 2);
    CHECK(desk.shop({"rehearse", "--all", "--data", "full"}).status == 2);
    CHECK(desk.shop({"rehearse", "--report", "r.txt"}).status == 2);
    CHECK(desk.shop({"rehearse", "--sandbox", "sqlite:x"}).status == 2);
}

TEST_CASE("rehearse --accept lossy says GO for it, and a report in XML has the failure where it is not accepted") {
    Desk const desk;
    desk.migration("1_t", "create table t (id integer primary key, v text); insert into t values (1, 'x');", "drop table t;");
    desk.migration("2_v", "-- undrop: lose t.v\nalter table t drop column v;", "alter table t add column v text;");
    desk.sql("select 1");
    CHECK(desk.shop({"rehearse", "--all", "--report", "r.xml"}).status == 3);
    CHECK(has(desk.text("r.xml"), "<property name=\"grade\" value=\"exact\"/>"));
    CHECK(has(desk.text("r.xml"), "<failure type=\"lossy\""));
    auto const accepted = desk.shop({"rehearse", "--all", "--accept", "lossy", "--report", "r.xml"});
    CHECK(accepted.status == 0);
    CHECK(has(accepted.out, "2        v     lossy"));
    CHECK(accepted.out.ends_with("\nGO\n"));
    CHECK_FALSE(has(desk.text("r.xml"), "<failure"));
    CHECK(desk.shop({"rehearse", "--all", "--accept", "broken"}).status == 2);
}

TEST_CASE("rehearse --derive goes back without the down scripts") {
    Desk const desk;
    desk.migration("1_t", "create table t (id integer primary key, v text); insert into t values (1, 'x');", "select nonsense;");
    desk.sql("select 1");
    CHECK(desk.shop({"rehearse", "--all"}).status == 3);
    auto const derived = desk.shop({"rehearse", "--all", "--derive"});
    CHECK_MESSAGE(derived.status == 0, derived.out);
    CHECK(has(derived.out, "derived; removed table t"));
}
