// Statements that PostgreSQL runs only outside of a transaction, and how undrop runs them all the same (P6): a closed list, one row each.
// Of each it is known how to find what it is about, how to tell whether it was done, and how to clear away what a failed one left.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <undrop/options.hpp>

#include "backend.hpp"
#include "connection.hpp"
#include "session.hpp"

namespace undrop::postgres {

// Pure: what the text says.
[[nodiscard]] std::optional<Outside> outside(Statement const& statement);
// ALTER TYPE ... ADD VALUE whose label another statement of the script uses: PostgreSQL lets it only once the label is committed.
[[nodiscard]] std::map<std::size_t, Outside> hoisted(std::vector<Statement> const& statements);
// CALL: a procedure may commit.
[[nodiscard]] std::optional<Outside> may_commit(Statement const& statement);
[[nodiscard]] bool sets_session(Statement const& statement);

// As Backend::why_not.
[[nodiscard]] Result<std::string> why_not(Connection& connection, Statement const& statement, bool apart);

// As Backend::find, probe, run_outside and tidy; no transaction is open. `keep` is called again and again while a statement
// runs. One thread at a time.
[[nodiscard]] Result<Outside> find(Connection& connection, Session& session, Outside const& named, std::vector<Statement> const& settings);
[[nodiscard]] Result<Effect> probe(Connection& connection, Session& session, Outside const& found);
[[nodiscard]] Result<void> run_outside(Connection& connection, Session& session, Script const& script, Statement const& statement,
                                       std::vector<Statement> const& settings, Options const& options, std::function<void()> const& keep);
[[nodiscard]] Result<void> tidy(Connection& connection, Session& session, Outside const& found, Options const& options,
                                std::function<void()> const& keep);

}  // namespace undrop::postgres
