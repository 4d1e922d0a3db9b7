// What the database prints otherwise once a table is as it was, and what it says of what others renamed meanwhile.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

std::string url_of_superuser(Database& db) {
    return with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"));
}

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

ON_POSTGRES("printed: statistics and a publication's columns come back in the order of the table's columns, whichever that is by then") {
    db.run(
        "create table t (id integer primary key, a integer, b integer, c integer); insert into t values (1, 2, 3, 4);"
        "create statistics st on a, c from t; create publication p for table t (id, a, c)");
    auto const source = source_of({{"drop statistics st; drop publication p; alter table t drop column a"}});
    auto const listed = [&] {
        return db.one("select pg_get_statisticsobjdef(oid) from pg_statistic_ext") + " | " +
               db.one(
                   "select array_to_string(array_agg(attname order by attname), ' ') from pg_publication_tables p "
                   "cross join unnest(p.attnames) attname");
    };
    for (int i = 0; i < 2; ++i) {
        (void)up(db, source);
        CHECK_EQ(db.one("select count(*) from pg_statistic_ext"), "0");
        (void)down(db, source);
        CHECK_EQ(listed(), "CREATE STATISTICS public.st ON c, a FROM t | a c id");
        CHECK_EQ(db.one("select id || ',' || a || ',' || b || ',' || c from t"), "1,2,3,4");
    }
}

ON_POSTGRES("printed: a policy and a view that others made on a column that gets its old type back stay") {
    db.run("create table t (id integer primary key, c varchar(20), d text); insert into t values (1, 'A', 'b')");
    auto const source = source_of({{"alter table t alter column c type text, alter column d type varchar(30)"}});
    (void)up(db, source);
    db.run("create view v as select lower(c) as l, d from t where d <> 'y'; create policy p on t using (d <> 'zz')");
    (void)down(db, source);
    CHECK_EQ(db.one("select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 't'::regclass and attname = 'c'"),
             "character varying(20)");
    CHECK_EQ(db.one("select l || d from v"), "ab");
    CHECK_EQ(db.one("select pg_get_expr(polqual, polrelid) from pg_policy"), "(d <> 'zz'::text)");
}

TEST_CASE("renamed by hand: what comes back to a table that has another name by now, or is in another schema, is refused by its name") {
    for (auto const* rename : {"alter table s.t rename to u", "alter schema s rename to r"}) {
        for (auto const* script : {"alter table s.t drop column c", "drop index s.i"}) {
            auto const source = source_of({{script}});
            auto const database = Database::make(Engine::postgres);
            database->run(
                "create schema s; create table s.t (id integer primary key, c text, d text); create index i on s.t (d);"
                "insert into s.t values (1, 'x', 'y')");
            (void)up(*database, source);
            database->run(rename);
            auto target = Target::open(database->url()).value();
            auto const plan = plan_down(target, source).value();
            CHECK_FALSE(plan.go());
            REQUIRE_FALSE(plan.findings.empty());
            CHECK_EQ(plan.findings[0].code, "drift");
            CHECK_MESSAGE(has(plan.findings[0].text, "table s.t"), plan.findings[0].text);
            auto const error = down_error(*database, source, {.accept_drift = true});
            CHECK_EQ(error.left, Left::rolled_back);
            CHECK_MESSAGE(has(error.message, "table s.t is not there any more"), error.message);
            CHECK_MESSAGE(has(error.next.advice, "give table s.t its name again"), error.next.advice);
        }
    }
}

ON_POSTGRES("event triggers: what undrop's own statements make one write is refused by the trigger's name") {
    auto const superuser = connect_postgres(url_of_superuser(db));
    superuser->run(
        "create table log (n serial primary key, tag text); create function logs() returns event_trigger language plpgsql as $$ begin "
        "insert into public.log (tag) values (tg_tag); end $$; create event trigger logs_ddl on ddl_command_end execute function logs();"
        "grant all on log, log_n_seq to undrop_owner");
    db.run("create table t (id integer primary key, c text)");
    auto const error = up_error(db, source_of({{"alter table t drop column c"}}));
    CHECK_EQ(error.left, Left::rolled_back);
    CHECK_MESSAGE(has(error.message, "event trigger logs_ddl"), error.message);
    CHECK_MESSAGE(has(error.next.advice, "ALTER EVENT TRIGGER"), error.next.advice);
}

ON_POSTGRES("publications: a schema that an up puts into one, or takes out of it, is put back") {
    auto const superuser = connect_postgres(url_of_superuser(db));
    if (superuser->one("select current_setting('server_version_num')::int4 >= 150000") != "t") return;
    db.run("create schema a; create schema b; create table a.t (id integer primary key)");
    superuser->run("create publication p for tables in schema a");
    auto const before = witness(db);
    auto target = Target::open(url_of_superuser(db)).value();
    auto const source = source_of({{"alter publication p set tables in schema b"}, {"drop publication p"}});
    for (int i = 0; i < 2; ++i) {
        auto const went = migrate(target, source);
        REQUIRE_MESSAGE(went, went.error().text());
        CHECK_EQ(superuser->one("select count(*) from pg_publication"), "0");
        auto const back = apply(target, approve(plan_down(target, source, {.to = "0"}).value()).value());
        REQUIRE_MESSAGE(back, back.error().text());
        check_unchanged(before, witness(db));
    }
}

ON_POSTGRES("detached: what others added to a partition, or wrote into it, that it cannot have as one is refused by its name") {
    db.run(
        "create table t (id integer not null, n integer not null, c integer) partition by range (n);"
        "create table t1 partition of t for values from (0) to (10); insert into t values (1, 1, 1)");
    auto const before = witness(db);
    auto const source = source_of({{"alter table t detach partition t1; alter table t1 alter column c type text"}});
    (void)up(db, source);
    db.run("alter table t1 add column x integer");
    auto const added = down_error(db, source);
    CHECK_EQ(added.left, Left::untouched);
    CHECK_MESSAGE(has(added.message, "a partition has its table's columns alone: column public.t1.x"), added.message);
    db.run("alter table t1 drop column x; insert into t1 values (5, 5, 'five')");
    auto const written = down_error(db, source);
    CHECK_EQ(written.left, Left::untouched);
    CHECK_MESSAGE(has(written.message, "1 row of public.t1 holds a value of c that its old type does not take"), written.message);
    db.run("delete from t1 where id = 5");
    (void)down(db, source);
    check_same(before, witness(db));
}
