// Does the server take writes from this session? A standby does not, nor does one that its owner has made read-only.
#pragma once

#include <undrop/result.hpp>

#include "connection.hpp"

namespace undrop::postgres {

// Code::refused, with what to connect to instead, where it does not. Outside of a transaction.
[[nodiscard]] Result<void> prove_writable(Connection& connection);

// A standby may lag behind what the primary has committed. An error if it cannot be asked.
[[nodiscard]] Result<bool> is_standby(Connection& connection);

}  // namespace undrop::postgres
