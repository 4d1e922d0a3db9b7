// Rows whose parent is gone by the time that their foreign key is to come back: refused by name and number, never by value.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* family =
    "create table parents (id integer primary key, name text);"
    "create table children (id integer primary key, parent integer constraint \"their Parent\" references parents);"
    "insert into parents values (4711, 'a'), (4712, 'b'), (4713, 'c');"
    "insert into children values (1, 4711), (2, 4712), (3, 4712), (4, 4713), (5, null)";

// `by`: the plan counts what it can, before anything is done.
enum class By { plan, step };
void is_refused(Database& db, Source const& source, std::string const& rows, std::vector<std::string> const& parts, By by = By::step) {
    auto const before = witness(db);
    auto const error = down_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, by == By::plan ? Left::untouched : Left::rolled_back);
    CAPTURE(error.text());
    for (auto const& part : parts) CHECK_NE(error.message.find(part), std::string::npos);
    CHECK_NE(error.message.find(rows + (by == By::plan ? " rows of " : " row(s) of ") + db.named("children")), std::string::npos);
    CHECK_NE(error.message.find("rows of " + db.named("parents")), std::string::npos);
    CHECK_EQ(error.text().find("471"), std::string::npos);  // P8
    CHECK_FALSE(error.next.advice.empty());
    check_unchanged(before, witness(db));
}

}  // namespace

ON_BOTH("story: a foreign key whose parent rows are gone is refused with both tables and the number of rows") {
    db.run(family);
    auto const source =
        source_of({{db.either("alter table children drop constraint \"their Parent\"",
                              "pragma foreign_keys = off; create table n (id integer primary key, parent integer);"
                              "insert into n select * from children; drop table children; alter table n rename to children")}});
    (void)up(db, source);
    db.run("delete from parents where id < 4713");
    is_refused(db, source, "3", {db.either("their Parent", "")}, db.postgres() ? By::plan : By::step);
    db.run("delete from children where parent < 4713");
    (void)down(db, source);
    CHECK_EQ(db.count("select count(*) from children"), 2);
}

ON_BOTH("story: rows that come back into a table whose parent rows are gone are refused") {
    db.run(family);
    auto const before = witness(db);
    auto const source = source_of({{"drop table children"}});
    (void)up(db, source);
    db.run("delete from parents where id = 4712");
    is_refused(db, source, "2", {db.either("their Parent", "")});
    db.run("insert into parents values (4712, 'b')");
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_BOTH("story: rows that come back into a table that the down script made are refused, too") {
    db.run(family);
    auto const source = source_of({{"drop table children",
                                    "create table children (id integer primary key, parent integer constraint \"their Parent\" references "
                                    "parents)"}});
    (void)up(db, source);
    db.run("delete from parents where id < 4713");
    is_refused(db, source, "3", {db.either("their Parent", "")});
}

ON_BOTH("story: a parent and its children come back into tables that the down script made") {
    db.run(family);
    auto const before = witness(db);
    auto const source = source_of({{"drop table children; drop table parents",
                                    "create table parents (id integer primary key, name text);"
                                    "create table children (id integer primary key, parent integer constraint \"their Parent\" references "
                                    "parents)"}});
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_POSTGRES("story: a foreign key that is checked at the end is refused with the number of rows") {
    db.run(family);
    db.run("alter table children alter constraint \"their Parent\" deferrable initially deferred");
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{"update parents set id = id + 100 where id < 4713"}}));
    CHECK_EQ(error.code, Code::refused);
    CAPTURE(error.text());
    CHECK_NE(error.message.find("3 row(s) of public.children"), std::string::npos);
    CHECK_EQ(error.text().find("471"), std::string::npos);
    check_unchanged(before, witness(db));
}
