// The catalog of a PostgreSQL database, as lib/catalog.hpp wants it. One thread at a time, in the connection's transaction; no
// lock is kept.
//
// Others may drop an object while it is read; the server then raises an error. In a transaction it is read again; where that does not help,
// the error is Code::busy, and the transaction is as it was.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"  // and so lib/catalog.hpp, whose name this file shares
#include "connection.hpp"
#include "reading.hpp"

namespace undrop::postgres {

// Every object of a kind that undrop knows, but for the store's, the system's, temporary ones and members of extensions. `relations`: see
// Reading::whole.
[[nodiscard]] Result<Reading> read_catalog(Connection& connection, std::string const& ledger, Extensions extensions = Extensions::remakable,
                                           std::string const* relations = nullptr);

// The same, from one that was read earlier in this transaction, or just before it; see Reading::again.
[[nodiscard]] Result<std::optional<Reading>> read_catalog_again(Connection& connection, std::string const& ledger, Reading const& before,
                                                                Touched const& touched);

// `now` as far as this transaction did it itself: what others changed is as in `before`. Both are results of read_catalog, `before` of one
// in this transaction or earlier.
[[nodiscard]] Result<Catalog> ours_of(Connection& connection, Catalog const& before, Catalog const& now);

// Objects of other kinds that were there at `before` and that this transaction removed: "cast (a AS b)" (P9).
[[nodiscard]] Result<std::vector<std::string>> removed_unknown(Connection& connection, Catalog const& before);

// Names of objects of other kinds that were read with a catalog, and those of them that this transaction made.
[[nodiscard]] std::set<std::string> unknown_of(Catalog const& catalog);
[[nodiscard]] Result<std::vector<std::string>> made_unknown(Connection& connection, Catalog const& before, Catalog const& now);

// Functions, views and triggers whose text mentions a name: "function public.f(integer)".
[[nodiscard]] Result<std::vector<std::string>> mentions(Connection& connection, std::string const& word);

}  // namespace undrop::postgres
