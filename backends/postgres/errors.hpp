// Errors of libpq as undrop's own: SQLSTATE to Code, the server's words without any row's value (P8).
#pragma once

#include <string>
#include <string_view>

#include <undrop/result.hpp>

struct pg_conn;
struct pg_result;

namespace undrop::postgres {

// The error of a failed result; `connection` tells whether it was lost meanwhile. `result` may be null.
[[nodiscard]] Error error_of(pg_result const* result, pg_conn* connection);

// The SQLSTATE that `error_of` put in front of Error::native; empty if there is none.
[[nodiscard]] std::string_view sqlstate(Error const& error);

// The server's words in one line, as `error_of` writes them into Error::native; also for NOTICEs.
[[nodiscard]] std::string words_of(pg_result const* result);

// 1-based position in characters within the statement, or 0.
[[nodiscard]] int position_of(pg_result const* result);

// Code::refused: row level security stands between us and rows of these tables.
[[nodiscard]] Error hidden_rows(std::string const& tables);

// Trims blanks and line ends at both ends, and makes inner line ends "; ".
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace undrop::postgres
