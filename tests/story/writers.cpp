// Another user of the database writes while a step runs. The interleavings are played at the library's events, never by racing.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

ON_BOTH("story: between save and drop a writer is held off, and nothing is lost") {
    Participants story(db, 1'000);
    auto const before = witness(db);
    auto const writer = db.connect();
    int tried = 0;
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::saved) return;
        ++tried;
        CHECK_NE(writer->held_off("update request_participants set role = 'manager' where id = 3"), "");
    };
    auto const source = source_of({{story.drop_role()}});
    (void)up(db, source, options);
    CHECK_EQ(tried, 1);
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_BOTH("story: a write that came before the lock is in the snapshot, though the plan was made before it") {
    Participants story(db, 1'000);
    auto const writer = db.connect();
    bool wrote = false;
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind != Event::Kind::started) return;
        wrote = writer->held_off("update request_participants set role = 'manager' where id = 3").empty();
    };
    auto const source = source_of({{story.drop_role()}});
    (void)up(db, source, options);
    CHECK_EQ(wrote, db.postgres());  // On SQLite nobody else writes from a step's beginning on.
    (void)down(db, source);
    CHECK_EQ(db.one("select role from request_participants where id = 3"), wrote ? "manager" : "viewer");
    CHECK_EQ(story.wrong_roles(), wrote ? 1 : 0);
}

ON_POSTGRES("story: a writer between the rounds of a hidden drop is not lost, and between save and drop it is held off") {
    Participants story(db, 1'000);
    auto const writer = db.connect();
    int started = 0;
    int tried = 0;
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::started) {
            ++started;
            CHECK_EQ(writer->held_off("update request_participants set role = 'manager' where id = " + std::to_string(3 * started)), "");
        }
        if (event.kind == Event::Kind::saved) {
            ++tried;
            CHECK_NE(writer->held_off("update request_participants set role = 'manager' where id = 30"), "");
        }
    };
    auto const source = source_of(
        {{"do $$ begin execute 'drop view managers'; execute 'alter table request_participants drop ' || 'column role'; end $$;"}});
    auto const went = up(db, source, options);
    CHECK_EQ(went.steps.at(0).rounds, 2);
    CHECK_EQ(started, 2);
    CHECK_EQ(tried, 1);
    (void)down(db, source);
    CHECK_EQ(db.table("select id, role from request_participants where id in (3, 6, 30) order by id"), "3|manager\n6|manager\n30|viewer");
    CHECK_EQ(story.wrong_roles(), 2);
}

ON_BOTH("story: a writer that holds the table makes the step wait, and then refuse with nothing changed") {
    Participants story(db, 1'000);
    auto const before = witness(db);
    auto const writer = db.connect();
    writer->run("begin");
    writer->run("update request_participants set role = 'manager' where id = 3");
    Options options;
    options.lock_timeout = std::chrono::milliseconds{100};
    options.tries = 2;
    options.wait = std::chrono::milliseconds{500};
    int waited = 0;
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::waiting) ++waited;
    };
    auto const source = source_of({{story.drop_role()}});
    auto const error = up_error(db, source, options);
    CHECK_EQ(error.code, Code::busy);
    CHECK_GT(waited, 0);
    writer->run("rollback");
    check_unchanged(before, witness(db));
    options.on_event = {};
    (void)up(db, source, options);
    (void)down(db, source);
    check_same(before, witness(db));
}

ON_POSTGRES("story: a step that had to wait for a lock takes what the writer committed meanwhile") {
    Participants story(db, 1'000);
    auto const writer = db.connect();
    writer->run("begin");
    writer->run("update request_participants set role = 'manager' where id = 3");
    Options options;
    options.lock_timeout = std::chrono::milliseconds{100};
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::waiting) writer->run("commit");
    };
    auto const source = source_of({{story.drop_role()}});
    auto const went = up(db, source, options);
    CHECK_EQ(went.steps.at(0).tries, 2);
    (void)down(db, source);
    CHECK_EQ(db.one("select role from request_participants where id = 3"), "manager");
}

ON_BOTH("story: an exception from the program's callback takes the step back") {
    Participants story(db, 100);
    auto const before = witness(db);
    auto const source = source_of({{story.drop_role()}});
    for (auto const kind : {Event::Kind::saved, Event::Kind::statement, Event::Kind::looked, Event::Kind::recorded}) {
        Options options;
        options.on_event = [&](Event const& event) {
            if (event.kind == kind) throw std::runtime_error("enough");
        };
        auto const error = up_error(db, source, options);
        CHECK_EQ(error.code, Code::interrupted);
        CHECK_EQ(error.left, Left::rolled_back);
        check_unchanged(before, witness(db));
    }
    bool stop = false;
    Options options;
    options.on_event = [&](Event const& event) { stop = stop || event.kind == Event::Kind::saved; };
    options.cancelled = [&] { return stop; };
    CHECK_EQ(up_error(db, source, options).code, Code::interrupted);
    check_unchanged(before, witness(db));
    (void)up(db, source);
    (void)down(db, source);
    check_same(before, witness(db));
}
