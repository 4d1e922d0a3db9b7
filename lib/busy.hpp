// Busy: what Options::busy makes of another migrator at work.
#pragma once

#include <functional>

#include <undrop/undrop.hpp>

#include "backend.hpp"

namespace undrop {

// The options with as much patience for another migrator as Options::busy has.
[[nodiscard]] Options patient(Backend const& backend, Options options);

// Nothing was done because another migrator is at work, and Options::busy is `serve`. `held`: the run's lock was had.
[[nodiscard]] bool is_elsewhere(Backend const& backend, Options const& options, Error const& error, bool held);
[[nodiscard]] Report elsewhere(Backend const& backend, Options const& options, Plan const& pending, Error const& error);

// Reads what a file's writer may keep even readers out of: for as long as the options let a run wait, else for one lock_timeout.
[[nodiscard]] Result<void> patiently(Backend& backend, Options const& options, std::function<Result<void>()> const& read);

}  // namespace undrop
