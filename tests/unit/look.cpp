#include "look.hpp"

#include <doctest/doctest.h>

using namespace undrop;

namespace {

Table make_table(std::string id, std::string name, std::vector<std::pair<std::string, std::string>> const& columns) {
    Table t;
    t.id = std::move(id);
    t.schema = "public";
    t.name = std::move(name);
    for (auto const& [column_id, column_name] : columns) {
        Column c;
        c.id = column_id;
        c.name = column_name;
        c.type = "text";
        t.columns.push_back(c);
    }
    return t;
}

}  // namespace

TEST_CASE("an untouched table is no change") {
    std::vector<Table> const tables{make_table("1", "t", {{"1", "a"}})};
    CHECK(look(tables, tables, {}).empty());
}

TEST_CASE("a dropped table and a dropped column are seen by identity") {
    std::vector<Table> const before{make_table("1", "t", {{"1", "a"}, {"2", "b"}}), make_table("2", "u", {{"1", "a"}})};
    std::vector<Table> const after{make_table("1", "t", {{"1", "a"}})};
    auto const changes = look(before, after, {});
    REQUIRE(changes.size() == 2);
    CHECK(changes[0].lost == std::vector<std::string>{"b"});
    CHECK_FALSE(changes[0].compare);
    CHECK(changes[1].after == nullptr);
}

TEST_CASE("a rename is no loss") {
    std::vector<Table> const before{make_table("1", "t", {{"1", "a"}})};
    std::vector<Table> const after{make_table("1", "t2", {{"1", "b"}})};
    auto const changes = look(before, after, {});
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].renamed);
    CHECK(changes[0].lost.empty());
    CHECK(changes[0].kept == std::vector<std::pair<std::string, std::string>>{{"a", "b"}});
}

TEST_CASE("a table rebuilt under its name is compared, and its missing columns are losses") {
    std::vector<Table> const before{make_table("1", "t", {{"1", "a"}, {"2", "b"}})};
    std::vector<Table> const after{make_table("9", "t", {{"1", "a"}})};
    auto const changes = look(before, after, {});
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].rebuilt);
    CHECK(changes[0].compare);
    CHECK(changes[0].lost == std::vector<std::string>{"b"});
}

TEST_CASE("a column dropped and added again under its name is compared") {
    std::vector<Table> const before{make_table("1", "t", {{"1", "a"}, {"2", "b"}})};
    std::vector<Table> const after{make_table("1", "t", {{"1", "a"}, {"3", "b"}})};
    auto const changes = look(before, after, {});
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].compare);
    CHECK(changes[0].lost.empty());
}

TEST_CASE("waivers name a table or a column, with or without the schema") {
    TableName const t{"public", "t"};
    CHECK(waives({"t.c"}, t, "c"));
    CHECK(waives({"public.t.c"}, t, "c"));
    CHECK(waives({"t"}, t, ""));
    CHECK_FALSE(waives({"t"}, t, "c"));
    CHECK_FALSE(waives({"other.t"}, t, ""));
}

TEST_CASE("a parent's text names its table, quoted or not") {
    CHECK(names_table("public.t", {"public", "t"}));
    CHECK(names_table("public.\"a\"\"b; --\"", {"public", "a\"b; --"}));
    CHECK(names_table("t", {"", "t"}));
    CHECK_FALSE(names_table("public.tt", {"public", "t"}));
}

TEST_CASE("an old column that took a dropped one's name is a rename, and the dropped one is lost") {
    std::vector<Table> const before{make_table("1", "t", {{"1", "a"}, {"2", "b"}})};
    std::vector<Table> const after{make_table("1", "t", {{"2", "a"}})};
    auto const changes = look(before, after, {});
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].lost == std::vector<std::string>{"a"});
    CHECK(changes[0].kept == std::vector<std::pair<std::string, std::string>>{{"b", "a"}});
    CHECK_FALSE(changes[0].compare);
}
