// The PostgreSQL backend, every virtual of it, on a real server as a plain owner. UNDROP_TEST_POSTGRES is set by tests/support/with-postgres.sh.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <soci/soci.h>

#include <undrop/postgres.hpp>
#include <undrop/soci.hpp>
#include <undrop/target.hpp>

#include "backend.hpp"
#include "postgres/open.hpp"
#include "postgres/postgres_dialect.hpp"
#include "support/database.hpp"

namespace undrop {

namespace {

using test::Database;
using test::Engine;

// A fresh database, and undrop's connection to it.
struct Shop {
    std::unique_ptr<Database> database = Database::make(Engine::postgres);
    Target target = Target::open(database->url()).value();
    Backend& backend = target.backend();
    Options options{.program = "test", .lock_timeout = std::chrono::milliseconds(200)};

    void begin() { backend.begin(options, {}).value(); }
    void store() {
        begin();
        backend.create_store("undrop").value();
        backend.commit().value();
    }
    Table table(std::string const& name) {
        auto const tables = backend.tables("undrop").value();
        for (auto const& found : tables)
            if (found.name == name) return found;
        throw std::runtime_error("no table " + name);
    }
    std::vector<Statement> split(std::string const& text) { return backend.dialect().split({text, "x.sql"}).value(); }
    // As the core does it.
    Result<void> script(std::string const& text) {
        backend.enter_script().value();
        for (auto const& statement : split(text)) {
            auto done = backend.run_script({text, "x.sql"}, statement);
            if (!done) return done;
            if (auto ours = backend.still_ours(); !ours) return ours;
        }
        return backend.leave_script();
    }
    std::string one(std::string const& sql) { return backend.rows(sql).value().at(0).at(0).value_or("NULL"); }
    // What a script in a step of its own did, which is then taken back.
    Observed look(std::string const& text) {
        begin();
        backend.mark("undrop").value();
        script(text).value();
        auto seen = backend.observed().value();
        backend.rollback();
        return seen;
    }
    bool refuses(std::string const& text, std::string const& word) {
        auto const seen = look(text);
        return std::any_of(seen.refused.begin(), seen.refused.end(), [&](auto const& why) { return why.find(word) != std::string::npos; });
    }
};

std::string superuser_url(Shop& shop) {
    auto const url = shop.database->url();
    auto const name = url.substr(url.find(":///") + 4);
    return test::with_database(test::required_variable("UNDROP_TEST_POSTGRES_SUPERUSER"), name.substr(0, name.find('?')));
}

std::string error_of(Result<Target> const& result) { return result ? "" : result.error().text(); }

using Kind = Foreseen::Touch::Kind;

}  // namespace

TEST_CASE("postgres: a URL may carry parameters of other tools") {
    using postgres::without_foreign_parameters;
    CHECK(without_foreign_parameters("postgresql://u:p%3F@h/d?schema=public&sslmode=disable&pgbouncer=true&connection_limit=5") ==
          "postgresql://u:p%3F@h/d?sslmode=disable");
    CHECK(without_foreign_parameters("postgres://u:a?b=c@h/d?schema=x") == "postgres://u:a?b=c@h/d");
    CHECK(without_foreign_parameters("postgres://h/d?host=%2Ftmp&host=%2Fvar") == "postgres://h/d?host=%2Ftmp&host=%2Fvar");
    Shop shop;
    auto const url = shop.database->url();
    CHECK(Target::open(url + "&schema=public&statement_cache_size=0").has_value());
}

TEST_CASE("postgres: the password is in no message") {
    for (auto const* url : {"postgresql://me:hunter2@127.0.0.1:1/db", "postgresql://me:hunter2@[::1:5/db", "postgresql://me:hunter2@h:port/db",
                            "postgresql://me:hunter2@127.0.0.1:1/db?sslmode=hunter2"}) {
        auto const opened = Target::open(url);
        REQUIRE_FALSE(opened.has_value());
        CHECK(opened.error().left == Left::untouched);
        if (std::string(url).find("sslmode") == std::string::npos) CHECK(error_of(opened).find("hunter2") == std::string::npos);
    }
    auto const wrong = test::required_variable("UNDROP_TEST_POSTGRES_TCP");
    auto const at = wrong.find("right-password");
    REQUIRE(at != std::string::npos);
    auto const opened = Target::open(std::string(wrong).replace(at, 14, "wrong-password"));
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == Code::failed);
    CHECK(error_of(opened).find("wrong-password") == std::string::npos);
    CHECK(error_of(opened).find("127.0.0.1") != std::string::npos);
    CHECK(error_of(opened).find("undrop_password") != std::string::npos);
    CHECK_FALSE(opened.error().next.advice.empty());
    CHECK(Target::open("postgresql://me@127.0.0.1:1/db").error().code == Code::failed);
    CHECK(Target::open("mysql://x").error().code == Code::usage);
    CHECK(Target::open("").error().code == Code::usage);
}

