// Types of the user's own that columns are of: attributes of composite types, labels of enums, however deep.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "dialect.hpp"
#include "session.hpp"

namespace undrop::postgres {

// Fills in form, parts and labels of columns; each comes with its type's oid. One query.
[[nodiscard]] Result<void> describe_types(Connection& connection, Session const& session,
                                          std::vector<std::pair<std::string, Column*>> const& columns);

}  // namespace undrop::postgres
