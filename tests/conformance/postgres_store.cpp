// The store of a PostgreSQL database: whose it is, and who can read it.
#include <doctest/doctest.h>

#include "conformance/postgres_shop.hpp"

namespace undrop {

TEST_CASE("postgres: a store is made for its owner alone, whatever default privileges say") {
    Shop shop;
    shop.database->run(
        "alter default privileges grant select on tables to undrop_reader; alter default privileges grant usage on schemas to "
        "undrop_reader;"
        "alter default privileges grant all on tables to public; alter default privileges grant usage on sequences to undrop_reader;"
        "create table guarded (i int); alter table guarded enable row level security; create table open (i int)");
    CHECK_FALSE(shop.backend.store_state("undrop").value().exists);
    auto const missing = shop.backend.rows("select 1 from undrop.event");
    CHECK(shop.backend.means_no_store(missing.error()));
    CHECK_FALSE(shop.backend.means_no_store(shop.backend.rows("nonsense").error()));
    shop.begin();
    shop.backend.create_store("undrop").value();
    shop.backend.run("create table undrop.event (id int generated always as identity primary key, t text)").value();
    shop.backend.run("create table undrop.snapshot_1 (k int primary key, v text collate \"C\")").value();
    auto const guarded = shop.table("guarded");
    shop.backend.seal("\"undrop\".\"event\"", nullptr).value();
    shop.backend.seal("\"undrop\".\"snapshot_1\"", &guarded).value();
    shop.backend.commit().value();
    auto const state = shop.backend.store_state("undrop").value();
    CHECK(state.exists);
    CHECK(state.foreign == "");
    CHECK(shop.one("select string_agg(relname, ',') from pg_class where relnamespace = 'undrop'::regnamespace and relrowsecurity") ==
          "snapshot_1");
    CHECK(shop.one("select has_schema_privilege('undrop_reader', 'undrop', 'usage') or has_table_privilege('undrop_reader', "
                   "'undrop.event', 'select') "
                   "or has_sequence_privilege('undrop_reader', 'undrop.event_id_seq', 'usage')") == "f");
    CHECK(shop.backend.bytes_of("\"undrop\".\"snapshot_1\"").value() > 0);
    shop.begin();
    CHECK(shop.backend.create_store("undrop").error().code == Code::conflict);
    shop.backend.rollback();
}

TEST_CASE("postgres: a store that is not ours is named, with what is wrong with it") {
    Shop shop;
    auto admin = test::connect_postgres(superuser_url(shop));
    auto const foreign = [&](std::string const& name) { return shop.backend.store_state(name).value().foreign; };
    admin->run("create schema squat authorization undrop_reader; create schema root");
    CHECK(foreign("squat").find("undrop_reader") != std::string::npos);
    CHECK(foreign("root") == "");
    shop.store();
    CHECK(foreign("undrop") == "");
    auto const spoilt = [&](std::string const& sql, std::string const& undo, std::string const& word) {
        shop.database->run(sql);
        CHECK_MESSAGE(foreign("undrop").find(word) != std::string::npos, foreign("undrop"));
        shop.database->run(undo);
        CHECK(foreign("undrop") == "");
    };
    shop.database->run(
        "create table undrop.event (id int primary key); create function f() returns trigger language plpgsql as 'begin return new; end'");
    spoilt("grant create on schema undrop to undrop_reader", "revoke all on schema undrop from undrop_reader", "undrop_reader");
    spoilt("grant usage on schema undrop to public", "revoke all on schema undrop from public", "PUBLIC");
    shop.database->run("grant usage on schema undrop to undrop_reader; grant select on undrop.event to undrop_reader");
    CHECK(foreign("undrop") == "");  // the owner lets somebody read the ledger
    spoilt("grant insert on undrop.event to public", "revoke all on undrop.event from public", "PUBLIC");
    spoilt("grant select (id) on undrop.event to public", "revoke all (id) on undrop.event from public", "columns");
    spoilt("create view undrop.v as select 1", "drop view undrop.v", "no table");
    spoilt("create trigger x before insert on undrop.event execute function f()", "drop trigger x on undrop.event", "trigger");
    spoilt("create rule x as on insert to undrop.event do nothing", "drop rule x on undrop.event", "rule");
    spoilt("create policy x on undrop.event using (true)", "drop policy x on undrop.event", "policy");
    spoilt("create table undrop.kid () inherits (undrop.event)", "drop table undrop.kid", "inheritance");
    spoilt("create function undrop.f() returns int language sql as 'select 1'", "drop function undrop.f()", "function");
    spoilt("create type undrop.e as enum ('a')", "drop type undrop.e", "type");
}

TEST_CASE("postgres: without the right to make a store, the refusal says which right and for whom") {
    Shop shop;
    auto url = shop.database->url();
    auto const at = url.find("user=undrop_owner");
    REQUIRE(at != std::string::npos);
    auto reader = Target::open(url.replace(at, 17, "user=undrop_reader")).value();
    reader.backend().begin({}, {}).value();
    auto const refused = reader.backend().create_store("undrop");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::refused);
    CHECK(refused.error().message.find("undrop_reader") != std::string::npos);
    CHECK(refused.error().next.advice.find("GRANT CREATE ON DATABASE \"undrop_test_") != std::string::npos);
    reader.backend().rollback();
}

TEST_CASE("postgres: a digest of a store table does not depend on the order of its rows, nor on the session's formats") {
    Shop shop;
    shop.store();
    shop.database->run(
        "create table undrop.a (i int, at timestamptz); insert into undrop.a select g, '2024-01-01'::timestamptz + g * interval '1 day' "
        "from generate_series(1, 100) g; create table undrop.b (i int, at timestamptz); insert into undrop.b select * from undrop.a order "
        "by i desc");
    std::vector<std::string> const columns{"i", "at"};
    auto const a = shop.backend.hash_of("\"undrop\".\"a\"", columns).value();
    CHECK(a.starts_with("sha256-sum:"));
    CHECK(shop.backend.hash_of("\"undrop\".\"b\"", columns).value() == a);
    shop.backend.run("set timezone = 'Asia/Tokyo'; set datestyle = 'German'").value();
    CHECK(shop.backend.hash_of("\"undrop\".\"a\"", columns).value() == a);
    shop.database->run("update undrop.b set at = at + interval '1 microsecond' where i = 50");
    CHECK(shop.backend.hash_of("\"undrop\".\"b\"", columns).value() != a);
}

}  // namespace undrop
