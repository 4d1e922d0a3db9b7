// Removal: in which order objects go, and which of them have to go by themselves. Pure.
#pragma once

#include <map>
#include <vector>

#include "catalog.hpp"

namespace undrop {

// Of what is `gone`, in an order in which each goes before what it needs: all that has to be removed by itself. What is part of a table
// among `removed` goes with that, and its needs are the table's; where these run in a circle, it goes by itself before.
[[nodiscard]] std::vector<ObjectId> in_removal_order(Catalog const& gone, Catalog const& removed);

// Is this part of a table that is removed as a whole?
[[nodiscard]] bool goes_with_table(ObjectId const& id, Catalog const& removed);

}  // namespace undrop