TEST_CASE("postgres: a target says where it is and who we are") {
    Shop shop;
    auto const text = shop.target.description();
    CHECK(text.starts_with("local/undrop_test_"));
    CHECK(text.find(" as undrop_owner (PostgreSQL ") != std::string::npos);
    CHECK(shop.backend.role() == "undrop_owner");
    CHECK(Target::open(test::required_variable("UNDROP_TEST_POSTGRES_TCP")).value().description().starts_with("127.0.0.1:"));
    CHECK(shop.one("select application_name from pg_stat_activity where pid = pg_backend_pid()") == "undrop");
}

TEST_CASE("postgres: opening sends nothing, and SOCI's session sends only what it is asked") {
    Shop shop;
    auto other = shop.database->connect();
    auto const last = "select coalesce(query, '') from pg_stat_activity where application_name = 'undrop' and datname = current_database()";
    CHECK(other->one(last) == "");
    std::vector<Cell> const parameters{"7"};
    CHECK(shop.backend.query("select $1::int + 1", parameters, 1).value() == Rows{{"8"}});
    CHECK(other->one(last) == "select $1::int + 1");
}

TEST_CASE("postgres: an author's text goes to the server as it is") {
    Shop shop;
    CHECK(shop.backend.rows("select (array[1,2,3])[1:2], ':word', 'a;b', $$ :x $$, 1 /* a /* b */ ; */").value() ==
          Rows{{"{1,2}", ":word", "a;b", " :x ", "1"}});
    std::string const text = "create function f() returns int language plpgsql as $f$ begin -- note: n.b.:todo\n return 1; end $f$;\nselect f()";
    shop.begin();
    shop.script(text).value();
    CHECK(shop.one("select prosrc from pg_proc where proname = 'f'") == " begin -- note: n.b.:todo\n return 1; end ");
    shop.backend.rollback();
    CHECK(shop.backend.run("create table t (i int); insert into t select generate_series(1, 5); update t set i = i where i < 4").value() == 3);
    CHECK(shop.backend.run("create table u as select * from t").value() == 0);
    CHECK(shop.backend.run("").value() == 0);
}

