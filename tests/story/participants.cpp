// The main job: a column is dropped, the application goes on, and the column comes back with its values.
#include <fmt/format.h>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

// Up, the application's writes, down: every row accounted for.
void there_and_back(Database& db, Participants& story, Source const& source, Witness const& before) {
    auto const went = up(db, source);
    REQUIRE_EQ(went.steps.size(), 1);
    CHECK_EQ(saved(went.steps[0], story.what()).rows, story.rows());
    CHECK_EQ(went.steps[0].rounds, 1);
    CHECK(mentions(went.steps[0].went, "managers"));
    CHECK(mentions(went.steps[0].went, "request_participants_role_idx"));
    story.application_writes();
    auto const others = story.others();

    auto const back = down(db, source);
    REQUIRE_EQ(back.steps.size(), 1);
    auto const counts = merged(back.steps[0], story.what());
    CHECK_EQ(counts.restored, story.rows() - story.deleted());
    CHECK_EQ(counts.deleted_since, story.deleted());
    CHECK_EQ(counts.inserted_since, story.inserted());
    CHECK_EQ(counts.computed, 0);
    CHECK_EQ(counts.unchanged, 0);
    check_same_schema(before, witness(db));
    CHECK_EQ(story.wrong_roles(), 0);
    CHECK_EQ(story.new_with_default(), story.inserted());
    // Updates of other columns stay, deleted rows stay away, no trigger moved a time.
    CHECK(others == story.others());
}

// Once more, with nothing written in between: everything is as it was.
void once_more(Database& db, Participants& story, Source const& source) {
    auto const before = witness(db);
    auto const now = story.rows() - story.deleted() + story.inserted();
    CHECK_EQ(saved(up(db, source).steps.at(0), story.what()).rows, now);
    auto const back = down(db, source);
    CHECK_EQ(merged(back.steps.at(0), story.what()).restored, now);
    check_same(before, witness(db));
}

}  // namespace

ON_BOTH("story: a dropped column comes back with the values of 100,000 rows, whatever the application wrote since") {
    Participants story(db);
    auto const before = witness(db);
    auto const source = source_of({{story.drop_role()}});
    there_and_back(db, story, source, before);
    once_more(db, story, source);
}

