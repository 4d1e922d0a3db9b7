// What of an up no way back takes away: what is the whole server's.
#pragma once

#include <string>
#include <vector>

#include <undrop/plan.hpp>

#include "dialect.hpp"

namespace undrop {

// Labels of an enum come back otherwise (lib/labels.hpp), and what is said of them is another thing.
[[nodiscard]] bool is_of_labels(Statement const& statement);

// Of a step down: by the up's text, a line each. A down script that has statements of that sort is taken to know what it does.
[[nodiscard]] std::vector<std::string> what_stays(Dialect const& dialect, PlannedStep const& step);

}  // namespace undrop
