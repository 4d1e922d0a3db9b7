// What the role could not bring back is refused before the step, by object, reason and what to do (P7): objects of others that a step takes
// along, languages, schemas, types and tables that it may not use, extensions that it may not make.
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

std::unique_ptr<Session> superuser_of(Database& db) {
    return connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")));
}

// Every definition and row but undrop's own, as the superuser sees them.
std::string picture(Session& superuser) {
    return superuser.table(
               "select c.oid::regclass, c.relkind, c.relowner::regrole, c.relacl from pg_class c where c.relnamespace in (select oid from "
               "pg_namespace where nspname in ('public', 's')) order by c.oid::regclass::text") +
           superuser.table(
               "select conname, conrelid::regclass, pg_get_constraintdef(oid) from pg_constraint where connamespace = "
               "'public'::regnamespace order by 1, 2") +
           superuser.table("select p.oid::regprocedure, p.prosrc from pg_proc p where p.pronamespace = 'public'::regnamespace order by 1") +
           superuser.table("select extname, extversion from pg_extension order by 1") +
           superuser.table("select * from pg_publication_tables order by 1") +
           superuser.one("select schema_to_xml('public', true, false, '')::text");
}

struct Lack {
    std::string before;  // as the superuser
    std::string up;
    std::string named;
    std::string why;
    std::string advice;
    Left left = Left::untouched;  // with a plan that sees it
};

// By the plan where the text shows it, and by the step where it does not.
void is_refused(Database& db, Lack const& lack) {
    auto const superuser = superuser_of(db);
    superuser->run(
        "create table t (id int primary key, a text, b text); insert into t values (1, 'x', 'y'); alter table t owner to undrop_owner;" +
        lack.before);
    auto const before = picture(*superuser);
    auto const shown = up_error(db, source_of({{lack.up}}));
    CAPTURE(shown.text());
    CHECK_EQ(shown.code, Code::refused);
    CHECK_EQ(shown.left, lack.left);
    for (auto const& part : {lack.named, lack.why}) CHECK(has(shown.message, part));
    CHECK(has(shown.next.advice, lack.advice));
    CHECK_EQ(picture(*superuser), before);
    auto const hidden = up_error(db, source_of({{"do $do$ begin execute $up$" + lack.up + "$up$; end $do$;"}}));
    CAPTURE(hidden.text());
    CHECK_EQ(hidden.code, Code::refused);
    CHECK_EQ(hidden.left, Left::rolled_back);
    for (auto const& part : {lack.named, lack.why}) CHECK(has(hidden.message, part));
    CHECK(has(hidden.next.advice, lack.advice));
    CHECK_EQ(picture(*superuser), before);
}

// Once it has the right, or nothing is to come back, the step is done.
void goes_with(Database& db, Lack const& lack, std::string const& granted) {
    auto const superuser = superuser_of(db);
    superuser->run(granted);
    auto const before = picture(*superuser);
    auto const source = source_of({{lack.up}});
    (void)up(db, source);
    (void)down(db, source);
    CHECK_EQ(picture(*superuser), before);
}

std::string const reader = "grant usage, create on schema public to undrop_reader;";

}  // namespace

ON_POSTGRES("lacking rights: a view of another role that goes with a table") {
    is_refused(db, {reader + "grant select on t to undrop_reader; set role undrop_reader; create view v as select a from t; reset role",
                    "drop table t cascade;", "view public.v", "it belongs to undrop_reader, and undrop_owner is no member of undrop_reader",
                    "GRANT \"undrop_reader\" TO \"undrop_owner\""});
    // Who says that the migration is not to be taken back has his way.
    CHECK_EQ(up(db, source_of({{"-- undrop: irreversible \"the reports are over\"\ndrop table t cascade;"}})).steps.size(), 1);
}

ON_POSTGRES("lacking rights: a view of another role that goes with a column") {
    is_refused(db, {reader + "grant select on t to undrop_reader; set role undrop_reader; create view v as select a from t; reset role",
                    "alter table t drop column a cascade;", "view public.v", "it belongs to undrop_reader", "(--role"});
}

ON_POSTGRES("lacking rights: a foreign key of another role's table") {
    is_refused(db, {reader + "grant references on t to undrop_reader; set role undrop_reader; create table k (id int primary key, t int "
                             "references t); insert into k values (1, 1); reset role",
                    "drop table t cascade;", "foreign_key public.k.k_t_fkey", "public.k belongs to undrop_reader",
                    "GRANT \"undrop_reader\" TO \"undrop_owner\""});
}

ON_POSTGRES("lacking rights: a foreign key to a table that may not be referred to any more") {
    Lack const lack{
        "create table p (id int primary key); insert into p values (1); create table k (id int primary key, p int references p);"
        "insert into k values (1, 1); alter table k owner to undrop_owner",
        "drop table k;", "foreign_key public.k.k_p_fkey", "it may not refer to public.p, which belongs to postgres",
        "GRANT REFERENCES ON public.p TO \"undrop_owner\""};
    is_refused(db, lack);
    goes_with(db, lack, "grant references, select on p to undrop_owner");
}

