// The same schema gives the same bytes, in whatever order it was made; another one another fingerprint, and a diff that says what it is.
#include <doctest/doctest.h>

#include <algorithm>

#include "schema/rebuilt.hpp"
#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

namespace {

// Runs a statement as soon as those that it needs are done, from the last to the first.
void run_backwards(Database& db, std::vector<std::string> statements) {
    while (!statements.empty()) {
        auto const before = statements.size();
        for (auto at = statements.size(); at-- > 0;) {
            try {
                db.run(statements[at]);
                statements.erase(statements.begin() + static_cast<std::ptrdiff_t>(at));
            } catch (Refused const&) {  // It needs another one.
            }
        }
        REQUIRE_LT(statements.size(), before);
    }
}

void check_same_backwards(Database& db, std::vector<std::string> const& statements) {
    auto const backwards = Database::make(db.engine());
    run_backwards(*backwards, statements);
    run_backwards(db, {statements.rbegin(), statements.rend()});
    auto const here = schema_of(db);
    auto const there = schema_of(*backwards);
    CHECK_EQ(difference(here.sql(), there.sql()), "");
    CHECK_EQ(here.sql(), there.sql());
    CHECK_EQ(here.fingerprint(), there.fingerprint());
    CHECK(compare(here, there).value().equal());
}

std::vector<std::string> objects_of(SchemaDiff const& diff) {
    std::vector<std::string> objects;
    for (auto const& one : diff.differences) objects.push_back((one.a ? "A " : "") + std::string(one.b ? "B " : "") + one.object);
    return objects;
}

}  // namespace

ON_POSTGRES("schema: the same schema made in another order has the same dump (PostgreSQL)") {
    check_same_backwards(db,
                         {"create schema s",
                          "create schema r",
                          "create type s.mood as enum ('a', 'b')",
                          "create type s.pair as (a integer, b s.mood)",
                          "create domain r.positive as integer check (value > 0)",
                          "create function r.f(integer) returns integer language sql immutable as 'select $1'",
                          "create function r.g(integer) returns integer language sql immutable as 'select $1'",
                          "create sequence s.z",
                          "create sequence s.a",
                          "create table s.t (id integer primary key, m s.mood default 'a', p s.pair, n r.positive default nextval('s.z'))",
                          "create table r.t (id integer primary key, t_id integer)",
                          "create table r.u (id integer not null, at date) partition by range (at)",
                          "create table r.u_1 partition of r.u for values from ('2026-01-01') to ('2026-02-01')",
                          "create table r.u_2 partition of r.u for values from ('2026-02-01') to ('2026-03-01')",
                          "alter table r.t add constraint z_fk foreign key (t_id) references s.t",
                          "alter table r.t add constraint a_check check (id > 0)",
                          "alter table r.t add constraint b_check check (r.f(id) > 0)",
                          "create index t_a on s.t (n)",
                          "create index t_b on s.t (r.g(id))",
                          "create view s.v as select id from r.t",
                          "create view r.a as select id from s.v",
                          "create view r.z as select id from s.v",
                          "create materialized view r.m as select id from r.a",
                          "create policy p on r.t using (id > 0)",
                          "create policy a on r.t using (id > 1)",
                          "comment on table s.t is 'x'",
                          "comment on column s.t.n is 'y'",
                          "grant select on s.t to undrop_reader",
                          "grant usage on schema s to undrop_reader"});
}

ON_SQLITE("schema: the same schema made in another order has the same dump (SQLite)") {
    check_same_backwards(
        db, {"create table a (id integer primary key, b_id references b)", "create table b (id integer primary key, a_id references a)",
             "create index a_1 on a (b_id)", "create index a_0 on a (b_id, id)", "create index b_0 on b (a_id)",
             "create view v as select * from a", "create view u as select * from v", "create table c (x)",
             "create trigger t after insert on a begin select 1; end", "create trigger s after insert on a begin select 2; end",
             "pragma user_version = 3"});
}

ON_POSTGRES("schema: the order in which rights were granted makes no other schema (PostgreSQL)") {
    auto const other = Database::make(db.engine());
    db.run("create table t (id integer); grant select on t to undrop_reader; grant update on t to public");
    other->run("create table t (id integer); grant update on t to public; grant select on t to undrop_reader");
    CHECK_EQ(schema_of(db).fingerprint(), schema_of(*other).fingerprint());
    CHECK(compare(schema_of(db), schema_of(*other)).value().equal());
}

