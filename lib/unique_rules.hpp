// What is unique over expressions, generated columns or some rows only (UniqueRule): which saved rows another row keeps from coming back.
#pragma once

#include <string>
#include <vector>

#include "merge.hpp"

namespace undrop {

// Queries of the identities of the snapshot's rows whose values by one of the rules another row has, which stays as it is; one for each
// rule. `put_over`: rows that are there get what was saved, and so are in nobody's way.
[[nodiscard]] std::vector<std::string> takers_by_rules(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows,
                                                       bool put_over);

// A query that gives a row where a row of the snapshot (Kind::updated) would get by this rule what another row has at present.
[[nodiscard]] std::string collision_by_rule(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows,
                                            UniqueRule const& rule);

}  // namespace undrop
