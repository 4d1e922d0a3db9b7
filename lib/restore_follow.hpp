// What a column's values meet when they come back: those that a rebuild computed, rows that make room for them, and rows that refer to
// either.
#pragma once

#include <cstdint>
#include <string>

#include "pairing.hpp"
#include "restore.hpp"

namespace undrop {

// Condition on t: a script that builds the table anew gave this row a value of its own. One and the same value in all rows is the
// placeholder that a NOT NULL column needs there, as a default is in ADD COLUMN. `filled`: condition, it has nothing or the default.
[[nodiscard]] Result<std::string> computed_by_rebuild(Backend& backend, Table const& now, Column const& column, std::string const& filled);

// Numbers that a script's ADD COLUMN drew may be those of rows that came back: nobody has seen them, and others are drawn.
[[nodiscard]] Result<std::int64_t> number_again(Backend& backend, Snapshot const& s, Table const& now, Pairing const& pairing,
                                                RestoreContext const& context, std::string const& computed);

// Going up again: rows that came since make room for the numbers that come back, and who refers to either goes with it. Gives how many make
// room.
// `comes_back`: condition on the pairing and t; `value`: what t is to have.
[[nodiscard]] Result<std::int64_t> let_follow(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now,
                                              Pairing const& pairing, RestoreContext const& context, std::string const& comes_back,
                                              std::string const& value, Restored& done);

}  // namespace undrop
