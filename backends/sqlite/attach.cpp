// A handle that the program has already.
#include <sqlite3.h>

#include <undrop/sqlite.hpp>

#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/open.hpp"
#include "try.hpp"

namespace undrop::sqlite {

Result<std::unique_ptr<Backend>> attach_backend(sqlite3* handle) {
    if (handle == nullptr)
        return Error{.code = Code::usage, .message = "there is no handle", .next = {.command = {}, .advice = "open the database first"}};
    if (sqlite3_get_autocommit(handle) == 0)
        return Error{.code = Code::usage,
                     .message = "a transaction is open on the handle",
                     .next = {.command = {}, .advice = "commit it or roll it back first"}};
    char const* file = sqlite3_db_filename(handle, "main");
    std::string name = file == nullptr || *file == '\0' ? ":memory:" : file;
    auto backend = std::make_unique<SqliteBackend>(handle, Connection::Ownership::borrowed, std::move(name));
    UNDROP_CHECK(backend->prepare());
    return std::unique_ptr<Backend>(std::move(backend));
}

Result<Target> attach(sqlite3* handle) {
    UNDROP_TRY(auto backend, attach_backend(handle));
    return Target(std::move(backend));
}

}  // namespace undrop::sqlite
