// The parts of applying that migrate() shares with apply().
#pragma once

#include <functional>
#include <vector>

#include <undrop/undrop.hpp>

#include "backend.hpp"

namespace undrop {

// Runs a plan's steps; the run's lock is held by the caller. Errors as apply() in undrop.hpp; the steps that stay are then added to
// `committed`.
[[nodiscard]] Result<Report> apply_locked(Backend& backend, Plan const& plan, Options const& options,
                                          std::vector<StepReport>* committed = nullptr);

// Tries again from the start, as often as the options say, while an attempt ends in Code::busy: a lock that was not given in time took it
// back whole.
[[nodiscard]] Result<StepReport> retried(Options const& options, PlannedStep const& step,
                                         std::function<Result<StepReport>()> const& attempt);

// Takes the run's lock, does the work with NOTICEs told to options.on_event, gives the lock back.
[[nodiscard]] Result<void> with_run_lock(Backend& backend, Options const& options, std::function<Result<void>()> const& work);

}  // namespace undrop
