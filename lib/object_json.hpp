// A recorded object as the ledger keeps it. Pinned by docs/storage-format.md.
#pragma once

#include <string>

#include "catalog.hpp"

namespace undrop {

[[nodiscard]] std::string to_json(Object const& object);
[[nodiscard]] Object object_from_json(std::string const& text);  // throws nlohmann's exception on bad text

}  // namespace undrop
