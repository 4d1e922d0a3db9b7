// The catalog of PostgreSQL against its witness: pg_dump --schema-only before and after everything was removed and made again.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "conformance/postgres_rich.hpp"
#include "diff.hpp"
#include "mend.hpp"
#include "support/database.hpp"

namespace undrop::postgres {

namespace {

// Left alone: the schema public belongs to the database.
bool is_public(ObjectId const& id) { return id.parent.empty() && id.name == "public"; }

// A partition goes as a table, and with it its place in its parent.
void remove_all(Connection& connection, Catalog const& catalog, std::vector<ObjectId> const& ids) {
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
        if (is_public(*id) || id->kind == "partition" || catalog.at(*id).remove.empty()) continue;
        INFO("removing ", id->text());
        OwnDatabase::must(connection, catalog.at(*id).remove);
    }
}

void make_all(Connection& connection, Catalog const& catalog, std::vector<ObjectId> const& ids) {
    for (auto const& id : ids) {
        if (is_public(id)) continue;
        INFO("making ", id.text());
        OwnDatabase::must(connection, catalog.at(id).make);
    }
}

void run(Connection& connection, MendPlan const& plan) {
    CHECK(plan.refused == "");
    for (auto const* actions : {&plan.before_data, &plan.after_data})
        for (auto const& action : *actions) {
            INFO(action.id.text());
            OwnDatabase::must(connection, action.kind == MendAction::Kind::remove  ? action.object.remove
                                          : action.kind == MendAction::Kind::alter ? action.object.alter
                                                                                   : action.object.make);
        }
}

// "+ id", "- id" or "~ id" for each object in which two catalogs differ.
std::vector<std::string> changes(Catalog const& before, Catalog const& after) {
    std::vector<std::string> out;
    for (auto const& [id, object] : before)
        if (!after.contains(id))
            out.push_back("- " + id.text());
        else if (!after.at(id).same(object))
            out.push_back("~ " + id.text());
    for (auto const& [id, object] : after)
        if (!before.contains(id)) out.push_back("+ " + id.text());
    return out;
}

std::string joined(std::vector<std::string> const& lines) {
    std::string out;
    for (auto const& line : lines) out += line + "\n";
    return out;
}

}  // namespace

TEST_CASE("postgres catalog: removing everything and making it again gives the same dump") {
    OwnDatabase database;
    auto const connection = database.connect();
    OwnDatabase::must(*connection, rich);
    auto const before = database.dump();

    OwnDatabase::must(*connection, "begin");
    auto const catalog = read(*connection);
    auto const order = in_making_order(catalog);
    remove_all(*connection, catalog, order);
    for (auto const& [id, object] : read(*connection)) CHECK_MESSAGE(is_public(id), "still there: ", id.text());
    make_all(*connection, catalog, order);

    // What default privileges gave to the new objects goes in a second pass.
    auto const made = read(*connection);
    Wanted wanted;
    for (auto const& [id, object] : made) wanted[id] = std::nullopt;
    for (auto const& [id, object] : catalog) wanted[id] = object;
    for (auto const& sentence : differences(made, wanted)) CHECK_MESSAGE(sentence.starts_with("grants on"), sentence);
    run(*connection, plan_mend(made, wanted));
    CHECK(joined(changes(catalog, read(*connection))) == "");
    OwnDatabase::must(*connection, "commit");
    CHECK(line_diff(before, database.dump(), 60) == "");
}

TEST_CASE("postgres catalog: reading twice gives the same texts, whatever the session's search path") {
    OwnDatabase database;
    auto const connection = database.connect();
    OwnDatabase::must(*connection, rich);
    OwnDatabase::must(*connection, "begin");
    auto const one = read(*connection);
    OwnDatabase::must(*connection, "set search_path = app, public");
    CHECK(joined(changes(one, read(*connection))) == "");
    CHECK(one.size() > 150);
}

namespace {

// What another session does meanwhile, committed; nothing of it may be taken for ours.
constexpr char const* noise_before = R"sql(
create schema noise;
create table noise.t (a integer, b text);
create view noise.v as select a from noise.t;
create view noise.w as select 1 as one;
create function noise.f() returns integer language sql as 'select 1';
create type noise.e as enum ('x');
)sql";
constexpr char const* noise = R"sql(
create table noise.new (id integer primary key, ref serial);
alter table noise.t add column c integer default 7;
alter table noise.t rename column b to bb;
drop view noise.w;
create or replace function noise.f() returns integer language sql as 'select 2';
comment on function noise.f() is 'theirs';
alter type noise.e add value 'y';
grant select on noise.t to undrop_reader;
create index on noise.t (a);
create table app.theirs (id integer);
)sql";

