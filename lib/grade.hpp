// Grade: what the reports of a migration's steps say of how it came back. Pure.
#pragma once

#include <string>

#include <undrop/rehearse.hpp>
#include <undrop/report.hpp>

namespace undrop {

// A way back after which everything was as before: did it take saved rows or values, or would it have come back without?
[[nodiscard]] Grade grade_of(StepReport const& down);
// What undrop had to do for it, in words; empty: the script did it all. `derived`: no script had anything to do.
[[nodiscard]] std::string means_of(StepReport const& down, bool derived);

[[nodiscard]] StepCost cost_of(StepReport const& step);

}  // namespace undrop
