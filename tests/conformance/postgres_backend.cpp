// SQL, sessions and transactions of the PostgreSQL backend.
#include <doctest/doctest.h>

#include <algorithm>

#include "conformance/postgres_shop.hpp"

namespace undrop {

TEST_CASE("postgres: an author's text goes to the server as it is") {
    Shop shop;
    CHECK(shop.backend.rows("select (array[1,2,3])[1:2], ':word', 'a;b', $$ :x $$, 1 /* a /* b */ ; */").value() ==
          Rows{{"{1,2}", ":word", "a;b", " :x ", "1"}});
    std::string const text =
        "create function f() returns int language plpgsql as $f$ begin -- note: n.b.:todo\n return 1; end $f$;\nselect f()";
    shop.begin();
    shop.script(text).value();
    CHECK(shop.one("select prosrc from pg_proc where proname = 'f'") == " begin -- note: n.b.:todo\n return 1; end ");
    shop.backend.rollback();
    CHECK(shop.backend.run("create table t (i int); insert into t select generate_series(1, 5); update t set i = i where i < 4").value() ==
          3);
    CHECK(shop.backend.run("create table u as select * from t").value() == 0);
    CHECK(shop.backend.run("").value() == 0);
}

TEST_CASE("postgres: parameters carry any text, NULL and the empty text apart") {
    Shop shop;
    std::vector<Cell> const parameters{std::nullopt, "", "it's :word $1 \\ Ünï\n"};
    CHECK(shop.backend.query("select $1::text, $2::text, $3::text, $1 is null", parameters, 4).value() ==
          Rows{{std::nullopt, "", "it's :word $1 \\ Ünï\n", "t"}});
    CHECK(shop.backend.query("select g::text, 'x' from generate_series(1, 3) g", {}, 2).value() ==
          Rows{{"1", "x"}, {"2", "x"}, {"3", "x"}});
    CHECK(shop.backend.query("select 1 where false", {}, 1).value().empty());
    shop.backend.run("create table t (i int primary key, b text)").value();
    std::vector<Cell> const row{"1", "secret"};
    CHECK(shop.backend.query("insert into t values ($1, $2)", row, 0).value().empty());
    auto const twice = shop.backend.query("insert into t values ($1, $2)", row, 0);
    REQUIRE_FALSE(twice.has_value());
    CHECK_MESSAGE(twice.error().native.starts_with("23505: "), twice.error().text());
    CHECK(twice.error().text().find("secret") == std::string::npos);
    CHECK(twice.error().text().find("Key (i)") == std::string::npos);
    CHECK_FALSE(shop.backend.query("select 1", {}, 2).has_value());
}

TEST_CASE("postgres: an error points at the author's line and column, and shows no row's value") {
    Shop shop;
    shop.backend.run("create table t (i int, note text); insert into t values (1, 'secret')").value();
    auto const failing = [&](std::string const& text) {
        shop.begin();
        auto const done = shop.script(text);
        shop.backend.rollback();
        REQUIRE_FALSE(done.has_value());
        return done.error();
    };
    auto const missing = failing("select 1;\r\n-- Ünï\r\n  select 'Ünï',\r\n     nowhere from t");
    CHECK(missing.where.file == "x.sql");
    CHECK(missing.where.line == 4);
    CHECK(missing.where.column == 6);
    CHECK(missing.native.starts_with("42703: column \"nowhere\" does not exist"));
    auto const typed = failing("select 1;\nalter table t alter note type int using note::int");
    CHECK(typed.where.line == 2);
    CHECK(typed.text().find("secret") == std::string::npos);
    CHECK(failing("alter table t add check (note <> 'secret')").native.find("secret") == std::string::npos);
    CHECK(failing("insert into t values (1, 'secret'); create unique index on t (note)").text().find("secret") == std::string::npos);
    CHECK(failing("select 'abc'::int").native.find("\"abc\"") != std::string::npos);  // the author's own word
    CHECK(failing("copy t from stdin").code == Code::refused);
    shop.backend.rows("select 1").value();
}

TEST_CASE("postgres: undrop's own statements run under pinned settings, the script under the role's") {
    Shop shop;
    shop.database->run(
        fmt::format("alter database {} set search_path = 'public, \"$user\"'; alter database {} set \"DateStyle\" = 'German'",
                    shop.database->one("select current_database()"), shop.database->one("select current_database()")));
    auto target = Target::open(shop.database->url()).value();
    auto& backend = target.backend();
    auto const show = [&](char const* name) {
        return backend.rows(fmt::format("select current_setting('{}')", name)).value()[0][0].value();
    };
    auto const own = show("search_path");
    backend.begin(shop.options, {}).value();
    CHECK(show("search_path") == "pg_catalog, pg_temp");
    CHECK(show("row_security") == "off");
    CHECK(show("DateStyle") == "ISO, YMD");
    CHECK(show("lock_timeout") == "200ms");
    CHECK(show("transaction_isolation") == "read committed");
    backend.enter_script().value();
    CHECK(show("search_path") == own);
    CHECK(show("DateStyle") == "German, DMY");
    CHECK(show("row_security") == "on");
    CHECK(show("lock_timeout") == "200ms");
    backend
        .run("select set_config('search_path', '', false); set row_security = on; set standard_conforming_strings = off; set my.word = 'x'")
        .value();
    backend.leave_script().value();
    CHECK(show("search_path") == "pg_catalog, pg_temp");
    CHECK(show("row_security") == "off");
    CHECK(show("standard_conforming_strings") == "on");
    backend.enter_script().value();
    CHECK(show("search_path") == own);
    backend.leave_script().value();
    backend.commit().value();
    CHECK(show("search_path") == own);  // what a script leaves behind ends with its step
    CHECK(show("standard_conforming_strings") == "on");
}

TEST_CASE("postgres: a script's role ends with the script") {
    Shop shop;
    auto const name = fmt::format("\"{} member\"", shop.database->one("select current_database()"));
    auto admin = test::connect_postgres(superuser_url(shop));
    admin->run(fmt::format("create role {0}; grant {0} to undrop_owner", name));
    shop.begin();
    shop.script("set role " + name).value();
    CHECK(shop.one("select current_user") == "undrop_owner");
    shop.backend.commit().value();
    CHECK(shop.one("select current_user") == "undrop_owner");
    auto const raw = name.substr(1, name.size() - 2);
    shop.backend.set_role(raw).value();
    CHECK(shop.backend.role() == raw);
    CHECK(shop.target.description().find("as " + raw) != std::string::npos);
    shop.begin();
    shop.script("reset role; create temp table scratch (i int)").value();
    CHECK(shop.one("select current_user") == raw);
    shop.backend.commit().value();
    CHECK(shop.one("select current_user") == raw);
    CHECK(shop.one("select count(*) from pg_class where relname = 'scratch'") == "0");
    auto const refused = shop.backend.set_role("undrop_reader");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::failed);
    CHECK_FALSE(refused.error().next.advice.empty());
    admin->run("drop role " + name);
}

