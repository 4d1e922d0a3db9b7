// Concerns: what an operator should know of a database with undrop's store in it, and what keeps its queries fast after a restore.
#pragma once

#include <string>
#include <vector>

#include "backend.hpp"
#include "connection.hpp"
#include "session.hpp"

namespace undrop::postgres {

// Roles that dumped this database until there was a store, and tables that have few column numbers left.
[[nodiscard]] Result<std::vector<Finding>> concerns(Connection& connection, Session const& session, std::string const& ledger);
// Does not wait for others, and passes over a table that is not ours to analyse.
[[nodiscard]] Result<void> gather_statistics(Connection& connection, Table const& table);

}  // namespace undrop::postgres
