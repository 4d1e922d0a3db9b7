// Fitting: how many rows a constraint or a unique index would not take, as a query that only reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backend.hpp"
#include "connection.hpp"

namespace undrop::postgres {

// Of the rows of a FROM item; `make` is the recorded text. Nothing where only making it would tell: an exclusion, an operator class of its
// own. 0 for what is NOT VALID, which old rows need not fulfil.
[[nodiscard]] Result<std::optional<std::int64_t>> rows_not_fitting(Connection& connection, std::string const& rows,
                                                                   std::string const& make);

}  // namespace undrop::postgres
