#include "calls.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace undrop::postgres {
namespace {

constexpr std::string_view refers = "REFERENCES ";

bool is_part(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '"' || c == '$' || c == '.'; }

// Is there any `schema.name(` for which `is_meant(schema, what stands before it)`?
template <class Meant>
bool any_call(std::string_view sql, Meant is_meant) {
    for (auto at = sql.find('('); at != std::string_view::npos; at = sql.find('(', at + 1)) {
        auto start = at;
        while (start > 0 && is_part(sql[start - 1])) --start;
        auto const name = sql.substr(start, at - start);
        auto const dot = name.find('.');
        if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) continue;
        if (is_meant(name.substr(0, dot), sql.substr(0, start))) return true;
    }
    return false;
}

}  // namespace

bool calls_users_function(std::string const& definition) {
    constexpr std::array verbs = {"ALTER TABLE ", "ALTER DOMAIN ", "CREATE INDEX ", "CREATE UNIQUE INDEX "};
    std::string_view const sql = definition;
    if (std::none_of(verbs.begin(), verbs.end(), [&](char const* verb) { return sql.starts_with(verb); })) return false;
    return any_call(sql, [](std::string_view, std::string_view before) { return !before.ends_with(refers); });
}

bool evaluates_users_function(std::string const& sql) {
    return any_call(sql, [](std::string_view schema, std::string_view) { return schema != "pg_catalog"; });
}

}  // namespace undrop::postgres