ON_BOTH("schema: a diff names what only one of two has, and what differs, with both texts") {
    auto const other = Database::make(db.engine());
    db.run("create table t (id integer primary key, a text, b text); create table gone (id integer); create index t_a on t (a)");
    other->run("create table t (id integer primary key, a text, b integer); create table made (id integer); create index t_a on t (a, b)");
    auto const a = schema_of(db);
    auto const b = schema_of(*other);
    CHECK_NE(a.fingerprint(), b.fingerprint());
    auto const diff = compare(a, b).value();
    std::vector<std::string> const on_postgres{"A B column public.t.b",  "A column public.gone.id",      "B column public.made.id",
                                               "A B index public.t.t_a", "A owner of table public.gone", "A table public.gone"};
    for (auto const& object : db.postgres() ? on_postgres : std::vector<std::string>{"A B index t_a", "A table gone", "A B table t"}) {
        CAPTURE(object);
        auto const found = objects_of(diff);
        CHECK_NE(std::find(found.begin(), found.end(), object), found.end());
    }
    CHECK_EQ(diff.differences.size(), db.postgres() ? 8 : 4);
    for (auto const& one : diff.differences) {
        if (!one.object.ends_with("t_a")) continue;
        CHECK(one.a.value().ends_with("(a);"));
        CHECK(one.b.value().ends_with("(a, b);"));
    }
    auto const back = compare(b, a).value();
    CHECK_EQ(back.differences.size(), diff.differences.size());
    CHECK_EQ(back.differences.front().a, diff.differences.front().b);
}

ON_POSTGRES("schema: columns in another order are another schema, and a column more is only that (PostgreSQL)") {
    auto const other = Database::make(db.engine());
    db.run("create table t (a integer, b integer, c integer); create type p as (a integer, b integer)");
    other->run("create table t (a integer, c integer, more integer, b integer); create type p as (b integer, a integer)");
    auto const diff = compare(schema_of(db), schema_of(*other)).value();
    CHECK_EQ(objects_of(diff), std::vector<std::string>{"B column public.t.more", "A B order of the attributes of public.p",
                                                        "A B order of the columns of public.t"});
    CHECK_EQ(diff.differences.back().a, "a, b, c");
    CHECK_EQ(diff.differences.back().b, "a, c, b");
    CHECK_NE(schema_of(db).fingerprint(), schema_of(*other).fingerprint());
    other->run("drop type p; drop table t; create type p as (a integer, b integer)");
    other->run("create table t (a integer, more integer, b integer, c integer)");
    CHECK_EQ(objects_of(compare(schema_of(db), schema_of(*other)).value()), std::vector<std::string>{"B column public.t.more"});
}

ON_POSTGRES("schema: owners, rights and comments can be left out (PostgreSQL)") {
    db.run("create table t (id integer); grant select on t to undrop_reader; comment on table t is 'x'");
    auto target = Target::open(db.url()).value();
    SchemaParts const none{.owners = false, .grants = false, .comments = false};
    auto const bare = read_schema(target, none).value();
    for (auto const* word : {"OWNER TO", "GRANT", "COMMENT"}) CHECK_EQ(bare.sql().find(word), std::string::npos);
    auto const whole = schema_of(db);
    CHECK_NE(bare.fingerprint(), whole.fingerprint());
    CHECK_EQ(schema_from_sql(whole.sql(), "schema.sql", none).value().fingerprint(), bare.fingerprint());
}

ON_BOTH("schema: a dump that is read again is the schema that was dumped, also with other line ends") {
    db.run("create table \"a table\" (id integer primary key, \"q\"\"x\" text default '-- object'); create view v as select 1 as one");
    auto const schema = schema_of(db);
    auto const sql = schema.sql();
    auto const read = schema_from_sql(sql, "schema.sql").value();
    CHECK_EQ(read.sql(), sql);
    CHECK_EQ(read.from, "schema.sql");
    CHECK(compare(schema, read).value().equal());
    std::string other_ends;
    for (char const c : sql) other_ends += c == '\n' ? std::string("\r\n") : std::string(1, c);
    CHECK(compare(schema, schema_from_sql(other_ends, "schema.sql").value()).value().equal());
}

TEST_CASE("schema: a text that no dump wrote, or that was changed since, is refused") {
    auto const refusal = [](std::string const& text) {
        auto const read = schema_from_sql(text, "schema.sql");
        REQUIRE_FALSE(read.has_value());
        CHECK_EQ(read.error().code, Code::usage);
        CHECK_FALSE(read.error().next.command.empty());
        return read.error().message;
    };
    auto const db = Database::make(Engine::sqlite);
    db->run("create table t (id integer); create table u (id integer)");
    auto const sql = schema_of(*db).sql();
    CHECK_EQ(refusal(""), "schema.sql is no schema that undrop has written");
    CHECK_EQ(refusal("create table t (id integer);"), "schema.sql is no schema that undrop has written");
    auto const changed = "schema.sql is not as undrop has written it: it was cut short, or somebody changed it";
    for (std::size_t length = sql.find('\n') + 1; length + 1 < sql.size(); ++length) CHECK_EQ(refusal(sql.substr(0, length)), changed);
    auto edited = sql;
    edited.replace(edited.find("u (id integer)"), 14, "u (id numeric)");
    CHECK_EQ(refusal(edited), changed);
    CHECK_EQ(refusal(sql + "drop table t;\n"), changed);
}

TEST_CASE("schema: a schema of PostgreSQL and one of SQLite are not compared") {
    auto const postgres = Database::make(Engine::postgres);
    auto const sqlite = Database::make(Engine::sqlite);
    auto const diff = compare(schema_of(*postgres), schema_of(*sqlite));
    REQUIRE_FALSE(diff.has_value());
    CHECK_EQ(diff.error().code, Code::usage);
}
