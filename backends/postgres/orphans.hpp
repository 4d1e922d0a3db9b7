// Orphans: rows whose parent is gone, which keep a foreign key from coming back.
#pragma once

#include <functional>
#include <string>

#include "connection.hpp"

namespace undrop::postgres {

// As Backend::naming_orphans. In a transaction; after a refusal its content is of no use any more and is to be rolled back.
[[nodiscard]] Result<void> naming_orphans(Connection& connection, std::string const& definition, std::function<Result<void>()> const& work);

}  // namespace undrop::postgres
