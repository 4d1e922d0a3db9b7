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
