// The database has migrations that the program does not know: an older program was started, or is still running.
#include <fmt/format.h>

#include <chrono>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;
using namespace std::chrono_literals;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

// The older program has the first so many.
Source older(Source source, std::size_t count = 1) {
    source.migrations.resize(count);
    return source;
}

std::string const people =
    "create table teams (id integer primary key, name text not null);"
    "create table people (id integer primary key, name text not null, nick text, age integer default 30, team integer);"
    "create view names as select id, name from people;"
    "insert into teams values (1, 'red'); insert into people (id, name, nick, age) values (1, 'ann', 'a', 7), (2, 'bob', 'b', 8);";

Result<Report> start(Database& db, Source const& source, Options const& options = {}) {
    auto target = Target::open(db.url()).value();
    return migrate(target, source, options);
}

Error start_error(Database& db, Source const& source, Options const& options = {}) {
    auto const report = start(db, source, options);
    REQUIRE_FALSE(report.has_value());
    return report.error();
}

Status status_of(Database& db, Source const& source, Options const& options = {}) {
    auto target = Target::open(db.url()).value();
    return status(target, source, options).value();
}

// The reasons that a second migration after `people` gives against an older program.
std::string harms(Engine engine, std::string const& script) {
    auto const db = Database::make(engine);
    auto const source = source_of({{people}, {script}});
    (void)up(*db, source);
    auto const now = status_of(*db, older(source));
    REQUIRE_EQ(now.applied.size(), 2);
    CHECK(now.applied[1].ahead);
    std::string all;
    for (auto const& harm : now.applied[1].harms) all += harm + "; ";
    // What the status foretells is what happens.
    CHECK_EQ(start(*db, older(source)).has_value(), all.empty());
    return all;
}

Source dropping() { return source_of({{people}, {"alter table people drop column nick;"}}); }

}  // namespace

ON_BOTH("story: an older program goes on, with a warning, where what is newer took nothing away and narrowed nothing") {
    auto const source =
        source_of({{people},
                   {"alter table people add column note text; alter table people add column level integer not null default 1;"
                    "update people set note = 'new'; create index people_name on people (name);"
                    "create table pets (id integer primary key, owner integer not null references people (id));"}});
    (void)up(db, source);
    auto const before = witness(db);
    auto const report = start(db, older(source)).value();
    CHECK_EQ(report.run, 0);
    CHECK(report.steps.empty());
    REQUIRE_EQ(report.findings.size(), 1);
    CHECK_EQ(report.findings[0].code, "ahead");
    CHECK_EQ(report.findings[0].severity, Finding::Severity::warning);
    CHECK(has(report.findings[0].text, "2 step"));
    check_unchanged(before, witness(db));
    auto const now = status_of(db, older(source));
    CHECK(has(now.ahead, "would go on"));
    CHECK_FALSE(now.clean());
    db.run("insert into people (id, name) values (3, 'cyd')");  // as the older program does
}

ON_BOTH("story: an older program refuses to go on where a newer migration took something away, and says what and what to type") {
    (void)up(db, dropping());
    auto const before = witness(db);
    auto const error = start_error(db, older(dropping()));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.message, "2 step"));
    CHECK(has(error.message, "drops column " + db.named("people.nick")));
    CHECK_EQ(error.next.command, "down --to 1");
    CHECK(has(error.next.advice, "--ahead accept"));
    check_unchanged(before, witness(db));
    auto const now = status_of(db, older(dropping()));
    CHECK(has(now.ahead, "would refuse"));
    CHECK(has(to_json(now), "drops column"));
}

