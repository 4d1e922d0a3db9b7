#include "diff.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <undrop/difference.hpp>

#include "added_columns.hpp"

using namespace undrop;

namespace {

std::string unified(std::string const& before, std::string const& after) {
    return fmt::format("{}", fmt::join(unified_diff(before, after), "\n"));
}

std::string numbered(int from, int to) {
    std::string text;
    for (int i = from; i <= to; ++i) text += "line " + std::to_string(i) + "\n";
    return text;
}

}  // namespace

TEST_CASE("diff: one line for another") { CHECK(unified("a", "b") == "-a\n+b"); }

TEST_CASE("diff: equal texts, and blanks at line ends") {
    CHECK(unified("a\nb", "a  \nb\r\n") == "");
    CHECK(unified("", "") == "");
}

TEST_CASE("diff: what was not there, and what is gone") {
    CHECK(unified("", "a\nb") == "+a\n+b");
    CHECK(unified("a\nb", "") == "-a\n-b");
}

TEST_CASE("diff: a long text shows its changes with three lines around, and says where they are") {
    auto after = numbered(1, 2000);
    after.replace(after.find("line 1000\n"), 10, "changed\n");
    after += "last\n";
    CHECK(unified(numbered(1, 2000), after) ==
          "@@ -997,7 +997,7 @@\n line 997\n line 998\n line 999\n-line 1000\n+changed\n line 1001\n line 1002\n line 1003\n"
          "@@ -1998,3 +1998,4 @@\n line 1998\n line 1999\n line 2000\n+last");
}

TEST_CASE("diff: changes close to each other are one place, old above new") {
    CHECK(unified("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12", "1\n2\n3\nx\n5\n6\n7\ny\n9\n10\n11\n12") ==
          "@@ -1,11 +1,11 @@\n 1\n 2\n 3\n-4\n+x\n 5\n 6\n 7\n-8\n+y\n 9\n 10\n 11");
    CHECK(unified("a\nb\nc\nd", "x\nb\ny\nz") == "-a\n+x\n b\n-c\n-d\n+y\n+z");
}

TEST_CASE("diff: a line that moved is taken out and put in") { CHECK(unified("a\nb\nc", "b\nc\na") == "-a\n b\n c\n+a"); }

TEST_CASE("diff: texts with nothing in common, however long") {
    auto const lines = unified_diff(numbered(1, 3000), numbered(4001, 7000));
    CHECK(lines.size() == 6000);
    CHECK(lines.front() == "-line 1");
    CHECK(lines.back() == "+line 7000");
}

TEST_CASE("diff: a table's definition in one line is compared column by column") {
    ObjectDifference const table{"table t", "CREATE TABLE t (id integer, a numeric(4,2) default ',', b text);",
                                 "CREATE TABLE t (id integer, a numeric(6,2) default ',', b text);", "recorded after 1 a", "now"};
    CHECK(table.diff() ==
          "--- table t, recorded after 1 a\n+++ table t, now\n CREATE TABLE t (\n     id integer,\n-    a numeric(4,2) default ',',\n"
          "+    a numeric(6,2) default ',',\n     b text\n );");
}

TEST_CASE("diff: an object that is gone, or was not there") {
    CHECK(ObjectDifference{"index i", "create i", "", "recorded after 1 a", "now"}.diff() ==
          "--- index i, recorded after 1 a\n+++ index i, now: not there\n-create i");
    CHECK(ObjectDifference{"index i", "", "create i", "", "now"}.diff() == "--- index i: not there\n+++ index i, now\n+create i");
}

TEST_CASE("diff: for people long ones are cut, and say so; characters stay whole") {
    ObjectDifference const many{"function f", "", numbered(1, 100)};
    CHECK(many.text().ends_with("+line 40\n(60 more lines)"));
    CHECK(many.brief().starts_with("--- function f: not there\n+++ function f\n+line 1\n"));
    CHECK(many.diff().ends_with("+line 100"));
    std::string wide;
    for (int i = 0; i < 300; ++i) wide += "\xC3\xA4";
    auto const text = ObjectDifference{"comment", "", wide}.text();
    CHECK(text.ends_with("\xC3\xA4..."));
    std::vector<ObjectDifference> objects(25, many);
    CHECK(brief_of(objects).ends_with("(and 5 more objects)"));
}

TEST_CASE("added columns: behind the last one, and nothing else may differ") {
    auto const left = "CREATE TABLE t (id integer primary key, c text, unique (c))";
    auto const added = with_added_columns("CREATE TABLE t (id integer primary key)", left,
                                          "CREATE TABLE t (id integer primary key, c text, \"D\" text default ')', e int, unique (c))");
    REQUIRE(added);
    CHECK(added->make == "CREATE TABLE t (id integer primary key, \"D\" text default ')', e int)");
    CHECK(added->names == std::vector<std::string>{"d", "e"});
    CHECK(text_of({"table", "", "t"}, *added) == "columns d, e of table t, which others have added since, stay");
    CHECK_FALSE(with_added_columns("CREATE TABLE t (id integer)", left, left));
    CHECK_FALSE(with_added_columns("CREATE TABLE t (id integer, D text)", left,
                                   "CREATE TABLE t (id integer primary key, c text, \"d\" text, unique (c))"));
    CHECK_FALSE(with_added_columns("CREATE TABLE t (id integer)", left, "CREATE TABLE t (id integer, c text, d text, unique (c))"));
    CHECK_FALSE(with_added_columns("CREATE TABLE t (id integer)", left,
                                   "CREATE TABLE t (id integer primary key, c text, check (c <> ''), unique (c))"));
    CHECK_FALSE(with_added_columns("", "", ""));
    CHECK_FALSE(with_added_columns("CREATE TABLE t AS x", "CREATE VIRTUAL TABLE t USING m(a)", "("));
}
