#include "sqlite/functions.hpp"

#include <sqlite3.h>

#include <exception>

#include "digest.hpp"
#include "sqlite/errors.hpp"

namespace undrop::sqlite {
namespace {

void sha256(sqlite3_context* context, int, sqlite3_value** values) {
    if (sqlite3_value_type(values[0]) == SQLITE_NULL) return;
    auto const* bytes = static_cast<char const*>(static_cast<void const*>(sqlite3_value_text(values[0])));
    auto const size = static_cast<std::size_t>(sqlite3_value_bytes(values[0]));
    if (bytes == nullptr) return sqlite3_result_error_nomem(context);
    try {
        auto const hex = sha256_hex({bytes, size});
        sqlite3_result_text(context, hex.data(), static_cast<int>(hex.size()), SQLITE_TRANSIENT);
    } catch (std::exception const& e) {
        sqlite3_result_error(context, e.what(), -1);
    }
}

}  // namespace

Result<void> register_functions(sqlite3* handle) {
    auto const flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    if (sqlite3_create_function_v2(handle, digest_function, 1, flags, nullptr, sha256, nullptr, nullptr, nullptr) != SQLITE_OK)
        return error_of(handle);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

void unregister_functions(sqlite3* handle) {
    sqlite3_create_function_v2(handle, digest_function, 1, SQLITE_UTF8, nullptr, nullptr, nullptr, nullptr, nullptr);
}

}  // namespace undrop::sqlite
