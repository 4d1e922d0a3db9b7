#include "sqlite/errors.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <utility>

namespace undrop::sqlite {
namespace {

constexpr std::array<std::pair<int, char const*>, 28> names{{
    {SQLITE_OK, "SQLITE_OK"},
    {SQLITE_ERROR, "SQLITE_ERROR"},
    {SQLITE_INTERNAL, "SQLITE_INTERNAL"},
    {SQLITE_PERM, "SQLITE_PERM"},
    {SQLITE_ABORT, "SQLITE_ABORT"},
    {SQLITE_BUSY, "SQLITE_BUSY"},
    {SQLITE_LOCKED, "SQLITE_LOCKED"},
    {SQLITE_NOMEM, "SQLITE_NOMEM"},
    {SQLITE_READONLY, "SQLITE_READONLY"},
    {SQLITE_INTERRUPT, "SQLITE_INTERRUPT"},
    {SQLITE_IOERR, "SQLITE_IOERR"},
    {SQLITE_CORRUPT, "SQLITE_CORRUPT"},
    {SQLITE_NOTFOUND, "SQLITE_NOTFOUND"},
    {SQLITE_FULL, "SQLITE_FULL"},
    {SQLITE_CANTOPEN, "SQLITE_CANTOPEN"},
    {SQLITE_PROTOCOL, "SQLITE_PROTOCOL"},
    {SQLITE_EMPTY, "SQLITE_EMPTY"},
    {SQLITE_SCHEMA, "SQLITE_SCHEMA"},
    {SQLITE_TOOBIG, "SQLITE_TOOBIG"},
    {SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT"},
    {SQLITE_MISMATCH, "SQLITE_MISMATCH"},
    {SQLITE_MISUSE, "SQLITE_MISUSE"},
    {SQLITE_NOLFS, "SQLITE_NOLFS"},
    {SQLITE_AUTH, "SQLITE_AUTH"},
    {SQLITE_FORMAT, "SQLITE_FORMAT"},
    {SQLITE_RANGE, "SQLITE_RANGE"},
    {SQLITE_NOTADB, "SQLITE_NOTADB"},
    {SQLITE_WARNING, "SQLITE_WARNING"},
}};

Code code_of(int result) {
    switch (result & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return Code::busy;
        case SQLITE_INTERRUPT:
            return Code::interrupted;
        case SQLITE_READONLY:
        case SQLITE_NOTADB:
            return Code::refused;
        default:
            return Code::failed;
    }
}

// Where the trouble is the machine's and not the script's.
std::string advice_of(int result) {
    switch (result) {
        case SQLITE_FULL:
            return "make room on the disk, then do it again";
        case SQLITE_NOMEM:
            return "free some memory, then do it again";
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
            return "look after the disk and the rights on the file and its directory, then do it again: what was not committed is taken "
                   "back";
        default:
            return {};
    }
}

}  // namespace

char const* name_of_result(int result) {
    for (auto const& [code, name] : names)
        if (code == (result & 0xff)) return name;
    return "SQLITE_ERROR";
}

Error error_of(int result, std::string const& words) {
    Error error{.code = code_of(result), .message = words, .native = fmt::format("{}: {}", name_of_result(result), words)};
    error.next.advice = advice_of(result & 0xff);
    if (error.code == Code::busy) {
        error.message = "another connection holds the lock on the database: " + words;
        error.next.advice = "try again when it has finished";
    }
    return error;
}

Error error_of(sqlite3* handle) { return error_of(sqlite3_extended_errcode(handle), sqlite3_errmsg(handle)); }

Error refused(std::string message, std::string advice) {
    return Error{.code = Code::refused, .message = std::move(message), .next = {.command = {}, .advice = std::move(advice)}};
}

}  // namespace undrop::sqlite
