// References: foreign keys between what comes back. Pure.
#pragma once

#include <set>
#include <vector>

#include "catalog.hpp"
#include "snapshot.hpp"

namespace undrop {

// The foreign keys of `now` that would be checked before all is back: values come back before tables, tables before rows of tables that
// stayed, and of tables that refer to each other one is the first.
[[nodiscard]] std::set<ObjectId> crossing_references(Catalog const& now, std::vector<Snapshot> const& snapshots);
// May there be any?
[[nodiscard]] bool may_cross(std::vector<Snapshot> const& snapshots);

// Are its rows told by a number alone, which another row may be given once it is free? A name, or anything else that people give, is the
// row's own, whoever made the row again.
[[nodiscard]] bool told_by_number(Snapshot const& s);
[[nodiscard]] bool is_number(Column const& column);

}  // namespace undrop
