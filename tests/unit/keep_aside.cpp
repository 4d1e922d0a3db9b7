#include <doctest/doctest.h>

#include "keep_aside.hpp"

using namespace undrop;

TEST_CASE("keep-aside: names are read from the comments at the top, as the database has them") {
    Script const script{
        "-- undrop: keep-aside t.a, \"My t\".\"B, b\"\n/* x */ -- undrop: keep-aside t.no\n--undrop: keep-aside u.c\nselect 1;\n"
        "-- undrop: keep-aside t.late\n",
        "1.up.sql"};
    CHECK(names_to_keep(script) == std::vector<std::string>{"t.a", "My t.B, b", "u.c"});
    CHECK(names_to_keep({"-- undrop: keep 90d\nselect 1;", "1.up.sql"}).empty());
    CHECK(directives({"-- undrop: keep-aside t.a\nselect 1;", "1.up.sql"}).has_value());
    for (auto const* wrong : {"-- undrop: keep-aside", "-- undrop: keep-asid t.a", "select 1;\n-- undrop: keep-aside t.a"})
        CHECK_FALSE(directives({wrong, "1.up.sql"}).has_value());
}

TEST_CASE("keep-aside: a column's name meanwhile is short enough, and the same each time") {
    CHECK(aside_name("20250927004003", "role") == "undrop_aside_20250927004003_role");
    auto const column = std::string(61, 'x') + "\xC3\xA9";
    auto const name = aside_name("20250927004003", column);
    CHECK(name.size() <= 63);
    CHECK(is_aside_name(name));
    CHECK(name == aside_name("20250927004003", column));
    CHECK(name != aside_name("20250927004004", column));
    CHECK(name != aside_name("20250927004003", column + "y"));
    CHECK_FALSE(is_aside_name("role"));
}
