#include <undrop/postgres.hpp>

#include <libpq-fe.h>

#include <cstdlib>

#include "consumer.hpp"

namespace {

PGconn* connection = nullptr;

std::string query(PGconn* on, std::string const& sql) {
    PGresult* result = PQexec(on, sql.c_str());
    expect(PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK, sql + ": " + PQerrorMessage(on));
    std::string text;
    for (int row = 0; row < PQntuples(result); ++row) text.append(PQgetvalue(result, row, 0)).append(" ");
    PQclear(result);
    return text;
}

std::string read() {
    bool const has_value =
        query(connection, "select 1 from information_schema.columns where table_name = 'thing' and column_name = 'value'") == "1 ";
    return query(connection, has_value ? "select id || '|' || value from thing order by id" : "select id || '|' from thing order by id");
}

}  // namespace

void play_postgres() {
    char const* url = std::getenv("UNDROP_TEST_POSTGRES");
    expect(url != nullptr, "UNDROP_TEST_POSTGRES is set: run the tests under tests/support/with-postgres.sh");
    PGconn* server = PQconnectdb(url);
    expect(PQstatus(server) == CONNECTION_OK, PQerrorMessage(server));
    std::string const database = "consumer_" + std::to_string(PQbackendPID(server));
    query(server, "create database " + database);
    {
        char const* keys[] = {"dbname", "dbname", nullptr};
        char const* values[] = {url, database.c_str(), nullptr};
        connection = PQconnectdbParams(keys, values, 1);
        expect(PQstatus(connection) == CONNECTION_OK, PQerrorMessage(connection));
        auto target = undrop::postgres::attach(connection).value();
        play(target, read);
    }
    PQfinish(connection);
    query(server, "drop database " + database);
    PQfinish(server);
}
