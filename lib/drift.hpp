// Drift: what a step left and what is there now.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/plan.hpp>

#include "backend.hpp"
#include "ledger.hpp"
#include "step.hpp"

namespace undrop {

// What the step at `opposite` had changed and others changed since, in words, but for objects in `seen`: a later step's, which is taken
// back first. Adds to `seen`. Empty: nothing.
[[nodiscard]] std::string drift_of(Catalog const& now, Opposite const& opposite, std::vector<Recorded> const& recorded,
                                   std::set<ObjectId>& seen);
[[nodiscard]] Finding drift_finding(std::string const& drifted, Options const& options);

// A plan that was stored is carried out later: Code::refused where a step of it, but for the first, of which Plan::base tells, has objects
// that drifted since. Opens a transaction of its own.
[[nodiscard]] Result<void> not_drifted_since(Backend& backend, Ledger& ledger, Plan const& plan, Options const& options);

}  // namespace undrop
