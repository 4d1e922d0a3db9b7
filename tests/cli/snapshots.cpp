// `undrop snapshots`: its screens, its questions, its exit statuses and its files.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <tuple>

#include "cli/program.hpp"

using namespace undrop::test;

namespace {

class Kept : public Shop {
public:
    Kept() { REQUIRE(shop({"up"}).status == 0); }
};

}  // namespace

TEST_CASE("snapshots verify exits with 0 where all is well, and with 3 naming what is not") {
    Kept const desk;
    auto const fine = desk.shop({"snapshots", "verify"});
    CHECK_MESSAGE(fine.status == 0, fine.err);
    CHECK(has(fine.out, "1 of 1 verified."));
    CHECK(desk.shop({"snapshots", "verify", "9"}).status == 2);
    desk.sql("update undrop_snapshot_1 set v1 = 'topsecret' where k1 = 1");
    auto const changed = desk.shop({"snapshots", "verify", "1"});
    CHECK(changed.status == 3);
    CHECK(has(changed.out, "snapshot 1 of participants.role holds other values"));
    CHECK_FALSE(has(changed.out + changed.err, "topsecret"));
    auto const document = desk.shop({"--json", "snapshots", "verify"});
    CHECK(document.status == 3);
    CHECK(document.json()["holds"] == false);
    CHECK(document.json()["snapshots"][0]["id"] == 1);
    auto const down = desk.shop({"down"});
    CHECK(down.status == 3);
    CHECK(has(down.err, "undrop down --without-snapshot"));
    CHECK(has(down.err, "undrop snapshots import FILE"));
    auto const without = desk.shop({"down", "--without-snapshot"});
    CHECK_MESSAGE(without.status == 0, without.err);
    CHECK(has(without.out, "at the default 3 (no snapshot)"));
    CHECK(desk.sql("select count(*) from participants where role = 'viewer'") == "3");
}

TEST_CASE("snapshots list says how much, how old and what would need it; status says it in short") {
    Kept const desk;
    auto const list = desk.shop({"snapshots", "list"});
    CHECK(has(list.out, "AGE"));
    CHECK(has(list.out, "0 h  down 2"));
    CHECK(has(list.out, "sha256-sum:"));
    auto const status = desk.shop({"status"});
    CHECK(has(status.out, "1 snapshot, "));
    CHECK(has(status.out, "oldest of 20"));
    CHECK(desk.shop({"--json", "status"}).json()["oldest_snapshot"].is_string());
}

TEST_CASE("snapshots purge asks, without a terminal wants --yes, and shows what it did") {
    Kept const desk;
    auto const refused = desk.shop({"snapshots", "purge", "1"});
    CHECK(refused.status == 3);
    CHECK(has(refused.err, "irreversible in data: 2 drop_role: down does not bring back participants.role"));
    CHECK(has(refused.err, "undrop snapshots purge 1 --yes"));
    CHECK(desk.on_terminal({"--db", desk.url(), "snapshots", "purge", "1"}, "n\n").status == 3);
    CHECK(desk.sql("select count(*) from undrop_snapshot_1") == "3");
    CHECK(desk.shop({"snapshots", "purge"}).status == 2);
    CHECK(desk.shop({"snapshots", "purge", "--older-than", "soon"}).status == 2);
    auto const young = desk.shop({"snapshots", "purge", "--older-than", "30d"});
    CHECK(young.status == 0);
    CHECK(has(young.out, "Nothing to purge."));
    auto const done = desk.on_terminal({"--db", desk.url(), "snapshots", "purge", "--all"}, "y\n");
    CHECK_MESSAGE(done.status == 0, done.out);
    CHECK(has(done.out, "purged snapshot 1: participants.role (column), 3 rows"));
    CHECK(desk.sql("select count(*) from sqlite_schema where name = 'undrop_snapshot_1'") == "0");
    CHECK(has(desk.shop({"snapshots", "list"}).out, "purged"));
    CHECK(has(desk.shop({"snapshots", "verify"}).out, "0 of 1 verified, 1 purged."));
    CHECK(has(desk.shop({"status"}).out, "1 snapshot purged"));
    CHECK(has(desk.shop({"log"}).out, "purged participants.role (snapshot 1, 3 rows)"));
    auto const plan = desk.shop({"plan", "down"});
    CHECK(plan.status == 3);
    CHECK(has(plan.out, "snapshot 1 of participants.role was purged"));
    CHECK(desk.shop({"plan", "down", "--without-snapshot"}).status == 0);
}