struct Change {
    char const* sql;
    char const* seen;  // lines of changes()
};

constexpr Change one_change_each[] = {
    {"create schema s2", "+ owner of schema s2\n+ schema s2\n"},
    {"alter type app.role add value 'boss'", "~ type app.role\n"},
    {"alter sequence app.numbers increment 5", "~ sequence app.numbers\n"},
    {"create or replace function app.half(x integer default 4) returns integer language sql immutable as 'select x / 3'",
     "~ function app.half(integer)\n"},
    {"drop function app.late()", "- function app.late()\n- grants on function app.late()\n- owner of function app.late()\n"},
    {"alter function app.late() rename to later",
     "- function app.late()\n- grants on function app.late()\n- owner of function app.late()\n"
     "+ function app.later()\n+ grants on function app.later()\n+ owner of function app.later()\n"},
    {"create table app.t2 (id integer)", "+ column app.t2.id\n+ grants on table app.t2\n+ owner of table app.t2\n+ table app.t2\n"},
    {"drop table app.nothing", "- grants on table app.nothing\n- owner of table app.nothing\n- table app.nothing\n"},
    {"alter table app.people add extra text", "+ column app.people.extra\n"},
    {"alter table app.people drop note cascade",
     "- column app.people.note\n- column_storage app.people.note\n"
     "- exclusion app.people.people_note_excl\n- trigger app.people.touch\n"
     "- comment on trigger app.people.touch\n"},
    {"alter table app.pets alter label type bigint", "~ column app.pets.label\n~ identity app.pets.label\n"},
    {"alter table app.people rename note to notes",
     "- column app.people.note\n- column_storage app.people.note\n~ exclusion app.people.people_note_excl\n~ trigger app.people.touch\n"
     "+ column app.people.notes\n+ column_storage app.people.notes\n"},
    {"alter table app.people alter role set default 'contributor'", "~ default app.people.role\n"},
    {"alter table app.people alter role drop default", "- default app.people.role\n"},
    {"alter table app.people alter role drop not null", "- not_null app.people.role\n"},
    {"alter table app.pets alter label set generated always", "~ identity app.pets.label\n"},
    {"alter table app.people validate constraint late_check", "~ check app.people.late_check\n"},
    {"alter table app.pets drop constraint later", "- foreign_key app.pets.later\n"},
    {"drop index app.people_role", "- comment on index app.people_role\n- index app.people.people_role\n"},
    {"alter index app.people_half rename to halves", "- index app.people.people_half\n+ index app.people.halves\n"},
    {"alter view app.adults set (security_barrier = false)", "~ view app.adults\n"},
    {"drop view app.on_view", "- grants on view app.on_view\n- owner of view app.on_view\n- rule app.on_view.noted\n- view app.on_view\n"},
    {"alter table app.people disable trigger touch", "~ trigger app.people.touch\n"},
    {"alter policy own on app.people using (id > 1)", "~ policy app.people.own\n"},
    {"alter table app.people no force row level security", "~ row_security app.people\n"},
    {"alter table app.people disable row level security; alter table app.people no force row level security",
     "- row_security app.people\n"},
    {"comment on column app.totals.n is null", "- comment on column app.totals.n\n"},
    {"comment on type app.role is 'other'", "~ comment on type app.role\n"},
    {"comment on function app.half(integer) is null", "- comment on function app.half(integer)\n"},
    {"revoke all on app.pets from undrop_reader", "~ grants on table app.pets\n"},
    {"revoke insert (email) on app.people from undrop_reader", "- grants on column app.people.email\n"},
    {"revoke all on type app.role from undrop_reader", "- grants on type app.role\n"},
    {"alter table app.people reset (fillfactor)", "~ storage app.people\n"},
    {"savepoint s; alter table app.people drop twice; release s", "- column app.people.twice\n"},
    {"do $$ begin alter table app.people drop twice; begin alter table app.people drop share; perform 1/0; "
     "exception when others then null; end; "
     "end $$",
     "- column app.people.twice\n"},
    {"alter table app.log add column x integer", "+ column app.log.x\n"},
    {"create table app.log_2 (like app.log)",
     "+ column app.log_2.at\n+ column app.log_2.id\n+ column app.log_2.level\n+ column app.log_2.text\n+ grants on table app.log_2\n"
     "+ not_null app.log_2.at\n+ not_null app.log_2.id\n+ owner of table app.log_2\n+ table app.log_2\n"},
    {"alter schema \"a\"\"b; --\" rename to renamed", nullptr},  // every object of it
    {"select 1", ""},
};

