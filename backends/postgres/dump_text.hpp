// DumpText: what pg_dump wrote, object by object, so that two dumps can be compared. Pure; any thread.
#pragma once

#include <string_view>

#include "sandbox.hpp"

namespace undrop::postgres {

// By "TYPE schema.name", as the comment above each object says. Where columns stand does not count: the lines of a table and of grants
// are sorted.
[[nodiscard]] SchemaText read_dump(std::string_view text);

}  // namespace undrop::postgres
