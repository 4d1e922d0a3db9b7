// How many rows, as a message says it.
#pragma once

#include <cstdint>
#include <string>

namespace undrop {

// "1 row", "2 rows"
[[nodiscard]] inline std::string rows_word(std::int64_t count) { return std::to_string(count) + (count == 1 ? " row" : " rows"); }

}  // namespace undrop