TEST_CASE("story: what is harmful to an older program, on both databases") {
    for (auto const engine : {Engine::postgres, Engine::sqlite}) {
        for (auto const& [script, word] : std::vector<std::pair<std::string, std::string>>{
                 {"drop view names", "drops view"},
                 {"drop table teams", "drops table"},
                 {"delete from people where id = 1", "deletes 1 row of"},
                 {"update people set age = 9", "changes 2 rows of"},
                 {"-- undrop: lose people.nick\nalter table people drop column nick", "people.nick"},
                 {"alter table people rename column nick to alias", "renames column"},
                 {"alter table teams rename to groups", "renames "},
                 {"create unique index nicks on people (nick)", "adds index"},
             }) {
            CAPTURE(script);
            auto const found = harms(engine, script + ";");
            CHECK_MESSAGE(has(found, word), found);
        }
        CHECK_EQ(harms(engine, "create table more (id integer primary key, n integer not null unique check (n > 0));"), "");
        CHECK_EQ(harms(engine, "create index nicks on people (nick); create view ages as select age from people;"), "");
        CHECK_EQ(harms(engine, "alter table people add column w integer check (w > 0); create unique index ws on people (w);"), "");
        CHECK_EQ(harms(engine, "insert into teams values (2, 'blue');"), "");
        CHECK_EQ(harms(engine, "alter table people add column boss integer references people (id);"), "");
    }
}

TEST_CASE("story: what is harmful to an older program on PostgreSQL") {
    for (auto const& [script, word] : std::vector<std::pair<std::string, std::string>>{
             {"alter table people alter column age type bigint", "changes column public.people.age"},
             {"alter table people alter column nick set not null", "adds not null public.people.nick"},
             {"alter table people alter column age drop default", "drops default"},
             {"alter table people add check (age > 0)", "adds check"},
             {"alter table people add unique (nick)", "adds unique"},
             {"alter table people add foreign key (team) references teams (id) not valid", "adds foreign key"},
             {"alter table people enable row level security", "adds row security"},
             {"create function f() returns trigger language plpgsql as 'begin return null; end'; create trigger g before insert on people "
              "for each row execute function f()",
              "adds trigger public.people.g"},
             {"delete from people; alter table people add column must integer not null", "adds not null public.people.must"},
             {"create or replace view names as select id, name, nick from people", "changes view"},
         }) {
        CAPTURE(script);
        auto const found = harms(Engine::postgres, script + ";");
        CHECK_MESSAGE(has(found, word), found);
    }
    for (auto const* script : {"alter table people alter column name drop not null", "comment on table people is 'all'",
                               "grant select on people to undrop_reader",
                               "alter table people add column u uuid not null default "
                               "gen_random_uuid() unique",
                               "create type mood as enum ('ok'); create function g() returns int language sql as 'select 1'",
                               "alter table people add column i bigint generated always as identity",
                               "create index on people (lower(name)); alter table people alter column nick set default 'x'"}) {
        CAPTURE(script);
        CHECK_EQ(harms(Engine::postgres, std::string(script) + ";"), "");
    }
    auto const db = Database::make(Engine::postgres);
    auto const source =
        source_of({{"create type mood as enum ('ok', 'bad'); grant select on all tables in schema public to undrop_reader;"},
                   {"alter type mood add value 'fine' before 'bad';"},
                   {"alter type mood rename value 'bad' to 'sad';"}});
    (void)up(*db, source);
    auto const now = status_of(*db, older(source));
    CHECK(now.applied.at(1).harms.empty());
    CHECK_EQ(now.applied.at(2).harms, std::vector<std::string>{"changes type public.mood"});
}

ON_SQLITE("story: a table that SQLite's users rebuild is harmless only where it got columns") {
    CHECK(has(harms(Engine::sqlite,
                    "create table n (id integer primary key, name text not null, nick text not null default '', age integer "
                    "default 30, team integer); insert into n select id, name, coalesce(nick, ''), age, team from people; "
                    "drop view names; drop table people; alter table n rename to people; create view names as select id, "
                    "name from people;"),
              "changes more of table people than new columns"));
    CHECK(has(harms(Engine::sqlite, "create trigger g before insert on people begin select raise(abort, 'no'); end;"), "adds trigger g"));
}

