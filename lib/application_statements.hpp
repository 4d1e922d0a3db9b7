// The statements of an application that a rehearsal acts as: one row each, as far as the schema alone tells what may work.
#pragma once

#include <string>
#include <vector>

#include "dialect.hpp"
#include "sandbox.hpp"
#include "synthetic.hpp"

namespace undrop {

// The n-th row in the key's order ("asc", "desc"), of those under the condition, as a condition on t.
[[nodiscard]] std::string is_row(Dialect const& dialect, Table const& table, char const* order, std::string const& condition, int skip);
// Is the column part of the key, or of what else is unique?
[[nodiscard]] bool is_unique(Table const& table, std::string const& column);
// Another row's value for each column that `other` has, too: of the right type, a label that there is, a parent that there is. In one half
// of the first `rows`: what a script does to rows that nobody has written is to be seen, too.
struct Update {
    std::string column;
    std::string row;
    std::string statement;
};
[[nodiscard]] std::vector<Update> updates(Dialect const& dialect, Table const& table, Table const& other, std::int64_t rows);
// The texts and numbers with which a script's text compares a column of that name.
[[nodiscard]] std::vector<std::string> compared_with(std::string const& script, std::string const& column);
// Values for a column that the up added, in that row.
[[nodiscard]] std::vector<std::string> gifts(Dialect const& dialect, Table const& table, MadeColumn const& column,
                                             std::vector<ForeignKey> const& keys, std::string const& row);
// For each column that `other` has, too, and each of its unique keys: what rules may forbid, in that row: no value, what conditions
// mention, the edges of the type, a value that no row has, and another row's.
struct Daring {
    std::string column;
    std::vector<std::string> statements;
};
[[nodiscard]] std::vector<Daring> darings(Dialect const& dialect, Table const& table, Table const& other,
                                          std::vector<MadeColumn> const& columns, std::string const& row);
// A copy of the first row with a new key, and new values where they must be unique, in `other` as well; `varied`: its texts are others,
// too.
[[nodiscard]] std::vector<std::string> inserts(Dialect const& dialect, Table const& table, Table const& other, bool varied);
// The last row but one to which no other refers: what a cascade takes is not the point.
[[nodiscard]] std::string deletion(Dialect const& dialect, Table const& table, std::vector<Reference> const& references);

}  // namespace undrop
