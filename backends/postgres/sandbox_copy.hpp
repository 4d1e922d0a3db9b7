// What fills a sandbox: a copy of another database, by PostgreSQL's own programs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "open.hpp"

namespace undrop::postgres {

// A setting `name=value` as part of the parameter `options`.
[[nodiscard]] std::string as_option(std::string const& setting);

// Copies schema, rows and rights of a database by pg_dump and psql, which are looked for on the PATH. Publications and subscriptions are
// left out: a copy must not replicate. The roles: whom each acts as; empty: whoever connects. Code::refused where the programs are missing.
struct CopyPart {
    std::string section = {};               // pre-data or post-data; empty: everything
    std::string snapshot = {};              // of an open transaction of the target's
    std::vector<std::string> without = {};  // tables, as pg_dump's patterns
    bool publications = true;
    std::function<bool()> cancelled = {};
    std::function<void()> meanwhile = {};  // called now and then
};
[[nodiscard]] Result<void> copy_database(Parameters const& from, std::string const& role, Parameters const& to,
                                         std::string const& role_there, CopyPart const& part = {});

// What pg_dump writes of the schema, without that of the ledger's. Errors as copy_database().
[[nodiscard]] Result<std::string> dump_schema(Parameters const& from, std::string const& role, std::string const& ledger,
                                              std::function<bool()> const& cancelled);

// The major version of the pg_dump on the PATH; 0: there is none, or it does not say.
[[nodiscard]] int pg_dump_version();

}  // namespace undrop::postgres
