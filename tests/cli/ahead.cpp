// --ahead and --busy by the screen, the JSON and the exit status.
#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace undrop::test;

namespace {

// Three participants, and a pending migration that drops their roles.
void begin(Desk const& desk) {
    desk.migration("1_create", "create table participants (id integer primary key, role text not null default 'viewer');");
    REQUIRE(desk.shop({"up", "--create"}).status == 0);
    desk.sql("insert into participants (role) values ('viewer'), ('manager'), ('contributor')");
    desk.migration("2_drop_role", "alter table participants drop column role;");
}

// The second migration is applied, and its files are gone: an older release.
void go_back_a_release(Desk const& desk) {
    begin(desk);
    CHECK(desk.shop({"up"}).status == 0);
    CHECK(desk.shell("rm migrations/2*").status == 0);
}

}  // namespace

TEST_CASE("an older release that is started again is refused, with reasons, and goes on or back as it is told") {
    Desk const desk;
    go_back_a_release(desk);
    auto const refused = desk.shop({"up"});
    CHECK(refused.status == 3);
    CHECK(has(refused.err, "2 drop_role: it is not harmless to an older program: it drops column participants.role"));
    CHECK(has(refused.err, "Next: undrop down --to 1"));
    auto const status = desk.shop({"status"});
    CHECK(has(status.out, "2 drop_role: drops column participants.role\n"));
    CHECK(has(status.out, "so up would refuse (accept-harmless)"));
    CHECK(has(desk.shop({"status", "--ahead", "roll-back"}).out, "up would take that back first (roll-back)"));
    auto const document = desk.shop({"--json", "status"}).json();
    CHECK(document["applied"][1]["ahead"] == true);
    CHECK(document["applied"][1]["harms"][0] == "drops column participants.role");

    auto const accepted = desk.shop({"up", "--ahead", "accept"});
    CHECK(accepted.status == 0);
    CHECK(has(accepted.err, "warning: the database is ahead of"));
    auto const waited = desk.shop({"--wait", "0", "up", "--ahead", "wait"});
    CHECK(waited.status == 5);
    auto const plan = desk.shop({"plan", "--ahead", "roll-back"});
    CHECK(plan.status == 0);
    CHECK(has(plan.out, "down"));
    auto const wrong = desk.shop({"up", "--ahead", "perhaps"});
    CHECK(wrong.status == 2);
    CHECK(has(wrong.err, "roll-back"));
}

TEST_CASE("undrop.toml says the policies, the command line overrules it, and a word that is none is wrong use") {
    Desk const desk;
    go_back_a_release(desk);
    desk.file("undrop.toml", "ahead = \"roll-back\"\nbusy = \"fail\"\nlock = \"lease\"\nlease_time = \"5s\"\n");
    CHECK(has(desk.shop({"status"}).out, "up would take that back first (roll-back)"));
    CHECK(has(desk.shop({"status", "--ahead", "accept-harmless"}).out, "so up would refuse (accept-harmless)"));
    desk.file("undrop.toml", "ahead = \"perhaps\"\n");
    auto const ahead = desk.shop({"up"});
    CHECK(ahead.status == 2);
    CHECK(has(ahead.err, "ahead in undrop.toml is \"perhaps\""));
    CHECK(has(ahead.err, "it is one of accept, accept-harmless, refuse, roll-back, wait"));
    desk.file("undrop.toml", "lock = \"table\"\n");
    CHECK(has(desk.shop({"up"}).err, "it is one of auto, lease, session"));
    CHECK(desk.shop({"up", "--lock", "table"}).status == 2);
    desk.file("undrop.toml", "lease_time = \"soon\"\n");
    CHECK(has(desk.shop({"up"}).err, "lease_time of undrop.toml is no time"));
}

TEST_CASE("up --ahead roll-back goes back and then up, in one document") {
    Desk const desk;
    go_back_a_release(desk);
    desk.migration("3_more", "create table more (id integer primary key);");
    auto const done = desk.shop({"--json", "up", "--ahead", "roll-back"});
    CHECK_MESSAGE(done.status == 0, done.err);
    auto const document = done.json();
    REQUIRE(document["steps"].size() == 2);
    CHECK(document["steps"][0]["direction"] == "down");
    CHECK(document["steps"][0]["taken_back_for"] == "3");
    CHECK(document["steps"][1]["version"] == "3");
    CHECK(desk.sql("select count(role) from participants") == "3");
}

TEST_CASE("who says --ahead roll-back is not asked again where the database comes from the environment") {
    Desk desk;
    go_back_a_release(desk);
    desk.environment["UNDROP_DB"] = desk.url();
    auto const done = desk.run({"up", "--ahead", "roll-back"});
    CHECK_MESSAGE(done.status == 0, done.err);
    CHECK(has(done.out, "taken back for an older program, whose newest migration is 1"));
    CHECK(has(done.out, "Nothing is pending."));
    CHECK(desk.sql("select count(role) from participants") == "3");
}

TEST_CASE("up --busy tells who serves that nothing was done, and who fails to try again") {
    Desk const desk;
    begin(desk);
    // Another program writes all the while.
    auto const held = [&](std::string const& policy) {
        return desk.shell(
            "mkfifo gate; { echo 'begin immediate;'; cat gate; } | sqlite3 shop.db & "
            "exec 3>gate; until ! sqlite3 -cmd '.timeout 0' shop.db 'begin immediate; rollback' 2>/dev/null; do :; done; "
            "$UNDROP --db sqlite:shop.db --lock-timeout 10ms up --busy " +
            policy + "; status=$?; exec 3>&-; wait; rm gate; exit $status");
    };
    auto const served = held("serve");
    CHECK_MESSAGE(served.status == 0, served.err);
    CHECK(has(served.out, "Nothing was done here."));
    CHECK(has(served.err, "Pending when this program looked: 2 drop_role"));
    CHECK(held("fail").status == 5);
    CHECK(desk.shop({"up"}).status == 0);
}
