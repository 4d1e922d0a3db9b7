// Inserted: rows that an up put into tables which stay. A derived way back takes them out again, as far as they are what it left; a down
// script says itself what becomes of them, or leaves it to undrop: `-- undrop: remove-inserted`. Pure; any thread.
#pragma once

#include <undrop/migration.hpp>

namespace undrop {

[[nodiscard]] bool removes_inserted(Script const& script);

}  // namespace undrop
