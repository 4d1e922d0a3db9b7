// Does a definition call functions of users? By its text. Pure; any thread.
#pragma once

#include <string>

namespace undrop::postgres {

// A generated column, a check or an index may call a function whose body names what only its author's search path finds. Definitions name
// everything but built-in functions with its schema: `schema.name(` is a user's, where it is no table that a foreign key refers to.
[[nodiscard]] bool calls_users_function(std::string const& definition);

// Does a statement of ours, in which what is the database's own is pg_catalog's, evaluate an expression that calls one?
[[nodiscard]] bool evaluates_users_function(std::string const& sql);

}  // namespace undrop::postgres
