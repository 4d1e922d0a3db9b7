// Other programs: found on the PATH, run, and timed from start to end.
#pragma once

#include <string>
#include <vector>

#include "race.hpp"

namespace undrop::bench {

// Empty where there is none.
[[nodiscard]] std::string on_path(std::string const& program);

// What it prints first; empty where there is no such program.
[[nodiscard]] std::string version_of(std::string const& program);

// Without input; what it prints goes into `log`. Throws with the log's text where it does not exit with 0.
[[nodiscard]] Cost timed(std::vector<std::string> const& words, std::string const& log);

}  // namespace undrop::bench
