// In which order the statements of a whole schema run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <undrop/schema.hpp>

#include "catalog.hpp"

namespace undrop {

struct Ordered {
    std::vector<SchemaObject> objects;
    std::vector<ObjectId> circular;  // that need each other, with no way to make one of them before the others
};

// Each after what it needs; of those that could be next always the same, whatever order they were made in: a table with its columns, in
// their order, then by kind, what they belong to, and name. `stand_in`: see SchemaSource.
[[nodiscard]] Result<Ordered> in_running_order(Catalog const& catalog, std::function<Result<std::string>(ObjectId const&)> const& stand_in);

}  // namespace undrop
