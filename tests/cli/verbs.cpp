// Every verb on SQLite, by its screen, its JSON and its exit status.
#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace undrop::test;

TEST_CASE("the main job by the command line: a column goes and comes back with its values") {
    Shop const desk;
    auto const plan = desk.shop({"plan"});
    CHECK(plan.status == 0);
    CHECK(has(plan.out, "participants.role"));
    CHECK(has(plan.out, "3 rows  saved first"));
    CHECK(plan.out.ends_with("\nGO\n"));

    auto const up = desk.shop({"up", "--label", "shop 1.15.2"});
    CHECK_MESSAGE(up.status == 0, up.err);
    CHECK(has(up.out, "saved"));
    CHECK(has(up.out, "index participants_role"));
    CHECK(has(up.out, "\"shop 1.15.2\""));
    CHECK(has(up.out, "Way back: undrop down --run 2\n"));

    desk.sql("insert into participants (id) values (10), (11); delete from participants where id = 1");
    auto const down = desk.shop({"down", "--label", "shop 1.15.2"});
    CHECK_MESSAGE(down.status == 0, down.err);
    CHECK(has(down.out, "restored 2; deleted since 1; inserted since 2 (default)"));
    CHECK(desk.sql("select group_concat(id || role, ' ') from (select id, role from participants order by id)") ==
          "2manager 3contributor 10viewer 11viewer");
}

TEST_CASE("status tells applied from pending, and --check is for scripts") {
    Shop const desk;
    auto const status = desk.shop({"status"});
    CHECK(status.status == 0);
    CHECK(has(status.out, "1        create     applied  1"));
    CHECK(has(status.out, "2        drop_role  pending"));
    CHECK(desk.shop({"status", "--check"}).status == 3);
    CHECK(desk.shop({"up"}).status == 0);
    CHECK(desk.shop({"status", "--check"}).status == 0);
    auto const document = desk.shop({"--json", "status"}).json();
    CHECK(document["kind"] == "status");
    CHECK(document["applied"].size() == 2);
    CHECK(document["snapshots"] == 1);
}

TEST_CASE("nothing to do is done: up and down say so and exit with 0") {
    Shop const desk;
    CHECK(desk.shop({"up"}).status == 0);
    auto const up = desk.shop({"up"});
    CHECK(up.status == 0);
    CHECK(has(up.out, "Nothing is pending."));
    CHECK(desk.shop({"down", "--to", "0"}).status == 0);
    auto const down = desk.shop({"down"});
    CHECK(down.status == 0);
    CHECK(has(down.out, "Nothing to take back."));
    CHECK(desk.shop({"redo"}).status == 0);
    CHECK(desk.shop({"--json", "down"}).json()["run"] == 0);
}

TEST_CASE("ranges choose steps: --to, --steps, --run, to") {
    Desk const desk;
    for (auto const* number : {"1", "2", "3", "4"})
        desk.migration(std::string(number) + "_m", std::string("create table t") + number + " (x);");
    auto const applied = [&] { return desk.shop({"--json", "status"}).json()["applied"].size(); };
    CHECK(desk.shop({"up", "--create", "--to", "1"}).status == 0);
    CHECK(applied() == 1);
    CHECK(desk.shop({"up", "--steps", "2"}).status == 0);
    CHECK(applied() == 3);
    CHECK(desk.shop({"to", "4"}).status == 0);
    CHECK(applied() == 4);
    CHECK(desk.shop({"down", "--run", "last"}).status == 0);
    CHECK(applied() == 3);
    CHECK(desk.shop({"down", "--run", "2"}).status == 0);
    CHECK(applied() == 1);
    CHECK(desk.shop({"to", "3"}).status == 0);
    CHECK(desk.shop({"to", "2"}).status == 0);
    CHECK(applied() == 2);
    CHECK(has(desk.shop({"to", "2"}).out, "already"));
    CHECK(desk.shop({"down", "--to", "0"}).status == 0);
    CHECK(applied() == 0);
    CHECK(desk.shop({"to", "9"}).status == 2);
}

TEST_CASE("a dry run prints the plan and changes nothing") {
    Shop const desk;
    CHECK(desk.shop({"up", "--dry-run"}).out.ends_with("GO\n"));
    CHECK(desk.shop({"down", "--dry-run"}).out.ends_with("GO\n"));
    CHECK(desk.shop({"--json", "up", "--dry-run"}).json()["kind"] == "plan");
    CHECK(desk.shop({"--json", "status"}).json()["applied"].size() == 1);
}

