// Bad input on SQLite: refused before anything changes, with place, reason and what to do next.
#include <doctest/doctest.h>

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdlib>

#include "cli/program.hpp"

using namespace undrop::test;

namespace {

// The status, what standard error must hold; and the database is as it was.
void check_refused(Desk const& desk, std::vector<std::string> const& words, int status, std::vector<std::string> const& said) {
    auto const before = desk.sql("select group_concat(sql) || (select count(*) from participants) from sqlite_schema");
    auto const outcome = desk.shop(words);
    CAPTURE(outcome.err);
    CHECK(outcome.status == status);
    for (auto const& part : said) {
        CAPTURE(part);
        CHECK(has(outcome.err, part));
    }
    CHECK(has(outcome.err, "Next: "));
    CHECK(desk.sql("select group_concat(sql) || (select count(*) from participants) from sqlite_schema") == before);
}

struct Locked {
    sqlite3* handle = nullptr;
    explicit Locked(Desk const& desk) {
        REQUIRE(sqlite3_open((desk.path / "shop.db").c_str(), &handle) == SQLITE_OK);
        REQUIRE(sqlite3_exec(handle, "begin immediate", nullptr, nullptr, nullptr) == SQLITE_OK);
    }
    ~Locked() { sqlite3_close(handle); }
    Locked(Locked const&) = delete;
    Locked& operator=(Locked const&) = delete;
};

}  // namespace

TEST_CASE("two migrations of one version are refused by the command line") {
    Shop const desk;
    desk.migration("02_again", "select 1;");
    check_refused(desk, {"up"}, 3, {"migrations/2_drop_role.up.sql", "02_again.up.sql"});
}

TEST_CASE("an edited up script is refused, and accept records that it is meant") {
    Shop const desk;
    desk.migration("1_create", "create table participants (id integer primary key, role text, note text, more int);\n",
                   "drop table participants;");
    check_refused(desk, {"up"}, 3, {"1_create.up.sql", "more int", "undrop accept 1"});
    auto const plan = desk.shop({"plan"});
    CHECK(plan.status == 3);
    CHECK(plan.out.ends_with("\nNO-GO\n"));
    CHECK(has(plan.out, "stop [edited-up]"));
    CHECK(desk.shop({"--json", "plan"}).status == 3);
    CHECK(desk.shop({"--json", "status"}).json()["applied"][0]["edited_up"] == true);
    auto const accepted = desk.shop({"accept", "1"});
    CHECK_MESSAGE(accepted.status == 0, accepted.err);
    CHECK(desk.shop({"accept", "1"}).status == 2);
    CHECK(desk.shop({"up"}).status == 0);
}

TEST_CASE("a missing file of an applied migration is refused for up, not for down") {
    Shop const desk;
    std::filesystem::remove(desk.path / "migrations/1_create.up.sql");
    std::filesystem::remove(desk.path / "migrations/1_create.down.sql");
    check_refused(desk, {"up"}, 3, {"1 create"});
    CHECK(desk.shop({"status", "--check"}).status == 3);
    CHECK(desk.shop({"down"}).status == 0);
}

TEST_CASE("a version lower than the newest applied one wants --out-of-order") {
    Shop const desk;
    desk.migration("9_i", "create table i (x);");
    CHECK(desk.shop({"up"}).status == 0);
    desk.migration("4_d", "create table d (x);");
    check_refused(desk, {"up"}, 3, {"4_d.up.sql", "undrop up --out-of-order"});
    CHECK(desk.shop({"redo"}).status == 3);
    CHECK(has(desk.shop({"status"}).out, "out of order"));
    CHECK(desk.shop({"up", "--out-of-order"}).status == 0);
    // The newest step is not the newest version now; redo takes the step.
    CHECK(has(desk.shop({"redo"}).out, "4 d"));
    CHECK(desk.shop({"status", "--check"}).status == 0);
}

TEST_CASE("version 0 is refused: it stands for nothing applied, by the command line too") {
    Shop const desk;
    desk.file("migrations/0_zero.up.sql", "select 1;");
    check_refused(desk, {"up"}, 3, {"0_zero.up.sql"});
}

