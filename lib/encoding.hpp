// Whether a script is text that the ledger takes. Pure; any thread.
#pragma once

#include <optional>

#include <undrop/migration.hpp>
#include <undrop/plan.hpp>

namespace undrop {

// A stop with the place, also of a script that is only recorded now.
[[nodiscard]] std::optional<Finding> not_utf8(Script const& script);

}  // namespace undrop