TEST_CASE("postgres: parameters carry any text, NULL and the empty text apart") {
    Shop shop;
    std::vector<Cell> const parameters{std::nullopt, "", "it's :word $1 \\ Ünï\n"};
    CHECK(shop.backend.query("select $1::text, $2::text, $3::text, $1 is null", parameters, 4).value() ==
          Rows{{std::nullopt, "", "it's :word $1 \\ Ünï\n", "t"}});
    CHECK(shop.backend.query("select g::text, 'x' from generate_series(1, 3) g", {}, 2).value() == Rows{{"1", "x"}, {"2", "x"}, {"3", "x"}});
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
    shop.database->run(fmt::format("alter database {} set search_path = 'public, \"$user\"'; alter database {} set \"DateStyle\" = 'German'",
                                   shop.database->one("select current_database()"), shop.database->one("select current_database()")));
    auto target = Target::open(shop.database->url()).value();
    auto& backend = target.backend();
    auto const show = [&](char const* name) { return backend.rows(fmt::format("select current_setting('{}')", name)).value()[0][0].value(); };
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
    backend.run("select set_config('search_path', '', false); set row_security = on; set standard_conforming_strings = off; set my.word = 'x'").value();
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
    shop.backend.run("create table public.p (i int primary key); create table public.c (i int references public.p deferrable initially deferred)").value();
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

TEST_CASE("postgres: tables come with their columns, what they are kept as, and the key that tells rows apart") {
    Shop shop;
    shop.database->run(R"(
create type role as enum ('a', 'b'); create domain percent as int check (value < 101);
create table "a""b; --" (id int generated always as identity primary key, "Größe" numeric(5,2) default 1.5, r role not null default 'a',
    p percent, c char(5), v varchar(9), twice int generated always as (2) stored, arr int[], j jsonb, at timestamptz(3));
create table uniq (a int not null, b text not null, c int); create unique index on uniq (b, a) include (c);
create table loose (a int unique, b int not null); create unique index on loose (b) where a > 1; create unique index on loose ((b + 1));
create table late (a int not null unique deferrable);
create table part (i int, k text) partition by list (i); create table part1 partition of part for values in (1);
create table empty (); create temp table scratch (i int); create view v as select 1; create schema undrop create table hidden (i int);
create schema other create table t (i int))");
    auto const tables = shop.backend.tables("undrop").value();
    std::string names;
    for (auto const& table : tables) names += table.text() + (table.partitioned ? "* " : " ");
    CHECK(names == "other.t public.a\"b; -- public.empty public.late public.loose public.part* public.part1 public.uniq ");
    auto const t = shop.table("a\"b; --");
    REQUIRE(t.columns.size() == 10);
    CHECK(t.key == std::vector<std::string>{"id"});
    CHECK(t.columns[0].identity);
    CHECK(t.columns[0].not_null);
    CHECK(t.columns[1].name == "Größe");
    CHECK(t.columns[1].type == "numeric(5,2)");
    CHECK(t.columns[1].stored_type == "numeric");
    CHECK(t.columns[1].default_sql == "1.5");
    CHECK(t.columns[2].type == "public.role");
    CHECK(t.columns[2].as_text);
    CHECK(t.columns[2].default_sql == "'a'::public.role");
    CHECK(t.columns[3].as_text);
    CHECK(t.columns[4].as_text);
    CHECK_FALSE(t.columns[5].as_text);
    CHECK(t.columns[5].stored_type.starts_with("text"));
    CHECK(t.columns[6].generated);
    CHECK(t.columns[6].default_sql.empty());
    CHECK(t.columns[7].as_text);
    CHECK(t.columns[8].stored_type == "jsonb");
    CHECK(t.columns[9].stored_type == "timestamp with time zone");
    CHECK(shop.table("uniq").key == std::vector<std::string>{"b", "a"});
    CHECK(shop.table("loose").key.empty());
    CHECK(shop.table("late").key.empty());
    CHECK(shop.table("empty").columns.empty());
}

TEST_CASE("postgres: every value comes back from the store as the same bytes, and no store column depends on the user's types") {
    Shop shop;
    shop.store();
    shop.database->run(R"sql(
create type role as enum ('a', 'it''s "b"'); create type pair as (x int, y text); create domain dom as varchar(3);
create type span as range (subtype = int);
create table t (id int primary key, r role, rs role[], p pair, d dom, s span, c char(5), v varchar(5), b bytea, f float8, f4 float4, n numeric,
    j json, i interval, ts timestamptz, m money, bt bit(3), h text, arr text[], o regclass, ip inet, nm name, ch "char", low int[]);
insert into t values
    (1, 'it''s "b"', array['a', null, 'it''s "b"']::role[], row(null, null), 'abc', '[1,5)', 'ab', '', '\x00ff', 'NaN', 0.1, 1.000,
     '{"a": 1,  "a":2}', '1 mon -3 days 04:05:06.789', '0044-03-15 12:00:00.123456+00 BC', '$1.50', b'101', E'a\\b\n"''',
     array[['a', null], ['', '"{}']], 't', '10.0.0.1/8', 'n', 'c', '[0:1]={1,2}'),
    (2, null, '{}', null, null, 'empty', '', 'x    ', '', '-Infinity', '1e-30', 'NaN', 'null', '-00:00:00.000001', 'infinity', '-$0.01', b'000',
     '', '{}', null, '::1', '', '', null);
insert into t (id) values (3))sql");
    auto const t = shop.table("t");
    auto const& dialect = shop.backend.dialect();
    shop.begin();
    std::string definitions;
    std::string saved;
    std::string same = "true";
    int n = 0;
    for (auto const& column : t.columns) {
        auto const value = "t." + dialect.quote(column.name);
        auto const stored = fmt::format("v{}", ++n);
        definitions += (definitions.empty() ? "" : ", ") + stored + " " + column.stored_type;
        saved += (saved.empty() ? "" : ", ") + dialect.save(column, value);
        same += " and " + dialect.same(column, value, dialect.load(column, "s." + stored));
    }
    auto const store = dialect.store("undrop", "snapshot_1");
    shop.backend.run(fmt::format("create table {} ({}, primary key (v1))", store, definitions)).value();
    CHECK(shop.backend.run(fmt::format("insert into {} select {} from {} as t", store, saved, dialect.own_rows(t))).value() == 3);
    CHECK(shop.one(fmt::format("select count(*) from {} t join {} s on s.v1 = t.id where {}", dialect.own_rows(t), store, same)) == "3");
    // A2: nothing of the store hangs on what a script may drop.
    CHECK(shop.one("select count(*) from pg_depend d join pg_class c on c.oid = d.objid and d.classid = 'pg_class'::regclass "
                   "join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'undrop' and d.refclassid <> 'pg_namespace'::regclass "
                   "and d.refobjid <> c.oid and d.refobjid >= 16384 and c.relkind = 'r'") == "0");
    shop.backend.run("drop table public.t; drop type public.role").value();
    CHECK(shop.one(fmt::format("select v2 from {} where v1 = 1", store)) == "it's \"b\"");
    CHECK(shop.one(fmt::format("select v4 from {} where v1 = 1", store)) == "(,)");
    CHECK(shop.one(fmt::format("select v4 from {} where v1 = 2", store)) == "NULL");
    CHECK(shop.one(fmt::format("select v7 from {} where v1 = 1", store)) == "ab   ");
    shop.backend.rollback();
}

TEST_CASE("postgres: same means the same bytes, image tells NULL from the empty text, digest is SHA-256") {
    Shop shop;
    auto const& dialect = shop.backend.dialect();
    shop.begin();
    auto const same = [&](std::string const& type, std::string const& a, std::string const& b) {
        return shop.one("select " + dialect.same({}, fmt::format("cast({} as {})", a, type), fmt::format("cast({} as {})", b, type)));
    };
    CHECK(same("json", "'{\"a\":1}'", "'{\"a\":1}'") == "t");
    CHECK(same("json", "'{\"a\":1}'", "'{\"a\": 1}'") == "f");
    CHECK(same("numeric", "'1.0'", "'1.00'") == "f");
    CHECK(same("float8", "'NaN'", "'NaN'") == "t");
    CHECK(same("text", "null", "null") == "t");
    CHECK(same("text", "null", "''") == "f");
    auto const image = [&](std::vector<std::string> const& values) { return shop.one("select " + dialect.image(values)); };
    CHECK(image({"null::text", "'a'"}) != image({"''", "'a'"}));
    CHECK(image({"'a,b'", "'c'"}) != image({"'a'", "'b,c'"}));
    CHECK(image({"null::text"}) != "NULL");
    CHECK(shop.one("select " + dialect.digest("'abc'")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(shop.one("select " + dialect.literal("a\\'b")) == "a\\'b");
    CHECK(dialect.relation("a\"b", "c") == "\"a\"\"b\".\"c\"");
    shop.backend.rollback();
}

TEST_CASE("postgres: the text of a script tells what it will do") {
    postgres::PostgresDialect const dialect;
    auto const seen = [&](std::string const& text) {
        auto const foreseen = dialect.foresee(dialect.split({text, "x"}).value());
        std::string out = foreseen.opaque ? "?" : "";
        for (auto const& touch : foreseen.touches) {
            constexpr char const* names[] = {"drop", "drop_column", "alter", "rewrite", "create"};
            out += fmt::format("{}{} {}{}{}", out.empty() ? "" : "; ", names[static_cast<int>(touch.kind)],
                               touch.schema.empty() ? "" : touch.schema + ".", touch.table, touch.column.empty() ? "" : "." + touch.column);
        }
        return out;
    };
    CHECK(seen("drop table a.\"B\", c") == "drop a.B; drop c");
    CHECK(seen("drop table t cascade") == "?; drop t");
    CHECK(seen("drop view v; drop index i; drop type e") == "");
    CHECK(seen("alter table only s.t drop column a, add column b int") == "drop_column s.t.a; alter s.t");
    CHECK(seen("alter table t alter a type int using f(a)") == "?; alter t");
    CHECK(seen("alter view v rename to w; alter sequence s restart; alter type c drop attribute x; alter index i rename to j") == "");
    CHECK(seen("truncate a, b.c") == "rewrite a; rewrite b.c");
    CHECK(seen("update t set a = upper(a); delete from u; merge into w using x on true when matched then delete") == "rewrite t; rewrite u; rewrite w");
    CHECK(seen("insert into t values (now()); insert into u values (1) on conflict (i) do update set a = 1") == "rewrite u");
    CHECK(seen("with d as (delete from x returning *) select * from d") == "rewrite x");
    CHECK(seen("alter table t rename a to b; alter table t rename to u; alter table u set schema s") == "alter t; alter t; alter u");
    CHECK(seen("create unique index on t (a); create trigger x after insert on s.t execute function f(); drop policy p on t") ==
          "alter t; alter s.t; alter t");
    CHECK(seen("create table t (i int default f()); create table u as select 1; select 1 as a into w; create temp table scratch (i int)") ==
          "create t; create u; create w");
    CHECK(seen("do $$ begin end $$") == "?");
    CHECK(seen("call p(); select 1") == "?");
    CHECK(seen("select my_function()") == "?");
    CHECK(seen("select count(*), pg_catalog.now(), nextval('s') from t") == "");
    CHECK(seen("drop schema s cascade") == "?");
    CHECK(seen("some syntax of a newer server; drop table t") == "drop t");
}

TEST_CASE("postgres: what cannot be part of a step is named before anything is sent") {
    postgres::PostgresDialect const dialect;
    auto const forbidden = [&](std::string const& text) { return !dialect.forbidden(dialect.split({text, "x"}).value().at(0)).empty(); };
    for (auto const* text : {"begin", "START TRANSACTION", "commit", "end", "/* x */ rollback", "abort", "prepare transaction 'x'", "commit prepared 'x'",
                             "rollback and chain", "set transaction read only", "set session characteristics as transaction read only", "vacuum t",
                             "create index concurrently on t (a)", "create unique index concurrently i on t (a)", "drop index concurrently i",
                             "reindex table concurrently t", "reindex (concurrently) table t", "reindex schema s", "create database d",
                             "drop database d", "alter system set x = 1", "alter database d set tablespace t", "cluster", "discard all",
                             "copy t from stdin", "copy (select 1) to stdout", "alter table p detach partition q concurrently",
                             "\\copy t from 'x'", "\\connect d", "create subscription s connection '' publication p"})
        CHECK_MESSAGE(forbidden(text), text);
    for (auto const* text : {"select 'commit'", "savepoint a", "rollback to savepoint a", "rollback to a", "release savepoint a",
                             "create index on t (a)", "create table commit (i int)", "cluster t using i", "discard plans", "copy t from '/tmp/x'",
                             "set search_path = x", "alter table p detach partition q", "create function f() returns int begin atomic select 1; end",
                             "reindex table t", "refresh materialized view concurrently m", "alter type e add value 'x'", "prepare p as select 1"})
        CHECK_MESSAGE(!forbidden(text), text);
}

TEST_CASE("postgres: writers wait while tables are locked, and a lock that is not given in time is busy") {
    Shop shop;
    shop.database->run("create table a (i int); create table \"b c\" (i int); create table p (i int) partition by list (i)");
    std::vector<Table> const tables{shop.table("p"), shop.table("b c"), shop.table("a")};
    auto other = shop.database->connect();
    other->run("begin; insert into a values (1)");
    shop.begin();
    auto const locked = shop.backend.lock(tables);
    REQUIRE_FALSE(locked.has_value());
    CHECK(locked.error().code == Code::busy);
    CHECK(locked.error().message.find("public.b c") != std::string::npos);
    shop.backend.rollback();
    other->run("commit");
    shop.begin();
    shop.backend.lock(tables).value();
    shop.backend.lock({}).value();
    CHECK_FALSE(other->held_off("insert into \"b c\" values (1)").empty());
    shop.backend.rollback();
    shop.begin();
    other->run("drop table a");
    CHECK(shop.backend.lock(tables).error().code == Code::busy);
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

TEST_CASE("postgres: the look tells which tables' rows were written, and how") {
    Shop shop;
    shop.database->run(R"sql(
create table t (id int primary key, a text); insert into t select g, 'x' from generate_series(1, 10) g;
create table kid (id int primary key, t int references t on delete cascade); insert into kid select g, g from generate_series(1, 5) g;
create table big (i int); insert into big values (1); create table p (i int) partition by list (i); create table p1 partition of p for values in (1);
create function sneaky() returns void language plpgsql as $$ begin execute 'delete from ' || 'kid'; end $$)sql");
    auto const id = [&](char const* name) { return shop.table(name).id; };
    CHECK(shop.look("select count(*) from t; select * from t for update; create table u (i int); insert into u values (1); update u set i = 2").writes.empty());
    CHECK(shop.look("alter table t add column b int default 3; alter table t alter b drop default; create index on t (a)").writes.empty());
    CHECK(shop.look("update t set a = 'y' where id > 100; delete from kid where false").writes.empty());
    auto const inserted = shop.look("insert into t values (11, 'y'), (12, 'z'); insert into p values (1)").writes;
    REQUIRE(inserted.size() == 2);
    CHECK(inserted.at(id("t")).inserted == 2);
    CHECK_FALSE(inserted.at(id("t")).rows_may_differ);
    CHECK(inserted.at(id("p1")).inserted == 1);
    auto const cascaded = shop.look("delete from t where id < 4; update t set a = 'y' where id = 9").writes;
    CHECK(cascaded.at(id("t")).deleted == 3);
    CHECK(cascaded.at(id("t")).updated == 1);
    CHECK(cascaded.at(id("t")).rows_may_differ);
    CHECK(cascaded.at(id("kid")).deleted == 3);
    CHECK(shop.look("select sneaky()").writes.at(id("kid")).deleted == 5);
    CHECK(shop.look("truncate big").writes.at(id("big")).rows_may_differ);
    CHECK(shop.look("update big set i = 2; truncate big").writes.at(id("big")).rows_may_differ);
    CHECK(shop.look("alter table t alter id type bigint").writes.at(id("t")).rows_may_differ);
    CHECK(shop.look("drop table kid; delete from big").writes.size() == 1);
    CHECK(shop.look("savepoint a; delete from kid; rollback to a").writes.empty());
    CHECK(shop.look("do $$ begin begin delete from kid; raise 'no'; exception when others then null; end; end $$").writes.empty());
}

TEST_CASE("postgres: the look counts on from the mark, undrop's own statements too, and not what others do") {
    Shop shop;
    shop.store();
    shop.database->run("create table t (i int); insert into t values (1), (2); create table other (i int)");
    auto other = shop.database->connect();
    shop.backend.run("insert into t values (3)").value();  // counted by the server, and not yet told
    shop.begin();
    shop.backend.mark("undrop").value();
    shop.backend.run("create table undrop.snapshot_1 (i int primary key); insert into undrop.snapshot_1 select i from public.t").value();
    shop.script("update t set i = 5 where i = 1").value();
    auto const id = shop.table("t").id;
    auto const script = shop.backend.observed().value();
    CHECK(script.writes.at(id).updated == 1);
    CHECK(script.writes.size() == 1);
    CHECK(script.refused.empty());
    shop.backend.run("update public.t set i = 6 where i = 2; insert into public.t values (7); drop table undrop.snapshot_1").value();
    other->run("insert into other values (1); create table newer (i int); drop table other");
    auto const end = shop.backend.observed().value();
    CHECK(end.writes.at(id).updated == 2);
    CHECK(end.writes.at(id).inserted == 1);
    CHECK(end.writes.size() == 1);
    CHECK(end.refused.empty());
    shop.script("insert into newer values (1)").value();
    CHECK(shop.backend.observed().value().refused.size() == 1);
    shop.backend.rollback();
    CHECK_FALSE(shop.backend.observed().has_value());
}

TEST_CASE("postgres: what undrop cannot save or take back is refused by the look") {
    Shop shop;
    auto admin = test::connect_postgres(superuser_url(shop));
    admin->run("create extension postgres_fdw; create extension hstore; create server here foreign data wrapper postgres_fdw;"
               "create table near (i int); alter extension hstore add table near; grant all on near to undrop_owner; insert into near values (1)");
    admin->run(fmt::format("alter server here options (dbname '{}', host '{}', port '{}'); create table there (i int); grant all on there to undrop_owner;"
                           "create foreign table far (i int) server here options (table_name 'there'); grant all on far to undrop_owner;"
                           "create user mapping for undrop_owner server here options (user 'undrop_owner', password_required 'false')",
                           shop.one("select current_database()"), admin->one("select current_setting('unix_socket_directories')"),
                           admin->one("select current_setting('port')")));
    shop.store();
    shop.database->run(R"sql(
create table undrop.event (id int primary key, t text); insert into undrop.event values (1, 'x');
create type addr as (street text, zip text); create type unused as (a int, b int); create table people (i int, homes addr[]);
select lo_create(4711))sql");
    CHECK(shop.refuses("insert into far values (1)", "foreign table"));
    CHECK(shop.look("select * from far").refused.empty());
    CHECK(shop.refuses("delete from near", "extension"));
    CHECK(shop.refuses("delete from undrop.event", "undrop.event"));
    CHECK(shop.refuses("update undrop.event set t = 'y'", "own store"));
    CHECK(shop.refuses("truncate undrop.event", "own store"));
    CHECK(shop.refuses("drop table undrop.event", "own store"));
    CHECK(shop.refuses("drop schema undrop cascade", "own store"));
    CHECK(shop.refuses("alter table undrop.event set schema public", "own store"));
    CHECK(shop.look("create table x (i int); comment on table x is 'y'; create type e as enum ('a'); alter type e add value 'b';"
                    "create collation c (locale = 'C'); alter type unused drop attribute b; drop type unused;"
                    "grant select on people to undrop_reader; create statistics st on i, homes from people;"
                    "alter table people add check (i > 0); create view v as select i from people; create schema s; drop schema s")
              .refused.empty());
    CHECK(shop.refuses("alter type addr drop attribute zip", "attribute"));
    CHECK(shop.refuses("select lo_unlink(4711)", "large object"));
    CHECK(shop.refuses("select lo_put(4711, 0, 'a'); select lo_put(4711, 0, 'b')", "large object"));

    auto root = Target::open(superuser_url(shop)).value();
    auto& backend = root.backend();
    auto const seen = [&](std::string const& sql) {
        backend.begin({}, {}).value();
        backend.mark("undrop").value();
        Statement statement;
        statement.text = sql;
        backend.run_script({sql, "x"}, statement).value();
        auto observed = backend.observed().value();
        backend.rollback();
        return observed;
    };
    auto const refused = seen("delete from pg_catalog.pg_enum where false").refused;
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].find("pg_enum") != std::string::npos);
    CHECK(seen("insert into information_schema.sql_features (feature_id) values ('x')").refused.size() == 1);
    // C11: silent counters prove nothing.
    shop.database->run("insert into people values (1)");
    auto const silent = seen("set local track_counts = off; update public.people set i = i").writes;
    CHECK(silent.at(shop.table("people").id).rows_may_differ);
    CHECK(seen("update public.people set i = i where false").writes.empty());
}

TEST_CASE("postgres: rows that the script wrote are told from others, also under savepoints") {
    Shop shop;
    shop.database->run("create table t (i int); insert into t values (1), (2), (3); create table p (i int, k int) partition by list (i);"
                       "create table p1 partition of p for values in (1); insert into p values (1, 1)");
    auto other = shop.database->connect();
    auto const t = shop.table("t");
    shop.begin();
    shop.backend.mark("undrop").value();
    shop.script("update t set i = 20 where i = 2; savepoint a; insert into t values (4); release a; insert into p values (1, 2)").value();
    other->run("insert into t values (100)");
    auto const mine = shop.backend.written_by_us(t, "x").value();
    CHECK(shop.one("select string_agg(i::text, ',' order by i) from public.t x where " + mine) == "4,20");
    CHECK(shop.one("select count(*) from public.p x where " + shop.backend.written_by_us(shop.table("p"), "x").value()) == "1");
    shop.script("alter table t alter i type bigint").value();
    CHECK(shop.backend.written_by_us(t, "x").value() == "");
    shop.backend.rollback();
}

TEST_CASE("postgres: triggers and rules are off while rows come back, and then exactly as they were") {
    Shop shop;
    shop.database->run(R"sql(
create table t (i int); create table log (what text);
create function note() returns trigger language plpgsql as $$ begin insert into public.log values (tg_name); return new; end $$;
create trigger plain before insert on t for each row execute function note();
create trigger "al ways" before insert on t for each row execute function note();
create trigger dis before insert on t for each row execute function note();
create trigger rep before insert on t for each row execute function note();
alter table t enable always trigger "al ways"; alter table t disable trigger dis; alter table t enable replica trigger rep;
create rule r as on insert to t do also insert into log values ('rule');
create table p (i int) partition by list (i); create table p1 partition of p for values in (1); create table p2 partition of p for values in (2);
create trigger pt before insert on p for each row execute function note();
alter table p1 disable trigger pt; alter table p2 enable always trigger pt)sql");
    auto const all = [&] {
        return shop.backend.rows("select tgrelid::regclass::text, tgname, tgenabled from pg_trigger union all select ev_class::regclass::text, "
                                 "rulename, ev_enabled from pg_rewrite where ev_class = 'public.t'::regclass order by 1, 2").value();
    };
    shop.begin();
    auto const before = all();
    auto const t = shop.table("t");
    auto const p = shop.table("p");
    shop.backend.quiet(t).value();
    shop.backend.quiet(p).value();
    shop.backend.run("insert into public.t values (1); insert into public.p values (1), (2)").value();
    CHECK(shop.one("select count(*) from public.log") == "0");
    shop.backend.loud(t).value();
    shop.backend.loud(p).value();
    CHECK(all() == before);
    shop.backend.run("insert into public.t values (1)").value();
    CHECK(shop.one("select string_agg(what, ',' order by what) from public.log") == "al ways,plain,rule");
    shop.backend.rollback();
}

TEST_CASE("postgres: positions of sequences are told, set forward only, and survive what a rollback does not take back") {
    Shop shop;
    shop.database->run("create sequence s; create sequence \"S 2\" increment -5 maxvalue 100 start 100; create sequence fresh start 1000;"
                       "create table t (id serial); select setval('s', 5000); select nextval('\"S 2\"')");
    auto const positions = shop.backend.positions().value();
    CHECK(positions.at("public.s") == "5000");
    CHECK(positions.at("public.\"S 2\"") == "100");
    CHECK(positions.at("public.fresh") == "1000 uncalled");
    CHECK(positions.contains("public.t_id_seq"));
    shop.begin();
    shop.backend.mark("undrop").value();
    shop.script("select setval('s', 1); select setval('\"S 2\"', 100, false); select setval('fresh', 1); select nextval('t_id_seq')").value();
    shop.backend.rollback();
    CHECK(shop.one("select last_value || is_called::text from s") == "5000true");
    CHECK(shop.one("select last_value || is_called::text from \"S 2\"") == "100true");
    CHECK(shop.one("select last_value || is_called::text from fresh") == "1000false");
    CHECK(shop.one("select last_value || is_called::text from t_id_seq") == "1true");  // moved on is not put back
    shop.begin();
    shop.backend.set_position("public.s", "4000").value();
    shop.backend.set_position("public.\"S 2\"", "90").value();
    shop.backend.set_position("public.fresh", "1000").value();
    shop.backend.commit().value();
    CHECK(shop.one("select last_value from s") == "5000");
    CHECK(shop.one("select last_value from \"S 2\"") == "90");
    CHECK(shop.one("select is_called from fresh") == "t");
    CHECK_FALSE(shop.backend.set_position("public.s", "1; drop table t").has_value());
}

TEST_CASE("postgres: a store is made for its owner alone, whatever default privileges say") {
    Shop shop;
    shop.database->run("alter default privileges grant select on tables to undrop_reader; alter default privileges grant usage on schemas to undrop_reader;"
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
    CHECK(shop.one("select string_agg(relname, ',') from pg_class where relnamespace = 'undrop'::regnamespace and relrowsecurity") == "snapshot_1");
    CHECK(shop.one("select has_schema_privilege('undrop_reader', 'undrop', 'usage') or has_table_privilege('undrop_reader', 'undrop.event', 'select') "
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
    shop.database->run("create table undrop.event (id int primary key); create function f() returns trigger language plpgsql as 'begin return new; end'");
    spoilt("grant usage on schema undrop to undrop_reader", "revoke all on schema undrop from undrop_reader", "undrop_reader");
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
    shop.database->run("create table undrop.a (i int, at timestamptz); insert into undrop.a select g, '2024-01-01'::timestamptz + g * interval '1 day' "
                       "from generate_series(1, 100) g; create table undrop.b (i int, at timestamptz); insert into undrop.b select * from undrop.a order by i desc");
    std::vector<std::string> const columns{"i", "at"};
    auto const a = shop.backend.hash_of("\"undrop\".\"a\"", columns).value();
    CHECK(a.starts_with("sha256-sum:"));
    CHECK(shop.backend.hash_of("\"undrop\".\"b\"", columns).value() == a);
    shop.backend.run("set timezone = 'Asia/Tokyo'; set datestyle = 'German'").value();
    CHECK(shop.backend.hash_of("\"undrop\".\"a\"", columns).value() == a);
    shop.database->run("update undrop.b set at = at + interval '1 microsecond' where i = 50");
    CHECK(shop.backend.hash_of("\"undrop\".\"b\"", columns).value() != a);
}

TEST_CASE("postgres: row security is an error for undrop's own statements, never fewer rows") {
    Shop shop;
    shop.database->run("create table t (i int); insert into t values (1), (2); alter table t enable row level security;"
                       "alter table t force row level security; create policy p on t using (i = 1)");
    shop.begin();
    CHECK(shop.backend.rows("select * from public.t").error().native.starts_with("42501"));
    shop.backend.rollback();
}

TEST_CASE("postgres: an attached connection stays its owner's") {
    Shop shop;
    std::unique_ptr<PGconn, void (*)(PGconn*)> const connection(PQconnectdb(shop.database->url().c_str()), &PQfinish);
    auto const run = [&](char const* sql) {
        std::unique_ptr<PGresult, void (*)(PGresult*)> const result(PQexec(connection.get(), sql), &PQclear);
        return PQresultStatus(result.get()) == PGRES_TUPLES_OK && PQntuples(result.get()) > 0 ? std::string(PQgetvalue(result.get(), 0, 0)) : "";
    };
    CHECK(postgres::attach(nullptr).error().code == Code::usage);
    run("begin");
    CHECK(postgres::attach(connection.get()).error().code == Code::usage);
    run("commit");
    run("set search_path = pg_catalog, public; set statement_timeout = '17s'; set client_encoding = 'LATIN1'; set role undrop_owner");
    auto const receiver = PQsetNoticeReceiver(connection.get(), nullptr, nullptr);
    {
        auto target = postgres::attach(connection.get()).value();
        auto& backend = target.backend();
        CHECK(backend.rows("select 'Ünï'").value()[0][0] == "Ünï");
        backend.lock_run({}).value();
        backend.begin({}, {}).value();
        backend.enter_script().value();
        backend.run("set search_path = ''; set statement_timeout = 0; set work_mem = '5MB'; set datestyle = 'German'; set role none").value();
        backend.leave_script().value();
        backend.commit().value();
        CHECK(backend.rows("select current_setting('search_path')").value()[0][0] == "pg_catalog, public");
        backend.begin({}, {}).value();
        backend.run("create table public.gone (i int)").value();
    }
    CHECK(PQtransactionStatus(connection.get()) == PQTRANS_IDLE);
    CHECK(run("select to_regclass('public.gone')") == "");
    CHECK(run("show search_path") == "pg_catalog, public");
    CHECK(run("show statement_timeout") == "17s");
    CHECK(run("show work_mem") != "5MB");
    CHECK(run("show datestyle") == "ISO, MDY");
    CHECK(run("show client_encoding") == "LATIN1");
    CHECK(run("show role") == "undrop_owner");
    CHECK(run("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()") == "0");
    CHECK((PQsetNoticeReceiver(connection.get(), nullptr, nullptr) == receiver));
    static int heard = 0;
    PQsetNoticeReceiver(connection.get(), [](void*, PGresult const*) { ++heard; }, nullptr);
    {
        auto target = postgres::attach(connection.get()).value();
        target.backend().run("do $$ begin raise warning 'x'; end $$").value();
    }
    CHECK(heard == 1);
}

TEST_CASE("postgres: a SOCI session can be attached, and goes on working") {
    Shop shop;
    soci::session session("postgresql", shop.database->url());
    {
        auto target = attach(session).value();
        CHECK(target.description().find("as undrop_owner") != std::string::npos);
        target.backend().begin({}, {}).value();
        target.backend().run("create table public.t (i int)").value();
        target.backend().commit().value();
    }
    int count = 7;
    session << "select count(*) from t", soci::into(count);
    CHECK(count == 0);
    soci::session closed;
    CHECK(attach(closed).error().code == Code::usage);
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

}  // namespace undrop
