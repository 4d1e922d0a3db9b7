// Parts: what became of the attributes of composite types that columns are of. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dialect.hpp"

namespace undrop {

// Did an attribute go, or get another type? Its values went with it, in every row.
[[nodiscard]] bool loses_parts(Column const& before, Column const& now);

// Would a text that is read by the one be misread by the other?
[[nodiscard]] bool same_parts(std::vector<Part> const& a, std::vector<Part> const& b);

// Attributes of another name: as they were, and as they are.
using PartRename = std::pair<Part const*, Part const*>;
void renamed_parts(std::vector<Part> const& before, std::vector<Part> const& now, std::vector<PartRename>& found);

// The attribute of this name in a type that the column is of, or that is in it; null: there is none. An empty schema: any.
[[nodiscard]] Part const* find_part(std::vector<Part> const& parts, std::string const& schema, std::string const& owner,
                                    std::string const& name);

}  // namespace undrop
