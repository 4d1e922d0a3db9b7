// Opening, attaching, and what a target says of itself.
#include <doctest/doctest.h>

#include <memory>

#include <libpq-fe.h>
#include <soci/soci.h>

#include <undrop/postgres.hpp>
#include <undrop/soci.hpp>

#include "conformance/postgres_shop.hpp"
#include "postgres/open.hpp"

namespace undrop {

namespace {

std::string error_of(Result<Target> const& result) { return result ? "" : result.error().text(); }

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
    for (auto const* url : {"postgresql://me:hunter2@127.0.0.1:1/db", "postgresql://me:hunter2@[::1:5/db",
                            "postgresql://me:hunter2@h:port/db", "postgresql://me:hunter2@127.0.0.1:1/db?sslmode=hunter2"}) {
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

TEST_CASE("postgres: an attached connection stays its owner's") {
    Shop shop;
    std::unique_ptr<PGconn, void (*)(PGconn*)> const connection(PQconnectdb(shop.database->url().c_str()), &PQfinish);
    auto const run = [&](char const* sql) {
        std::unique_ptr<PGresult, void (*)(PGresult*)> const result(PQexec(connection.get(), sql), &PQclear);
        return PQresultStatus(result.get()) == PGRES_TUPLES_OK && PQntuples(result.get()) > 0 ? std::string(PQgetvalue(result.get(), 0, 0))
                                                                                              : "";
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
        backend.run("set search_path = ''; set statement_timeout = 0; set work_mem = '5MB'; set datestyle = 'German'; set role none")
            .value();
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
    PQsetNoticeReceiver(
        connection.get(), [](void*, PGresult const*) { ++heard; }, nullptr);
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
    soci::statement statement(session);
    statement.exchange(soci::into(count));
    statement.alloc();
    statement.prepare("select count(*) from t");
    statement.define_and_bind();
    CHECK(statement.execute(true));
    CHECK(count == 0);
    soci::session closed;
    CHECK(attach(closed).error().code == Code::usage);
}

}  // namespace undrop