std::vector<std::string> sorted_lines(std::string const& text) {
    std::vector<std::string> lines;
    for (std::size_t from = 0, to = 0; (to = text.find('\n', from)) != std::string::npos; from = to + 1)
        lines.push_back(text.substr(from, to - from));
    std::sort(lines.begin(), lines.end());
    return lines;
}

Catalog after(Connection& connection, Catalog const& before) {
    auto catalog = ours_of(connection, before, read(connection));
    REQUIRE_MESSAGE(catalog.has_value(), (catalog.has_value() ? "" : catalog.error().text()));
    return std::move(catalog).value();
}

}  // namespace

TEST_CASE("postgres catalog: what this transaction changed is seen, and what another session did meanwhile is not") {
    OwnDatabase database;
    auto const ours = database.connect();
    auto const theirs = database.connect();
    OwnDatabase::must(*ours, rich);
    for (auto const& [sql, seen] : one_change_each) {
        INFO(std::string(sql));
        OwnDatabase::must(*theirs, noise_before);
        OwnDatabase::must(*ours, "begin; select pg_catalog.pg_current_xact_id()");
        auto const before = read(*ours);
        OwnDatabase::must(*theirs, noise);
        OwnDatabase::must(*ours, sql);
        auto found = changes(before, after(*ours, before));
        std::sort(found.begin(), found.end());
        if (seen) {
            CHECK(joined(found) == joined(sorted_lines(seen)));
        } else {
            for (auto const& line : found)
                CHECK_MESSAGE((line.find("a\"") != std::string::npos || line.find("renamed") != std::string::npos), line);
            CHECK(found.size() > 20);
        }
        OwnDatabase::must(*ours, "rollback");
        OwnDatabase::must(*theirs, "drop schema noise cascade; drop table app.theirs");
    }
}

TEST_CASE("postgres catalog: an object of an unknown kind that is removed is named, and one that another session removed is not (P9)") {
    OwnDatabase database;
    auto const ours = database.connect();
    auto const theirs = database.connect();
    auto const superuser = test::connect_postgres(test::with_database(test::required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"),
                                                                      ours->rows("select current_database()").value().at(0).at(0).value()));
    for (std::string const name : {"plone", "pltwo", "theirs"})
        superuser->run("create language " + name + " handler plpgsql_call_handler; alter language " + name + " owner to undrop_owner");
    // What its owner could not make again.
    superuser->run(
        "create operator family public.families using btree; alter operator family public.families using btree owner to undrop_owner");
    OwnDatabase::must(*ours, "create table public.t (id integer)");
    OwnDatabase::must(*ours, "begin");
    auto const before = read(*ours);
    OwnDatabase::must(*theirs, "drop language theirs");
    OwnDatabase::must(*ours, R"sql(
        create table public.helper (id serial primary key); drop table public.helper;
        drop operator family public.families using btree;
        drop language pltwo;
        drop language plone;
        drop table public.t;)sql");
    auto const removed = removed_unknown(*ours, before);
    REQUIRE(removed.has_value());
    auto names = removed.value();
    std::sort(names.begin(), names.end());
    CHECK(joined(names) == "language plone\nlanguage pltwo\noperator family public.families USING btree\n");
}

TEST_CASE("postgres catalog: bodies that mention a name are found as whole words, in any case") {
    OwnDatabase database;
    auto const connection = database.connect();
    OwnDatabase::must(*connection, rich);
    OwnDatabase::must(*connection, "begin");
    auto names = [&](std::string const& word) {
        auto const found = mentions(*connection, word);
        REQUIRE(found.has_value());
        return joined(found.value());
    };
    CHECK(names("PEOPLE").find("function app.late()") != std::string::npos);
    CHECK(names("note").find("function app.touch()") != std::string::npos);
    CHECK(names("not") == "");
    CHECK(names("na\"me") == "");  // a view that selects it follows
    CHECK(names("no.te") == "");
}

}  // namespace undrop::postgres
