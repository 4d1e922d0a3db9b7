// The lines in which two texts differ, for findings, refusals and evidence. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/difference.hpp>

namespace undrop {

// Lines only in `before` with "- ", only in `after` with "+ ", at most `most` of them, each on a line of its own.
[[nodiscard]] std::string line_diff(std::string_view before, std::string_view after, int most = 12);

// The same as `diff -u` shows it, without its two lines of names: lines that differ, three around them, "@@ -12,7 +12,8 @@" before each
// place but where everything is shown. Each line ends.
[[nodiscard]] std::vector<std::string> unified_diff(std::string_view before, std::string_view after);

// Each object as people read it (ObjectDifference::brief), one below the other; of many the first twenty. No final newline.
[[nodiscard]] std::string brief_of(std::vector<ObjectDifference> const& differences);

// Where the quoted part, comment or single character of SQL at `at` ends.
[[nodiscard]] std::size_t token_end(std::string_view sql, std::size_t at);

// A table's definition that is one long line, one line for each column.
[[nodiscard]] std::string in_lines(std::string_view definition);

}  // namespace undrop
