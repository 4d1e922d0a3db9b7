// The target's schema in a sandbox by undrop's own catalog: where pg_dump cannot, and to see what pg_dump has made.
#pragma once

#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "postgres_backend.hpp"
#include "sandbox.hpp"

namespace undrop::postgres {

// The statements that make a schema, before its rows come and after.
struct SchemaScript {
    std::string settings;
    std::vector<std::string> before_rows;
    std::vector<std::string> after_rows;
    std::vector<std::string> unknown;  // what they do not make
};

[[nodiscard]] Result<SchemaScript> schema_script(PostgresBackend& target, std::string const& ledger);
// In a transaction of its own.
[[nodiscard]] Result<void> run_all(PostgresBackend& sandbox, std::string const& settings, std::vector<std::string> const& statements);

// In what the sandbox's schema is not the target's, as undrop sees both; empty: in nothing. `own_server`: owners and rights count as well;
// `publications`: these, too.
[[nodiscard]] Result<std::string> schema_difference(PostgresBackend& target, PostgresBackend& sandbox, std::string const& ledger,
                                                    bool own_server, bool publications);
// Which of the target's publications the role of this connection cannot make in the sandbox.
[[nodiscard]] Result<std::vector<std::string>> publications_left_out(PostgresBackend& target, PostgresBackend& sandbox);

}  // namespace undrop::postgres
