// SociSession: SOCI over a PGconn that is already there, for undrop's own parameterised statements.
//
// SOCI's PostgreSQL backend opens its own connection and rewrites `:word` in the SQL. This one borrows, and sends the text as it is, with
// $1, $2 ...; it exchanges texts by position and nothing else. Opening it sends nothing.
#pragma once

#include <memory>
#include <span>
#include <string>

#include <undrop/result.hpp>

#include "backend.hpp"

namespace undrop::postgres {

class Connection;

class SociSession {
public:
    explicit SociSession(Connection& connection);
    ~SociSession();
    SociSession(SociSession const&) = delete;
    SociSession& operator=(SociSession const&) = delete;

    // One statement; its rows, `columns` wide.
    [[nodiscard]] Result<Rows> query(std::string const& sql, std::span<Cell const> parameters, int columns);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace undrop::postgres
