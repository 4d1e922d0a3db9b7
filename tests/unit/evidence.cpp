// The gate's rules about rehearsals, on plans and evidence made by hand.
#include <doctest/doctest.h>

#include <algorithm>

#include "evidence.hpp"
#include "rules_evidence.hpp"

using namespace undrop;

namespace {

Catalog const one_table = {{{"table", "public", "t"}, {.make = "create table t (x int)"}}};

PlannedStep step(std::string version, std::optional<std::string> const& down = {}) {
    PlannedStep step{.version = version, .name = "m", .direction = Direction::up};
    step.up = Script{"select " + version + ";", version + "_m.up.sql"};
    if (down) step.down = Script{*down, version + "_m.down.sql"};
    return step;
}

Plan plan(std::vector<PlannedStep> steps) {
    Plan plan{.direction = Direction::up, .target = "local/shop as shop (PostgreSQL 15.20)", .ledger = "undrop"};
    plan.steps = std::move(steps);
    return plan;
}

// Evidence that fits the step, on the objects that are there.
Evidence fitting(PlannedStep const& step, std::string at = "2026-11-22T10:00:00.000000Z") {
    Rehearsed rehearsed{.version = step.version, .name = step.name};
    rehearsed.came_back = true;
    note_scripts({.version = step.version, .name = step.name, .up = *step.up, .down = step.down, .check = {}, .down_check = {}}, false,
                 rehearsed);
    Evidence evidence{.target = "local/staging as shop (PostgreSQL 15.9)"};
    evidence.database = "PostgreSQL 15.9";
    evidence.at = std::move(at);
    evidence.migrations.push_back(std::move(rehearsed));
    return evidence;
}

// "stop not-rehearsed; note rehearsed"
std::string said(std::vector<Finding> const& findings) {
    std::string text;
    for (auto const& finding : findings) text += (text.empty() ? "" : "; ") + std::string(name_of(finding.severity)) + " " + finding.code;
    return text;
}

RehearsalPolicy const asked = {.required = DataMode::migrations, .accept_lossy = false, .evidence = {}};

}  // namespace

TEST_CASE("of several pieces of evidence the one that fits counts, and of these the newest") {
    auto const wanted = step("1", "select 0;");
    auto stale = fitting(wanted, "2026-11-23T10:00:00.000000Z");
    stale.migrations[0].up_sum = "another";
    auto broken = fitting(wanted, "2026-11-21T10:00:00.000000Z");
    broken.migrations[0].grade = Grade::down_broken;
    auto const good = fitting(wanted);
    CHECK(said(evidence_findings(plan({wanted}), {stale, good, broken}, &one_table, asked)) == "note rehearsed");
    CHECK(said(evidence_findings(plan({wanted}), {stale, broken}, &one_table, asked)) == "stop rehearsed-grade");
    CHECK(said(evidence_findings(plan({wanted}), {stale}, &one_table, asked)) == "stop rehearsed-otherwise");
    CHECK(said(evidence_findings(plan({wanted}), {stale}, &one_table, {})) == "warning rehearsed-otherwise");
    CHECK(said(evidence_findings(plan({wanted}), {}, &one_table, asked)) == "stop not-rehearsed");
    CHECK(said(evidence_findings(plan({wanted}), {}, &one_table, {})).empty());
}

TEST_CASE("a derived way back is no evidence of a down script") {
    auto const wanted = step("1", "select 0;");
    auto derived = fitting(wanted);
    derived.migrations[0].down_derived = true;
    CHECK(said(evidence_findings(plan({wanted}), {derived}, &one_table, asked)) == "stop rehearsed-otherwise");
    auto const without = step("1");
    CHECK(said(evidence_findings(plan({without}), {fitting(without)}, &one_table, asked)) == "note rehearsed");
}

TEST_CASE("what is irreversible goes up where its author says so, and not where the rehearsal found it out") {
    auto const wanted = step("1");
    auto found = fitting(wanted);
    found.migrations[0].grade = Grade::irreversible;
    CHECK(said(evidence_findings(plan({wanted}), {found}, &one_table, asked)) == "stop rehearsed-grade");
    found.migrations[0].irreversible = "the law";
    CHECK(said(evidence_findings(plan({wanted}), {found}, &one_table, asked)) == "note rehearsed");
}

TEST_CASE("a later step finds what the earlier one left, as rehearsed") {
    auto const first = step("1");
    auto const second = step("2");
    auto makes = fitting(first);
    makes.migrations[0].at_stake = {{"table", "public", "u", "", "digest of u"}};
    auto uses = fitting(second);
    uses.migrations[0].at_stake = {{"table", "public", "u", "digest of u", ""}};
    auto const both = plan({first, second});
    CHECK(said(evidence_findings(both, {makes, uses}, &one_table, asked)) == "note rehearsed; note rehearsed");
    uses.migrations[0].at_stake[0].before = "digest of another u";
    CHECK(said(evidence_findings(both, {makes, uses}, &one_table, asked)) == "note rehearsed; stop rehearsed-objects");
    // Where nothing is known of the first, nothing can be said of what the second finds.
    CHECK(said(evidence_findings(both, {uses}, &one_table, asked)) == "stop not-rehearsed; note rehearsed");
    // What the first makes must not be there.
    makes.migrations[0].at_stake[0].name = "t";
    CHECK(said(evidence_findings(plan({first}), {makes}, &one_table, asked)) == "stop rehearsed-objects");
}

TEST_CASE("what others have locked is not compared, and lets nothing through that must be") {
    auto const wanted = step("1");
    CHECK(said(evidence_findings(plan({wanted}), {fitting(wanted)}, nullptr, asked)) == "note rehearsed; stop locked");
    CHECK(said(evidence_findings(plan({wanted}), {fitting(wanted)}, nullptr, {})) == "note rehearsed");
}
