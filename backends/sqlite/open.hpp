// SQLite databases by URL: sqlite:PATH[?create=1&foreign_keys=on|off], sqlite:///ABSOLUTE, sqlite::memory:. Percent signs are decoded.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <undrop/result.hpp>

#include "../../lib/backend.hpp"

struct sqlite3;

namespace undrop::sqlite {

struct Location {
    std::string path;  // ":memory:" for a database in memory
    bool create = false;
    bool foreign_keys = true;
};

// Code::usage for a URL that is none. Parameters of other tools are left out.
[[nodiscard]] Result<Location> parse_url(std::string_view url);

// Code::refused for a file that is missing, or is no database; both are left as they are.
[[nodiscard]] Result<std::unique_ptr<Backend>> open_backend(std::string_view url);

// Over the caller's handle.
[[nodiscard]] Result<std::unique_ptr<Backend>> attach_backend(sqlite3* handle);

}  // namespace undrop::sqlite
