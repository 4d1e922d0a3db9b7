// Evidence for people and for CI servers: whatever names and messages hold, a report stays well-formed.
#include <nlohmann/json.hpp>

#include "rehearsal/rehearsal.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

Evidence some() {
    Evidence evidence{.target = "a \"shop\" & <more>"};
    evidence.seconds = 1.5;
    evidence.migrations.push_back(
        {.version = "1", .name = "good", .grade = Grade::exact_with_snapshot, .came_back = true, .seconds = 0.25});
    evidence.migrations.back().because = "put back 2 of t.c";
    evidence.migrations.push_back(
        {.version = "2", .name = "a]]>|b", .grade = Grade::lossy, .step = "down", .reason = "1 row of \"t\" <x> & \x01"});
    evidence.migrations.back().rows.push_back({.table = "t", .key = "1", .column = "c", .before = "'\xff<'", .after = "'é'"});
    evidence.migrations.back().rows_differing = 1;
    evidence.migrations.back().native = "two\nlines";
    evidence.not_reached = {"3"};
    return evidence;
}

}  // namespace

TEST_CASE("JUnit's XML has a case for each migration, its grade as a property, and a failure with the reason") {
    auto const xml = to_junit(some());
    CHECK(xml.starts_with(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"1.500\">"));
    CHECK(has(xml, "<property name=\"target\" value=\"a &quot;shop&quot; &amp; &lt;more&gt;\"/>"));
    CHECK(has(xml, "<testcase classname=\"undrop.rehearse\" name=\"1 good\" time=\"0.250\">"));
    CHECK(has(xml, "<property name=\"grade\" value=\"exact with snapshot\"/>"));
    CHECK(has(xml, "name=\"2 a]]&gt;|b\""));
    CHECK(has(xml, "<failure type=\"lossy\" message=\"1 row of &quot;t&quot; &lt;x&gt; &amp; ?\">"));
    CHECK(has(xml, "t 1 c: '?&lt;' -&gt; 'é'"));
    CHECK(has(xml, "two&#10;lines"));
    CHECK(has(xml, "name=\"3\"><skipped message=\"not reached\"/>"));
}

ON_POSTGRES("a parser of XML takes the report") {
    std::string quoted;
    for (char const c : to_junit(some())) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    CHECK(db.table("select (xpath('count(//testcase)', x))[1], (xpath('count(//failure)', x))[1] from (select xmlparse(document '" +
                   quoted + "') as x) as r") == "3|1");
}

TEST_CASE("a lossy way back that was accepted is no failure") {
    auto evidence = some();
    evidence.accepted = Grade::lossy;
    CHECK(has(to_junit(evidence), "failures=\"0\""));
    CHECK_FALSE(evidence.good());  // one was not reached
    evidence.not_reached.clear();
    CHECK(evidence.good());
    CHECK_FALSE(evidence.exact());
}

TEST_CASE("Markdown and JSON tell the grade and the reason") {
    auto const text = to_markdown(some());
    CHECK(has(text, "| 1 | good | exact with snapshot | 0.25 s | put back 2 of t.c |"));
    CHECK(has(text, "| 2 | a\\]\\]\\>\\|b | **NO-GO** lossy |"));
    auto const json = nlohmann::json::parse(to_json(some()));
    CHECK(json["migrations"][0]["grade"] == "exact with snapshot");
    CHECK(json["migrations"][0]["took"]["up"]["writers_stop_seconds"].is_null());
    CHECK(json["good"] == false);
}
