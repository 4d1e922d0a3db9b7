// What renames do to the objects of a catalog.
#pragma once

#include "catalog.hpp"
#include "step.hpp"

namespace undrop {

// Is this the object's name after the rename?
[[nodiscard]] bool is_renamed(ObjectId const& id, Rename const& rename, ObjectId const& other);
// Is the object there under the name that this rename gives it?
[[nodiscard]] bool there_as_renamed(ObjectId const& id, Rename const& rename, Catalog const& catalog);
[[nodiscard]] Rename reversed(Rename const& rename);

// What is wanted, less what is there or goes only by its name: it comes back by being renamed.
[[nodiscard]] Wanted without_renamed(Wanted wanted, std::vector<Rename> const& renames, Catalog const& now);

// From what tables and columns are called now to what they were called at the start of the step, beside those in `known`.
[[nodiscard]] std::vector<Rename> renames_between(std::vector<Table> const& now, std::vector<Table> const& start,
                                                  std::vector<Rename> known);
// What was there at the start under another name, or on a table that had one, is nothing new: others' index on a table that is called again
// what it was. But for what the opposite step itself made, and is to go: `wanted`.
void leave_out_renamed(Wanted& added, std::vector<Rename> const& renames, Catalog const& start, Wanted const& wanted);

}  // namespace undrop