TEST_CASE("a stored plan is applied as it is, and refused once the target has changed") {
    Shop const desk;
    CHECK(desk.shop({"plan", "--out", "plan.json"}).status == 0);
    CHECK(desk.shop({"down", "--plan", "plan.json"}).status == 2);
    CHECK(desk.shop({"up", "--plan", "plan.json", "--dry-run"}).out.ends_with("GO\n"));
    auto const first = desk.shop({"up", "--plan", "plan.json"});
    CHECK_MESSAGE(first.status == 0, first.err);
    auto const second = desk.shop({"up", "--plan", "plan.json"});
    CHECK(second.status == 3);
    CHECK(has(second.err, "Next: undrop "));
    CHECK(desk.shop({"plan", "down", "--out", "down.json"}).status == 0);
    CHECK(desk.shop({"down", "--plan", "down.json"}).status == 0);
    desk.file("bad.json", "{}");
    CHECK(desk.shop({"up", "--plan", "bad.json"}).status == 2);
}

TEST_CASE("redo goes down and up again") {
    Shop const desk;
    CHECK(desk.shop({"up"}).status == 0);
    desk.migration("2_drop_role", "drop index participants_role;\nalter table participants drop column role;\ncreate table extra (x);\n");
    auto const redo = desk.shop({"redo"});
    CHECK_MESSAGE(redo.status == 0, redo.err);
    CHECK(desk.sql("select count(*) from extra") == "0");
    auto const document = desk.shop({"--json", "redo"}).json();
    CHECK(document["kind"] == "redo");
    CHECK(document["down"]["kind"] == "report");
    CHECK(document["up"]["steps"][0]["version"] == "2");
}

TEST_CASE("redo keeps the label under which a migration is taken back") {
    Desk const desk;
    desk.migration("1_m", "create table a (x);");
    desk.migration("2_m", "create table b (x);");
    CHECK(desk.shop({"up", "--create", "--label", "r1"}).status == 0);
    CHECK(desk.shop({"redo"}).status == 0);
    auto const down = desk.shop({"down", "--label", "r1"});
    CHECK_MESSAGE(down.status == 0, down.err);
    CHECK(desk.shop({"--json", "status"}).json()["applied"].empty());
}

TEST_CASE("a stored plan that is carried out twice says that it is done already") {
    Desk const desk;
    desk.migration("1_m", "create table a (x);");
    desk.migration("2_m", "create table b (x);");
    CHECK(desk.shop({"up", "--create"}).status == 0);
    CHECK(desk.shop({"plan", "down", "--to", "0", "--out", "back.json"}).status == 0);
    CHECK(desk.shop({"down", "--plan", "back.json"}).status == 0);
    auto const again = desk.shop({"down", "--plan", "back.json"});
    CHECK(again.status != 0);
    CHECK_MESSAGE(has(again.err, "what this plan would do is done already: 2 m, 1 m are taken back"), again.err);
}

TEST_CASE("redo is refused before the way down where the way up is closed") {
    Shop const desk;
    CHECK(desk.shop({"up"}).status == 0);
    desk.migration("1_create", "create table other (x);", "drop table other;");
    auto const edited = desk.shop({"redo"});
    CHECK(edited.status == 3);
    CHECK(has(edited.err, "undrop accept 1"));
    std::filesystem::remove_all(desk.path / "migrations");
    desk.file("migrations/README", "");
    CHECK(desk.shop({"redo"}).status == 3);
    CHECK(desk.shop({"--json", "status"}).json()["applied"].size() == 2);
}

TEST_CASE("an empty directory is enough to go down: the ledger has the scripts") {
    Shop const desk;
    CHECK(desk.shop({"up"}).status == 0);
    std::filesystem::create_directories(desk.path / "empty");
    auto const down = desk.shop({"--dir", "empty", "down", "--to", "0"});
    CHECK_MESSAGE(down.status == 0, down.err);
    CHECK(has(down.out, "from the ledger"));
}

TEST_CASE("without any directory down uses the ledger, and up is refused") {
    Shop const desk;
    std::filesystem::remove_all(desk.path / "migrations");
    auto const up = desk.shop({"up"});
    CHECK(up.status == 3);
    CHECK(has(up.err, "undrop new NAME"));
    CHECK(desk.shop({"--dir", "none", "down"}).status == 3);
    CHECK(desk.shop({"down"}).status == 0);
}