TEST_CASE("postgres: a step's transaction is one, and is known to be") {
    Shop shop;
    shop.begin();
    CHECK(shop.backend.begin(shop.options, {}).error().code == Code::usage);
    shop.backend.run("create table public.t (i int)").value();
    shop.backend.still_ours().value();
    shop.backend.rollback();
    CHECK(shop.one("select to_regclass('public.t')") == "NULL");
    shop.begin();
    shop.backend.run("commit").value();
    CHECK(shop.backend.still_ours().error().code == Code::refused);
    shop.backend.rollback();
    shop.begin();
    shop.backend.mark("undrop").value();
    shop.backend.run("commit and chain").value();
    shop.backend.still_ours().value();
    CHECK(shop.backend.observed().value().refused.size() == 1);
    shop.backend.rollback();
    shop.begin();
    CHECK_FALSE(shop.backend.run("nonsense").has_value());
    CHECK_FALSE(shop.backend.still_ours().has_value());
    CHECK(shop.backend.commit().error().code == Code::failed);
    shop.begin();
    shop.backend
        .run("create table public.p (i int primary key); create table public.c (i int references public.p deferrable initially deferred)")
        .value();
    shop.backend.run("insert into public.c values (1)").value();
    CHECK(shop.backend.check_constraints().error().native.starts_with("23503"));
    shop.backend.rollback();
}

