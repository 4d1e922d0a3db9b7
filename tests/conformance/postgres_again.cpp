// A catalog that is read again after a change, only where the transaction touched something, against one that is read whole.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "conformance/postgres_rich.hpp"
#include "conformance/postgres_shop.hpp"
#include "postgres/session.hpp"
#include "postgres/tables.hpp"

namespace undrop::postgres {

namespace {

// What changes what is called something, or what others' texts say of it: read whole.
std::vector<std::string> const telling{
    "alter table app.people rename to persons",
    "alter table app.people rename born to birth",
    "alter table app.log rename at to time",
    "alter table app.people set schema public",
    "alter schema app rename to shop",
    "alter type app.role rename to part",
    "alter type app.role rename value 'viewer' to 'looker'",
    "alter type app.role add value 'more' before 'viewer'",
    "alter type app.place rename attribute street to road",
    "alter domain app.percent set default 5",
    "alter function app.half(integer) rename to third",
    "alter sequence app.numbers rename to figures",
    "alter sequence app.people_id_seq rename to ids",
    "alter view app.adults rename column half to part",
    "alter index app.people_role rename to by_role",
    "alter table app.people rename constraint sane to sensible",
    "create or replace view app.by_key as select p.id, p.email, count(*) + 0 as pets from app.people p join app.pets q on q.owner = p.id "
    "group by p.id",
    "alter table app.log detach partition app.log_old",
    "alter table app.log_new detach partition app.log_rest",
    "alter table app.child no inherit app.parent",
    "alter table app.parent drop column b",
    "alter text search configuration other.\"wo rds\" rename to terms",
    "drop operator other.=== (point, point) cascade",
};

// Of relations and what belongs to them.
std::vector<std::string> const plain{
    "select 1",
    "alter type app.place drop attribute zip cascade",
    "create table app.more (id integer primary key, owner bigint references app.people, role app.role default 'viewer')",
    "create table app.kid (x integer) inherits (app.parent)",
    "create table app.log_two partition of app.log_new for values in (2)",
    "create unlogged table public.u (a integer, b text); comment on table public.u is 'u'",
    "drop table app.pets cascade",
    "drop table app.people cascade",
    "drop table app.log",
    "drop table app.log_one",
    "drop table \"a\"\"b; --\".\"Ünï; cöde\" cascade",
    "alter table app.people add column age integer default 3",
    "alter table app.people drop column note cascade",
    "alter table app.people drop column role cascade",
    "alter table app.people drop column id cascade",
    "alter table app.parent add column z integer",
    "alter table app.log add column more text",
    "alter table app.nothing2 alter a type bigint",
    "alter table app.people alter born set not null",
    "alter table app.people alter email drop not null",
    "alter table app.people alter role drop default",
    "alter table app.people alter born set default '2000-01-01'",
    "alter table app.pets alter label drop identity",
    "alter table app.people add constraint other check (id > 5)",
    "alter table app.people drop constraint sane",
    "alter table app.people drop constraint people_pkey cascade",
    "alter table app.people validate constraint late_check",
    "alter table app.pets drop constraint later",
    "alter table app.pets add foreign key (label) references app.nothing2 (a)",
    "create index on app.people (share)",
    "create index on app.log (level)",
    "drop index app.people_half",
    "drop index app.log_text",
    "alter index app.people_half set (fillfactor = 33)",
    "create view app.v as select * from app.on_view",
    "drop view app.adults cascade",
    "drop materialized view app.totals",
    "alter view app.adults alter role set default 'contributor'",
    "create trigger t after delete on app.pets for each row execute function app.touch()",
    "drop trigger touch on app.people",
    "alter table app.people disable trigger touch",
    "create rule r as on insert to app.nothing do also nothing",
    "drop rule quiet on app.pets",
    "create policy p on app.pets using (false)",
    "drop policy own on app.people",
    "alter table app.people no force row level security",
    "create statistics app.s (dependencies) on email, role from app.people",
    "drop statistics app.people_stats",
};

// Of everything else, of what is said of things, and of rows.
std::vector<std::string> const more{
    "create type app.mood as enum ('a'); create table app.moody (m app.mood default 'a')",
    "drop type app.place cascade",
    "create domain app.small as integer check (value < 9)",
    "drop domain app.percent cascade",
    "create function app.f() returns integer language sql return 1",
    "create or replace function app.half(x integer default 4) returns integer language sql immutable as 'select x / 3'",
    "drop function app.half(integer) cascade",
    "create schema late; create table late.t (a integer)",
    "drop schema app cascade",
    "create sequence app.own owned by app.people.born",
    "alter sequence app.people_id_seq owned by none",
    "alter sequence app.people_id_seq increment 7",
    "drop sequence app.people_id_seq cascade",
    "comment on table app.people is 'new'",
    "comment on column app.people.email is 'new'",
    "comment on constraint sane on app.people is null",
    "comment on trigger touch on app.people is null",
    "comment on policy own on app.people is null",
    "comment on rule quiet on app.pets is null",
    "comment on index app.people_role is null",
    "comment on type app.role is null",
    "comment on function app.half(integer) is null",
    "comment on schema app is null",
    "comment on view app.adults is null",
    "comment on constraint most on domain app.percent is null",
    "grant insert on app.people to public",
    "grant update (born) on app.people to undrop_reader",
    "revoke all on app.people from undrop_reader",
    "revoke insert (email) on app.people from undrop_reader",
    "grant all on all tables in schema app to undrop_reader",
    "revoke usage on type app.role from public",
    "revoke all on schema app from undrop_reader",
    "grant usage on sequence app.numbers to public",
    "alter table app.people replica identity full",
    "alter table app.people set without cluster",
    "alter table app.people set (fillfactor = 40)",
    "alter table app.people alter note set storage main, alter born reset (n_distinct)",
    "alter table app.pets alter id set generated by default",
    "insert into app.parent values (1, 'x'); update app.parent set b = 'y'; delete from app.parent",
    "truncate app.people cascade",
    "alter text search configuration other.\"wo rds\" drop mapping for \"int\"",
    "alter text search configuration other.\"wo rds\" alter mapping replace other.\"sto p\" with english_stem",
    "alter text search dictionary other.\"sto p\" (accept)",
    "create operator other.@@@ (leftarg = point, rightarg = point, function = other.same)",
    "do $$ begin create table app.done (a integer); begin create table app.undone (a integer); raise 'x'; exception when others then null; "
    "end; alter table app.people drop column note cascade; end $$",
};

// Everything that is told of an object, but where it is in the system's catalogs.
std::map<std::string, std::string> told(Catalog const& catalog) {
    std::map<std::string, std::string> all;
    for (auto const& [id, object] : catalog) {
        auto text = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|", object.make, object.remove, object.alter, object.shape,
                                static_cast<int>(object.section), object.rank, object.order, object.holds_rows, object.locator);
        for (auto const& need : object.needs) text += need.text() + ", ";
        all[id.text()] = text;
    }
    return all;
}

std::map<std::string, std::string> told(std::vector<Table> const& tables) {
    std::map<std::string, std::string> all;
    for (auto const& table : tables) {
        auto text = fmt::format("{}|{}|{}|", table.id, table.partitioned, table.root);
        for (auto const& name : table.key) text += name + ",";
        for (auto const& names : table.unique)
            for (auto const& name : names) text += (&name == &names.front() ? "|" : ",") + name;
        for (auto const& c : table.columns)
            text += fmt::format("\n{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", c.id, c.name, c.full_type(), c.stored_type, c.default_sql, c.equals,
                                c.collation, c.generated, c.identity, c.not_null, c.as_text);
        all[table.text()] = text;
    }
    return all;
}

void check_equal(std::map<std::string, std::string> const& again, std::map<std::string, std::string> const& whole) {
    for (auto const& [id, text] : whole) {
        INFO(id);
        auto const found = again.find(id);
        CHECK_EQ(found == again.end() ? "not there" : found->second, text);
    }
    for (auto const& [id, text] : again) CHECK_MESSAGE(whole.contains(id), id << " is not there any more");
}

}  // namespace