ON_POSTGRES("lacking rights: a partition of another role's table") {
    is_refused(
        db, {"create table \"All of it\" (id int, a text) partition by list (id); create table one partition of \"All of it\" for values "
             "in (1); insert into one values (1, 'x'); alter table one owner to undrop_owner",
             "drop table one;", "could not be made again by undrop_owner", "public.\"All of it\" belongs to postgres",
             "GRANT \"postgres\" TO \"undrop_owner\""});
}

ON_POSTGRES("lacking rights: a child of another role's table") {
    is_refused(
        db, {"create table elder (id int primary key); create table younger (b int) inherits (elder); insert into younger values (1, 2); "
             "alter table younger owner to undrop_owner",
             "drop table younger;", "could not be made again by undrop_owner", "public.\"elder\" belongs to postgres",
             "GRANT \"postgres\" TO \"undrop_owner\""});
}

ON_POSTGRES("lacking rights: a foreign table that reads a file") {
    Lack const lack{
        "create extension file_fdw; create server files foreign data wrapper file_fdw; grant usage on foreign server files to "
        "undrop_owner; create foreign table hosts (line text) server files options (filename '/etc/hostname'); alter foreign "
        "table hosts owner to undrop_owner",
        "drop foreign table hosts;",
        "foreign_table public.hosts",
        "a member of pg_read_server_files may have it read a file",
        "GRANT pg_read_server_files TO \"undrop_owner\"",
        Left::rolled_back};
    is_refused(db, lack);
}

ON_POSTGRES("lacking rights: a view in a schema that may not be used") {
    Lack const lack{"create schema s; create view s.v as select a from t; alter view s.v owner to undrop_owner", "drop table t cascade;",
                    "view s.v", "it may not use schema s", "GRANT USAGE, CREATE ON SCHEMA s TO \"undrop_owner\""};
    is_refused(db, lack);
    goes_with(db, lack, "grant usage, create on schema s to undrop_owner");
}

ON_POSTGRES("lacking rights: a view in a schema in which nothing may be made") {
    is_refused(db, {"create schema s; create view s.v as select a from t; alter view s.v owner to undrop_owner; grant usage on schema s to "
                    "undrop_owner",
                    "drop view s.v;", "view s.v", "it may not create in schema s", "GRANT USAGE, CREATE ON SCHEMA s"});
}

ON_POSTGRES("lacking rights: a function in a language that the role may not use") {
    is_refused(db,
               {"create function f() returns int language internal immutable as 'pg_backend_pid'; alter function f() owner to undrop_owner",
                "drop function f();", "function public.f()", "only a superuser may use language internal", "as a superuser"});
}

ON_POSTGRES("lacking rights: a function in a language whose use was taken from everybody") {
    Lack const lack{
        "create function f() returns int language sql as 'select 1'; alter function f() owner to undrop_owner; revoke usage on "
        "language sql from public",
        "drop function f();", "function public.f()", "it may not use language sql", "GRANT USAGE ON LANGUAGE \"sql\""};
    is_refused(db, lack);
    goes_with(db, lack, "grant usage on language sql to undrop_owner");
}

ON_POSTGRES("lacking rights: a column of a type that the role may not use") {
    Lack const lack{"create type m as enum ('x'); revoke usage on type m from public; alter table t add column m m default 'x'",
                    "alter table t drop column m;", "column public.t.m", "it may not use type public.m, which belongs to postgres",
                    "GRANT USAGE ON TYPE public.\"m\" TO \"undrop_owner\""};
    is_refused(db, lack);
    goes_with(db, lack, "grant usage on type m to undrop_owner");
}

ON_POSTGRES("lacking rights: a table in another role's publication") {
    is_refused(db, {"create publication mine for table t", "drop table t;", "publication_table public.t.mine",
                    "publication mine belongs to postgres", "take public.t out of it before"});
}

ON_POSTGRES("lacking rights: rights that another role has given") {
    is_refused(db, {reader + "create role \"giver of " + db.one("select current_database()") + "\"; grant select on t to \"giver of " +
                        db.one("select current_database()") + "\" with grant option; set role \"giver of " +
                        db.one("select current_database()") + "\"; grant select on t to undrop_reader; reset role",
                    "drop table t;", "grants on table public.t", "gave some of them", "let a superuser say GRANT"});
    superuser_of(db)->run("drop owned by \"giver of " + db.one("select current_database()") + "\" cascade; drop role \"giver of " +
                          db.one("select current_database()") + "\"");
}

ON_POSTGRES("lacking rights: rows that may be deleted and not be put back") {
    Lack const lack{"create table w (id int primary key, a text); insert into w values (1, 'x'); grant select, delete on w to undrop_owner",
                    "delete from w;", "undrop_owner has no right to INSERT on public.w", "belongs to postgres",
                    "GRANT INSERT ON \"public\".\"w\" TO \"undrop_owner\""};
    is_refused(db, lack);
    goes_with(db, lack, "grant insert on w to undrop_owner");
}

