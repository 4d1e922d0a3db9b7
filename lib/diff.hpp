// The lines in which two texts differ, for findings and refusals.
#pragma once

#include <string>
#include <string_view>

namespace undrop {

// Lines only in `before` with "- ", only in `after` with "+ ", at most `most` of them, each on a line of its own.
[[nodiscard]] std::string line_diff(std::string_view before, std::string_view after, int most = 12);

}  // namespace undrop
