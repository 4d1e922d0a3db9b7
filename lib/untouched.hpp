// Untouched: nobody has written since a step what it made, changed, or took away, so that what was before it is known of every row.
#pragma once

#include <string>
#include <vector>

#include <undrop/report.hpp>

#include "backend.hpp"
#include "ledger.hpp"
#include "step.hpp"

namespace undrop {

// Is what a footprint is of still what the step left there? Of rows as well: none went, and but for Of::rows none came.
[[nodiscard]] Result<bool> is_as_left(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& table);

// As far as the ledger shows it, asked before anything of the way back has run. What cannot be told (rows without a key, renamed tables)
// counts as written.
[[nodiscard]] Result<bool> is_untouched(Backend& backend, Ledger const& ledger, Opposite const& opposite, std::vector<Table> const& tables);

// What a down script has left otherwise than it was before the up, as if users had written it; empty: nothing. `saved`: what it took.
[[nodiscard]] std::string left_otherwise(StepReport const& report, std::vector<Snapshot> const& saved, Opposite const& opposite);

// The same step without its down script, if nobody wrote since the up and it can be derived: nothing came of the script then but what is
// otherwise. Nothing: it is not so, and the script has to do. `run`: as StepRunner::run_id().
[[nodiscard]] Result<std::optional<StepReport>> back_as_recorded(Backend& backend, Ledger& ledger, Options const& options,
                                                                 PlannedStep const& step, std::int64_t& run, MendLog* log);

}  // namespace undrop
