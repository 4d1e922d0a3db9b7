// Names of constraints and indexes: the way back of a rename is a rename, which leaves what depends on them alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "catalog.hpp"
#include "dialect.hpp"
#include "mend.hpp"

namespace undrop {

// May `wanted` hold such a rename?
[[nodiscard]] bool may_rename_constraints(Wanted const& wanted);

// What is not wanted under its present name, and is by its Object::shape what is wanted under another one of the same table, gets that.
// Gives what got its name back, in words. What has such a name and is not wanted makes room, and is not wanted under its new name either.
// `run` runs a statement.
[[nodiscard]] Result<std::vector<std::string>> rename_constraints_back(Dialect const& dialect,
                                                                       std::function<Result<void>(std::string const&)> const& run,
                                                                       Catalog const& now, Wanted& wanted);

}  // namespace undrop
