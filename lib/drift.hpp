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

// What the step at `opposite`, which `migration` names, had changed and others changed since, but for objects in `seen`: a later step's,
// which is taken back first. Adds to `seen`. Empty: nothing.
[[nodiscard]] std::vector<ObjectDifference> drift_of(Catalog const& now, Opposite const& opposite, std::vector<Recorded> const& recorded,
                                                     std::string const& migration, std::set<ObjectId>& seen);
[[nodiscard]] Finding drift_finding(std::vector<ObjectDifference> drifted, Options const& options);

// What others have put on what is to go: no drift. `seen` is left out: what later steps recorded.
struct Added {
    std::vector<ObjectId> along;       // goes with it by itself: an index on its column, a comment
    std::vector<ObjectId> in_the_way;  // needs it, and is no part of it: a view
};
[[nodiscard]] Added added_since(Catalog const& now, Opposite const& opposite, std::set<ObjectId> const& seen);
// Of it, what is about columns that views of the step's lose.
[[nodiscard]] Added added_to_columns(Catalog const& now, Opposite const& opposite, std::set<ObjectId> const& seen);
// What comes back to a table that others took away, or renamed, has no place.
[[nodiscard]] Result<void> homes_are_there(MendPlan const& plan, Catalog const& now, Wanted const& wanted);

void find_added(Added const& added, PlannedStep const& step, Catalog const& now, Options const& options, Plan& plan);
// What others have put on tables of the step's, and stays.
void find_beside(Added const& added, Opposite const& opposite, std::set<ObjectId> const& seen, Catalog const& now, Plan& plan);
// What to do about what is in the way; `rows`: some of it holds rows.
[[nodiscard]] Next added_next(bool rows);

// A plan that was stored is carried out later: Code::refused where a step of it, but for the first, of which Plan::base tells, has objects
// that drifted since. Opens a transaction of its own.
[[nodiscard]] Result<void> not_drifted_since(Backend& backend, Ledger& ledger, Plan const& plan, Options const& options);

}  // namespace undrop
