// Sequences: no number is given twice, whatever a script does to positions, and however its step ends.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* tickets =
    "create table tickets (id serial primary key, what text);"
    "insert into tickets (what) select 'x' from generate_series(1, 50);"
    "create sequence untouched; create sequence down_from increment -5 start -10; select nextval('down_from')";

void draw(Database& db) { db.run("insert into tickets (what) values ('y')"); }
std::string next(Database& db) { return db.one("select nextval('tickets_id_seq')"); }

}  // namespace

ON_POSTGRES("story: positions that a failing script moved are put back") {
    db.run(tickets);
    for (auto const* script : {"select setval('tickets_id_seq', 1); select setval('down_from', -10, false); select nextval('untouched');",
                               "select setval('tickets_id_seq', 1, false); alter sequence down_from restart with -10;"}) {
        CAPTURE(script);
        (void)up_error(db, source_of({{std::string(script) + " select 1 / 0"}}));
        CHECK_EQ(db.one("select last_value || ' ' || is_called from tickets_id_seq"), "50 true");
        CHECK_EQ(db.one("select last_value || ' ' || is_called from down_from"), "-10 true");
    }
    // Refused by the look, after more than one round: marked before the first of them.
    (void)up_error(db, source_of({{"do $$ begin perform setval('tickets_id_seq', 1); drop table tickets cascade; "
                                   "create table tickets (a integer); perform lo_unlink(lo_create(0)); end $$"}}));
    CHECK_EQ(next(db), "51");
}

ON_POSTGRES("story: numbers that others draw while a step fails are not given again") {
    db.run(tickets);
    auto const other = db.connect();
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::statement && event.text == "select 1 / 0")
            other->run("insert into tickets (what) select 'theirs' from generate_series(1, 3)");
    };
    (void)up_error(db, source_of({{"create table fresh (i integer);\nselect 1 / 0;"}}), options);
    CHECK_EQ(db.count("select max(id) from tickets"), 53);
    CHECK_EQ(next(db), "54");
}

ON_POSTGRES("story: what fails only in COMMIT puts the positions back, too") {
    db.run(tickets);
    auto const before = witness(db);
    auto const error = up_error(
        db, source_of({{"create table late (i integer); create table later (i integer);"
                        "create function now_then() returns trigger language plpgsql as $$ begin set constraints all deferred; "
                        "insert into public.later values (1); return null; end $$;"
                        "create function no() returns trigger language plpgsql as $$ begin raise exception 'not in COMMIT'; end $$;"
                        "create constraint trigger a after insert on late deferrable initially deferred for each row execute function "
                        "now_then(); create constraint trigger b after insert on later deferrable initially deferred for each row execute "
                        "function no(); insert into late values (1); select setval('tickets_id_seq', 1)"}}));
    CHECK_NE(error.native.find("not in COMMIT"), std::string::npos);
    check_unchanged(before, witness(db));
    CHECK_EQ(next(db), "51");
}

ON_POSTGRES("story: what a script restarts goes on where it was after the way back, and no number is given twice") {
    db.run(tickets);
    for (auto const* script : {"alter sequence tickets_id_seq restart with 1000", "select setval('tickets_id_seq', 1000, false)",
                               "select setval('tickets_id_seq', 60)"}) {
        CAPTURE(script);
        auto const fresh = Database::make(db.engine());
        fresh->run(tickets);
        auto const source = source_of({{script}});
        (void)up(*fresh, source);
        draw(*fresh);
        auto const drawn = fresh->count("select max(id) from tickets");
        (void)down(*fresh, source);
        draw(*fresh);
        CHECK_GT(fresh->count("select max(id) from tickets"), drawn);
        CHECK_EQ(fresh->count("select count(*) - count(distinct id) from tickets"), 0);
    }
}

ON_POSTGRES("story: a sequence that a script set back gets its position back, numbers drawn meanwhile or not") {
    db.run(tickets);
    db.run("delete from tickets");
    auto const source = source_of({{"alter sequence tickets_id_seq restart with 1; select setval('down_from', -10, false)"}});
    (void)up(db, source);
    draw(db);
    CHECK_EQ(db.count("select max(id) from tickets"), 1);
    (void)down(db, source);
    CHECK_EQ(next(db), "51");
    CHECK_EQ(db.one("select nextval('down_from')"), "-15");
    // Up again: what was given after the first up is not given again.
    (void)up(db, source);
    CHECK_EQ(next(db), "2");
    (void)down(db, source);
    CHECK_EQ(next(db), "52");
    // More was given since than ever before.
    (void)up(db, source);
    db.run("select setval('tickets_id_seq', 900)");
    (void)down(db, source);
    CHECK_EQ(next(db), "901");
}

ON_POSTGRES("story: a sequence that got another name keeps what it has given") {
    db.run(tickets);
    db.run("create schema other; create sequence \"Loose\"; select setval('\"Loose\"', 7)");
    auto const before = witness(db);
    auto const source =
        source_of({{"alter sequence tickets_id_seq rename to numbers; alter sequence \"Loose\" set schema other;"
                    "alter sequence other.\"Loose\" rename to \"so Tight\""}});
    auto const went = up(db, source);
    CHECK(went.steps.at(0).went.empty());
    draw(db);
    CHECK_EQ(db.one("select nextval('other.\"so Tight\"')"), "8");
    (void)down(db, source);
    check_same_schema(before, witness(db));
    CHECK_EQ(next(db), "52");
    CHECK_EQ(db.one("select nextval('\"Loose\"')"), "9");
}