ON_BOTH("story: an older program accepts or refuses what is newer, as it is told") {
    (void)up(db, dropping());
    CHECK_EQ(start(db, older(dropping()), {.ahead = Ahead::accept}).value().findings.at(0).code, "ahead");
    CHECK(has(status_of(db, older(dropping()), {.ahead = Ahead::accept}).ahead, "would go on"));
    auto const harmless = Database::make(db.engine());
    auto const source = source_of({{people}, {"create table more (id integer primary key);"}});
    (void)up(*harmless, source);
    CHECK_EQ(start_error(*harmless, older(source), {.ahead = Ahead::refuse}).code, Code::refused);
    CHECK(start(*harmless, older(source)).has_value());
}

ON_BOTH("story: a source that shares nothing with the database, or lacks one in the middle, is no older program") {
    auto const source =
        source_of({{people}, {"create table more (id integer primary key);"}, {"create table much (id integer primary key);"}});
    (void)up(db, source);
    auto holed = source;
    holed.migrations.erase(holed.migrations.begin() + 1);
    auto stranger = source_of({{"create table strange (id integer primary key);"}});
    stranger.migrations[0].version = "9";
    auto const before = witness(db);
    for (auto const ahead : {Ahead::accept_harmless, Ahead::accept, Ahead::refuse, Ahead::wait, Ahead::roll_back})
        for (auto const* other : {&holed, &stranger}) {
            auto const error = start_error(db, *other, {.ahead = ahead, .wait = 0ms});
            CHECK_EQ(error.code, Code::refused);
            CHECK(has(error.message, "has no such migration"));
        }
    CHECK_EQ(start_error(db, source_of({}), {.ahead = Ahead::roll_back}).code, Code::refused);
    check_unchanged(before, witness(db));
}

ON_BOTH("story: an older program waits until somebody has taken back what is newer") {
    (void)up(db, dropping());
    auto const late = start_error(db, older(dropping()), {.ahead = Ahead::wait, .wait = 0ms});
    CHECK_EQ(late.code, Code::busy);
    CHECK_EQ(late.left, Left::untouched);
    CHECK_EQ(late.next.command, "down --to 1");
    auto const stopped = start_error(db, older(dropping()), {.ahead = Ahead::wait, .cancelled = [] { return true; }});
    CHECK_EQ(stopped.code, Code::interrupted);
    int told = 0;
    Options options{.ahead = Ahead::wait};
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::waiting && ++told == 1) (void)down(db, dropping());
    };
    CHECK_EQ(start(db, older(dropping()), options).value().run, 0);
    CHECK_EQ(told, 1);
    CHECK_EQ(db.table("select id, nick from people order by id"), "1|a\n2|b");
}

ON_BOTH("story: an older program takes back what is newer, with the values, once for each pair of versions") {
    auto const source = dropping();
    (void)up(db, source);
    db.run("insert into people (id, name) values (3, 'cyd'); update people set name = 'ANN' where id = 1");
    Options roll_back{.program = "shop", .user = "op", .host = "h1", .ahead = Ahead::roll_back};
    CHECK(has(status_of(db, older(source), roll_back).ahead, "would take that back"));
    auto const back = start(db, older(source), roll_back).value();
    REQUIRE_EQ(back.steps.size(), 1);
    CHECK_EQ(back.steps[0].direction, Direction::down);
    CHECK_EQ(back.steps[0].origin, Origin::derived);
    CHECK_EQ(back.steps[0].taken_back_for, "1");
    CHECK_NE(back.run, 0);
    CHECK_EQ(merged(back.steps[0], db.named("people.nick")).restored, 2);
    CHECK_EQ(db.table("select id, name, nick from people order by id"), "1|ANN|a\n2|bob|b\n3|cyd|NULL");

    // The newer program comes again; its restarting and the older one's must not take turns.
    CHECK_EQ(start(db, source).value().steps.size(), 1);
    auto const before = witness(db);
    auto const again = start_error(db, older(source), roll_back);
    CHECK_EQ(again.code, Code::refused);
    CHECK_EQ(again.left, Left::untouched);
    CHECK(has(again.message, "shop (op@h1)"));
    CHECK_EQ(again.next.command, "down --to 1");
    check_unchanged(before, witness(db));

    // A person may; and a newer program that was put right is another version.
    (void)down(db, source);
    CHECK_EQ(start(db, source).value().steps.size(), 1);
    CHECK_EQ(start_error(db, older(source), roll_back).code, Code::refused);
    (void)down(db, source);
    auto put_right = source;
    put_right.migrations[1].up.text = "alter table people drop column nick;\ncreate table nicks (id integer primary key);";
    CHECK_EQ(start(db, put_right).value().steps.size(), 1);
    CHECK_EQ(start(db, older(source), roll_back).value().steps.size(), 1);
    CHECK_EQ(db.table("select id, nick from people order by id"), "1|a\n2|b\n3|NULL");
}

