#include "copied_columns.hpp"

#include <algorithm>
#include <array>

#include "sql_tokens.hpp"

namespace undrop {
namespace {

using Tokens = std::vector<Token>;

bool has(Tokens const& all, char const* word) {
    return std::any_of(all.begin(), all.end(), [&](Token const& t) { return t.is(word); });
}

Tokens words_of(Statement const& statement) {
    auto all = tokens(statement.text);
    while (!all.empty() && all.back().is(";")) all.pop_back();
    return all;
}

bool writes_rows(Tokens const& all) {
    constexpr std::array words{"insert", "update", "delete", "replace", "merge",   "truncate",
                               "with",   "select", "do",     "call",    "execute", "copy"};
    return !all.empty() && std::any_of(words.begin(), words.end(), [&](char const* word) { return all.front().is(word); });
}

// Where a name with its schemas that begins here ends; `at` itself, where there is none.
std::size_t past_name(Tokens const& all, std::size_t at) {
    if (at >= all.size() || !all[at].is_name()) return at;
    while (at + 2 < all.size() && all[at + 1].is(".") && all[at + 2].is_name()) at += 2;
    return at + 1;
}

// From `at` on, as far as the commas and the word are outside of parentheses.
std::vector<Tokens> items(Tokens const& all, std::size_t& at, char const* end) {
    std::vector<Tokens> found(1);
    for (int depth = 0; at < all.size() && (depth > 0 || !all[at].is(end)); ++at) {
        depth += all[at].is("(") ? 1 : all[at].is(")") ? -1 : 0;
        if (depth == 0 && all[at].is(","))
            found.emplace_back();
        else
            found.back().push_back(all[at]);
    }
    return found;
}

// The column that an item of a SELECT is, whatever type it is given and whatever it is called; empty: it is computed.
std::string column_of(Tokens item) {
    if (item.size() > 3 && item[0].is("cast") && item[1].is("(")) {
        auto const as = std::find_if(item.begin(), item.end(), [](Token const& t) { return t.is("as"); });
        item = Tokens(item.begin() + 2, as);
    }
    auto const end = past_name(item, 0);
    if (end == 0) return {};
    auto const rest = Tokens(item.begin() + static_cast<std::ptrdiff_t>(end), item.end());
    auto const is_cast = rest.size() > 2 && rest[0].is(":") && rest[1].is(":") && !has(rest, "(");
    auto const is_called = rest.size() == 1 ? rest[0].is_name() : rest.size() == 2 && rest[0].is("as") && rest[1].is_name();
    return rest.empty() || is_cast || is_called ? lowered(item[end - 1].text) : std::string{};
}

// ALTER TABLE this RENAME TO the table's name.
bool is_renamed_to(std::vector<Statement> const& statements, std::string const& name, Table const& now) {
    return std::any_of(statements.begin(), statements.end(), [&](Statement const& statement) {
        auto const all = words_of(statement);
        return all.size() > 5 && all[0].is("alter") && all[1].is("table") && all[all.size() - 3].is("rename") &&
               all[all.size() - 2].is("to") && same(all.back(), now.name) && same(all[all.size() - 4], name);
    });
}

std::optional<CopiedColumns> read(Tokens const& all, std::size_t at, Table const& now) {
    std::vector<std::string> names;
    if (at < all.size() && all[at].is("(")) {
        for (auto const& item : items(all, ++at, ")"))
            if (item.size() == 1) names.push_back(lowered(item[0].text));
        ++at;
    } else {
        for (auto const& column : now.columns)
            if (!column.generated) names.push_back(lowered(column.name));
    }
    if (at < all.size() && all[at].is("overriding")) at += 3;
    if (at >= all.size() || !all[at].is("select")) return std::nullopt;
    if (at + 1 < all.size() && (all[at + 1].is("distinct") || all[at + 1].is("all"))) ++at;
    auto const selected = items(all, ++at, "from");
    auto const is_all = [](Tokens const& item) { return !item.empty() && item.back().is("*"); };
    if (selected.size() != names.size() || at >= all.size() || std::any_of(selected.begin(), selected.end(), is_all)) return std::nullopt;
    CopiedColumns copied;
    for (std::size_t i = 0; i < names.size(); ++i) {
        copied.given.insert(names[i]);
        if (column_of(selected[i]) == names[i]) copied.same.insert(names[i]);
    }
    auto const end = past_name(all, at + 1);
    constexpr std::array reorder{"order", "group", "limit", "over", "union", "distinct"};
    copied.row_by_row = (end >= all.size() || all[end].is("where")) &&
                        std::none_of(reorder.begin(), reorder.end(), [&](char const* word) { return has(all, word); });
    return copied;
}

}  // namespace

std::optional<CopiedColumns> copied_columns(std::vector<Statement> const& statements, Table const& now) {
    std::optional<CopiedColumns> found;
    auto any = false;
    auto writes = 0;
    for (auto const& statement : statements) {
        auto const all = words_of(statement);
        if (writes_rows(all)) ++writes;
        auto const into = std::find_if(all.begin(), all.end(), [](Token const& t) { return t.is("into"); });
        if (all.empty() || !all[0].is("insert") || into == all.end() || !has(all, "select")) continue;
        auto const target = static_cast<std::size_t>(into - all.begin()) + 1;
        auto const end = past_name(all, target);
        if (end == target || (!same(all[end - 1], now.name) && !is_renamed_to(statements, all[end - 1].text, now))) continue;
        if (any) return std::nullopt;
        any = true;
        found = read(all, end, now);
    }
    if (found && writes > 1) found->row_by_row = false;
    return found;
}

}  // namespace undrop
