// Rows that a step changes: saved through a second connection, or from copies where there can be none; and what others do meanwhile.
#include "story/story.hpp"

#include <undrop/sqlite.hpp>

#include <sqlite3.h>

using namespace undrop;
using namespace undrop::test;

namespace {

constexpr char const* made = "create table t (id integer primary key, v text, n integer)";

void fill(Database& db, std::int64_t rows) {
    db.run(made);
    db.run("insert into t select n, 'v' || n, n % 10 from " + numbers(db, 1, rows));
}

// The usual mix: an update, a delete and an insert.
constexpr char const* mixed = "update t set v = 'new' where n = 1;\ndelete from t where n = 2;\ninsert into t values (0, 'up', 99);";

void there_and_back(Database& db, Options const& options, int rounds) {
    auto const source = source_of({{mixed}});
    auto const before = witness(db);
    auto const went = up(db, source, options);
    CHECK_EQ(went.steps.at(0).rounds, rounds);
    CHECK_EQ(saved(went.steps.at(0), db.named("t") + " (v)").rows, 100);
    CHECK_EQ(saved(went.steps.at(0), db.named("t") + " (deleted)").rows, 100);
    auto const migrated = witness(db);
    auto const back = down(db, source, options);
    CHECK_EQ(merged(back.steps.at(0), db.named("t.v")).restored, 100);
    CHECK_EQ(merged(back.steps.at(0), db.named("t") + " (inserted)").removed, 1);
    check_unchanged(before, witness(db));
    (void)up(db, source, options);
    check_unchanged(migrated, witness(db));
}

}  // namespace

