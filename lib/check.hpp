// Check: statements that only read, asked in a transaction that is open.
#pragma once

#include <vector>

#include <undrop/check.hpp>

#include "backend.hpp"

namespace undrop {

// The check that a step of this direction runs; may be null.
[[nodiscard]] Script const* check_of(PlannedStep const& step);

// Asks every statement; the first that does not hold is the error, with its place and how many rows it returned. What is asked cannot
// write, and leaves no setting behind.
[[nodiscard]] Result<void> require(Backend& backend, Script const& script, std::vector<Statement> const& statements,
                                   Options const& options);

}  // namespace undrop
