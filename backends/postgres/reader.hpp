// Who may read the store without owning it.
#pragma once

#include <string>

#include <undrop/result.hpp>

#include "connection.hpp"

namespace undrop::postgres {

// The tables of the ledger itself, of which an owner may give the right to read; never those that hold rows of users' tables.
[[nodiscard]] std::string ledger_tables();  // as a list of literals

// The error of a role that may not read the store: which rights it lacks, who can give them, and the statements for it. Where it lacks
// none, or that cannot be told, the error as it is.
[[nodiscard]] Error with_rights_that_lack(Connection& connection, std::string const& ledger, Error error);

}  // namespace undrop::postgres
