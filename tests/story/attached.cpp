// A program's own connection: the same results, its settings as they were, and it is usable afterwards.
#include <libpq-fe.h>
#include <soci/soci.h>
#include <sqlite3.h>
#include <memory>

#include <undrop/postgres.hpp>
#include <undrop/soci.hpp>
#include <undrop/sqlite.hpp>

#include "story/story.hpp"

using namespace undrop;
using namespace undrop::test;

// SOCI's own header of its SQLite backend puts sqlite3.h into a namespace.
extern "C" soci::backend_factory const* factory_sqlite3();
extern "C" soci::backend_factory const* factory_postgresql();

namespace {

// Up, writes, down, on a target made of somebody's connection.
void main_job(Database& db, Target target) {
    Participants story(db, 500);
    auto const before = witness(db);
    auto const source = source_of({{story.drop_role()}});
    auto const went = migrate(target, source).value();
    CHECK_EQ(saved(went.steps.at(0), story.what()).rows, 500);
    story.application_writes();
    auto const back = apply(target, approve(plan_down(target, source).value()).value()).value();
    CHECK_EQ(merged(back.steps.at(0), story.what()).restored, 498);
    check_same_schema(before, witness(db));
    CHECK_EQ(story.wrong_roles(), 0);
    // An error leaves it usable too.
    auto const failed = migrate(target, source_of({{story.drop_role() + "select no_such_thing;"}}));
    CHECK(!failed.has_value());
    check_same_schema(before, witness(db));
    CHECK_EQ(status(target, source).value().applied.size(), 0);
}

std::string ask(PGconn* connection, char const* sql) {
    std::unique_ptr<PGresult, decltype(&PQclear)> const result(PQexec(connection, sql), &PQclear);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK && PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        return PQerrorMessage(connection);
    std::string text;
    for (int row = 0; row < PQntuples(result.get()); ++row)
        for (int column = 0; column < PQnfields(result.get()); ++column) text += std::string(PQgetvalue(result.get(), row, column)) + "\n";
    return text;
}

std::string ask(sqlite3* handle, char const* sql) {
    std::string text;
    char* error = nullptr;
    auto const collect = [](void* out, int n, char** cells, char**) {
        for (int i = 0; i < n; ++i) *static_cast<std::string*>(out) += std::string(cells[i] ? cells[i] : "NULL") + "\n";
        return 0;
    };
    if (sqlite3_exec(handle, sql, collect, &text, &error) != SQLITE_OK) {
        text = error;
        sqlite3_free(error);
    }
    return text;
}

constexpr char const* settings =
    "select name || '=' || setting from pg_settings where source = 'session' or name in ('search_path', 'row_security', 'lock_timeout', "
    "'statement_timeout', 'DateStyle', 'IntervalStyle', 'TimeZone', 'extra_float_digits', 'bytea_output', 'role', "
    "'standard_conforming_strings', 'default_transaction_isolation', 'client_min_messages', 'check_function_bodies') order by 1";

}  // namespace

ON_POSTGRES("story: attached to a program's PGconn") {
    std::unique_ptr<PGconn, decltype(&PQfinish)> const connection(PQconnectdb(db.url().c_str()), &PQfinish);
    ask(connection.get(),
        "set datestyle = 'German, DMY'; set lock_timeout = '7s'; set search_path = 'public', 'pg_temp'; set default_transaction_isolation "
        "= 'serializable';"
        "set extra_float_digits = 0; set work_mem = '7MB'; create temp table mine (v text); insert into mine values ('here'); prepare ask "
        "as select 42");
    int notices = 0;
    PQsetNoticeReceiver(
        connection.get(), [](void* count, PGresult const*) { ++*static_cast<int*>(count); }, &notices);
    auto const before = ask(connection.get(), settings);
    main_job(db, postgres::attach(connection.get()).value());
    CHECK_EQ(PQtransactionStatus(connection.get()), PQTRANS_IDLE);
    check_same_text(before, ask(connection.get(), settings));
    CHECK_EQ(ask(connection.get(), "select v from mine"), "here\n");
    CHECK_EQ(ask(connection.get(), "execute ask"), "42\n");
    CHECK_EQ(ask(connection.get(), "select current_date = date '2026-01-31'").substr(0, 1), "f");
    notices = 0;
    ask(connection.get(), "do $$ begin raise notice 'hello'; end $$");
    CHECK_EQ(notices, 1);

    ask(connection.get(), "begin");
    auto const busy = postgres::attach(connection.get());
    REQUIRE(!busy.has_value());
    CHECK_EQ(busy.error().code, Code::usage);
    ask(connection.get(), "rollback");
}

