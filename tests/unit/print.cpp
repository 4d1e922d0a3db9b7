#include <doctest/doctest.h>

#include <sstream>

#include <undrop/undrop.hpp>

#include "print/text.hpp"

using namespace undrop;

namespace {

template <class T>
std::string screen(T const& value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

Report up_report() {
    Report report;
    report.target = "db1:5432/shop as shop_owner (PostgreSQL 15.20)";
    report.run = 7;
    report.label = "shop 1.15.2";
    report.seconds = 0.44;
    StepReport step;
    step.version = "20250927004003";
    step.name = "drop_role";
    step.saved = {{"request_participants.role", 100'000, 3'100'000}, {"t", 1, 12}};
    step.went = {"index i", "view v"};
    step.locks = {{"request_participants", 0.02, 0.31}};
    report.steps = {step};
    return report;
}

}  // namespace

TEST_CASE("the report of an up says what was saved, what went, what was locked, and the way back") {
    CHECK(screen(up_report()) ==
          "db1:5432/shop as shop_owner (PostgreSQL 15.20)                        run 7  \"shop 1.15.2\"\n"
          "20250927004003 drop_role\n"
          "  saved   request_participants.role   100,000 rows  3.1 MB\n"
          "  saved   t                                 1 row   12 bytes\n"
          "  went    index i, view v (recorded)\n"
          "  locked  request_participants        0.31 s (waited 0.02 s, 1 try)\n"
          "Done in 0.44 s. Way back: undrop down --run 7\n");
}

TEST_CASE("the report of a down lists every class of rows that is not zero") {
    auto report = up_report();
    auto& step = report.steps[0];
    step.direction = Direction::down;
    step.saved = {};
    step.went = {};
    step.locks = {};
    step.merged = {{.what = "t.role", .defaulted = true, .restored = 99'500, .deleted_since = 500, .inserted_since = 1'000}};
    step.mended = {"index i"};
    step.notes = {"t.role comes back as the last column"};
    auto const text = screen(report);
    CHECK(has(text, "  back    t.role   restored 99,500; deleted since 500; inserted since 1,000 (default)\n"));
    CHECK(has(text, "  mended  index i\n"));
    CHECK(has(text, "  note    t.role comes back as the last column\n"));
    CHECK_FALSE(has(text, "unchanged"));
    CHECK_FALSE(has(text, "Way back"));
}

TEST_CASE("a run that had nothing to do says so") {
    Report report;
    report.target = "shop.db";
    CHECK(screen(report) == "shop.db\nNothing to do.\n");
}

TEST_CASE("a plan ends in GO, and in NO-GO where a finding stops it") {
    Plan plan;
    plan.target = "shop.db";
    CHECK(screen(plan) == "shop.db\nNothing to do.\nGO\n");
    PlannedStep step;
    step.version = "1";
    step.name = "a";
    step.statements = 1;
    step.locks = {"t"};
    step.losses = {{"t.a", 1'234, false}, {"u", std::nullopt, true}};
    plan.steps = {step};
    Finding stop;
    stop.severity = Finding::Severity::stop;
    stop.code = "edited-up";
    stop.text = "edited";
    stop.where = {"a.up.sql", 3, 4};
    stop.next.command = "accept 1";
    plan.findings = {stop};
    CHECK(screen(plan) ==
          "shop.db\n"
          "Plan: 1 step up\n"
          "1 a (up)\n"
          "  runs    up script from the file, 1 statement\n"
          "  locks   t\n"
          "  loses   t.a   1,234 rows  saved first\n"
          "  loses   u     rows not counted  NOT saved: waived by `-- undrop: lose`\n"
          "stop [edited-up] a.up.sql:3:4: edited\n"
          "    Next: undrop accept 1\n"
          "NO-GO\n");
}

TEST_CASE("the status is a table of applied and pending migrations by version") {
    Status status;
    status.target = "shop.db";
    status.has_ledger = true;
    status.applied.push_back(
        {.version = "9", .name = "a", .run = 1, .at = "2025-01-01T00:00:00Z", .label = "", .has_down = true, .edited_up = true});
    status.pending.push_back({.version = "10", .name = "Ünï", .out_of_order = false, .was_reverted = true});
    status.snapshots = 2;
    status.snapshot_bytes = 1'500;
    CHECK(screen(status) ==
          "shop.db\n"
          "VERSION  NAME  STATE    RUN  AT                    LABEL\n"
          "9        a     applied  1    2025-01-01T00:00:00Z         up edited\n"
          "10       Ünï   pending                                    was taken back\n"
          "1 applied, 1 pending; 2 snapshots, 1.5 kB.\n");
}

TEST_CASE("control characters of names do not reach the terminal") {
    Plan plan;
    plan.target = "shop\x1b[2Jdb\r";
    CHECK(has(screen(plan), "shop?[2Jdb?\n"));
}

TEST_CASE("long lists are wrapped behind their label") {
    print::Details details;
    details.add_list("went", std::vector<std::string>(20, "index public.some_index"), " (recorded)");
    std::istringstream lines(details.text());
    for (std::string line; std::getline(lines, line);) {
        CHECK(line.size() <= 125);
        CHECK(line.starts_with("  "));
    }
    CHECK(details.text().ends_with("index public.some_index (recorded)\n"));
}

TEST_CASE("numbers, bytes and times are written for people") {
    CHECK(print::thousands(0) == "0");
    CHECK(print::thousands(999) == "999");
    CHECK(print::thousands(1'000) == "1,000");
    CHECK(print::thousands(-1'234'567) == "-1,234,567");
    CHECK(print::bytes(1) == "1 byte");
    CHECK(print::bytes(999'960) == "1.0 MB");
    CHECK(print::seconds(0.004) == "0.00 s");
    CHECK(print::seconds(2.25) == "2.2 s");
    CHECK(print::seconds(4'200) == "4,200 s");
}

TEST_CASE("Markdown keeps names from being read as markup") {
    auto report = up_report();
    report.steps[0].name = "drop_*role*|";
    report.steps[0].notes = {"a <b> `c`"};
    auto const text = to_markdown(report);
    CHECK(has(text, "drop\\_\\*role\\*\\|"));
    CHECK(has(text, "a \\<b\\> \\`c\\`"));
    CHECK(has(text, "| `request_participants.role` | 100,000 | 3.1 MB |"));
    CHECK(has(to_markdown(Plan{}), "**GO**"));
}
