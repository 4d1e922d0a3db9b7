// Names of constraints and indexes: the way back of a rename is a rename, which leaves what depends on them alone.
#pragma once

#include <string>
#include <vector>

#include "backend.hpp"
#include "catalog.hpp"
#include "mend.hpp"

namespace undrop {

// May `wanted` hold such a rename?
[[nodiscard]] bool may_rename_constraints(Wanted const& wanted);

// What is not wanted under its present name, and is by its Object::shape what is wanted under another one of the same table, gets that.
// Gives what got its name back, in words. What has such a name and is not wanted makes room, and is not wanted under its new name either.
[[nodiscard]] Result<std::vector<std::string>> rename_constraints_back(Backend& backend, Catalog const& now, Wanted& wanted);

}  // namespace undrop
