// Which database: a real suite would have this in its fixtures. SHOP_TEST_DB=postgresql://... rehearses on that server.
#pragma once

#include <cstdlib>
#include <string>

inline std::string test_database() {
    char const* url = std::getenv("SHOP_TEST_DB");
    return url ? url : "sqlite::memory:";
}

inline std::string migrations() {
    char const* directory = std::getenv("SHOP_MIGRATIONS");
    return directory ? directory : "migrations";
}
