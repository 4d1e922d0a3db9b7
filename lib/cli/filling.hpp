// A bar for a sandbox that is being filled: only on a terminal.
#pragma once

#include <functional>

#include <undrop/rehearse.hpp>

#include "settings.hpp"

namespace undrop::cli {

// Nothing, where nobody would see it.
[[nodiscard]] std::function<void(Filling const&)> show_filling(Flags const& flags);

}  // namespace undrop::cli
