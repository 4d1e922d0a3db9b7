// What the text of a script does not show: a drop inside a block or a function, by CASCADE, and by rebuilding a table.
#include <fmt/format.h>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

// Up takes the column, in so many rounds; down brings everything back; and again.
void column_comes_back(Database& db, Participants& story, std::string const& script, int rounds) {
    auto const before = witness(db);
    auto const source = source_of({{script}});
    auto const went = up(db, source);
    CHECK_EQ(went.steps.at(0).rounds, rounds);
    CHECK_EQ(saved(went.steps[0], story.what()).rows, story.rows());
    auto const back = down(db, source);
    CHECK_EQ(merged(back.steps.at(0), story.what()).restored, story.rows());
    check_same(before, witness(db));
    (void)up(db, source);
    story.application_writes();
    auto const others = story.others();
    (void)down(db, source);
    check_same_schema(before, witness(db));
    CHECK_EQ(story.wrong_roles(), 0);
    CHECK_EQ(story.new_with_default(), story.inserted());
    CHECK(others == story.others());
}

}  // namespace

ON_POSTGRES("story: a column dropped inside a DO block is saved in a second round") {
    Participants story(db, 1'000);
    column_comes_back(db, story, "do $$ begin execute 'alter table request_participants drop ' || 'column role cascade'; end $$;", 2);
}

ON_POSTGRES("story: a column dropped by a function of the user's is saved in a second round") {
    Participants story(db, 1'000);
    db.run(
        "create function clean_up() returns void language plpgsql as $$ begin drop view managers; "
        "alter table request_participants drop column role; drop type role; end $$");
    column_comes_back(db, story, "select clean_up();", 2);
}

ON_POSTGRES("story: a column dropped by a call in the midst of other statements is saved in a second round") {
    Participants story(db, 1'000);
    column_comes_back(
        db, story,
        "alter table request_participants add column note text;\n"
        "create procedure tidy() language plpgsql as $$ begin alter table request_participants drop column role cascade; end $$;\n"
        "call tidy();\n"
        "drop procedure tidy();\n",
        2);
}

ON_POSTGRES("story: tables that go by CASCADE or in a block are saved with their rows") {
    db.run(
        "create table parents (id int primary key, name text not null);"
        "create table kids (id int primary key, parent int references parents, name text);"
        "create view both_of_them as select p.name as parent, k.name from parents p join kids k on k.parent = p.id;"
        "insert into parents select n, 'p' || n from generate_series(1, 20) n;"
        "insert into kids select n, n % 20 + 1, 'k' || n from generate_series(1, 100) n;");
    auto const before = witness(db);
    for (auto const* script : {"drop table parents cascade;", "do $$ begin drop table parents cascade; end $$;",
                               "do $$ declare t text; begin foreach t in array array['kids', 'parents'] loop execute 'drop table ' || t || "
                               "' cascade'; end loop; end $$;"}) {
        auto const other = Database::make(Engine::postgres);
        other->run(
            "create table parents (id int primary key, name text not null);"
            "create table kids (id int primary key, parent int references parents, name text);"
            "create view both_of_them as select p.name as parent, k.name from parents p join kids k on k.parent = p.id;"
            "insert into parents select n, 'p' || n from generate_series(1, 20) n;"
            "insert into kids select n, n % 20 + 1, 'k' || n from generate_series(1, 100) n;");
        auto const source = source_of({{script}});
        auto const went = up(*other, source);
        CHECK_EQ(saved(went.steps.at(0), "public.parents").rows, 20);
        auto const back = down(*other, source);
        CHECK_EQ(merged(back.steps.at(0), "public.parents").restored, 20);
        check_same(before, witness(*other));
        (void)up(*other, source);
        (void)down(*other, source);
        check_same(before, witness(*other));
    }
}

ON_POSTGRES("story: a schema dropped by CASCADE comes back with its tables, types and rows") {
    db.run(
        "create schema crm;"
        "create type crm.stage as enum ('new', 'won', 'lost');"
        "create table crm.deals (id bigserial primary key, stage crm.stage not null default 'new', amount numeric(12, 2));"
        "create table crm.notes (deal bigint references crm.deals, note text);"
        "create index on crm.deals (stage);"
        "insert into crm.deals (stage, amount) select (array['new', 'won', 'lost'])[n % 3 + 1]::crm.stage, n / 3.0 from generate_series(1, "
        "50) n;"
        "insert into crm.notes select n, 'note' from generate_series(1, 50) n, generate_series(1, 2);");
    auto const before = witness(db);
    auto const source = source_of({{"drop schema crm cascade;"}});
    auto const went = up(db, source);
    CHECK_EQ(saved(went.steps.at(0), "crm.deals").rows, 50);
    CHECK_EQ(saved(went.steps.at(0), "crm.notes").rows, 100);
    (void)down(db, source);
    check_same(before, witness(db));
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
}

namespace {

std::string rebuild(std::string const& before, std::string const& after) {
    return before +
           "drop view managers;\n"
           "create table request_participants_new (id integer primary key, request_id integer not null, user_id integer not null, "
           "created_at text not null default '2026-01-01', updated_at text not null default '2026-01-01');\n"
           "insert into request_participants_new select id, request_id, user_id, created_at, updated_at from request_participants;\n"
           "drop table request_participants;\n"
           "alter table request_participants_new rename to request_participants;\n"
           "create trigger touch after update on request_participants begin\n"
           "    update request_participants set updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') where id = new.id;\n"
           "end;\n" +
           after;
}

}  // namespace

ON_SQLITE("story: a table rebuilt without the column keeps its rows, and the column comes back") {
    for (auto const& [before, after] : {std::pair{"pragma foreign_keys = off;\n", "pragma foreign_keys = on;\n"}, std::pair{"", ""}}) {
        auto const other = Database::make(Engine::sqlite);
        Participants story(*other, 1'000);
        auto const schema = witness(*other);
        auto const source = source_of({{rebuild(before, after)}});
        auto const went = up(*other, source);
        CHECK_EQ(saved(went.steps.at(0), story.what()).rows, 1'000);
        auto const back = down(*other, source);
        CHECK_EQ(merged(back.steps.at(0), story.what()).restored, 1'000);
        check_same(schema, witness(*other));
        (void)up(*other, source);
        story.application_writes();
        auto const others = story.others();
        auto const again = down(*other, source);
        CHECK_EQ(merged(again.steps.at(0), story.what()).inserted_since, 10);
        CHECK_EQ(merged(again.steps.at(0), story.what()).deleted_since, 5);
        check_same_schema(schema, witness(*other));
        CHECK_EQ(story.wrong_roles(), 0);
        CHECK_EQ(story.new_with_default(), 10);
        CHECK(others == story.others());
    }
}

ON_SQLITE("story: a row that a rebuild forgets comes back") {
    for (auto const* where : {"where id <> 17", "where true union all select 5000, 1, 1, '', ''"}) {
        auto const other = Database::make(Engine::sqlite);
        Participants story(*other, 100);
        auto const before = witness(*other);
        auto script = rebuild("", "");
        auto const from = script.find("from request_participants;");
        script.replace(from, 26, std::string("from request_participants ") + where + ";");
        (void)up(*other, source_of({{script}}));
        (void)down(*other, source_of({{script}}));
        check_same(before, witness(*other));
    }
}

ON_SQLITE("story: a rebuild whose drop would empty other tables by cascade is refused with that advice, or carried out with keys off") {
    db.run(
        "create table parents (id integer primary key, name text, old text);"
        "create table kids (id integer primary key, parent integer not null references parents on delete cascade);"
        "insert into parents values (1, 'a', 'x'), (2, 'b', 'y');"
        "insert into kids values (1, 1), (2, 1), (3, 2);");
    auto const before = witness(db);
    std::string const rebuild_parents =
        "create table parents_new (id integer primary key, name text);\n"
        "insert into parents_new select id, name from parents;\n"
        "drop table parents;\n"
        "alter table parents_new rename to parents;\n";
    auto const error = up_error(db, source_of({{rebuild_parents}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_NE(error.next.advice.find("PRAGMA foreign_keys=OFF"), std::string::npos);
    check_unchanged(before, witness(db));

    auto const source = source_of({{"PRAGMA foreign_keys=OFF;\n" + rebuild_parents + "PRAGMA foreign_keys=ON;\n"}});
    auto const went = up(db, source);
    CHECK_EQ(saved(went.steps.at(0), "parents.old").rows, 2);
    CHECK_EQ(db.count("select count(*) from kids"), 3);
    (void)down(db, source);
    check_same(before, witness(db));
    CHECK_EQ(db.count("select count(*) from pragma_foreign_key_check"), 0);
}
