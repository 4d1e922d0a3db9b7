// The figures as one JSON document, and as a table for people.
#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "field.hpp"
#include "race.hpp"

namespace undrop::bench {

inline constexpr int format = 1;  // of the JSON document

[[nodiscard]] nlohmann::ordered_json json_of(std::vector<Figure> const& figures, Sizes const& sizes);
void print(std::ostream& out, std::span<Figure const> figures, Sizes const& sizes);

}  // namespace undrop::bench
