// Drawn: does a script say itself what a key is, or does the database draw it? By its text alone. Pure.
#pragma once

#include <string>
#include <vector>

#include "catalog.hpp"
#include "dialect.hpp"

namespace undrop {

// Every INSERT of the script into the table gives this column a value of its own: then equal values mean the same row. False where the
// text does not show that: no INSERT is found, or one leaves the column out, or numbers its rows itself.
[[nodiscard]] bool gives_values(std::vector<Statement> const& statements, Table const& table, std::string const& column,
                                std::vector<Table> const& all);

// SQL that draws a number of an identity column's sequence.
[[nodiscard]] std::string next_number(Dialect const& dialect, Object const& identity);

}  // namespace undrop
