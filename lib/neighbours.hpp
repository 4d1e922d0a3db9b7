// Neighbours: what else is on the tables that a step changed, so that what others add there is told from what was there.
#pragma once

#include <set>
#include <vector>

#include "catalog.hpp"
#include "ledger.hpp"

namespace undrop {

struct Neighbours {
    std::set<ObjectId> tables;  // that stood before the step, and after it
    std::set<ObjectId> others;  // parts of theirs, partitions, what is said of them: as the step left them
};

[[nodiscard]] Neighbours neighbours_of(Catalog const& now, std::vector<Recorded> const& changed);

// Of these tables what there is by now and was not then, in the order of the catalog.
[[nodiscard]] std::vector<ObjectId> new_neighbours(Catalog const& now, Neighbours const& then);

}  // namespace undrop
