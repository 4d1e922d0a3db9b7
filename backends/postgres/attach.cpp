#include <libpq-fe.h>

#include <undrop/postgres.hpp>

#include "postgres_backend.hpp"

namespace undrop::postgres {

Result<Target> attach(pg_conn* connection) {
    auto const refused = [](char const* why) { return Error{.code = Code::usage, .message = why}; };
    if (!connection) return refused("attach needs a connection; a null pointer was given");
    if (PQstatus(connection) != CONNECTION_OK) return refused("the connection that was given to attach is not open");
    if (PQpipelineStatus(connection) != PQ_PIPELINE_OFF) return refused("the connection that was given to attach is in pipeline mode");
    if (PQtransactionStatus(connection) != PQTRANS_IDLE) return refused("the connection that was given to attach has a transaction open");
    // Scripts are UTF-8, and so is all that undrop shows.
    std::string old_encoding;
    if (char const* encoding = PQparameterStatus(connection, "client_encoding"); encoding && std::string_view(encoding) != "UTF8") {
        old_encoding = encoding;
        if (PQsetClientEncoding(connection, "UTF8") != 0) return refused("the connection that was given to attach cannot be set to UTF-8");
    }
    return Target(std::make_unique<PostgresBackend>(connection, Connection::Ownership::borrowed, std::move(old_encoding)));
}

}  // namespace undrop::postgres
