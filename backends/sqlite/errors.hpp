// Errors of SQLite as undrop's own: result code to Code, and SQLite's words.
#pragma once

#include <string>

#include <undrop/result.hpp>

struct sqlite3;

namespace undrop::sqlite {

// The error that the handle reports now. SQLite's words name tables and columns, never a row's value.
[[nodiscard]] Error error_of(sqlite3* handle);
[[nodiscard]] Error error_of(int result, std::string const& words);

// "SQLITE_CONSTRAINT"; extended codes by their primary one.
[[nodiscard]] char const* name_of_result(int result);

[[nodiscard]] Error refused(std::string message, std::string advice = {});

}  // namespace undrop::sqlite
