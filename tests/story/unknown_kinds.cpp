// Kinds of objects that undrop does not know how to bring back: each is refused by its name before anything is lost (P9).
#include "story/story.hpp"

#include <undrop/schema.hpp>

#include "support/server.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

bool has(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

struct Kind {
    char const* name;  // as the refusal calls it
    char const* drop;
    std::vector<char const*> alters;
};

constexpr char const* objects = R"(
create schema app; create schema other; create role undrop_role_of_kinds;
create table t (id integer primary key, c text);
create foreign data wrapper wrap; create server serv foreign data wrapper wrap;
create user mapping for undrop_reader server serv options (name 'a');
create table app.parted (id integer) partition by list (id);
create foreign table app.far partition of app.parted for values in (1) server serv;
create type app.base; create function app.base_in(cstring) returns app.base language internal immutable strict as 'int4in';
create function app.base_out(app.base) returns cstring language internal immutable strict as 'int4out';
create type app.base (input = app.base_in, output = app.base_out, like = integer);
create subscription sub connection 'dbname=none' publication p with (connect = false, slot_name = none);
)";

std::vector<Kind> const kinds = {
    {"user mapping undrop_reader on server serv",
     "drop user mapping for undrop_reader server serv",
     {"alter user mapping for undrop_reader server serv options (set name 'b')"}},
    {"foreign table app.far",
     "drop foreign table app.far",
     {"grant select on all tables in schema app to undrop_reader", "alter foreign table app.far rename to far2",
      "alter foreign table app.far owner to undrop_role_of_kinds"}},
    {"type app.base", "drop type app.base cascade", {"alter type app.base rename to base2", "alter type app.base set schema other"}},
    {"subscription sub",
     nullptr,
     {// its removal is refused in the plan
      "alter subscription sub set publication q with (refresh = false)", "alter subscription sub rename to sub2"}},
};

// Of kinds that undrop knows, as roles have them that could not make them again: only a superuser could.
constexpr char const* given = R"(
create schema app authorization undrop_owner; create table app.t (id integer primary key, n integer); alter table app.t owner to undrop_owner;
create operator family app.families using btree; alter operator family app.families using btree owner to undrop_owner;
create operator class app.class for type integer using btree as operator 1 <, function 1 btint4cmp(integer, integer);
alter operator class app.class using btree owner to undrop_owner;
create index t_n on app.t (n app.class);
create function app.notes() returns event_trigger language plpgsql as $$ begin end $$; alter function app.notes() owner to undrop_owner;
create event trigger watch on sql_drop when tag in ('DROP CAST') execute function app.notes();
create foreign data wrapper wrap;
create server serv foreign data wrapper wrap; alter server serv owner to undrop_owner;
create server lonely foreign data wrapper wrap; alter server lonely owner to undrop_owner;
create foreign table app.far (id integer) server serv; alter foreign table app.far owner to undrop_owner;
revoke usage on foreign server serv from undrop_owner;
create text search parser app.pars (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create text search template app.temp (lexize = dsimple_lexize);
create language plother handler plpgsql_call_handler; alter language plother owner to undrop_owner;
create type app.pair as (a integer); alter type app.pair owner to undrop_owner;
create transform for app.pair language sql (from sql with function prsd_lextype(internal));
)";

std::vector<Kind> const not_theirs = {
    {"operator family app.families USING btree",
     "drop operator family app.families using btree",
     {"alter operator family app.families using btree rename to families2"}},
    {"operator class app.class USING btree",
     "drop operator class app.class using btree cascade",
     {"alter operator class app.class using btree rename to class2"}},
    {"event trigger watch", "drop function app.notes() cascade", {}},
    {"server lonely", "drop server lonely", {"alter server lonely rename to lonely2", "alter server lonely options (host 'x')"}},
    {"foreign table app.far", "drop foreign table app.far", {"alter foreign table app.far add column c text"}},
    {"text search parser app.pars", "drop text search parser app.pars", {}},
    {"text search template app.temp", "drop text search template app.temp", {}},
    {"language plother", "drop language plother", {"alter language plother rename to plother2"}},
    {"transform for app.pair on language sql", "drop transform for app.pair language sql", {}},
};

std::string schema_at(std::string const& url) {
    auto target = Target::open(url).value();
    return read_schema(target).value().sql();
}

void refused(std::string const& url, std::string const& sql, char const* name) {
    CAPTURE(sql);
    auto target = Target::open(url).value();
    auto const plan = plan_up(target, source_of({{sql}}));
    REQUIRE(plan);
    auto const approved = approve(plan.value());
    REQUIRE(approved);
    auto const done = apply(target, approved.value());
    CHECK_FALSE(done);
    if (!done) CHECK_MESSAGE(has(done.error().text(), name), done.error().text());
    if (!done) CHECK_MESSAGE(has(done.error().text(), "undrop: lose"), done.error().text());
}

void all_refused(std::string const& url, std::vector<Kind> const& these) {
    for (auto const& kind : these) {
        if (kind.drop) refused(url, kind.drop, kind.name);
        for (auto const* alter : kind.alters) refused(url, alter, kind.name);
    }
}

}  // namespace

ON_POSTGRES("kinds: what a role could not make again is refused by its name, as if it were not known (P9)") {
    connect_postgres(with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()")))->run(given);
    auto const before = schema_at(db.url());
    all_refused(db.url(), not_theirs);
    CHECK_EQ(schema_at(db.url()), before);
}

ON_POSTGRES("kinds: what undrop does not know is refused by its name, dropped or changed, and nothing is lost") {
    auto const url = with_database(required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), db.one("select current_database()"));
    auto const superuser = connect_postgres(url);
    superuser->run(objects);
    auto const schema = [&] { return schema_at(url); };
    auto const before = schema();
    all_refused(url, kinds);
    CHECK_EQ(schema(), before);
    // What has nothing to do with them goes on.
    for (auto const* sql :
         {"grant select on all tables in schema public to undrop_reader", "grant execute on all functions in schema app to undrop_reader",
          "alter table t add column d text", "alter default privileges in schema app grant select on tables to undrop_reader"}) {
        CAPTURE(sql);
        auto target = Target::open(url).value();
        auto const plan = plan_up(target, source_of({{sql}}));
        REQUIRE(plan);
        auto const done = apply(target, approve(plan.value()).value());
        if (!done) CHECK_MESSAGE(done, done.error().text());
        if (!done) continue;
        auto const back = plan_down(target, source_of({{sql}}));
        REQUIRE(back);
        auto const undone = apply(target, approve(back.value()).value());
        if (!undone) CHECK_MESSAGE(undone, undone.error().text());
    }
    superuser->run("drop subscription sub; drop owned by undrop_role_of_kinds; drop role undrop_role_of_kinds");
}
