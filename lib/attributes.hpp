// Attributes: what became of the attributes of composite types that columns are of. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dialect.hpp"
#include "mend.hpp"

namespace undrop {

// Did an attribute go, or get another type? Its values went with it, in every row.
[[nodiscard]] bool loses_attributes(Column const& before, Column const& now);

// Would a text that is read by the one be misread by the other?
[[nodiscard]] bool same_attributes(std::vector<Attribute> const& a, std::vector<Attribute> const& b);

// Attributes of another name, or of a type that has another: as they were, and as they are.
using AttributeRename = std::pair<Attribute const*, Attribute const*>;
void renamed_attributes(std::vector<Attribute> const& before, std::vector<Attribute> const& now, std::vector<AttributeRename>& found);

// The attribute of this name in a type that the column is of, or that is in it; null: there is none. An empty schema: any.
[[nodiscard]] Attribute const* find_attribute(std::vector<Attribute> const& parts, std::string const& schema, std::string const& owner,
                                              std::string const& name);

// Attributes of types that no row is of, so that no column tells: what is to go and what is to come back in the same place is one, under
// another name. From the present name to the old one.
[[nodiscard]] std::vector<std::pair<ObjectId, ObjectId>> renamed_in_place(Catalog const& now, Wanted const& wanted);

}  // namespace undrop
