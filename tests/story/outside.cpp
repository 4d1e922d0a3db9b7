// What stands outside of tables and rows: a file's own numbers, triggers of the whole database.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

ON_SQLITE("story: a file's own version number, which a script sets, comes back") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a'); pragma user_version = 3");
    auto const source = source_of({{"pragma user_version = 7;\nupdate t set v = 'b';"}});
    (void)up(db, source);
    CHECK_EQ(db.count("pragma user_version"), 7);
    (void)down(db, source);
    CHECK_EQ(db.count("pragma user_version"), 3);
    CHECK_EQ(db.one("select v from t"), "a");
    auto const failing = source_of({{"pragma user_version = 9;\nselect nope;"}});
    (void)up_error(db, failing);
    CHECK_EQ(db.count("pragma user_version"), 3);
}

ON_SQLITE("story: whether foreign keys are enforced is the script's word, else the address's, and is recorded with the step") {
    db.run("create table p (id integer primary key); create table c (id integer primary key, p integer references p)");
    std::vector<Scripts> scripts;
    auto const recorded = [&](std::string const& address, std::string const& script) -> std::string {
        scripts.push_back({script});
        auto target = Target::open(db.url() + address).value();
        auto const done = migrate(target, source_of(scripts));
        REQUIRE_MESSAGE(done.has_value(), (done.has_value() ? "" : done.error().text()));
        auto const version = std::to_string(scripts.size());
        auto const log = db.one("select detail from undrop_event where kind = 'applied' and version = '" + version + "'");
        if (log.find("not enforced in this step, as its script says") != std::string::npos) return "off by the script";
        if (log.find("are enforced in this step, as its script says") != std::string::npos) return "on by the script";
        return log.find("not enforced: the connection has them off") != std::string::npos ? "off" : "on";
    };
    CHECK_EQ(recorded("", "select 1"), "on");
    CHECK_EQ(recorded("", "pragma foreign_keys = off;\nselect 2;\npragma foreign_keys = on;"), "off by the script");
    CHECK_EQ(recorded("?foreign_keys=off", "select 3"), "off");
    CHECK_EQ(recorded("?foreign_keys=off", "pragma foreign_keys = on;\nselect 4;"), "on by the script");

    // On: no step leaves a row that refers to nothing. Off: nobody asks for that, and it is told.
    scripts.push_back({"insert into c values (1, 9)"});
    auto const source = source_of(scripts);
    auto target = Target::open(db.url()).value();
    CHECK_FALSE(migrate(target, source).has_value());
    CHECK_EQ(db.count("select count(*) from c"), 0);
    CHECK_EQ(recorded("?foreign_keys=off", "insert into c values (2, 8)"), "off");
    CHECK_EQ(db.count("select count(*) from c"), 2);
    CHECK_NE(db.one("select detail from undrop_event where kind = 'applied' and version = '5'")
                 .find("more rows than before refer to nothing: 1 row(s) of c refer to rows of p that are not there"),
             std::string::npos);
}

ON_SQLITE("story: with foreign keys off rows that refer to nothing come and go as the scripts say, and come back as they were") {
    db.run(
        "create table p (id integer primary key, v text); create table c (id integer primary key, p integer references p); "
        "insert into p values (1, 'a'), (2, 'b'); insert into c values (1, 1), (2, 2), (3, null)");
    auto const before = witness(db);
    auto const source =
        source_of({{"delete from p where id = 1"},
                   {"create table n (id integer primary key, v text); insert into n select id + 10, v from p; drop table p; "
                    "alter table n rename to p"},
                   {"drop table c; create table c (id integer primary key, p integer references p, note text)"}});
    auto target = Target::open(db.url() + "?foreign_keys=off").value();
    auto const done = migrate(target, source);
    REQUIRE_MESSAGE(done.has_value(), (done.has_value() ? "" : done.error().text()));
    auto const back = apply(target, approve(plan_down(target, source, {.to = "0"}).value()).value());
    REQUIRE_MESSAGE(back.has_value(), (back.has_value() ? "" : back.error().text()));
    check_same(before, witness(db));
}

ON_POSTGRES("story: a trigger of the whole database that forbids new tables refuses the step before anything changed") {
    db.run("create table t (id integer primary key, v text); insert into t values (1, 'a')");
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    superuser->run(
        "create function no() returns event_trigger language plpgsql as $$ begin raise exception 'no new tables here'; end $$;"
        "create event trigger guard on ddl_command_start when tag in ('CREATE TABLE') execute function no()");
    auto const before = witness(db);
    auto const source = source_of({{"update t set v = 'b'"}});
    auto const error = up_error(db, source);
    CHECK_NE(error.native.find("no new tables here"), std::string::npos);
    CHECK_EQ(error.left, Left::untouched);
    check_unchanged(before, witness(db));
    superuser->run("alter event trigger guard disable");
    (void)up(db, source);
    superuser->run("drop event trigger guard");
    (void)down(db, source);
    check_same_text(before.rows, witness(db).rows);
}
