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

}  // namespace undrop
