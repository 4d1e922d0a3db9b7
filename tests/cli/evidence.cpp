// Evidence as a release engineer meets it: rehearsed here, taken there, asked for by the gate; and plans that are kept in files.
#include <doctest/doctest.h>

#include "cli/program.hpp"

using namespace undrop::test;

namespace {

// A shop at version 1, with a pending migration that comes back.
class Release : public Desk {
public:
    Release() {
        migration("1_members", "create table members (id integer primary key, role text);\ninsert into members values (1, 'admin');",
                  "drop table members;");
        REQUIRE(shop({"up", "--create", "--quiet"}).status == 0);
        migration("2_drop_role", "alter table members drop column role;", "alter table members add column role text;");
    }
    [[nodiscard]] std::string columns() const { return sql("select group_concat(name) from pragma_table_info('members')"); }
    // With a document whose text `change` has changed.
    template <class Change>
    [[nodiscard]] std::string edited(std::string const& file, std::string const& as, Change const& change) const {
        auto document = nlohmann::json::parse(text(file));
        change(document);
        this->file(as, document.dump(2));
        return as;
    }
};

std::vector<std::string> codes(Outcome const& outcome, std::string const& severity) {
    std::vector<std::string> found;
    auto const document = outcome.json();
    for (auto const& finding : document["findings"])
        if (finding["severity"] == severity) found.push_back(finding["code"]);
    return found;
}

using Codes = std::vector<std::string>;

}  // namespace

TEST_CASE("without evidence the gate refuses, names the migration, and says what to type; that makes it a GO") {
    Release const desk;
    auto const refused = desk.shop({"up", "--require-rehearsal"});
    CHECK(refused.status == 3);
    CHECK_MESSAGE(has(refused.err, "2 drop_role was not rehearsed"), refused.err);
    CHECK_MESSAGE(has(refused.err, "rehearse 2 --record"), refused.err);
    CHECK(desk.columns() == "id,role");
    CHECK(codes(desk.shop({"--json", "plan", "--require-rehearsal"}), "stop") == Codes{"not-rehearsed"});
    CHECK(codes(desk.shop({"--json", "plan"}), "stop").empty());

    auto const recorded = desk.shop({"rehearse", "2", "--record"});
    CHECK_MESSAGE(recorded.status == 0, recorded.err);
    CHECK(desk.columns() == "id,role");
    auto const plan = desk.shop({"plan", "--require-rehearsal"});
    CHECK_MESSAGE(plan.status == 0, plan.out);
    CHECK(has(plan.out, "2 drop_role was rehearsed on an empty database"));
    CHECK(plan.out.ends_with("GO\n"));
    CHECK(has(desk.shop({"plan"}).out, "2 drop_role was rehearsed on an empty database"));
    CHECK(has(desk.shop({"status"}).out, "2 drop_role was rehearsed"));
    CHECK(has(desk.shop({"log"}).out, "rehearsed"));
    CHECK(desk.shop({"up", "--require-rehearsal"}).status == 0);
    CHECK(desk.columns() == "id");
    CHECK(desk.shop({"down"}).status == 0);
    CHECK(desk.sql("select role from members") == "admin");
}

TEST_CASE("evidence made elsewhere is taken along in a file, and read again as it was") {
    Release const desk;
    CHECK(desk.run({"--db", "sqlite::memory:", "rehearse", "--all", "--report", "e.json"}).status == 0);
    auto const document = nlohmann::json::parse(desk.text("e.json"));
    auto const& second = document["migrations"][1];
    CHECK(second["up_sum"].get<std::string>().size() == 64);
    CHECK(second["fingerprint"].get<std::string>().size() == 64);
    CHECK(document["database"].get<std::string>().starts_with("SQLite "));
    CHECK(document["data"] == "migrations");
    CHECK(second["compared"][0]["table"] == "members");
    CHECK(second["compared"][0]["rows"] == 1);
    CHECK(desk.shop({"up", "--require-rehearsal"}).status == 3);
    auto const shown = desk.run({"evidence", "e.json"});
    CHECK_MESSAGE(shown.status == 0, shown.err);
    CHECK(shown.out.ends_with("GO\n"));
    CHECK(desk.run({"--json", "evidence", "e.json"}).json() == document);
    CHECK(desk.shop({"up", "--require-rehearsal", "migrations", "--evidence", "e.json"}).status == 0);
    CHECK(desk.columns() == "id");
}

