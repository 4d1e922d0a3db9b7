// Scope: which relations a script, or a way back, has to do with, so that a step reads the definitions of these alone.
//
// Only for scripts whose text names every relation that they change. What else they reach, through triggers, is found after they ran by the
// locks that they hold (`reach`).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "connection.hpp"

namespace undrop::postgres {

struct Scope {
    std::set<std::string> names;  // as the script writes them, in whichever schema
    bool writes_rows = false;     // and so may draw from any sequence

    [[nodiscard]] bool holds(Scope const& other) const;  // its names
};

// Nothing: the text does not show all of what it does to definitions, or what comes back may take others' parts along.
[[nodiscard]] std::optional<Scope> scope_of(std::vector<Statement> const& statements, ComesBack const& comes_back);

// Oids, as the server writes an array: what has these names, with what hangs on it (indexes, sequences, views, policies, parents and
// children), what that refers to, and what refers to that by a foreign key, and on where rows go with rows; and every composite type. Under
// pg_catalog's search_path.
[[nodiscard]] Result<std::string> relations_of(Connection& connection, Scope const& scope);

// What our transaction reached beyond `relations` (an array) of what was there before it.
struct Reach {
    bool definitions = false;         // some definition, or a sequence's position where the scope writes no rows
    std::set<std::string> unchanged;  // oids of tables that it locked, to write rows perhaps, and whose definitions it left alone
};
[[nodiscard]] Result<Reach> reach(Connection& connection, Scope const& scope, std::string const& relations, std::string const& transaction,
                                  std::string const& ledger);

}  // namespace undrop::postgres
