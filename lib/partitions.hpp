// Partitions that leave their table within a step, and come back.
#pragma once

#include <vector>

#include "backend.hpp"
#include "catalog.hpp"
#include "mend.hpp"
#include "renames.hpp"

namespace undrop {

// A partition's columns and checks are its parent's, and nobody's own: those are recorded as not there before. What of them there is when
// it becomes a partition has to stay until then. `tables`: as they are now.
[[nodiscard]] Wanted without_inherited(Wanted wanted, Catalog const& now, std::vector<Table> const& tables);

// The same, with the columns that a partition needs to become one again: those of its parent that it has lost since, or has in another
// form, as its own. `now` and `tables`: once everything has its old name.
[[nodiscard]] Wanted with_columns_of_parents(Dialect const& dialect, Wanted wanted, Catalog const& now, std::vector<Table> const& tables);

// Columns of what becomes a partition again that its parent has not, and that do not go: others have added them. `wanted`: as above.
[[nodiscard]] std::vector<ObjectId> columns_beside_parents(Wanted const& wanted, Catalog const& now, std::vector<Table> const& tables);
[[nodiscard]] Error beside_parents(std::vector<ObjectId> const& columns);

// Is that column, which was not recorded as the table's own, one that it has from its parent once it is a partition again? Asked before
// anything has its old name: then it does not go.
[[nodiscard]] bool is_inherited(ObjectId const& column, Wanted const& wanted, std::vector<Rename> const& renames,
                                std::vector<Table> const& tables);
// Without those, and without what else a partition inherits.
[[nodiscard]] Wanted without_columns_of_parents(Wanted const& wanted, std::vector<Rename> const& renames, Catalog const& now,
                                                std::vector<Table> const& tables);

// The tables that are partitioned and are not wanted so, or the other way round: none can become the other. In words; empty: there are
// none.
[[nodiscard]] std::string partitioned_otherwise(Catalog const& now, Wanted const& wanted);
// A table that is one already, and differs from the partition that it is to be in nothing else.
[[nodiscard]] bool becomes_partition(ObjectId const& table, Wanted const& wanted);

[[nodiscard]] bool attaches(MendAction const& action);
// A partition that takes its place gets a part of each index; is this one of an index that is made anew, as it was without?
[[nodiscard]] bool is_part_of_remade(ObjectId const& id, Object const& object, Catalog const& now, Wanted const& wanted);
// False: it has to wait until its columns, or the rows of the default partition, are as they were.
[[nodiscard]] Result<bool> try_to_attach(Backend& backend, MendAction const& action);

}  // namespace undrop