TEST_CASE("evidence is of these scripts, these directives, these objects and such rows, or it is refused for that reason") {
    Release const desk;
    REQUIRE(desk.shop({"rehearse", "2", "--report", "e.json"}).status == 0);
    auto const stops = [&](std::string const& mode) {
        return codes(desk.shop({"--json", "plan", "--require-rehearsal", mode, "--evidence", "e.json"}), "stop");
    };
    auto const require = [&] { return desk.shop({"up", "--require-rehearsal", "--evidence", "e.json"}); };
    CHECK(stops("migrations").empty());

    SUBCASE("weaker rows") {
        CHECK(stops("full") == Codes{"rehearsed-data"});
        auto const refused = desk.shop({"up", "--require-rehearsal", "full", "--evidence", "e.json"});
        CHECK(refused.status == 3);
        CHECK_MESSAGE(has(refused.err, "rows of `migrations`, and `full` is required"), refused.err);
        CHECK(has(refused.err, "rehearse 2 --data full --record"));
    }
    SUBCASE("another up script") {
        desk.migration("2_drop_role", "alter table members drop column role;\nselect 1;", "alter table members add column role text;");
        CHECK(stops("migrations") == Codes{"rehearsed-otherwise"});
        CHECK(has(require().err, "another up script"));
        // Without being asked for, it is said all the same.
        auto const plan = desk.shop({"--json", "plan", "--evidence", "e.json"});
        CHECK(plan.status == 0);
        CHECK(codes(plan, "warning") == Codes{"rehearsed-otherwise"});
    }
    SUBCASE("another down script") {
        desk.migration("2_drop_role", "alter table members drop column role;", "alter table members add column role text default 'x';");
        CHECK(stops("migrations") == Codes{"rehearsed-otherwise"});
        CHECK(has(require().err, "another down script"));
    }
    SUBCASE("the same script with a waiver, which is no part of its checksum") {
        desk.migration("2_drop_role", "-- undrop: lose members.role\nalter table members drop column role;",
                       "alter table members add column role text;");
        CHECK(stops("migrations") == Codes{"rehearsed-otherwise"});
        CHECK(has(require().err, "other directives"));
    }
    SUBCASE("a table that somebody changed here") {
        desk.sql("alter table members add column note text");
        CHECK(stops("migrations") == Codes{"rehearsed-objects"});
        CHECK_MESSAGE(has(require().err, "table members is defined otherwise"), require().err);
    }
    SUBCASE("an index that somebody put on it here") {
        desk.sql("create index by_id on members (id)");
        CHECK(stops("migrations") == Codes{"rehearsed-objects"});
        CHECK_MESSAGE(has(require().err, "index"), require().err);
    }
    SUBCASE("a table elsewhere is nobody's business") {
        desk.sql("create table elsewhere (x)");
        CHECK(stops("migrations").empty());
    }
    CHECK(desk.columns().starts_with("id,role"));
}

TEST_CASE("a table whose rows an UPDATE would change is at stake, though none were there when it was rehearsed") {
    Release const desk;
    desk.migration("2_drop_role", "create table empty (id integer primary key, n integer);", "drop table empty;");
    REQUIRE(desk.shop({"up", "--quiet"}).status == 0);
    desk.migration("3_count", "update empty set n = 1 where n is null;", "select 1;");
    REQUIRE(desk.shop({"rehearse", "3", "--report", "e.json"}).status == 0);
    CHECK(desk.shop({"plan", "--require-rehearsal", "--evidence", "e.json"}).status == 0);
    desk.sql("create trigger counts after update on empty begin update members set role = 'x'; end");
    auto const refused = desk.shop({"up", "--require-rehearsal", "--evidence", "e.json"});
    CHECK(refused.status == 3);
    CHECK_MESSAGE(has(refused.err, "counts"), refused.err);
    CHECK(desk.sql("select count(*) from members where role = 'x'") == "0");
}

