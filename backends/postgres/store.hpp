// The store's schema: whose it is, how it is made, and that nobody but its owner has a right in it (P8).
#pragma once

#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "connection.hpp"
#include "session.hpp"

namespace undrop::postgres {

[[nodiscard]] Result<StoreState> store_state(Session const& session, std::string const& ledger);
[[nodiscard]] std::string store_guard(std::string const& ledger);  // a statement, for before one that reads
[[nodiscard]] Result<void> create_store(Connection& connection, Session const& session, std::string const& ledger);
// `hidden`: the source's rows were under row security when the step began, whatever it did to that since.
[[nodiscard]] Result<void> seal(Connection& connection, std::string const& store_table, Table const* source, bool hidden = false);
[[nodiscard]] Result<std::int64_t> bytes_of(Connection& connection, std::string const& store_table);
[[nodiscard]] Result<std::string> hash_of(Connection& connection, Session const& session, std::string const& store_table,
                                          std::vector<std::string> const& columns);
[[nodiscard]] bool means_no_store(Error const& error);

// Publications that ship the tables of the ledger's schema, where the server writes what they need.
[[nodiscard]] Result<std::vector<std::string>> publications(Connection& connection, Session const& session, std::string const& ledger);
// Event triggers that are switched on, each with what it runs and when.
[[nodiscard]] Result<std::vector<std::string>> event_triggers(Connection& connection);

}  // namespace undrop::postgres