TEST_CASE("an SQL error names file, line and column and the database's words, and is rolled back") {
    Shop const desk;
    desk.migration("2_drop_role", "create table made (x);\r\n\r\nselect 1;\r\n  insert into nowhere values (1);\r\n");
    check_refused(desk, {"up"}, 1, {"2_drop_role.up.sql:4:", "no such table: nowhere", "rolled back"});
}

TEST_CASE("a script that is never closed is refused with its place") {
    Shop const desk;
    desk.migration("2_drop_role", "select 1;\nselect 'ü;\n");
    check_refused(desk, {"up"}, 3, {"2_drop_role.up.sql:2:8"});
}

TEST_CASE("transaction statements and a client's commands in a script are refused with their place") {
    Shop const desk;
    for (auto const* statement : {"commit", "BEGIN TRANSACTION", "rollback", "end", "savepoint a", ".mode box"}) {
        CAPTURE(statement);
        desk.migration("2_drop_role", std::string("select 1;\n") + statement + "\n;");
        check_refused(desk, {"up"}, 3, {"2_drop_role.up.sql:2:1"});
    }
}

TEST_CASE("a statement that cannot run in a transaction, and the wish for it, are refused") {
    Shop const desk;
    desk.migration("2_drop_role", "vacuum;");
    check_refused(desk, {"up"}, 3, {"2_drop_role.up.sql:1:1"});
    desk.migration("2_drop_role", "-- undrop: no-transaction\nselect 1;");
    check_refused(desk, {"up"}, 3, {"2_drop_role.up.sql"});
}

TEST_CASE("a misspelt directive or file name is refused with what was meant") {
    Shop const desk;
    desk.migration("2_drop_role", "-- undrop: loose participants.role\nselect 1;");
    check_refused(desk, {"up"}, 3, {"2_drop_role.up.sql:1:1", "undrop: lose"});
    desk.file("migrations/3_c.dwon.sql", "");
    check_refused(desk, {"up"}, 3, {"3_c.dwon.sql", "3_c.down.sql"});
}

TEST_CASE("a missing SQLite file is refused unless up --create makes it") {
    Desk const desk;
    desk.migration("1_a", "create table a (x);");
    for (auto const* verb : {"up", "status", "down", "plan", "log"}) {
        auto const outcome = desk.shop({verb});
        CHECK(outcome.status == 3);
        CHECK(has(outcome.err, "up --create"));
        CHECK_FALSE(std::filesystem::exists(desk.path / "shop.db"));
    }
    CHECK(desk.shop({"up", "--create"}).status == 0);
}