TEST_CASE("a child of a table, and a view of it, are at stake where only their texts tell") {
    Release const desk;
    REQUIRE(desk.shop({"rehearse", "--data", "full", "--report", "e.json"}).status == 0);
    for (auto const* other :
         {"create table badges (member integer references members on delete cascade)", "create view admins as select id from members"}) {
        desk.sql(other);
        auto const refused = desk.shop({"up", "--require-rehearsal", "full", "--evidence", "e.json"});
        CHECK(refused.status == 3);
        CHECK_MESSAGE(has(refused.err, "was not there"), refused.err);
        desk.sql("drop table if exists badges");
    }
    desk.sql("drop view admins");
    desk.sql("create table others (id integer)");
    CHECK(desk.shop({"up", "--require-rehearsal", "full", "--evidence", "e.json"}).status == 0);
}

TEST_CASE("later migrations are compared with what the earlier ones of the plan leave, as rehearsed") {
    Release const desk;
    desk.migration("3_more", "alter table members add column more text;\nupdate members set more = 'x';",
                   "alter table members drop column more;");
    REQUIRE(desk.shop({"rehearse", "--report", "e.json"}).status == 0);
    CHECK(desk.shop({"plan", "--require-rehearsal", "--evidence", "e.json"}).status == 0);
    // 2 is another one now and was rehearsed so; what 3 was rehearsed on is not what this 2 leaves.
    desk.migration("2_drop_role", "alter table members rename column role to rank;", "alter table members rename column rank to role;");
    REQUIRE(desk.shop({"rehearse", "2", "--report", "e2.json"}).status == 0);
    auto const refused = desk.shop({"up", "--require-rehearsal", "--evidence", "e.json", "--evidence", "e2.json"});
    CHECK(refused.status == 3);
    CHECK_MESSAGE(has(refused.err, "3 more was rehearsed"), refused.err);
    CHECK_FALSE(has(refused.err, "2 drop_role was"));
    CHECK(desk.columns() == "id,role");
}

TEST_CASE("a migration that did not come back does not go up, unless its loss is accepted") {
    Release const desk;
    desk.migration("3_lossy", "create table t (x);", "drop table t;\ninsert into members (id) values (7);");
    desk.migration("4_broken", "create table u (x);", "drop table nowhere;");
    CHECK(desk.shop({"rehearse", "--record"}).status == 3);
    auto const plan = desk.shop({"--json", "plan", "--require-rehearsal"});
    CHECK(plan.status == 3);
    CHECK(codes(plan, "stop") == Codes{"rehearsed-grade", "rehearsed-grade"});
    CHECK(codes(desk.shop({"--json", "plan", "--require-rehearsal", "--accept", "lossy"}), "stop") == Codes{"rehearsed-grade"});
    auto const refused = desk.shop({"up", "--to", "3", "--require-rehearsal"});
    CHECK(refused.status == 3);
    CHECK_MESSAGE(has(refused.err, ": lossy: "), refused.err);
    CHECK_MESSAGE(has(refused.err, "--accept lossy"), refused.err);
    CHECK(desk.shop({"up", "--to", "3", "--require-rehearsal", "--accept", "lossy"}).status == 0);
    CHECK(has(desk.shop({"up", "--require-rehearsal", "--accept", "lossy"}).err, ": down broken: "));
}

