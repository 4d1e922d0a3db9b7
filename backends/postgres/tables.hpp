// Tables as undrop's core knows them: columns, how their values are kept, and the key that tells rows apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "connection.hpp"
#include "session.hpp"
#include "touched.hpp"

namespace undrop::postgres {

// All ordinary and partitioned tables but the system's, temporary ones, the store's and those of extensions; by schema and name.
// `relations`: of these alone, an array of oids.
[[nodiscard]] Result<std::vector<Table>> read_tables(Connection& connection, Session const& session, std::string const& ledger,
                                                     std::string const* relations = nullptr);

// Materialized views in the same form, of which nothing tells the rows apart.
[[nodiscard]] Result<std::vector<Table>> read_materialized_views(Connection& connection, Session const& session, std::string const& ledger);

// All tables, from what was read earlier in this transaction, or just before it, where only the transaction has changed anything since;
// nothing: tables that it did not touch may be told differently now.
[[nodiscard]] Result<std::optional<std::vector<Table>>> read_tables_again(Connection& connection, Session const& session,
                                                                          std::string const& ledger, std::vector<Table> const& before,
                                                                          Touched const& touched);

}  // namespace undrop::postgres
