// Opens a PostgreSQL database by its URL. Sends nothing but what libpq itself does to connect.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <undrop/result.hpp>

namespace undrop {
class Backend;
}

struct pg_conn;

namespace undrop::postgres {

// Anything that libpq takes, and parameters of other tools (?schema=, ?pgbouncer= ...), which are left out.
// Code::usage for a URL that is none; Code::failed for a server that cannot be reached. No message holds the password.
[[nodiscard]] Result<std::unique_ptr<Backend>> open_backend(std::string_view url);

// The URL without the parameters that libpq does not know.
[[nodiscard]] std::string without_foreign_parameters(std::string_view url);

using Parameters = std::map<std::string, std::string>;  // of libpq, by keyword

// What a connection was made with; the password, too.
[[nodiscard]] Parameters parameters_of(pg_conn* connection);

// A connection; may have failed (PQstatus), null without memory. The caller's to close.
[[nodiscard]] pg_conn* connect(Parameters const& parameters);
// Another connection to where this one is, by the same user.
[[nodiscard]] pg_conn* connect_like(pg_conn* handle);

}  // namespace undrop::postgres
