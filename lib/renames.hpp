// What renames do to the objects of a catalog.
#pragma once

#include "catalog.hpp"
#include "step.hpp"

namespace undrop {

// Is the object there under the name that this rename gives it?
[[nodiscard]] bool there_as_renamed(ObjectId const& id, Rename const& rename, Catalog const& catalog);
[[nodiscard]] Rename reversed(Rename const& rename);

// What is wanted, less what is there or goes only by its name: it comes back by being renamed.
[[nodiscard]] Wanted without_renamed(Wanted wanted, std::vector<Rename> const& renames, Catalog const& now);

}  // namespace undrop
