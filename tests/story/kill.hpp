// A step in a process of its own that is killed in the middle, and the server's end of it.
#pragma once

#include "story/story.hpp"

namespace undrop::test {

// Plans and applies in a process of its own, which is killed at its n-th event; false: it had fewer, and came to its end.
[[nodiscard]] bool killed_at(int n, std::string const& url, Source const& source, Direction direction);
// Waits until the server has ended every other session of this database. Nothing on SQLite.
void nobody_else(Database& db);

}  // namespace undrop::test