TEST_CASE("snapshots erase asks, and names no value of the key") {
    Kept const desk;
    auto const words = [](std::vector<std::string> more) {
        std::vector<std::string> all{"snapshots", "erase", "--table", "participants", "--key"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    auto const refused = desk.shop(words({"role=manager"}));
    CHECK(refused.status == 3);
    CHECK_FALSE(has(refused.err, "manager"));
    auto const done = desk.shop(words({"role=manager", "--yes"}));
    CHECK_MESSAGE(done.status == 0, done.err);
    CHECK(has(done.out, "erased 1 row of snapshot 1: participants.role"));
    auto const log = desk.shop({"--json", "log"}).out;
    CHECK(has(log, "\"erased\""));
    CHECK_FALSE(has(log, "manager"));
    CHECK(desk.shop({"snapshots", "verify"}).status == 0);
    CHECK(has(desk.shop(words({"77", "--yes"})).out, "No snapshot has such rows."));
    CHECK(desk.shop(words({"no=1", "--yes"})).status == 2);
}

TEST_CASE("snapshots export writes a file for nobody else's eyes, and import brings it back") {
    Kept const desk;
    auto const done = desk.shop({"snapshots", "export", "kept.zst"});
    CHECK_MESSAGE(done.status == 0, done.err);
    CHECK(has(done.out, "exported snapshot 1: participants.role (column), 3 rows"));
    struct stat file {};
    REQUIRE(stat((desk.path / "kept.zst").c_str(), &file) == 0);
    CHECK((file.st_mode & 0777U) == 0600U);
    CHECK(desk.shop({"snapshots", "export", "kept.zst"}).status == 2);
    CHECK(desk.shop({"snapshots", "export", "none/kept.zst"}).status == 1);
    CHECK(has(desk.shell("zstd -dc kept.zst").out, "manager"));

    CHECK(desk.shop({"snapshots", "purge", "--all", "--yes"}).status == 0);
    desk.file("bad.zst", desk.text("kept.zst").substr(0, 100));
    auto const bad = desk.shop({"snapshots", "import", "bad.zst"});
    CHECK(bad.status == 3);
    CHECK(has(bad.err, "no whole export"));
    CHECK(desk.shop({"snapshots", "import", "none.zst"}).status == 1);
    auto const back = desk.shop({"--json", "snapshots", "import", "kept.zst"});
    CHECK_MESSAGE(back.status == 0, back.err);
    CHECK(back.json()["snapshots"][0]["what"] == "participants.role");
    CHECK(has(desk.shop({"log"}).out, "imported participants.role"));
    CHECK(desk.shop({"down"}).status == 0);
    CHECK(desk.sql("select group_concat(role) from (select role from participants order by id)") == "viewer,manager,contributor");
}

TEST_CASE("an export goes through a pipe, and never onto a terminal") {
    Kept const desk;
    auto const piped = desk.shell(
        "$UNDROP --db sqlite:shop.db snapshots export - | gzip > kept.gz && "
        "$UNDROP --db sqlite:shop.db --yes snapshots purge --all && "
        "gunzip -c kept.gz | $UNDROP --db sqlite:shop.db snapshots import -");
    CHECK_MESSAGE(piped.status == 0, piped.err);
    CHECK(has(piped.out, "imported snapshot 1"));
    CHECK(desk.on_terminal({"--db", desk.url(), "snapshots", "export", "-"}, "").status == 2);
    CHECK(desk.shop({"--json", "snapshots", "export", "-"}).status == 2);
    auto const full = desk.shell("$UNDROP --db sqlite:shop.db snapshots export /dev/full");
    CHECK(full.status != 0);
}

TEST_CASE("snapshots show --conflicts shows what was not put back, and why") {
    Kept const desk;
    desk.sql("delete from participants where id = 2");
    auto const plan = desk.shop({"plan", "down"});
    CHECK(has(plan.out, "2 of 3 rows saved come back; deleted since 1"));
    auto const returns = desk.shop({"--json", "plan", "down"}).json()["steps"][0]["returns"];
    CHECK(returns[0]["deleted_since"] == 1);
    auto const down = desk.shop({"down", "--on-conflict", "stop"});  // a row that is gone is no conflict
    CHECK_MESSAGE(down.status == 0, down.err);
    CHECK(has(down.out, "undrop snapshots show 1 --conflicts"));
    auto const shown = desk.shop({"snapshots", "show", "1", "--conflicts"});
    CHECK_MESSAGE(shown.status == 0, shown.err);
    CHECK(has(shown.out, "deleted since"));
    auto const document = desk.shop({"--json", "snapshots", "show", "1", "--conflicts"}).json();
    CHECK(document["kind"] == "snapshot_conflicts");
    CHECK(document["total"] == 1);
    CHECK(document["rows"][0]["why"] == "deleted_since");
    CHECK(document["rows"][0]["values"][0] == "2");
    CHECK(has(desk.shop({"snapshots", "verify"}).out, "1 of 1 verified."));
}

TEST_CASE("to and redo go without a snapshot where that is said; words that are none are refused") {
    Kept const desk;
    desk.sql("update undrop_snapshot_1 set v1 = 'other' where k1 = 1");
    CHECK(desk.shop({"to", "1"}).status == 3);
    CHECK(desk.shop({"redo"}).status == 3);
    auto const redone = desk.shop({"redo", "--without-snapshot"});
    CHECK_MESSAGE(redone.status == 0, redone.err);
    CHECK(desk.shop({"to", "1", "--without-snapshot", "--on-conflict", "keep-old", "--on-orphan", "null"}).status == 0);
    CHECK(desk.shop({"down", "--on-conflict", "both"}).status == 2);
    CHECK(desk.shop({"down", "--on-orphan", "drop"}).status == 2);
}

TEST_CASE("keep_snapshots of undrop.toml purges what is older after a run, and --keep-snapshots overrules it") {
    auto const month_ago = "update undrop_event set at = strftime('%Y-%m-%dT%H:%M:%S.000000Z', 'now', '-30 days')";
    for (auto const& [in_file, option, purges] : std::vector<std::tuple<std::string, std::string, bool>>{
             {"", "", false}, {"8w", "", false}, {"7d", "", true}, {"7d", "1y", false}, {"", "1w", true}, {"7d", "0d", false}}) {
        CAPTURE(in_file);
        CAPTURE(option);
        Kept const desk;
        desk.sql(month_ago);
        desk.migration("3_note", "create table note (id integer primary key);");
        if (!in_file.empty()) desk.file("undrop.toml", "keep_snapshots = \"" + in_file + "\"\n");
        std::vector<std::string> words{"up"};
        if (!option.empty()) words.insert(words.end(), {"--keep-snapshots", option});
        auto const up = desk.shop(words);
        CHECK_MESSAGE(up.status == 0, up.err);
        CHECK(has(desk.shop({"snapshots", "list"}).out, "purged") == purges);
        CHECK(desk.sql("select count(*) from sqlite_schema where name = 'undrop_snapshot_1'") == (purges ? "0" : "1"));
    }
}