TEST_CASE("postgres: a connection lost before COMMIT is a failure, one lost in COMMIT is in doubt") {
    Shop shop;
    auto admin = test::connect_postgres(superuser_url(shop));
    shop.begin();
    auto const pid = shop.one("select pg_backend_pid()");
    admin->run("select pg_terminate_backend(" + pid + ", 5000)");
    auto const done = shop.backend.commit();  // it is still up for all that libpq knows
    CHECK(done.error().code == Code::in_doubt);
    CHECK(done.error().left == Left::unknown);
    auto const later = shop.backend.run("select 1");
    CHECK(later.error().code == Code::failed);
    CHECK(later.error().message.find("lost") != std::string::npos);
    CHECK(shop.backend.commit().error().code == Code::failed);
    CHECK_FALSE(shop.backend.begin(shop.options, {}).has_value());
}

TEST_CASE("postgres: reading is consistent and cannot write") {
    Shop shop;
    shop.database->run("create table t (i int)");
    shop.backend.begin_reading().value();
    CHECK(shop.one("select count(*) from public.t") == "0");
    shop.database->run("insert into t values (1)");
    CHECK(shop.one("select count(*) from public.t") == "0");
    CHECK(shop.one("select current_setting('search_path')") == "pg_catalog, pg_temp");
    CHECK_FALSE(shop.backend.run("insert into public.t values (2)").has_value());
    shop.backend.rollback();
    CHECK(shop.one("select count(*) from public.t") == "1");
}

TEST_CASE("postgres: NOTICEs go to the listener, and nowhere else") {
    Shop shop;
    std::vector<std::string> heard;
    shop.backend.on_notice([&](std::string const& text) { heard.push_back(text); });
    shop.backend.run("do $$ begin raise notice 'hello %', 'you'; end $$").value();
    CHECK(heard == std::vector<std::string>{"hello you"});
    shop.backend.on_notice([](std::string const&) { throw std::runtime_error("no"); });
    CHECK(shop.backend.run("do $$ begin raise warning 'x'; end $$").error().code == Code::interrupted);
    shop.backend.on_notice(nullptr);
    shop.backend.run("do $$ begin raise notice 'unheard'; end $$").value();
    CHECK(heard.size() == 1);
}

TEST_CASE("postgres: writers wait while tables are locked, and a lock that is not given in time is busy") {
    Shop shop;
    shop.database->run("create table a (i int); create table \"b c\" (i int); create table p (i int) partition by list (i)");
    std::vector<Table> const tables{shop.table("p"), shop.table("b c"), shop.table("a")};
    auto other = shop.database->connect();
    other->run("begin; insert into a values (1)");
    shop.begin();
    auto const locked = shop.backend.lock(tables, LockLevel::everyone);
    REQUIRE_FALSE(locked.has_value());
    CHECK(locked.error().code == Code::busy);
    CHECK(locked.error().message.find("public.b c") != std::string::npos);
    shop.backend.rollback();
    other->run("commit");
    shop.begin();
    shop.backend.lock(tables, LockLevel::everyone).value();
    shop.backend.lock({}, LockLevel::everyone).value();
    CHECK_FALSE(other->held_off("insert into \"b c\" values (1)").empty());
    shop.backend.rollback();
    shop.begin();
    other->run("drop table a");
    CHECK(shop.backend.lock(tables, LockLevel::everyone).error().code == Code::busy);
    shop.backend.rollback();
}

TEST_CASE("postgres: one migrator at a time for each ledger, the other waits, and hears who it is") {
    Shop shop;
    auto second = Target::open(shop.database->url()).value();
    shop.backend.lock_run(shop.options).value();
    shop.backend.lock_run(shop.options).value();
    std::vector<Event::Kind> heard;
    Options impatient;
    impatient.wait = std::chrono::milliseconds(150);
    impatient.on_event = [&](Event const& event) { heard.push_back(event.kind); };
    auto const busy = second.backend().lock_run(impatient);
    REQUIRE_FALSE(busy.has_value());
    CHECK(busy.error().code == Code::busy);
    CHECK(busy.error().message.find("process " + shop.one("select pg_backend_pid()") + " (undrop as undrop_owner)") != std::string::npos);
    CHECK(heard == std::vector{Event::Kind::waiting});
    Options cancelling;
    cancelling.cancelled = [] { return true; };
    CHECK(second.backend().lock_run(cancelling).error().code == Code::interrupted);
    Options throwing;
    throwing.on_event = [](Event const&) { throw 1; };
    CHECK(second.backend().lock_run(throwing).error().code == Code::interrupted);
    Options other_ledger = impatient;
    other_ledger.ledger = "other";
    second.backend().lock_run(other_ledger).value();
    second.backend().unlock_run();
    shop.backend.unlock_run();
    second.backend().lock_run(impatient).value();
    CHECK(shop.backend.lock_run(impatient).error().code == Code::busy);
    second.backend().unlock_run();
    shop.backend.lock_run(impatient).value();
    CHECK(shop.refuses("select pg_advisory_unlock_all()", "other migrators"));
}