ON_BOTH("story: rows that a script changes are saved in one round, without a copy of the table") {
    fill(db, 1'000);
    there_and_back(db, {}, 1);
}

ON_BOTH("story: where no second connection is allowed the table is copied before, and the plan says so") {
    fill(db, 1'000);
    Options const options{.second_connection = false};
    auto target = Target::open(db.url()).value();
    auto const plan = plan_up(target, source_of({{mixed}}), {}, options).value();
    CHECK(mentions(plan.steps.at(0).notes, "is copied before the script: a second connection is not allowed"));
    there_and_back(db, options, 1);
}

ON_BOTH("story: hidden from the text and without a second connection it takes a second round") {
    fill(db, 1'000);
    auto const source = db.either("do $$ begin execute 'update ' || 't set v = null where n = 3'; end $$",
                                  "create trigger x after insert on t begin update t set v = null where n = 3; end;\n"
                                  "insert into t values (0, 'x', 0);\ndrop trigger x;");
    auto const before = witness(db);
    auto const went = up(db, source_of({{source}}), {.second_connection = false});
    CHECK_EQ(went.steps.at(0).rounds, 2);
    (void)down(db, source_of({{source}}));
    check_unchanged(before, witness(db));
}

ON_POSTGRES("story: a role that may connect but once gets copies") {
    fill(db, 1'000);
    auto const before = witness(db);
    auto const limits = db.one("select current_database()");
    db.run("alter database \"" + limits + "\" connection limit 2");  // this one, and undrop's
    auto const went = up(db, source_of({{mixed}}));
    CHECK_EQ(went.steps.at(0).rounds, 2);
    // A connection that was closed counts until the server's process is gone.
    db.run(
        "do $$ begin while (select count(*) from pg_stat_activity where datname = current_database() and "
        "backend_type = 'client backend') > 1 loop perform pg_stat_clear_snapshot(); perform pg_sleep(0.01); end loop; end $$");
    (void)down(db, source_of({{mixed}}));
    db.run("alter database \"" + limits + "\" connection limit -1");
    check_unchanged(before, witness(db));
}

ON_SQLITE("story: rows are saved under a write-ahead log, under a journal, and from a cache that spills") {
    fill(db, 1'000);
    for (auto const* pragma : {"pragma journal_mode = wal", "pragma journal_mode = delete", "pragma journal_mode = persist"}) {
        db.run(pragma);
        auto const before = witness(db);
        auto const went = up(db, source_of({{mixed}}));
        CHECK_EQ(went.steps.at(0).rounds, 1);
        (void)down(db, source_of({{mixed}}));
        check_unchanged(before, witness(db));
    }
}

TEST_CASE("story: rows of an SQLite database in memory come back from copies") {
    sqlite3* handle = nullptr;
    REQUIRE_EQ(sqlite3_open(":memory:", &handle), SQLITE_OK);
    auto const text = [&](char const* sql) {
        std::string all;
        auto const add = [](void* to, int count, char** cells, char**) {
            for (int i = 0; i < count; ++i) *static_cast<std::string*>(to) += std::string(cells[i] ? cells[i] : "NULL") + "|";
            return 0;
        };
        CHECK_EQ(sqlite3_exec(handle, sql, add, &all, nullptr), SQLITE_OK);
        return all;
    };
    (void)text("create table t (id integer primary key, v text); insert into t values (1, 'a'), (2, null), (3, 'c')");
    {
        auto target = sqlite::attach(handle).value();
        auto const source = source_of({{"update t set v = 'x' where id < 3; delete from t where id = 3"}});
        auto const plan = plan_up(target, source).value();
        CHECK(mentions(plan.steps.at(0).notes, "in memory"));
        auto const went = migrate(target, source).value();
        CHECK_EQ(went.steps.at(0).rounds, 1);
        CHECK_EQ(text("select * from t order by id"), "1|x|2|x|");
        auto const back = apply(target, approve(plan_down(target, source).value()).value());
        CHECK_MESSAGE(back, (back ? "" : back.error().text()));
        CHECK_EQ(text("select * from t order by id"), "1|a|2|NULL|3|c|");
    }
    sqlite3_close(handle);
}

ON_POSTGRES("story: others go on writing to a table of which a script changes rows, and their rows are theirs") {
    fill(db, 100);
    auto const other = db.connect();
    std::vector<std::string> held;
    Options options;
    options.on_event = [&](Event const& event) {
        if (event.kind == Event::Kind::ran) {
            held.push_back(other->held_off("update t set v = 'theirs' where id = 55"));
            held.push_back(other->held_off("insert into t values (500, 'theirs', 3)"));
            held.push_back(other->held_off("select * from t where id = 77 for share"));
        }
    };
    auto const source = source_of({{"update t set v = 'new' where id <= 10"}});
    auto const went = up(db, source, options);
    for (auto const& words : held) CHECK_EQ(words, "");
    CHECK_EQ(held.size(), 3);
    CHECK_EQ(saved(went.steps.at(0), "public.t (v)").rows, 10);
    (void)down(db, source);
    CHECK_EQ(db.one("select string_agg(v, ',' order by id) from t where id in (3, 55, 500)"), "v3,theirs,theirs");
}

namespace {

// The seed data migration; then the application changes some of its rows again and deletes others.
void seed_there_and_back(Database& db, std::string const& type) {
    db.run("create table participants (id integer primary key, role " + type + " not null, name text)");
    db.run("insert into participants select n, " +
           db.either("(case when n % 4 = 0 then 'sponsor' else 'viewer' end)::" + type,
                     "case when n % 4 = 0 then 'sponsor' else 'viewer' end") +
           ", 'p' || n from " + numbers(db, 1, 400));
    auto const source = source_of({{"update participants set role = 'coach' where role = 'sponsor'"}});
    auto const went = up(db, source);
    CHECK_EQ(went.steps.at(0).rounds, 1);
    CHECK_EQ(saved(went.steps.at(0), db.named("participants") + " (role)").rows, 100);
    db.run("update participants set role = 'owner' where id in (4, 8, 12)");
    db.run("update participants set name = 'renamed' where id = 16");
    db.run("delete from participants where id in (20, 24)");
    auto const back = down(db, source);
    CHECK_EQ(back.steps.at(0).rounds, 1);
    auto const role = merged(back.steps.at(0), db.named("participants.role"));
    CHECK_EQ(role.restored, 95);
    CHECK_EQ(role.changed_since, 3);
    CHECK_EQ(role.deleted_since, 2);
    CHECK_EQ(db.count("select count(*) from participants where role = 'sponsor'"), 95);
    CHECK_EQ(db.count("select count(*) from participants where role = 'owner'"), 3);
    CHECK_EQ(db.count("select count(*) from participants where role = 'viewer'"), 300);
    CHECK_EQ(db.one("select role || name from participants where id = 16"), "sponsorrenamed");
    CHECK_EQ(db.count("select count(*) from participants where id in (20, 24)"), 0);
}

}  // namespace

ON_BOTH("story: the seed data migration is taken back after the application has gone on") { seed_there_and_back(db, "text"); }

ON_BOTH("story: the seed data migration is taken back from values of a closed list, too") {
    db.run(db.either("create type kind as enum ('viewer', 'sponsor', 'coach', 'owner')", "select 1"));
    seed_there_and_back(db, db.either("kind", "text check (role in ('viewer', 'sponsor', 'coach', 'owner'))"));
}

ON_BOTH("story: a row that an up inserted stays, and so does what hangs on it and would go along") {
    db.run(
        "create table plan (id integer primary key, name text);"
        "create table customer (id integer primary key, plan integer references plan (id) on delete cascade);"
        "create table visit (id integer primary key, plan integer references plan (id) on delete set null)");
    auto const source = source_of({{"insert into plan values (7, 'free'), (8, 'team'), (9, 'gold')"}});
    (void)up(db, source);
    db.run("insert into customer values (1, 7), (2, 7); insert into visit values (1, 8)");
    auto const back = down(db, source);
    auto const inserted = merged(back.steps.at(0), db.named("plan") + " (inserted)");
    CHECK_EQ(inserted.removed, 1);
    CHECK_EQ(inserted.in_use, 2);
    CHECK_EQ(db.table("select id, name from plan order by id"), "7|free\n8|team");
    CHECK_EQ(db.table("select id, plan from customer order by id"), "1|7\n2|7");
    CHECK_EQ(db.table("select id, plan from visit order by id"), "1|8");
}

ON_BOTH("story: rows that an up inserted and that were changed, or that others refer to, are kept and counted") {
    db.run("create table plan (id integer primary key, name text)");
    db.run("create table customer (id integer primary key, plan integer references plan (id))");
    auto const source = source_of({{"insert into plan values (1, 'free'), (2, 'team'), (3, 'gold')"}});
    (void)up(db, source);
    db.run("update plan set name = 'mine' where id = 2");
    db.run("insert into customer values (1, 3)");
    auto const back = down(db, source);
    auto const inserted = merged(back.steps.at(0), db.named("plan") + " (inserted)");
    CHECK_EQ(inserted.removed, 1);
    CHECK_EQ(inserted.changed_since, 1);
    CHECK_EQ(inserted.in_use, 1);
    CHECK_EQ(db.table("select id, name from plan order by id"), "2|mine\n3|gold");
    CHECK_EQ(db.count("select count(*) from customer"), 1);
}

ON_POSTGRES("story: what a foreign key refers to that is NOT VALID, and steps aside while rows come back, is in use all the same") {
    db.run("create table plan (id integer primary key); create table customer (id integer primary key, plan integer)");
    db.run("insert into customer values (1, 7)");
    db.run("alter table customer add constraint has_plan foreign key (plan) references plan (id) not valid");
    auto const source = source_of({{"insert into plan values (5), (6);\ndelete from customer where id = 1"}});
    (void)up(db, source);
    db.run("insert into customer values (2, 5)");
    auto const back = down(db, source);
    auto const inserted = merged(back.steps.at(0), "public.plan (inserted)");
    CHECK_EQ(inserted.removed, 1);
    CHECK_EQ(inserted.in_use, 1);
    CHECK_EQ(db.table("select id from plan"), "5");
    CHECK_EQ(db.table("select id, plan from customer order by id"), "1|7\n2|5");
    CHECK_EQ(db.one("select convalidated from pg_constraint where conname = 'has_plan'"), "f");
}

ON_BOTH("story: what refers to a changed key by now follows it back, and forth again") {
    db.run("create table plan (id integer primary key, name text); insert into plan values (1, 'free')");
    db.run("create table customer (id integer primary key, plan integer references plan (id) on update cascade)");
    auto const source = source_of({{"update plan set id = 101"}});
    (void)up(db, source);
    db.run("insert into customer values (7, 101)");
    (void)down(db, source);
    CHECK_EQ(db.table("select id, name from plan"), "1|free");
    CHECK_EQ(db.table("select id, plan from customer"), "7|1");
    (void)up(db, source);
    CHECK_EQ(db.table("select id, name from plan"), "101|free");
    CHECK_EQ(db.table("select id, plan from customer"), "7|101");
}

ON_BOTH("story: what an application wrote into rows that a down deletes comes back with the next up") {
    db.run("create table setting (name varchar(20) not null primary key, value text)");
    auto const source = source_of({{"insert into setting values ('a', 'default'), ('b', 'default')", "delete from setting"}});
    (void)up(db, source);
    db.run("update setting set value = 'mine' where name = 'b'");
    db.run("insert into setting values ('c', 'own')");
    (void)down(db, source);
    CHECK_EQ(db.count("select count(*) from setting"), 0);
    auto const again = up(db, source);
    CHECK_EQ(db.table("select name, value from setting order by name"), "a|default\nb|mine\nc|own");
    CHECK_EQ(merged(again.steps.at(0), db.named("setting") + " (deleted)").not_users, 1);
}

ON_POSTGRES("story: a script that reaches out of the database is not run where it may have to run twice") {
    db.run(made);
    auto const source = source_of({{"select pg_cancel_backend(0);\ndo $$ begin update t set v = 'x'; end $$"}});
    auto const error = up_error(db, source);
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_NE(error.next.advice.find("undrop: touches"), std::string::npos);
    // Whoever names the wrong table hears it once the script has run, and it is not run again.
    db.run("create table other (id integer); insert into other values (1)");
    auto const late =
        up_error(db, source_of({{"-- undrop: touches t\nselect pg_cancel_backend(0);\ndo $$ begin drop table other; end $$"}}));
    CHECK_EQ(late.code, Code::refused);
    CHECK_EQ(late.left, Left::rolled_back);
    CHECK_NE(late.message.find("was not foreseen"), std::string::npos);
    CHECK_EQ(db.count("select count(*) from other"), 1);
    (void)up(db, source_of({{"-- undrop: touches t\nselect pg_cancel_backend(0);\ndo $$ begin update t set v = 'x'; end $$"}}));
}

ON_POSTGRES("story: a publication of all tables would stop its subscribers, and is refused with the choices") {
    fill(db, 3);
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    superuser->run("create publication everything for all tables");
    auto const before = witness(db);
    auto const error = up_error(db, source_of({{"update t set v = 'x' where id = 1"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_NE(error.message.find("publication everything"), std::string::npos);
    CHECK_NE(error.next.advice.find("--published-store"), std::string::npos);
    check_unchanged(before, witness(db));
    CHECK_EQ(db.count("select count(*) from pg_namespace where nspname = 'undrop'"), 0);
    (void)up(db, source_of({{"update t set v = 'x' where id = 1"}}), {.published_store = true});
    superuser->run("drop publication everything");
}

ON_POSTGRES("story: a publication of the store's own schema is refused as well") {
    if (db.count("select current_setting('server_version_num')::integer") < 150000) return;
    fill(db, 3);
    Scripts const first{"update t set v = 'x' where id = 1"};
    (void)up(db, source_of({first}));
    auto const superuser =
        connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
    superuser->run("create publication of_store for tables in schema undrop");
    auto const error = up_error(db, source_of({first, {"update t set v = 'y' where id = 2"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK_NE(error.message.find("publication of_store"), std::string::npos);
    superuser->run("drop publication of_store");
}

ON_BOTH("story: values without a key that find no row are counted beside rows that the step had deleted") {
    db.run("create table t (v text, n integer); insert into t values ('a', 1), ('b', 2), ('c', 3), ('d', 4)");
    auto const source = source_of({{"delete from t where v = 'd';\nalter table t drop column n;"}});
    (void)up(db, source);
    db.run("update t set v = 'own' where v = 'b'; delete from t where v = 'c'; insert into t values ('new')");
    auto const back = down(db, source);
    auto const& n = merged(back.steps.at(0), db.named("t.n"));
    CHECK_EQ(n.restored + n.deleted_since, 3);
    CHECK_EQ(n.deleted_since, 2);
    CHECK_EQ(merged(back.steps.at(0), db.named("t") + " (deleted)").restored, 1);
}
