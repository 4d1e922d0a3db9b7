// P3: what users wrote into what an up made comes back with the next up; what the up itself wrote does not.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

void people(Database& db) {
    db.run(
        "create table people (id integer primary key, name text not null);"
        "insert into people values (1, 'ada'), (2, 'bob'), (3, 'cyd'), (4, 'dan'), (5, 'eve'), (6, 'fay')");
}

std::string const wrong = "alter table people add column initial text;\nupdate people set initial = substr(name, 2, 1);\n";
std::string const fixed = "alter table people add column initial text;\nupdate people set initial = substr(name, 1, 1);\n";

std::string initials(Database& db) { return db.table("select id, initial from people order by id"); }

}  // namespace

ON_BOTH("story: up fixed between two rounds: the first up's wrong backfill does not come back, users' values do") {
    for (auto const& down_script : {std::optional<std::string>{}, std::optional<std::string>{"alter table people drop column initial;"}}) {
        auto const fresh = Database::make(db.engine());
        people(*fresh);
        auto const before = witness(*fresh);
        (void)up(*fresh, source_of({{wrong, down_script}}));
        CHECK_EQ(initials(*fresh), "1|d\n2|o\n3|y\n4|a\n5|v\n6|a");
        fresh->run(
            "update people set initial = 'X' where id = 1; update people set initial = null where id = 2; delete from people where id = 6");
        auto const went = down(*fresh, source_of({{wrong, down_script}}));
        CHECK_EQ(saved(went.steps.at(0), fresh->named("people.initial")).rows, 5);
        check_same_schema(before, witness(*fresh));
        fresh->run("insert into people values (7, 'gil')");

        auto const again = up(*fresh, source_of({{fixed, down_script}}));
        CHECK_EQ(initials(*fresh), "1|X\n2|NULL\n3|c\n4|d\n5|e\n7|g");
        auto const counts = merged(again.steps.at(0), fresh->named("people.initial"));
        CHECK_EQ(counts.restored, 2);
        CHECK_EQ(counts.not_users, 3);
        CHECK_EQ(counts.inserted_since, 1);

        // A third round: what users wrote two rounds ago is still theirs.
        (void)down(*fresh, source_of({{fixed, down_script}}));
        (void)up(*fresh, source_of({{fixed, down_script}}));
        CHECK_EQ(initials(*fresh), "1|X\n2|NULL\n3|c\n4|d\n5|e\n7|g");
    }
}

ON_BOTH("story: a new column's default is the migration's, what users put there instead is theirs") {
    people(db);
    auto const script = [](std::string const& value) {
        return "alter table people add column kind text not null default '" + value + "';\n";
    };
    (void)up(db, source_of({{script("old")}}));
    db.run(
        "update people set kind = 'mine' where id = 3; insert into people (id, name, kind) values (7, 'gil', 'also mine'), (8, 'hal', "
        "'old')");
    (void)down(db, source_of({{script("old")}}));
    (void)up(db, source_of({{script("new")}}));
    CHECK_EQ(db.table("select id, kind from people order by id"), "1|new\n2|new\n3|mine\n4|new\n5|new\n6|new\n7|also mine\n8|new");
}

ON_BOTH("story: a table that an up made and filled: users' rows and edits come back, the up's own rows as the up writes them now") {
    people(db);
    auto const before = witness(db);
    auto const script = [](std::string const& value) {
        return "create table scores (person integer primary key references people, score integer not null);\ninsert into scores select "
               "id, " +
               value + " from people where id <= 5;\n";
    };
    (void)up(db, source_of({{script("1")}}));
    db.run("update scores set score = 77 where person = 2; insert into scores values (6, 66)");
    auto const went = down(db, source_of({{script("1")}}));
    CHECK_EQ(saved(went.steps.at(0), db.named("scores")).rows, 6);
    check_same(before, witness(db));
    auto const again = up(db, source_of({{script("id * 10")}}));
    CHECK_EQ(db.table("select person, score from scores order by person"), "1|10\n2|77\n3|30\n4|40\n5|50\n6|66");
    auto const counts = merged(again.steps.at(0), db.named("scores"));
    CHECK_EQ(counts.restored, 2);
    CHECK_EQ(counts.not_users, 4);
    (void)down(db, source_of({{script("id * 10")}}));
    check_same(before, witness(db));
    (void)up(db, source_of({{script("id * 100")}}));
    CHECK_EQ(db.table("select person, score from scores order by person"), "1|100\n2|77\n3|300\n4|400\n5|500\n6|66");
}

ON_BOTH("story: a table without a key that an up made gives back users' rows only") {
    people(db);
    auto const script = [](std::string const& word) {
        return "create table remarks (what text);\ninsert into remarks values ('" + word + "'), ('" + word + "'), ('both');\n";
    };
    (void)up(db, source_of({{script("wrong")}}));
    db.run("insert into remarks values ('mine'), ('mine'), ('wrong')");
    (void)down(db, source_of({{script("wrong")}}));
    (void)up(db, source_of({{script("right")}}));
    // One of the three equal rows is a user's.
    CHECK_EQ(db.table("select what, count(*) from remarks group by 1 order by 1"), "both|1\nmine|2\nright|2\nwrong|1");
}

ON_BOTH("story: a down that destroys what users wrote is saved from, like an up") {
    people(db);
    auto const source = source_of({{"create table notes (id integer primary key, note text);", "drop table notes;"},
                                   {"alter table people add column mail text;", "alter table people drop column mail;"}});
    (void)up(db, source);
    db.run("insert into notes values (1, 'a'), (2, 'b'); update people set mail = name || '@example.org' where id < 4");
    auto const now = witness(db);
    auto const back = down(db, source, {}, {.to = "0"});
    REQUIRE_EQ(back.steps.size(), 2);
    CHECK_EQ(saved(back.steps[0], db.named("people.mail")).rows, 6);
    CHECK_EQ(saved(back.steps[1], db.named("notes")).rows, 2);
    auto const forth = up(db, source);
    CHECK_EQ(merged(forth.steps.at(0), db.named("notes")).restored, 2);
    CHECK_EQ(merged(forth.steps.at(1), db.named("people.mail")).restored, 3);
    check_same(now, witness(db));
    (void)down(db, source, {}, {.to = "0"});
    (void)up(db, source);
    check_same(now, witness(db));
}

ON_BOTH("story: redo, five times, loses nothing on either side") {
    Participants story(db, 200);
    auto const source = source_of({{story.drop_role() + "alter table request_participants add column note text;\n"}});
    auto const before = witness(db);
    (void)up(db, source);
    db.run("update request_participants set note = 'n' || id where id % 2 = 0");
    for (int i = 0; i < 5; ++i) {
        (void)down(db, source);
        CHECK_EQ(story.wrong_roles(), 0);
        if (i == 0) check_same_schema(before, witness(db));
        (void)up(db, source);
        CHECK_EQ(db.count("select count(*) from request_participants where note = 'n' || id"), 100);
        CHECK_EQ(db.count("select count(*) from request_participants where note is null"), 100);
    }
}