TEST_CASE("an irreversible migration that was rehearsed goes up, and the plan shows what it is") {
    Release const desk;
    desk.migration("2_drop_role", "-- undrop: irreversible \"the law\"\nalter table members drop column role;");
    (void)desk.shop({"rehearse", "2", "--record"});
    auto const plan = desk.shop({"plan", "--require-rehearsal"});
    CHECK_MESSAGE(plan.status == 0, plan.out);
    CHECK(has(plan.out, "the law"));
    CHECK(has(plan.out, "irreversible, as its author says"));
}

TEST_CASE("undrop.toml asks for a rehearsal once and for all") {
    Release const desk;
    desk.file("undrop.toml", "require_rehearsal = \"migrations\"\n");
    CHECK(desk.shop({"up"}).status == 3);
    CHECK(desk.shop({"to", "2"}).status == 3);
    CHECK(desk.shop({"rehearse", "2", "--report", "e.json"}).status == 0);
    desk.file("undrop.toml", "require_rehearsal = \"migrations\"\nevidence = \"e.json\"\n");
    CHECK(desk.shop({"plan"}).status == 0);
    desk.file("undrop.toml", "require_rehearsal = \"most\"\n");
    CHECK(desk.shop({"up"}).status == 2);
    desk.file("undrop.toml", "require_rehearsal = \"migrations\"\nevidence = \"e.json\"\n");
    CHECK(desk.shop({"to", "2"}).status == 0);
}

TEST_CASE("what is no evidence is wrong use: no JSON, half a file, a plan, an edited grade, a newer format") {
    Release const desk;
    desk.migration("3_lossy", "create table t (x);", "drop table t;\ninsert into members (id) values (7);");
    (void)desk.shop({"rehearse", "--report", "e.json"});
    REQUIRE(desk.shop({"plan", "--out", "plan.json"}).status == 0);
    auto const whole = desk.text("e.json");
    desk.file("half.json", whole.substr(0, whole.size() / 2));
    desk.file("text.json", "it went well");
    desk.file("empty.json", "");
    (void)desk.edited("e.json", "better.json", [](nlohmann::json& e) { e["migrations"][1]["grade"] = "exact"; });
    (void)desk.edited("e.json", "newer.json", [](nlohmann::json& e) { e["format"] = 2; });
    (void)desk.edited("e.json", "bare.json", [](nlohmann::json& e) { e.erase("sum"); });
    for (auto const* name : {"half.json", "text.json", "empty.json", "better.json", "newer.json", "bare.json", "plan.json", "none.json"}) {
        CAPTURE(name);
        auto const refused = desk.shop({"up", "--require-rehearsal", "--evidence", name});
        CHECK(refused.status == 2);
        CHECK_MESSAGE(has(refused.err, name), refused.err);
        CHECK_MESSAGE(has(refused.err, "undrop rehearse --report FILE.json"), refused.err);
        CHECK(desk.run({"evidence", name}).status == 2);
    }
    // Laid out otherwise, it is the same.
    (void)desk.edited("e.json", "laid_out.json", [](nlohmann::json&) {});
    CHECK(desk.run({"evidence", "laid_out.json", "2"}).status == 0);
    CHECK(desk.run({"evidence", "laid_out.json", "3"}).status == 3);
    CHECK(desk.run({"evidence", "laid_out.json", "9"}).status == 2);
    CHECK(desk.columns() == "id,role");
}

