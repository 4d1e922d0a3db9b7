// --keep-order, where a column that comes back would be the last one.
#include <doctest/doctest.h>

#include "cli/program.hpp"
#include "support/database.hpp"

using namespace undrop::test;

TEST_CASE("--keep-order of down, to, redo, plan and rehearse: the column stands where it was; without it plan names who inserts by place") {
    auto const db = Database::make(Engine::postgres);
    Desk const desk;
    auto const undrop = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"--db", db->url()});
        return desk.run(words);
    };
    auto const columns = [&] {
        return db->one(
            "select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = 'people'::regclass and attnum > 0 and not "
            "attisdropped");
    };
    desk.migration("1_people",
                   "create table people (id integer primary key, nick text, name text);\ninsert into people values (1, 'n', 'a');");
    desk.migration("2_drop", "alter table people drop column nick;");
    CHECK(undrop({"rehearse", "--keep-order"}).status == 0);
    REQUIRE(undrop({"up"}).status == 0);
    auto const plain = undrop({"plan", "down"});
    CHECK(has(plain.out, "public.people.nick comes back as the last column"));
    CHECK(has(plain.out, "1_people.up.sql:2:1"));
    CHECK(has(plain.out, "undrop down --keep-order"));
    auto const plan = undrop({"plan", "down", "--keep-order"});
    CHECK_MESSAGE(plan.status == 0, plan.err);
    CHECK(has(plan.out, "public.people is written anew (1 row, "));
    CHECK_FALSE(has(plan.out, "last column"));
    REQUIRE(undrop({"down", "--keep-order"}).status == 0);
    CHECK(columns() == "id,nick,name");
    REQUIRE(undrop({"up"}).status == 0);
    REQUIRE(undrop({"to", "1", "--keep-order"}).status == 0);
    CHECK(columns() == "id,nick,name");
    REQUIRE(undrop({"up"}).status == 0);
    REQUIRE(undrop({"redo", "--keep-order"}).status == 0);
    CHECK(columns() == "id,name");
    CHECK(has(undrop({"down"}).out, "inserts into public.people without a column list"));
    CHECK(columns() == "id,name,nick");
    CHECK(db->one("select nick from people") == "n");
}
