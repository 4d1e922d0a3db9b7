#include "fitting.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <string_view>
#include <vector>

#include "orphans.hpp"
#include "parse.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

using nlohmann::json;

// Where the parenthesis at `from` is closed, as the server itself writes definitions; npos: it is not.
std::size_t closed_at(std::string_view text, std::size_t from) {
    int depth = 0;
    char quote = 0;
    for (auto i = from; i < text.size(); ++i) {
        auto const c = text[i];
        if (quote != 0)
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == '(')
            ++depth;
        else if (c == ')' && --depth == 0)
            return i;
    }
    return std::string_view::npos;
}

// What is between the parenthesis at `from` and its end, split where commas stand outside of others.
std::vector<std::string> listed(std::string_view text, std::size_t from, std::size_t until) {
    std::vector<std::string> items;
    int depth = 0;
    char quote = 0;
    auto begin = from + 1;
    for (auto i = begin; i <= until; ++i) {
        auto const c = text[i];
        if (quote != 0)
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == '(')
            ++depth;
        else if (c == ')' && i < until)
            --depth;
        else if ((c == ',' && depth == 0) || i == until) {
            auto item = text.substr(begin, i - begin);
            while (item.starts_with(' ')) item.remove_prefix(1);
            items.emplace_back(item);
            begin = i + 1;
        }
    }
    return items;
}

void cut(std::string& text, std::string_view end) {
    if (text.ends_with(end)) text.resize(text.size() - end.size());
}

// The constraint, and its kind as the parser calls it.
std::string kind_of(json const& body) {
    auto const& commands = at(body, "cmds");
    if (commands.size() != 1) return {};
    auto const& command = at(commands.at(0), "AlterTableCmd");
    if (text_at(command, "subtype") == "AT_SetNotNull") return "AT_SetNotNull";
    return text_at(at(at(command, "def"), "Constraint"), "contype");
}

bool has_operator_class(json const& body) {
    auto const& elements = at(body, "indexParams");
    return std::any_of(elements.begin(), elements.end(), [](json const& e) { return !at(at(e, "IndexElem"), "opclass").empty(); });
}

// Equal ones but one of each; NULLs are equal to nothing, unless it says so.
std::string twice(std::string const& rows, std::vector<std::string> columns, std::string const& rest, std::string const& condition) {
    for (auto& column : columns)
        for (auto const* order : {" NULLS LAST", " NULLS FIRST", " DESC", " ASC"}) cut(column, order);
    auto const all = fmt::format("{}", fmt::join(columns, ", "));
    auto where = condition.empty() ? std::string{"true"} : "(" + condition + ")";
    if (rest.find("NULLS NOT DISTINCT") == std::string::npos)
        for (auto const& column : columns) where += fmt::format(" and ({}) is not null", column);
    return fmt::format(
        "select coalesce(sum(d.c - 1), 0) from (select count(*) as c from {} as t where {} group by {} having count(*) > 1) as d", rows,
        where, all);
}

Result<std::optional<std::int64_t>> counted(Connection& connection, std::string const& query) {
    UNDROP_TRY(auto const found, connection.rows(query));
    return std::optional(static_cast<std::int64_t>(std::stoll(found.at(0).at(0).value_or("0"))));
}

}  // namespace

Result<std::optional<std::int64_t>> rows_not_fitting(Connection& connection, std::string const& rows, std::string const& make) {
    std::optional<std::int64_t> const none;
    auto const text = make.substr(0, make.find(";\n"));  // what follows says where its index is kept
    auto const node = parse({.text = text.substr(0, text.rfind(';')), .words = {}});
    if (!node) return none;
    auto const is_index = node->type == "IndexStmt";
    auto const kind = is_index ? std::string{} : kind_of(node->body);
    if (text.ends_with(" NOT VALID;")) return std::optional<std::int64_t>{0};
    if (kind == "CONSTR_FOREIGN") return orphans_of(connection, text);
    if (kind == "AT_SetNotNull") {
        auto const from = text.find(" ALTER COLUMN ") + std::string_view(" ALTER COLUMN ").size();
        auto const name = text.substr(from, text.rfind(" SET NOT NULL") - from);
        return counted(connection, fmt::format("select count(*) from {} as t where t.{} is null", rows, name));
    }
    auto const begins = [&](std::string_view word) {
        auto const found = text.find(word);
        return found == std::string::npos ? found : text.find('(', found + word.size());
    };
    // The name of what is made comes before, and may be anything.
    auto const open = is_index                   ? begins(" USING btree ")
                      : kind == "CONSTR_CHECK"   ? begins(" CHECK ")
                      : kind == "CONSTR_UNIQUE"  ? begins(" UNIQUE ")
                      : kind == "CONSTR_PRIMARY" ? begins(" PRIMARY KEY ")
                                                 : std::string::npos;
    auto const close = open == std::string::npos ? open : closed_at(text, open);
    if (close == std::string::npos || (is_index && (!flag_at(node->body, "unique") || has_operator_class(node->body)))) return none;
    if (kind == "CONSTR_CHECK")
        return counted(connection,
                       fmt::format("select count(*) from {} as t where not ({})", rows, text.substr(open + 1, close - open - 1)));
    auto const rest = text.substr(close + 1);
    std::string condition;
    if (auto const where = rest.find(" WHERE "); is_index && where != std::string::npos) {
        condition = rest.substr(where + std::string_view(" WHERE ").size());
        cut(condition, ";");
    }
    return counted(connection, twice(rows, listed(text, open, close), text.substr(0, open) + rest, condition));
}

}  // namespace undrop::postgres
