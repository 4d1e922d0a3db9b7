// Long chains of operators as SQL that no parser finds too deep: SQLite takes a chain of 1,000 for a tree of that depth, and refuses it
// (https://www.sqlite.org/limits.html, SQLITE_MAX_EXPR_DEPTH), while a table has up to 2,000 columns.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace undrop {

// `terms` with `op`, an associative operator with its spaces, between them.
[[nodiscard]] inline std::string balanced(std::span<std::string const> terms, std::string_view op) {
    constexpr std::size_t flat = 50;
    std::string text;
    if (terms.size() <= flat) {
        for (auto const& term : terms) text.append(text.empty() ? "" : op).append(term);
        return text;
    }
    auto const half = terms.size() / 2;
    return text.append("(")
               .append(balanced(terms.first(half), op))
               .append(")")
               .append(op)
               .append("(")
               .append(balanced(terms.subspan(half), op)) +
           ")";
}

}  // namespace undrop
