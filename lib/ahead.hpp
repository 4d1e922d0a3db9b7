// Ahead: the database has migrations that the program does not know, newer than all that both have. What they did to an older program is
// told by the ledger alone.
#pragma once

#include <string>
#include <vector>

#include <undrop/undrop.hpp>

#include "backend.hpp"
#include "ledger.hpp"

namespace undrop {

// The applied migrations that the source does not have, newer than the newest that both have; by version. Empty where they share none: then
// the source is no older program.
[[nodiscard]] std::vector<Applied> newer_than(Source const& source, History const& history);

// What the migration took away or narrowed, by what the ledger recorded when it ran, one line each; none: harmless to an older program.
[[nodiscard]] Result<std::vector<std::string>> harms_of(Backend& backend, Ledger& ledger, Applied const& applied);

// What Options::ahead makes of one of them: a warning or a stop.
[[nodiscard]] Result<Finding> ahead_finding(Backend& backend, Ledger& ledger, Applied const& applied, Source const& source,
                                            History const& history, Options const& options);

// For Status: fills in `ahead` and `harms` of the migrations, and says what migrate() would do.
[[nodiscard]] Result<void> describe_ahead(Backend& backend, Ledger& ledger, Source const& source, History const& history,
                                          Options const& options, Status& status);

}  // namespace undrop