ON_BOTH("story: what is newer is taken back before what is pending, and both are in one report") {
    auto const source = source_of({{people}, {"alter table people drop column nick;"}, {"create table fix (id integer primary key);"}});
    (void)up(db, older(source, 2));
    auto hotfix = source;
    hotfix.migrations.erase(hotfix.migrations.begin() + 1);
    auto const report = start(db, hotfix, {.ahead = Ahead::roll_back}).value();
    REQUIRE_EQ(report.steps.size(), 2);
    CHECK_EQ(report.steps[0].direction, Direction::down);
    CHECK_EQ(report.steps[1].version, "3");
    CHECK_EQ(db.table("select id, nick from people order by id"), "1|a\n2|b");
    CHECK_EQ(db.count("select count(*) from fix"), 0);
}

ON_BOTH("story: what an older program has pending is out of order beside what is newer, unless that is asked for") {
    auto const source =
        source_of({{people}, {"create table fix (id integer primary key);"}, {"create table more (id integer primary key);"}});
    auto newer = source;
    newer.migrations.erase(newer.migrations.begin() + 1);
    (void)up(db, newer);
    CHECK(has(start_error(db, older(source, 2)).message, "2 step is older than 3 step"));
    auto const report = start(db, older(source, 2), {.out_of_order = true}).value();
    CHECK_EQ(report.steps.size(), 1);
    CHECK_EQ(report.findings.at(0).code, "ahead");
    CHECK_EQ(db.count("select count(*) from fix"), 0);
}

ON_BOTH("story: nothing is taken back for a program that could not go on then") {
    auto const source = dropping();
    (void)up(db, source);
    auto edited = older(source);
    edited.migrations[0].up.text += "\nselect 1;";
    auto const before = witness(db);
    CHECK(has(start_error(db, edited, {.ahead = Ahead::roll_back}).message, "was edited since"));
    check_unchanged(before, witness(db));
}

ON_BOTH("story: while another migrator is at work a program fails at once, or serves and says so") {
    auto const source = source_of({{people}, {"create table more (id integer primary key);"}});
    int asked = 0;
    Options first;
    first.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::started || asked++ > 0) return;
        auto const started = std::chrono::steady_clock::now();
        auto const failed = start_error(db, source, {.busy = Busy::fail, .lock_timeout = 10ms});
        CHECK_EQ(failed.code, Code::busy);
        CHECK(failed.left != Left::changed);
        auto const served = start(db, source, {.busy = Busy::serve, .lock_timeout = 10ms}).value();
        CHECK_LT(std::chrono::steady_clock::now() - started, 30s);  // Options::wait is a minute
        CHECK(served.elsewhere);
        CHECK_EQ(served.run, 0);
        CHECK(served.steps.empty());
        REQUIRE_EQ(served.findings.size(), 1);
        CHECK_EQ(served.findings[0].code, "elsewhere");
        CHECK(has(served.findings[0].text, "2 step"));
        CHECK(has(text_of(served), "Nothing was done here"));
    };
    CHECK_EQ(start(db, source, first).value().steps.size(), 2);
    CHECK_EQ(asked, 2);
    CHECK_FALSE(start(db, source, {.busy = Busy::serve}).value().elsewhere);
}