ON_POSTGRES("lacking rights: what the script itself may not do is told by the plan, with whose table it is") {
    auto const superuser = superuser_of(db);
    superuser->run("create table w (id int primary key, a text); insert into w values (1, 'x'); grant all on w to undrop_owner");
    auto const before = picture(*superuser);
    for (auto const* script : {"alter table w drop column a;", "alter table w add column c text;"}) {
        auto const error = up_error(db, source_of({{script}}));
        CAPTURE(error.text());
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK(has(error.message, "public.w belongs to postgres, and undrop_owner may not alter or drop it"));
        CHECK(has(error.next.advice, "--role"));
    }
    CHECK_EQ(picture(*superuser), before);
}

ON_POSTGRES("lacking rights: a table that the role may not read, or of which row security hides rows, is told by the plan") {
    auto const superuser = superuser_of(db);
    superuser->run(
        "create table w (id int primary key, a text); insert into w values (1, 'x'), (2, 'y'); grant delete, insert on w to undrop_owner");
    auto error = up_error(db, source_of({{"delete from w;"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.message, "undrop_owner has no right to SELECT on public.w"));
    superuser->run("grant select on w to undrop_owner; alter table w enable row level security; create policy p on w using (id = 1)");
    error = up_error(db, source_of({{"delete from w;"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.message, "row level security would hide rows of public.w"));
    CHECK_EQ(superuser->count("select count(*) from w"), 2);
}

ON_POSTGRES("lacking rights: an owner changed since the up is told before the way back") {
    auto const superuser = superuser_of(db);
    db.run("create table t (id int primary key, a text); insert into t values (1, 'x')");
    auto const source = source_of({{"alter table t drop column a;", "alter table t add column a text;"}});
    (void)up(db, source);
    superuser->run("alter table t owner to undrop_reader");
    auto const before = picture(*superuser);
    for (bool const derive : {false, true}) {
        auto const error = down_error(db, source, {.derive = derive});
        CAPTURE(error.text());
        CHECK_EQ(error.code, Code::refused);
        CHECK_EQ(error.left, Left::untouched);
        CHECK(has(error.message, "public.t belongs to undrop_reader"));
    }
    CHECK_EQ(picture(*superuser), before);
    superuser->run("alter table t owner to undrop_owner");
    (void)down(db, source);
    CHECK_EQ(db.table("select * from t"), "1|x");
}

ON_POSTGRES("lacking rights: default privileges of another role are none of the step's business") {
    auto const superuser = superuser_of(db);
    superuser->run("alter default privileges for role postgres grant select on tables to undrop_reader");
    db.run("create table t (id int primary key, a text); insert into t values (1, 'x')");
    auto const before = picture(*superuser);
    auto const source = source_of({{"drop table t;"}});
    (void)up(db, source);
    (void)down(db, source);
    CHECK_EQ(picture(*superuser), before);
}

ON_POSTGRES("lacking rights: an extension that could not be made again") {
    auto const superuser = superuser_of(db);
    superuser->run("create extension pageinspect; create extension hstore");
    auto const before = picture(*superuser);
    auto error = up_error(db, source_of({{"drop extension pageinspect;"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.message, "extension pageinspect belongs to postgres"));
    // An untrusted one that is ours all the same, and one of a version that the server does not have any more.
    superuser->run(
        "update pg_extension set extowner = 'undrop_owner'::regrole;"
        "update pg_extension set extversion = '0.5' where extname = 'hstore'");
    error = up_error(db, source_of({{"drop extension pageinspect;"}}));
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.message, "extension pageinspect"));
    CHECK(has(error.message, "could not be made again"));
    CHECK(has(error.next.advice, "-- undrop: lose extension pageinspect"));
    error = up_error(db, source_of({{"drop extension hstore;"}}));
    CHECK(has(error.message, "version 0.5 of it is not installed on this server"));
    CHECK_EQ(error.left, Left::untouched);
    superuser->run("update pg_extension set extversion = (select default_version from pg_available_extensions where name = extname)");
    CHECK_EQ(picture(*superuser), before);
}

ON_POSTGRES("lacking rights: an extension that has left the server since the up is told before the way back") {
    auto const superuser = superuser_of(db);
    db.run("create extension hstore");
    auto const source = source_of({{"drop extension hstore;"}});
    (void)up(db, source);
    auto const version = superuser->one("select default_version from pg_available_extensions where name = 'hstore'");
    auto const recorded = [&](std::string const& is, std::string const& becomes) {
        superuser->run("update undrop.object set before = replace(before, '" + is + "', '" + becomes + "') where kind = 'extension'");
    };
    recorded(version, "0.5");
    auto const error = down_error(db, source);
    CAPTURE(error.text());
    CHECK_EQ(error.code, Code::refused);
    CHECK_EQ(error.left, Left::untouched);
    CHECK(has(error.message, "extension hstore"));
    CHECK(has(error.message, "version 0.5 of it is not installed on this server"));
    recorded("0.5", version);
    CHECK_EQ(up_error(db, source_of({{"drop extension hstore;"}, {"create extension no_such_extension;"}})).message,
             "extension no_such_extension is not installed on this server");
    (void)down(db, source);
    CHECK_EQ(superuser->count("select count(*) from pg_extension where extname = 'hstore'"), 1);
}
