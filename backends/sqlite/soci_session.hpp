// SociSession: SOCI over a handle that is open already, for undrop's own parameterised statements. soci.h is included in its source alone.
#pragma once

#include <memory>
#include <span>
#include <string>

#include <undrop/result.hpp>

#include "../../lib/backend.hpp"

struct sqlite3;
namespace soci {
class session;
}

namespace undrop::sqlite {

class SociSession {
public:
    explicit SociSession(sqlite3* handle);
    ~SociSession();
    SociSession(SociSession const&) = delete;
    SociSession& operator=(SociSession const&) = delete;

    // One statement with $1, $2 ...; `columns` wide. No exception leaves it.
    [[nodiscard]] Result<Rows> query(std::string const& sql, std::span<Cell const> parameters, int columns);

private:
    struct Impl;
    sqlite3* handle_;
    std::unique_ptr<Impl> impl_;
};

// The handle inside a session of SOCI's SQLite backend; null for a session on another database.
[[nodiscard]] sqlite3* handle_of(soci::session& session);

}  // namespace undrop::sqlite
