// Row level security that would hide rows from undrop: refused by name, before the script where the table is foreseen.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* guarded =
    "create table secrets (id integer primary key, what text, who text);"
    "insert into secrets values (1, 'a', 'x'), (2, 'b', 'y');"
    "alter table secrets enable row level security; alter table secrets force row level security;"
    "create policy p on secrets using (who = 'x')";

// What the database holds, seen by who sees all.
std::string all_of(Database& db) {
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    return superuser->table("select * from secrets order by id");
}

void check_says(Error const& error, std::string const& table) {
    CAPTURE(error.text());
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.message.find("row level security"), std::string::npos);
    CHECK_NE(error.message.find(table), std::string::npos);
    CHECK_NE(error.next.advice.find("BYPASSRLS"), std::string::npos);
    CHECK_NE(error.next.advice.find("NO FORCE ROW LEVEL SECURITY"), std::string::npos);
}

}  // namespace

ON_POSTGRES("story: forced row security is refused in the plan and before the script runs") {
    db.run(guarded);
    auto const before = all_of(db);
    auto const source = source_of({{"do $$ begin raise exception 'the script ran'; end $$; alter table secrets drop column what"}});
    auto target = Target::open(db.url()).value();
    auto const plan = plan_up(target, source);
    REQUIRE_MESSAGE(plan.has_value(), plan.error().text());
    auto const approved = approve(plan.value());
    REQUIRE_FALSE(approved.has_value());
    check_says(approved.error(), "secrets");
    CHECK_EQ(approved.error().left, Left::untouched);
    auto const error = migrate(target, source);
    REQUIRE_FALSE(error.has_value());
    check_says(error.error(), "public.secrets");
    CHECK_EQ(error.error().left, Left::untouched);
    CHECK_EQ(all_of(db), before);
}

ON_POSTGRES("story: row security that is forced after the up is refused before the down script runs") {
    db.run("create table secrets (id integer primary key, what text, who text); insert into secrets values (1, 'a', 'x'), (2, 'b', 'y')");
    auto const source = source_of({{"alter table secrets drop column what",
                                    "do $$ begin raise exception 'the script ran'; end $$; alter table secrets add column what text"}});
    (void)up(db, source);
    db.run("alter table secrets enable row level security; alter table secrets force row level security");
    auto const before = all_of(db);
    check_says(down_error(db, source), "public.secrets");
    CHECK_EQ(all_of(db), before);
    db.run("alter table secrets no force row level security");
    (void)down(db, source, {.derive = true});
    CHECK_EQ(all_of(db), "1|x|a\n2|y|b");
}

ON_POSTGRES("story: a table that nobody foresaw is refused all the same") {
    db.run(guarded);
    auto const before = all_of(db);
    check_says(up_error(db, source_of({{"do $$ begin alter table secrets drop column what; end $$"}})), "secrets");
    CHECK_EQ(all_of(db), before);
}