TEST_CASE("postgres: row security is an error for undrop's own statements, never fewer rows") {
    Shop shop;
    shop.database->run(
        "create table t (i int); insert into t values (1), (2); alter table t enable row level security;"
        "alter table t force row level security; create policy p on t using (i = 1)");
    shop.begin();
    CHECK(shop.backend.rows("select * from public.t").error().native.starts_with("42501"));
    shop.backend.rollback();
}

TEST_CASE("postgres: catalog, reshape and mentions answer through the backend") {
    Shop shop;
    shop.database->run("create table t (i int primary key); create function f() returns bigint language sql as 'select count(*) from t'");
    shop.begin();
    auto const before = shop.backend.catalog("undrop").value();
    CHECK(before.contains({"table", "public", "t"}));
    shop.script("create table u (i int)").value();
    auto const after = shop.backend.catalog_after("undrop", before).value();
    CHECK(after.contains({"table", "public", "u"}));
    CHECK(shop.backend.removed_unknown(before).value().empty());
    CHECK(shop.backend.mentions("t").value().size() == 1);
    CHECK(shop.backend.reshape({"table", "public", "t"}, {}, {}).error().code == Code::refused);
    shop.backend.rollback();
}

TEST_CASE("postgres: what is known of the schema is never older than what another session committed") {
    Shop shop;
    auto const sees = [&](char const* table) {
        auto const catalog = shop.backend.catalog("undrop").value().contains({"table", "public", table});
        auto const tables = shop.backend.tables("undrop").value();
        auto const listed = std::any_of(tables.begin(), tables.end(), [&](Table const& t) { return t.name == table; });
        CHECK(catalog == listed);
        return catalog;
    };
    auto const commit = [&] { shop.backend.commit().value(); };
    for (int lap = 0; lap < 3; ++lap) {  // read in full at first, known later
        INFO(lap);
        shop.begin();
        CHECK_FALSE(sees("within"));
        shop.database->run("create table within (i int)");
        CHECK(sees("within"));
        commit();
        shop.begin();
        CHECK(sees("within"));
        commit();
        shop.database->run("create table between (i int); drop table within");
        shop.begin();
        CHECK(sees("between"));
        CHECK_FALSE(sees("within"));
        commit();
        shop.database->run("drop table between");

        auto const slow = shop.database->connect();
        slow->run("begin; create table slow (i int)");
        shop.begin();
        CHECK_FALSE(sees("slow"));
        slow->run("commit");
        CHECK(sees("slow"));
        commit();
        slow->run("drop table slow");

        shop.begin();
        slow->run("begin; create table slow (i int)");  // its number comes after ours
        CHECK_FALSE(sees("slow"));
        commit();
        slow->run("commit");
        shop.begin();
        CHECK(sees("slow"));
        shop.script("create table ours (i int); do $$ begin create table ours_2 (i int); exception when others then null; end $$").value();
        CHECK(sees("ours_2"));
        shop.backend.rollback();
        shop.begin();
        CHECK_FALSE(sees("ours"));
        CHECK(sees("slow"));
        commit();
        slow->run("drop table slow");
    }
}

TEST_CASE("postgres: a script that drops every prepared statement, or leaves one, does not reach the next step") {
    Shop shop;
    for (auto const* script : {"select 1", "select 2", "deallocate all", "prepare mine as select 1", "prepare mine as select 2",
                               "do $$ begin execute 'deallocate all'; end $$", "select 3"}) {
        INFO(std::string(script));
        shop.begin();
        shop.script("create table if not exists t (i int)").value();
        CHECK(shop.backend.catalog("undrop").has_value());
        shop.script(script).value();
        shop.script("alter table t add i_2 int; alter table t drop i_2").value();
        CHECK(shop.backend.catalog("undrop").has_value());
        shop.backend.commit().value();
        CHECK(shop.one("select count(*) from pg_prepared_statements where name = 'mine'") == "0");
    }
}

}  // namespace undrop
