// Touched: which relations our transaction may have changed, so that only these are read again.
//
// Whoever changes a relation locks it until the transaction ends, or, as GRANT does, writes its row in the catalog, or, as COMMENT ON
// CONSTRAINT does, locks a part of it, and the relation as readers do. All are taken in too wide a sense: any lock but readers', and
// whatever is as young as our transaction.
#pragma once

#include <optional>
#include <set>
#include <string>

#include <undrop/result.hpp>

#include "connection.hpp"

namespace undrop::postgres {

struct Touched {
    std::set<std::string> relations;  // oids: tables with their indexes and sequences, and every composite type
    bool all = false;                 // a role, a collation or an extension: whose texts these are in cannot be told
    bool types = false;  // a type, a schema, or what is a partition of what: tables that were not touched may be told differently

    [[nodiscard]] std::string array() const;  // of the relations, as the server writes one
};

// Two arrays of oids as one.
[[nodiscard]] std::string joined(std::string const& some, std::string const& more);

// In the connection's transaction, under pg_catalog's search_path. `within`: an array of relations, composite types among them, beyond
// which the script's own statements change nothing without a lock: these count as touched, and the catalogs are not searched for rows of
// ours.
[[nodiscard]] Result<Touched> touched_by_us(Connection& connection, std::optional<std::string> const& within);

}  // namespace undrop::postgres