ON_SQLITE("story: attached to a program's sqlite3 handle, with its own functions and collations") {
    sqlite3* handle = nullptr;
    REQUIRE_EQ(sqlite3_open(db.location().c_str(), &handle), SQLITE_OK);
    std::unique_ptr<sqlite3, decltype(&sqlite3_close)> const owner(handle, &sqlite3_close);
    sqlite3_create_function(
        handle, "twice", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr,
        [](sqlite3_context* context, int, sqlite3_value** values) { sqlite3_result_int64(context, 2 * sqlite3_value_int64(values[0])); },
        nullptr, nullptr);
    sqlite3_create_collation(handle, "backwards", SQLITE_UTF8, nullptr, [](void*, int an, void const* a, int bn, void const* b) {
        return std::string(static_cast<char const*>(b), static_cast<std::size_t>(bn))
            .compare(std::string(static_cast<char const*>(a), static_cast<std::size_t>(an)));
    });
    ask(handle,
        "pragma foreign_keys = off; pragma busy_timeout = 1234; pragma recursive_triggers = on; create temp table mine (v text); insert "
        "into mine values ('here');");
    ask(handle,
        "create table own (id integer primary key, v text collate backwards, n integer); create index own_idx on own (twice(n)); insert "
        "into own values (1, 'a', 5)");
    auto const pragmas = [&] {
        return ask(handle, "pragma foreign_keys") + ask(handle, "pragma busy_timeout") + ask(handle, "pragma recursive_triggers") +
               ask(handle, "pragma defer_foreign_keys") + ask(handle, "pragma legacy_alter_table") + ask(handle, "pragma query_only") +
               ask(handle, "pragma writable_schema");
    };
    auto const before = pragmas();
    main_job(db, sqlite::attach(handle).value());
    CHECK_NE(sqlite3_get_autocommit(handle), 0);
    CHECK_EQ(before, pragmas());
    CHECK_EQ(ask(handle, "select v from mine"), "here\n");
    CHECK_EQ(ask(handle, "select twice(n) from own where twice(n) = 10"), "10\n");

    // A step on a table that needs the program's own function and collation.
    auto target = sqlite::attach(handle).value();
    auto const source = source_of({{"drop index own_idx;\nalter table own drop column v;\n"}});
    (void)apply(target, approve(plan_up(target, source).value()).value()).value();
    (void)apply(target, approve(plan_down(target, source).value()).value()).value();
    CHECK_EQ(ask(handle, "select v, twice(n) from own"), "a\n10\n");
    CHECK_NE(ask(handle, "select sql from sqlite_schema where name = 'own'").find("backwards"), std::string::npos);

    ask(handle, "begin");
    auto const busy = sqlite::attach(handle);
    REQUIRE(!busy.has_value());
    CHECK_EQ(busy.error().code, Code::usage);
    ask(handle, "rollback");
}

ON_BOTH("story: attached to a program's SOCI session") {
    soci::session session(db.postgres() ? *factory_postgresql() : *factory_sqlite3(), db.postgres() ? db.url() : "dbname=" + db.location());
    main_job(db, attach(session).value());
    int rows = 0;
    session << "select count(*) from request_participants", soci::into(rows);
    CHECK_EQ(rows, 503);
    soci::transaction transaction(session);
    session << "delete from request_participants where id = :id", soci::use(1);
    transaction.commit();
    session << "select count(*) from request_participants", soci::into(rows);
    CHECK_EQ(rows, 502);
}

TEST_CASE("story: an SQLite database in memory, attached") {
    sqlite3* handle = nullptr;
    REQUIRE_EQ(sqlite3_open(":memory:", &handle), SQLITE_OK);
    std::unique_ptr<sqlite3, decltype(&sqlite3_close)> const owner(handle, &sqlite3_close);
    ask(handle,
        "create table t (id integer primary key, v text not null default 'd' check (v <> '')); create index i on t (v); insert into t "
        "values (1, 'a'), (2, 'b')");
    auto const before = ask(handle, "select sql from sqlite_schema where name in ('t', 'i') order by name");
    auto target = sqlite::attach(handle).value();
    auto const source = source_of({{"drop index i;\nalter table t drop column v;\n"}});
    (void)migrate(target, source).value();
    ask(handle, "insert into t values (3)");
    (void)apply(target, approve(plan_down(target, source).value()).value()).value();
    CHECK_EQ(ask(handle, "select v from t order by id"), "a\nb\nd\n");
    CHECK_EQ(before, ask(handle, "select sql from sqlite_schema where name in ('t', 'i') order by name"));
}
