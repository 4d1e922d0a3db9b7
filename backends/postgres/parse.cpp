#include "parse.hpp"

#include <pg_query.h>

namespace undrop::postgres {

namespace {

// A tree takes a hundred times its text; what is longer than this is a list of values.
constexpr std::size_t longest = 256 * 1024;

}  // namespace

std::optional<Node> parse(Statement const& statement) {
    if (statement.text.size() > longest) return {};
    auto const result = pg_query_parse(statement.text.c_str());
    std::optional<Node> node;
    if (!result.error) {
        auto const tree = nlohmann::json::parse(result.parse_tree, nullptr, false);
        auto const& statements = at(tree, "stmts");
        if (statements.size() == 1) {
            auto const& inner = at(statements[0], "stmt");
            if (inner.is_object() && inner.size() == 1) node = Node{inner.begin().key(), inner.begin().value()};
        }
    }
    pg_query_free_parse_result(result);
    return node;
}

nlohmann::json const& at(nlohmann::json const& node, char const* member) {
    static nlohmann::json const nothing;
    if (!node.is_object()) return nothing;
    auto const found = node.find(member);
    return found == node.end() ? nothing : *found;
}

std::string text_at(nlohmann::json const& node, char const* member) {
    auto const& found = at(node, member);
    return found.is_string() ? found.get<std::string>() : std::string();
}

bool flag_at(nlohmann::json const& node, char const* member) {
    auto const& found = at(node, member);
    return found.is_boolean() && found.get<bool>();
}

}  // namespace undrop::postgres
