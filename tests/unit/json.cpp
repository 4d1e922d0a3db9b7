#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <undrop/undrop.hpp>

using namespace undrop;
using nlohmann::json;

namespace {

Plan full_plan() {
    Plan plan;
    plan.direction = Direction::down;
    plan.target = "db1:5432/shop as shop_owner";
    plan.ledger = "undrop";
    plan.base = "abc";
    PlannedStep step;
    step.version = "20250101000000";
    step.name = "drop \"role\"";
    step.direction = Direction::down;
    step.origin = Origin::ledger;
    step.up = Script{"alter table t drop column \"Ünï\";\r\n", "a.up.sql"};
    step.down = Script{std::string("select '\xFF\x00';", 12), "a.down.sql"};
    step.statements = 3;
    step.check = Script{"select 1;\r\n", "a.check.sql"};
    step.down_check = Script{"select 2;", "a.down.check.sql"};
    step.check_statements = 1;
    step.locks = {"public.t"};
    step.losses = {{"public.t.role", 100'000, false}, {"public.u", std::nullopt, true}};
    step.comes_back = {"public.t.role"};
    step.mends = {"index public.i"};
    step.notes = {"the column comes back last"};
    plan.steps = {step, PlannedStep{}};
    Finding stop;
    stop.severity = Finding::Severity::stop;
    stop.code = "edited-up";
    stop.text = "edited";
    stop.where = {"a.up.sql", 3, 4};
    stop.next = {"accept 1", "Say that it is meant."};
    plan.findings = {stop, Finding{}};
    return plan;
}

void check_equal(Script const& a, Script const& b) {
    CHECK(a.text == b.text);
    CHECK(a.file == b.file);
}

}  // namespace

TEST_CASE("a plan reads back from its JSON as it was, scripts byte for byte") {
    auto const plan = full_plan();
    auto const text = to_json(plan);
    auto const read = plan_from_json(text);
    REQUIRE_MESSAGE(read.has_value(), read.error().text());
    CHECK(to_json(read.value()) == text);
    auto const& step = read.value().steps.at(0);
    check_equal(step.up.value(), plan.steps[0].up.value());
    check_equal(step.down.value(), plan.steps[0].down.value());
    check_equal(step.check.value(), plan.steps[0].check.value());
    check_equal(step.down_check.value(), plan.steps[0].down_check.value());
    CHECK(step.check_statements == 1);
    CHECK(step.direction == Direction::down);
    CHECK(step.origin == Origin::ledger);
    CHECK(step.losses.at(0).rows == 100'000);
    CHECK_FALSE(step.losses.at(1).rows.has_value());
    CHECK(step.losses.at(1).waived);
    CHECK_FALSE(read.value().steps.at(1).up.has_value());
    CHECK(read.value().findings.at(0).where.column == 4);
    CHECK(read.value().findings.at(0).next.command == "accept 1");
    CHECK_FALSE(read.value().go());
}

TEST_CASE("a plan that was written before there were checks has none") {
    auto older = json::parse(to_json(full_plan()));
    for (auto const* member : {"check", "down_check", "check_statements"}) older["steps"][0].erase(member);
    older.erase("sum");
    auto const read = plan_from_json(older.dump());
    REQUIRE_MESSAGE(read.has_value(), read.error().text());
    CHECK_FALSE(read.value().steps.at(0).down_check.has_value());
}

TEST_CASE("a text that is no plan is wrong use") {
    auto newer = json::parse(to_json(full_plan()));
    newer["format"] = 2;
    auto cut = json::parse(to_json(full_plan()));
    cut["steps"][0].erase("origin");
    auto misspelt = json::parse(to_json(full_plan()));
    misspelt["direction"] = "sideways";
    for (auto const& text : {std::string(), std::string("{"), std::string("[]"), std::string("{}"), to_json(Report{}), newer.dump(),
                             cut.dump(), misspelt.dump()}) {
        auto const read = plan_from_json(text);
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().code == Code::usage);
        CHECK(read.error().next.command == "plan --out FILE");
    }
}

TEST_CASE("every document has a format and a kind") {
    Report report;
    report.steps.emplace_back();
    report.steps[0].saved = {{"t.a", 5, 100}};
    report.steps[0].merged = {{.what = "t.a",
                               .restored = 1,
                               .unchanged = 2,
                               .computed = 3,
                               .deleted_since = 4,
                               .inserted_since = 5,
                               .key_taken = 6,
                               .not_found = 8,
                               .not_users = 7}};
    auto const document = json::parse(to_json(report));
    CHECK(document["format"] == 1);
    CHECK(document["kind"] == "report");
    CHECK(document["steps"][0]["saved"][0]["rows"] == 5);
    CHECK(document["steps"][0]["merged"][0]["not_users"] == 7);
    CHECK(document["steps"][0]["merged"][0]["not_found"] == 8);

    Status status;
    status.applied.emplace_back().version = "1";
    status.pending.emplace_back().out_of_order = true;
    CHECK(json::parse(to_json(status))["kind"] == "status");
    CHECK(json::parse(to_json(status))["applied"][0]["version"] == "1");
    CHECK(json::parse(to_json(status))["clean"] == false);
    CHECK(json::parse(to_json(std::vector<SnapshotInfo>(2)))["snapshots"].size() == 2);
}

TEST_CASE("what was checked tells per file and statement whether it holds") {
    CheckReport report;
    CHECK(json::parse(to_json(report))["holds"] == true);
    auto& migration = report.migrations.emplace_back();
    migration.version = "1";
    migration.origin = Origin::ledger;
    migration.file = "1_a.check.sql (ledger)";
    migration.statements = {{.text = "select 1", .where = {"1_a.check.sql", 1, 1}, .holds = true, .rows = 1},
                            {.text = "select id", .where = {"1_a.check.sql", 2, 3}, .rows = 5, .problem = "5 rows"}};
    auto const document = json::parse(to_json(report));
    CHECK(document["format"] == 1);
    CHECK(document["kind"] == "check");
    CHECK(document["holds"] == false);
    CHECK(document["checks"][0]["holds"] == false);
    CHECK(document["checks"][0]["origin"] == "ledger");
    CHECK(document["checks"][0]["statements"][0]["holds"] == true);
    CHECK(document["checks"][0]["statements"][1]["rows"] == 5);
    CHECK(document["checks"][0]["statements"][1]["where"]["line"] == 2);
}

TEST_CASE("the detail of a log entry is JSON where it is JSON, and text where it is not") {
    LogEntry a;
    a.detail = R"({"steps": []})";
    LogEntry b;
    b.detail = "no JSON \xFF";
    auto const document = json::parse(to_json(std::vector{a, b}));
    CHECK(document["kind"] == "log");
    CHECK(document["entries"][0]["detail"]["steps"].is_array());
    CHECK(document["entries"][1]["detail"].is_string());
}

TEST_CASE("rows of a snapshot keep NULL apart from an empty text") {
    SnapshotRows rows;
    rows.columns = {"id", "role"};
    rows.rows = {{"1", std::nullopt}, {"2", ""}};
    auto const document = json::parse(to_json(rows));
    CHECK(document["kind"] == "snapshot_rows");
    CHECK(document["rows"][0][1].is_null());
    CHECK(document["rows"][1][1] == "");
}
