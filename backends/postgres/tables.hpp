// Tables as undrop's core knows them: columns, how their values are kept, and the key that tells rows apart.
#pragma once

#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "connection.hpp"
#include "session.hpp"

namespace undrop::postgres {

// All ordinary and partitioned tables but the system's, temporary ones, the store's and those of extensions; by schema and name.
[[nodiscard]] Result<std::vector<Table>> read_tables(Connection& connection, Session const& session, std::string const& ledger);

}  // namespace undrop::postgres
