#include "calls.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace undrop::postgres {
namespace {

constexpr std::string_view refers = "REFERENCES ";

bool is_part(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '"' || c == '$' || c == '.'; }

}  // namespace

bool calls_users_function(std::string const& definition) {
    constexpr std::array verbs = {"ALTER TABLE ", "ALTER DOMAIN ", "CREATE INDEX ", "CREATE UNIQUE INDEX "};
    std::string_view const sql = definition;
    if (std::none_of(verbs.begin(), verbs.end(), [&](char const* verb) { return sql.starts_with(verb); })) return false;
    for (auto at = sql.find('('); at != std::string_view::npos; at = sql.find('(', at + 1)) {
        auto start = at;
        while (start > 0 && is_part(sql[start - 1])) --start;
        auto const name = sql.substr(start, at - start);
        auto const dot = name.find('.');
        if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) continue;
        if (!sql.substr(0, start).ends_with(refers)) return true;
    }
    return false;
}

}  // namespace undrop::postgres