TEST_CASE("a file that is no database is refused and left as it is") {
    Desk const desk;
    desk.migration("1_a", "create table a (x);");
    auto const text = std::string(4'096, 'x');
    desk.file("shop.db", text);
    for (auto const* verb : {"up", "status"}) {
        auto const outcome = desk.shop({verb});
        CAPTURE(outcome.err);
        CHECK(outcome.status == 3);
        CHECK(has(outcome.err, "shop.db"));
    }
    CHECK(desk.text("shop.db") == text);
}

TEST_CASE("a read-only SQLite file is refused by up, and status reads it") {
    Shop const desk;
    CHECK(desk.shop({"up"}).status == 0);
    desk.migration("3_c", "create table c (x);");
    std::filesystem::permissions(desk.path / "shop.db", std::filesystem::perms::owner_read);
    std::filesystem::permissions(desk.path, std::filesystem::perms(0755));
    // Root may write to any file: there, another user tries, with a program that it may reach.
    auto const program = desk.path / "undrop";
    std::filesystem::copy_file(UNDROP_TEST_PROGRAM, program);
    auto const as_somebody = geteuid() == 0 ? std::string{"setpriv --reuid=65534 --regid=65534 --clear-groups "} : std::string{};
    auto const command =
        "cd " + desk.path.string() + " && " + as_somebody + "./undrop --db sqlite:shop.db up 2>" + (desk.path / "err").string();
    auto const status = std::system(command.c_str());
    auto const said = desk.text("err");
    CAPTURE(said);
    CHECK(WEXITSTATUS(status) == 3);
    CHECK(has(said, "shop.db"));
    CHECK(has(said, "Next: "));
    CHECK(desk.shop({"status"}).status == 0);
}

TEST_CASE("a database that someone else is writing is busy: exit status 5") {
    Shop const desk;
    Locked const locked(desk);
    auto const outcome = desk.shop({"--wait", "300ms", "--lock-timeout", "50ms", "up"});
    CAPTURE(outcome.err);
    CHECK(outcome.status == 5);
    CHECK(has(outcome.err, "Next: "));
}

TEST_CASE("an interrupt while waiting ends with 130, a termination with 143, a terminal that goes with 129, and nothing is changed") {
    Shop const desk;
    Locked const locked(desk);
    for (auto const& [signal, status] : std::vector<std::pair<std::string, int>>{{"INT", 130}, {"TERM", 143}, {"HUP", 129}}) {
        // A shell's background process ignores SIGINT, so the signal is sent from the background.
        auto const outcome =
            desk.shell("(sleep 1; kill -" + signal + " $$) & exec \"$UNDROP\" --db '" + desk.url() + "' --lock-timeout 20s up");
        CAPTURE(outcome.err);
        CHECK(outcome.status == status);
        CHECK(has(outcome.err, "Next: "));
    }
}

TEST_CASE("a signal ends a statement that runs, and nothing of its step stays; a second one ends the program where it is") {
    Desk const desk;
    desk.migration("1_a",
                   "create table a (x);\ncreate table b as with recursive n(i) as (select 1 union all select i + 1 from n where i < "
                   "3000000000) select count(*) c from n;");
    desk.sql("create table kept (x)");
    auto const once = desk.shell("(sleep 1; kill -TERM $$) & exec \"$UNDROP\" --db '" + desk.url() + "' --dir migrations up");
    CAPTURE(once.err);
    CHECK(once.status == 143);
    CHECK(has(once.err, "1_a.up.sql:2:1"));
    CHECK(has(once.err, "rolled back"));
    CHECK(desk.sql("select group_concat(name) from sqlite_schema where name not like '%undrop%'") == "kept");
    auto const twice = desk.shell("(sleep 1; kill -INT $$; kill -INT $$) & exec \"$UNDROP\" --db '" + desk.url() + "' --dir migrations up");
    CAPTURE(twice.err);
    CHECK(twice.status == 130);
    CHECK(desk.sql("select group_concat(name) from sqlite_schema where name not like '%undrop%'") == "kept");
}

TEST_CASE("a server that cannot be reached is a failure, and the password is not printed") {
    Desk const desk;
    desk.migration("1_a", "create table a (x);");
    auto const outcome = desk.run({"--db", "postgresql://someone:topsecret@127.0.0.1:1/shop", "--json", "up"});
    CHECK(outcome.status == 1);
    CHECK(outcome.json()["code"] == "failed");
    CHECK_FALSE(has(outcome.out + outcome.err, "topsecret"));
    CHECK(has(outcome.err, "Next: "));
}

TEST_CASE("a store that is not ours is refused") {
    Desk const desk;
    desk.migration("1_a", "create table a (x);");
    desk.sql("create table undrop_event (x); create table participants (x)");
    check_refused(desk, {"up"}, 3, {"undrop_event"});
}

TEST_CASE("--role on SQLite is wrong use") {
    Shop const desk;
    CHECK(desk.shop({"--role", "someone", "up"}).status == 2);
}

TEST_CASE("a script that is not UTF-8 is refused with its place, before anything runs") {
    Desk const desk;
    desk.migration("1_a", "create table a (x);");
    desk.migration("2_b", "create table b (x);\nselect 'caf\xe9';");
    auto const outcome = desk.shop({"up", "--create"});
    CAPTURE(outcome.err);
    CHECK(outcome.status == 3);
    CHECK(has(outcome.err, "2_b.up.sql:2:12"));
    CHECK(has(outcome.err, "Next: "));
}
