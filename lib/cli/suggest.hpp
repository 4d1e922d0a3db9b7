// The known word that a misspelt one was probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace undrop::cli {

// Empty if none is near.
[[nodiscard]] std::string nearest(std::string_view word, std::vector<std::string> const& known);

}  // namespace undrop::cli
