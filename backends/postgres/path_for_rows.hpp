// Functions of users that run when rows are written, by indexes, checks, exclusions and computed columns.
#pragma once

#include <cstdint>
#include <string>

#include <undrop/result.hpp>

#include "answers.hpp"

namespace undrop::postgres {

class Connection;
class Session;

// The search path for a statement of ours that writes rows of users: what is pinned, and the author's behind it where any definition of the
// database calls such a function. Empty: what is pinned will do.
[[nodiscard]] Result<std::string> path_for_rows(Connection& connection, Session& session);

// The same whatever the database's definitions call: for a statement that evaluates such a call itself.
[[nodiscard]] Result<std::string> authors_path(Connection& connection, Session& session);

// Runs one with such a path, and goes back to what is pinned.
[[nodiscard]] Result<std::int64_t> run_under_path(Connection& connection, std::string const& path, std::string const& sql);

// The rows of a statement that evaluates a call of such a function (evaluates_users_function), within a transaction.
[[nodiscard]] Result<Rows> rows_under_path(Connection& connection, Session& session, std::string const& sql);

}  // namespace undrop::postgres
