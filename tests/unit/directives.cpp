#include <doctest/doctest.h>

#include <undrop/migration.hpp>

#include "inserted.hpp"

using namespace undrop;

namespace {

Directives read(std::string text) {
    auto const result = directives({std::move(text), "a.up.sql"});
    REQUIRE_MESSAGE(result.has_value(), result.error().text());
    return result.value();
}

Error refused(std::string text) {
    auto const result = directives({std::move(text), "a.up.sql"});
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Code::refused);
    CHECK(result.error().left == Left::untouched);
    return result.error();
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a script without directives has none") {
    auto const none = read("-- undropped is no directive\nselect 1;");
    CHECK(none.lose.empty());
    CHECK_FALSE(none.no_transaction);
    CHECK_FALSE(none.keep.has_value());
}

TEST_CASE("every directive is read from the comments at the top") {
    auto const all = read(
        "\xEF\xBB\xBF-- undrop: lose t.a, u\r\n"
        "-- words for people\r\n"
        "\r\n"
        "/* more of\n them */\n"
        "--undrop:backfill public.t.role = 'a=b'\n"
        "-- Undrop: touches a, \"b c\".d\n"
        "-- undrop: no-transaction\n"
        "-- undrop: keep 90d\n"
        "-- undrop: irreversible \"the data is gone\"\n"
        "drop table u;\n");
    CHECK(all.lose == Names{"t.a", "u"});
    REQUIRE(all.backfill.size() == 1);
    CHECK(all.backfill[0].column == "public.t.role");
    CHECK(all.backfill[0].expression == "'a=b'");
    CHECK(all.touches == Names{"a", "\"b c\".d"});
    CHECK(all.no_transaction);
    CHECK(all.keep == "90d");
    CHECK(all.irreversible == "the data is gone");
}

TEST_CASE("what is let go is named as a table, a column, or an object with its kind") {
    CHECK(read("-- undrop: lose t.a u, extension citext, \"My t\".\"a, b\", type public.span\n").lose ==
          Names{"t.a", "u", "extension citext", "My t.a, b", "type public.span"});
    CHECK(read("-- undrop: lose type\n").lose == Names{"type"});
    CHECK(read("-- undrop: backfill \"My t\".\"a=b\" = 1\n").backfill.at(0).column == "My t.a=b");
}

TEST_CASE("a misspelt directive is refused with its line and the nearest one") {
    auto const error = refused("-- a\n  -- undrop: loose t.a\n");
    CHECK(error.where.file == "a.up.sql");
    CHECK(error.where.line == 2);
    CHECK(error.where.column == 3);
    CHECK(error.next.advice.find("undrop: lose") != std::string::npos);
    CHECK(refused("-- undrop: xyzzyplugh").next.advice.find("irreversible") != std::string::npos);
}

TEST_CASE("a directive without its arguments is refused with an example") {
    for (auto const* text : {"lose", "touches", "backfill t.a", "backfill role = 1", "keep", "keep forever", "irreversible",
                             "irreversible \"\"", "no-transaction please", "remove-inserted t"}) {
        CAPTURE(text);
        CHECK(refused(std::string("-- undrop: ") + text).next.advice.find("write it as") != std::string::npos);
    }
}

TEST_CASE("a directive below the first statement is refused rather than passed over") {
    CHECK(refused("select 1;\n-- undrop: lose t").where.line == 2);
    CHECK(refused("/* a */ select 1; -- x\n-- undrop: lose t").where.line == 2);
}

TEST_CASE("a directive whose colon was forgotten is read all the same") { CHECK(read("-- undrop lose t.a\n").lose == Names{"t.a"}); }

TEST_CASE("the checksum does not see line ends, a BOM, trailing blanks and directives") {
    auto const sum = checksum("select 1;\n\nselect 2;\n");
    CHECK(sum.size() == 64);
    CHECK(checksum("\xEF\xBB\xBFselect 1;  \r\n\r\nselect 2;\t\r\n\r\n") == sum);
    CHECK(checksum("-- undrop: lose a.b\nselect 1;\n\nselect 2;") == sum);
    CHECK(checksum("-- undrop: lose a.b\n\nselect 1;\n\nselect 2;") == sum);
}

TEST_CASE("the checksum sees every other change") {
    auto const sum = checksum("select 1;\nselect 2;\n");
    CHECK(checksum("select 1;\nselect 3;\n") != sum);
    CHECK(checksum("select 1; select 2;\n") != sum);
    CHECK(checksum("-- a comment\nselect 1;\nselect 2;\n") != sum);
    CHECK(checksum("select 1;\n  select 2;\n") != sum);
}

TEST_CASE("the checksum is SHA-256") { CHECK(checksum("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"); }

TEST_CASE("versions are ordered as numbers of any length") {
    CHECK(version_less("2", "10"));
    CHECK(version_less("0009", "10"));
    CHECK(version_less("20250101000000", "99999999999999999999999999"));
    CHECK_FALSE(version_less("10", "2"));
    CHECK_FALSE(version_less("01", "1"));
    CHECK_FALSE(version_less("1", "01"));
    CHECK(version_less("0", "1"));
}

TEST_CASE("a down script that leaves the up's rows to undrop says so at its top") {
    CHECK(removes_inserted({"-- undrop: remove-inserted\ndrop table t;", ""}));
    CHECK(removes_inserted({"-- a down\n-- UNDROP: remove-inserted\n", ""}));
    CHECK_FALSE(removes_inserted({"drop table t;\n-- undrop: remove-inserted", ""}));
    CHECK_FALSE(removes_inserted({"-- remove-inserted", ""}));
}