ON_BOTH("story: the report says the counts, and on PostgreSQL that the column comes back last") {
    Participants story(db, 1'000);
    auto const source = source_of({{story.drop_role()}});
    auto const went = text_of(up(db, source));
    CHECK_NE(went.find("request_participants.role"), std::string::npos);
    CHECK_NE(went.find("1,000"), std::string::npos);
    story.application_writes();
    auto target = Target::open(db.url()).value();
    auto const plan = plan_down(target, source).value();
    CHECK_EQ(mentions(plan.steps.at(0).notes, "last column"), db.postgres());
    CHECK(mentions(plan.steps.at(0).comes_back, "request_participants.role"));
    CHECK(mentions(plan.steps.at(0).notes, "derived"));
    auto const back = down(db, source);
    auto const text = text_of(back);
    for (auto const* number : {"995", "5", "10"}) CHECK_NE(text.find(number), std::string::npos);
    CHECK_EQ(back.steps.at(0).origin, Origin::derived);
    CHECK_EQ(mentions(back.steps.at(0).notes, "last column"), db.postgres());
    CHECK(mentions(back.steps.at(0).mended, "managers"));
}

ON_POSTGRES("story: the column goes with its enum type, and both come back") {
    Participants story(db);
    auto const before = witness(db);
    auto const source = source_of({{story.drop_role() + "drop type role;\n"}});
    there_and_back(db, story, source, before);
    once_more(db, story, source);
}

ON_POSTGRES("story: the enum type takes the column along by CASCADE, and both come back") {
    Participants story(db, 1'000);
    auto const before = witness(db);
    auto const source = source_of({{"drop type role cascade;"}});
    auto const went = up(db, source);
    CHECK_EQ(saved(went.steps[0], story.what()).rows, 1'000);
    story.application_writes();
    auto const others = story.others();
    auto const back = down(db, source);
    CHECK_EQ(merged(back.steps[0], story.what()).restored, 995);
    check_same_schema(before, witness(db));
    CHECK_EQ(story.wrong_roles(), 0);
    CHECK(others == story.others());
    once_more(db, story, source);
}

ON_BOTH("story: a down script that re-adds the column but forgets the index and the view is mended") {
    Participants story(db, 20'000);
    auto const before = witness(db);
    auto const source =
        source_of({{story.drop_role(), db.either("alter table request_participants add column role role not null default 'viewer';",
                                                 "alter table request_participants add column role text not null default 'viewer' "
                                                 "check (role in ('viewer', 'contributor', 'manager'));")}});
    auto const went = up(db, source);
    CHECK_EQ(saved(went.steps[0], story.what()).rows, story.rows());
    story.application_writes();
    auto const others = story.others();
    auto const back = down(db, source);
    auto const& step = back.steps.at(0);
    CHECK_EQ(step.origin, Origin::file);
    CHECK(mentions(step.mended, "request_participants_role_idx"));
    CHECK(mentions(step.mended, "managers"));
    auto const counts = merged(step, story.what());
    CHECK_EQ(counts.restored + counts.unchanged, story.rows() - story.deleted());
    CHECK_EQ(counts.computed, 0);
    CHECK_EQ(counts.deleted_since, story.deleted());
    CHECK_EQ(counts.inserted_since, story.inserted());
    check_same_schema(before, witness(db));
    CHECK_EQ(story.wrong_roles(), 0);
    CHECK_EQ(story.new_with_default(), story.inserted());
    CHECK(others == story.others());
    auto const second = witness(db);
    (void)up(db, source);
    (void)down(db, source);
    check_same(second, witness(db));
}

ON_BOTH("story: a down script that fails on a filled table changes nothing, and the advice to derive works") {
    Participants story(db, 20'000);
    auto const before = witness(db);
    auto const type = db.either("role", "text");
    auto const source = source_of({{story.drop_role(), "alter table request_participants add column role " + type + " not null;"}});
    (void)up(db, source);
    story.application_writes();
    auto const others = story.others();
    auto const dropped = witness(db);

    auto const error = down_error(db, source);
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_NE(error.next.command.find("down --derive"), std::string::npos);
    CHECK_EQ(error.where.file, "1_step.down.sql");
    CHECK_EQ(error.where.line, 1);
    check_unchanged(dropped, witness(db));

    auto const back = down(db, source, {.derive = true});
    CHECK_EQ(back.steps.at(0).origin, Origin::derived);
    CHECK_EQ(merged(back.steps[0], story.what()).restored, story.rows() - story.deleted());
    check_same_schema(before, witness(db));
    CHECK_EQ(story.wrong_roles(), 0);
    CHECK(others == story.others());
}

ON_BOTH("story: roles that moved into a table of their own and were edited there win over the saved ones") {
    Participants story(db, 10'000);
    auto const before = witness(db);
    auto const type = db.either("role", "text");
    // The script keeps the trigger from moving every row's time.
    auto const quiet = db.either("alter table request_participants disable trigger touch;\n", "drop trigger touch;\n");
    auto const rest =
        db.either("alter table request_participants enable trigger touch;\n",
                  "create index request_participants_role_idx on request_participants (role);\n"
                  "create view managers as select id, request_id, user_id from request_participants where role = 'manager';\n");
    auto const source = source_of(
        {{fmt::format("create table participant_roles (participant_id {} primary key, role {} not null);\n"
                      "insert into participant_roles select id, role from request_participants;\n",
                      db.either("bigint", "integer"), type) +
              story.drop_role(),
          quiet + fmt::format("alter table request_participants add column role {} not null default 'viewer'{};\n"
                              "update request_participants set role = coalesce("
                              "(select r.role from participant_roles r where r.participant_id = request_participants.id), 'viewer');\n{}"
                              "drop table participant_roles;\n",
                              type, db.either("", " check (role in ('viewer', 'contributor', 'manager'))"), rest)}});
    (void)up(db, source);
    // Managers become contributors, some become viewers (the default), some lose their entry.
    db.run("update participant_roles set role = 'contributor' where participant_id % 3 = 2 and participant_id <= 300");
    db.run("update participant_roles set role = 'viewer' where participant_id % 3 = 1 and participant_id <= 300");
    db.run("delete from participant_roles where participant_id % 3 = 2 and participant_id between 601 and 900");
    db.run("insert into request_participants (request_id, user_id) values (1, 1)");
    db.run(fmt::format("insert into participant_roles select max(id), 'manager'{} from request_participants", db.either("::role", "")));

    auto const back = down(db, source);
    check_same_schema(before, witness(db));
    auto const roles = [&](std::string const& condition) {
        return db.table("select cast(role as text), count(*) from request_participants where " + condition + " group by 1 order by 1");
    };
    CHECK_EQ(roles("id <= 300"), "contributor|100\nviewer|200");
    CHECK_EQ(roles("id % 3 = 2 and id between 601 and 900"), "viewer|100");
    CHECK_EQ(roles("id > 10000"), "manager|1");
    CHECK_EQ(db.count("select count(*) from request_participants where id > 900 and id <= 10000 and "
                      "cast(role as text) <> case id % 3 when 0 then 'viewer' when 1 then 'contributor' else 'manager' end"),
             0);
    CHECK_GT(merged(back.steps.at(0), story.what()).computed, 0);

    // Up again: the table is made from the column again, and everybody has the role of now.
    auto const now = db.table("select id, role from request_participants order by id");
    (void)up(db, source);
    CHECK(now == db.table("select participant_id, role from participant_roles order by participant_id"));
    (void)down(db, source);
    CHECK(now == db.table("select id, role from request_participants order by id"));
    check_same_schema(before, witness(db));
}

ON_BOTH("story: one migration drops the column from two tables") {
    Participants story(db, 1'000);
    db.run(
        db.either("create table invitations (code uuid primary key, role role default 'contributor', note text);"
                  "create index on invitations (role);"
                  "insert into invitations select md5(n::text)::uuid, (array['viewer', 'contributor', null])[n % 3 + 1]::role, 'n' || n "
                  "from generate_series(1, 300) n;",
                  "create table invitations (code text primary key, role text default 'contributor', note text) without rowid;"
                  "create index invitations_role_idx on invitations (role);"
                  "insert into invitations select printf('%08x', n * 7919), case n % 3 when 0 then 'viewer' when 1 then 'contributor' end, "
                  "'n' || n from " +
                      numbers(db, 1, 300) + ";"));
    auto const before = witness(db);
    auto const source = source_of({{story.drop_role() + db.either("", "drop index invitations_role_idx;\n") +
                                    "alter table invitations drop column role;\n" + db.either("drop type role;", "")}});
    auto const went = up(db, source);
    CHECK_EQ(saved(went.steps[0], story.what()).rows, 1'000);
    CHECK_EQ(saved(went.steps[0], db.named("invitations.role")).rows, 300);
    auto const back = down(db, source);
    CHECK_EQ(merged(back.steps[0], db.named("invitations.role")).inserted_since, 0);
    check_same(before, witness(db));
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
}
