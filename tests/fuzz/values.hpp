// Values that data has in the wild, as SQL literals: empty, huge, extreme, not a number, of other alphabets.
#pragma once

#include <string>

#include "fuzz/random.hpp"
#include "fuzz/tables.hpp"

namespace undrop::test {

// A literal that a column of this type may take; "null" now and then, unless the column takes none.
[[nodiscard]] std::string literal(Session& session, Engine engine, Random& random, FuzzColumn const& column);
// Types that a random table's columns are declared with.
[[nodiscard]] std::vector<std::string> const& types(Engine engine);
[[nodiscard]] std::vector<std::string> const& types_of_keys(Engine engine);

}  // namespace undrop::test
