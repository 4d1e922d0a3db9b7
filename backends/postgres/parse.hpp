// libpg_query, PostgreSQL's own parser. It only helps to foresee: text that it does not know (a newer server's syntax) is no error.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "dialect.hpp"

namespace undrop::postgres {

struct Node {
    std::string type;  // "DropStmt"
    nlohmann::json body;
};

// The parse tree of one statement; nothing where it cannot be parsed, or is too long to be worth it.
[[nodiscard]] std::optional<Node> parse(Statement const& statement);

// Member access that never throws on a missing member.
[[nodiscard]] std::string text_at(nlohmann::json const& node, char const* member);
[[nodiscard]] bool flag_at(nlohmann::json const& node, char const* member);
[[nodiscard]] nlohmann::json const& at(nlohmann::json const& node, char const* member);

}  // namespace undrop::postgres
