// Names that a migration took away, and that functions, triggers, views and policies still mention in their texts: no dependency to the
// database, and a failure when they run next.
#pragma once

#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "backend.hpp"
#include "state.hpp"

namespace undrop {

// One sentence each. The database is as it is after the up.
[[nodiscard]] Result<std::vector<std::string>> mentions_left(Backend& backend, State const& before, State const& after);

}  // namespace undrop
