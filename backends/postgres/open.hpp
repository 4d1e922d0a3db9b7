// Opens a PostgreSQL database by its URL. Sends nothing but what libpq itself does to connect.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <undrop/result.hpp>

namespace undrop {
class Backend;
}

namespace undrop::postgres {

// Anything that libpq takes, and parameters of other tools (?schema=, ?pgbouncer= ...), which are left out.
// Code::usage for a URL that is none; Code::failed for a server that cannot be reached. No message holds the password.
[[nodiscard]] Result<std::unique_ptr<Backend>> open_backend(std::string_view url);

// The URL without the parameters that libpq does not know.
[[nodiscard]] std::string without_foreign_parameters(std::string_view url);

}  // namespace undrop::postgres