TEST_CASE("the log says who did what, and writes reports") {
    Shop const desk;
    CHECK(desk.shop({"up", "--label", "r1"}).status == 0);
    auto const log = desk.shop({"log"});
    CHECK(log.status == 0);
    CHECK(has(log.out, "applied"));
    CHECK(has(log.out, "saved participants.role (3 rows)"));
    auto const document = desk.shop({"--json", "log", "--run", "2"}).json();
    CHECK(document["kind"] == "log");
    CHECK(document["entries"].size() == 1);
    CHECK(document["entries"][0]["label"] == "r1");
    CHECK(document["entries"][0]["program"].get<std::string>().starts_with("undrop "));
    CHECK_FALSE(document["entries"][0]["user"].get<std::string>().empty());
    CHECK(desk.shop({"log", "--report", "log.md"}).status == 0);
    CHECK(has(desk.text("log.md"), "| drop_role |"));
    CHECK(desk.shop({"log", "--report", "log.txt"}).status == 2);
}

TEST_CASE("snapshots are listed, and the rows of one are shown") {
    Shop const desk;
    CHECK(has(desk.shop({"snapshots", "list"}).out, "No snapshots."));
    CHECK(desk.shop({"up"}).status == 0);
    CHECK(has(desk.shop({"snapshots", "list"}).out, "participants.role"));
    auto const list = desk.shop({"--json", "snapshots", "list"}).json();
    REQUIRE(list["snapshots"].size() == 1);
    auto const id = list["snapshots"][0]["id"].dump();
    auto const show = desk.shop({"snapshots", "show", id, "--limit", "2"});
    CHECK(show.status == 0);
    CHECK(has(show.out, "manager"));
    CHECK_FALSE(has(show.out, "contributor"));
    CHECK(has(show.out, "2 of 3 rows"));
    CHECK(desk.shop({"--json", "snapshots", "show", id}).json()["rows"].size() == 3);
    CHECK(desk.shop({"snapshots", "show", "999"}).status == 2);
}

TEST_CASE("values of rows are on no screen but that of snapshots show") {
    Shop const desk;
    desk.sql("update participants set role = 'topsecret'");
    std::string all;
    for (auto const& words : std::vector<std::vector<std::string>>{
             {"plan"}, {"up", "-v"}, {"status"}, {"log"}, {"snapshots", "list"}, {"--json", "log"}, {"down", "-v"}, {"--json", "status"}}) {
        auto const outcome = desk.shop(words);
        CHECK(outcome.status == 0);
        all += outcome.out + outcome.err;
    }
    CHECK_FALSE(has(all, "topsecret"));
}

TEST_CASE("quiet says nothing, verbose says what happens on standard error") {
    Shop const desk;
    auto const quiet = desk.shop({"--quiet", "up"});
    CHECK(quiet.out.empty());
    CHECK(quiet.err.empty());
    auto const verbose = desk.shop({"--verbose", "down"});
    CHECK(has(verbose.err, "committed"));
    CHECK(has(verbose.out, "restored"));
}

TEST_CASE("where the database comes from the environment, down asks; without a terminal it wants --yes") {
    Shop desk;
    desk.environment["UNDROP_DB"] = desk.url();
    CHECK(desk.run({"up"}).status == 0);
    for (auto const* verb : {"down", "redo"}) {
        auto const refused = desk.run({verb}, "y\n");
        CHECK(refused.status == 3);
        CHECK(has(refused.err, "UNDROP_DB"));
        CHECK(has(refused.err, "shop.db"));
        CHECK(has(refused.err, "--yes"));
    }
    CHECK(desk.on_terminal({"down"}, "n\n").status == 3);
    auto const asked = desk.on_terminal({"down"}, "y\n");
    CHECK_MESSAGE(asked.status == 0, asked.out);
    CHECK(has(asked.out, "Go on? [y/N]"));
    CHECK(desk.run({"down", "--yes"}).status == 0);
    CHECK(desk.run({"down"}).status == 0);  // Nothing to take back, nothing to ask.
}

TEST_CASE("what cannot come back is asked about") {
    Shop const desk;
    desk.migration("2_drop_role",
                   "-- undrop: lose participants.role\ndrop index participants_role;\nalter table participants drop column role;\n");
    CHECK(has(desk.shop({"plan"}).out, "NOT saved"));
    auto const refused = desk.shop({"up"});
    CHECK(refused.status == 3);
    CHECK(has(refused.err, "participants.role is not saved and cannot come back"));
    CHECK(desk.shop({"up", "--yes"}).status == 0);
}

TEST_CASE("colour is for terminals only, and NO_COLOR is heard") {
    Shop desk;
    desk.environment["UNDROP_DB"] = desk.url();
    CHECK_FALSE(has(desk.run({"plan"}).out, "\x1b["));
    CHECK_FALSE(has(desk.run({"staus"}).err, "\x1b["));
    CHECK(has(desk.on_terminal({"plan"}, "").out, "\x1b[1;32mGO"));
    desk.environment["NO_COLOR"] = "1";
    CHECK_FALSE(has(desk.on_terminal({"plan"}, "").out, "\x1b["));
}