TEST_CASE("a stored plan is refused where it was edited, cut, is for another database, or a script differs by now") {
    Release const desk;
    REQUIRE(desk.shop({"plan", "--out", "plan.json"}).status == 0);
    auto const refused = [&](std::string const& file, int status, std::string const& why) {
        CAPTURE(file);
        auto const outcome = desk.shop({"up", "--plan", file});
        CHECK_MESSAGE(outcome.status == status, outcome.err);
        CHECK_MESSAGE(has(outcome.err, why), outcome.err);
        CHECK_MESSAGE(has(outcome.err, "Next: undrop plan --out"), outcome.err);
        CHECK(desk.columns() == "id,role");
    };
    auto const whole = desk.text("plan.json");
    desk.file("half.json", whole.substr(0, whole.size() / 2));
    refused("half.json", 2, "this is no plan");
    desk.file("text.json", "drop it all");
    refused("text.json", 2, "this is no plan");
    refused(desk.edited("plan.json", "edited.json", [](nlohmann::json& p) { p["steps"][0]["up"]["text"] = "drop table members;"; }), 2,
            "changed since it was made");
    SUBCASE("another database") {
        auto const other = "sqlite:" + (desk.path / "other.db").string();
        CHECK(desk.run({"--db", other, "up", "--to", "1", "--create"}).status == 0);
        auto const outcome = desk.run({"--db", other, "up", "--plan", "plan.json"});
        CHECK(outcome.status != 0);
        CHECK_MESSAGE(has(outcome.err, "shop.db, and this is "), outcome.err);
    }
    SUBCASE("the same database by another path") { CHECK(desk.run({"--db", "sqlite:shop.db", "up", "--plan", "plan.json"}).status == 0); }
    SUBCASE("an edited script") {
        desk.migration("2_drop_role", "alter table members drop column role;\nselect 2;", "alter table members add column role text;");
        refused("plan.json", 3, "the up script of 2 drop_role was edited since this plan was made");
    }
    SUBCASE("an edited directive") {
        desk.migration("2_drop_role", "-- undrop: lose members.role\nalter table members drop column role;",
                       "alter table members add column role text;");
        refused("plan.json", 3, "the up script of 2 drop_role was edited since this plan was made");
    }
    SUBCASE("a changed table") {
        desk.sql("create index by_role on members (role)");
        CHECK(desk.shop({"up", "--plan", "plan.json"}).status == 3);
        desk.sql("drop index by_role");
        CHECK(desk.shop({"up", "--plan", "plan.json"}).status == 0);
    }
}

TEST_CASE("a stored plan is judged by the evidence of the hour") {
    Release const desk;
    REQUIRE(desk.shop({"plan", "--out", "plan.json"}).status == 0);
    CHECK(desk.shop({"up", "--plan", "plan.json", "--require-rehearsal"}).status == 3);
    CHECK(desk.shop({"plan", "--require-rehearsal", "--out", "strict.json"}).status == 3);
    CHECK(desk.shop({"up", "--plan", "strict.json"}).status == 3);  // made as a NO-GO, and nobody takes that away by not asking
    CHECK(desk.shop({"rehearse", "2", "--record"}).status == 0);
    CHECK(desk.shop({"up", "--plan", "strict.json", "--require-rehearsal"}).status == 0);
    CHECK(desk.columns() == "id");
}

TEST_CASE("recorded evidence holds no values of rows, and does not change what is applied") {
    Release const desk;
    desk.migration("3_lossy", "create table t (x);", "drop table t;\ninsert into members (id) values (4711);");
    auto const before = desk.shop({"--json", "status"}).json();
    CHECK(desk.shop({"rehearse", "--record"}).status == 3);
    auto const after = desk.shop({"--json", "status"}).json();
    CHECK(after["applied"] == before["applied"]);
    CHECK(after["pending"] == before["pending"]);
    auto const log = desk.shop({"--json", "log"}).out;
    CHECK(has(log, "\"rehearsed\""));
    CHECK_FALSE(has(log, "4711"));
}

TEST_CASE("evidence of masked rows, or without an application's writes, is a warning of the plan") {
    Release const desk;
    (void)desk.shop({"rehearse", "2", "--data", "full", "--no-writes", "--mask", "members.role='m'", "--report", "e.json"});
    auto const plan = desk.shop({"plan", "--require-rehearsal", "full", "--evidence", "e.json"});
    CHECK_MESSAGE(plan.status == 0, plan.out);
    CHECK(has(plan.out, "warning [rehearsed]"));
    CHECK(has(plan.out, "; no application wrote between up and down; masked: members.role"));
}
