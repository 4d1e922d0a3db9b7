// The gate's rules about rehearsals: what evidence says of a plan's steps up. Pure.
#pragma once

#include <string>
#include <vector>

#include <undrop/evidence.hpp>

#include "catalog.hpp"

namespace undrop {

// `now`: the target's objects; null: others have locked them, and they are not compared.
[[nodiscard]] std::vector<Finding> evidence_findings(Plan const& plan, std::vector<Evidence> const& known, Catalog const* now,
                                                     RehearsalPolicy const& policy);

// Is it one of these rules'?
[[nodiscard]] bool is_of_evidence(Finding const& finding);

}  // namespace undrop