TEST_CASE("postgres catalog: what is read again where a transaction touched something is what is read whole") {
    OwnDatabase database;
    auto const connection = database.connect();
    OwnDatabase::must(*connection, rich);
    OwnDatabase::must(*connection, "create table app.nothing2 (a integer primary key, p app.nothing, m app.place[])");
    Session session(*connection);
    auto const catalog = read_catalog(*connection, "undrop").value();
    auto const tables = read_tables(*connection, session, "undrop").value();
    auto const changed = [&](std::string const& sql, bool expect_again) {
        INFO(sql);
        OwnDatabase::must(*connection, "begin; select pg_catalog.pg_current_xact_id()");
        OwnDatabase::must(*connection, sql);
        OwnDatabase::must(*connection, "set local search_path = pg_catalog, pg_temp");
        auto const touched = touched_by_us(*connection, std::nullopt).value();
        auto const catalog_again = read_catalog_again(*connection, "undrop", catalog, touched).value();
        CHECK_EQ(catalog_again.has_value(), expect_again);
        if (catalog_again) check_equal(told(catalog_again->catalog()), told(read_catalog(*connection, "undrop").value().catalog()));
        auto const tables_again = read_tables_again(*connection, session, "undrop", tables, touched).value();
        if (tables_again) check_equal(told(*tables_again), told(read_tables(*connection, session, "undrop").value()));
        OwnDatabase::must(*connection, "rollback");
    };
    for (auto const& sql : telling) changed(sql, false);
    for (auto const& sql : plain) changed(sql, true);
    for (auto const& sql : more) changed(sql, true);
}

}  // namespace undrop::postgres
