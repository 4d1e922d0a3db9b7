// What of an up no way back takes away: what is the whole server's.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <undrop/plan.hpp>

#include "dialect.hpp"
#include "opposite.hpp"

namespace undrop {

// Labels of an enum come back otherwise (lib/labels.hpp), and what is said of them is another thing.
[[nodiscard]] bool is_of_labels(Statement const& statement);

// Of a step down: by the up's text, a line each. A down script that has statements of that sort is taken to know what it does.
[[nodiscard]] std::vector<std::string> what_stays(Dialect const& dialect, PlannedStep const& step);

// Of a script, a line each: what its statements change that is no part of the schema.
[[nodiscard]] std::vector<std::string> one_way_lines(Dialect const& dialect, Script const& script);

// Going down: of what the up left, and its own text does not tell, what is still there. `there`: unknown objects that are; null: nobody
// knows.
[[nodiscard]] std::vector<std::string> what_else_stays(Dialect const& dialect, PlannedStep const& step, std::vector<Stays> const& left,
                                                       std::set<std::string> const* there);

}  // namespace undrop
