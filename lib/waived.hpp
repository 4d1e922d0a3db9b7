// Waived: what migrations let go unsaved, as their steps have told. It is in the ledger's events alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"

namespace undrop {

// What the last up of each migration let go, by version; those that let nothing go are left out.
[[nodiscard]] Result<std::map<std::string, std::vector<std::string>>> waived_by_version(Backend& backend, Ledger const& ledger);

}  // namespace undrop
