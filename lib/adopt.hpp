// Adopted migrations: what the ledger says was applied, and undrop did not apply.
#pragma once

#include "backend.hpp"
#include "ledger.hpp"

namespace undrop {

// Nothing was recorded or saved then.
[[nodiscard]] Result<bool> was_adopted(Backend& backend, Ledger& ledger, Applied const& applied);

}  // namespace undrop
