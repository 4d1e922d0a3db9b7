// What fills a sandbox: a copy of another database.
#pragma once

#include <string>

#include <undrop/result.hpp>

#include "open.hpp"

namespace undrop::postgres {

// A setting `name=value` as part of the parameter `options`.
[[nodiscard]] std::string as_option(std::string const& setting);

// Copies schema, rows and rights of a database by pg_dump and psql, which are looked for on the PATH. Publications and subscriptions are
// left out: a copy must not replicate. The roles: whom each acts as; empty: whoever connects. Code::refused where the programs are missing.
[[nodiscard]] Result<void> copy_database(Parameters const& from, std::string const& role, Parameters const& to,
                                         std::string const& role_there);

}  // namespace undrop::postgres
