// SQL functions that undrop's own statements use; registered on the handle for as long as the backend lives.
#pragma once

#include <undrop/result.hpp>

struct sqlite3;

namespace undrop::sqlite {

inline constexpr char const* digest_function = "undrop_sha256";  // of a text, in hexadecimal; NULL of NULL

[[nodiscard]] Result<void> register_functions(sqlite3* handle);
void unregister_functions(sqlite3* handle);

}  // namespace undrop::sqlite
