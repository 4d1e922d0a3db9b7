#include "script_writes.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "sql_tokens.hpp"

namespace undrop {
namespace {

constexpr std::array defining{"alter", "drop",  "create", "comment", "grant",   "revoke",
                              "set",   "reset", "pragma", "lock",    "analyze", "truncate"};

std::ptrdiff_t count(std::vector<Token> const& all, char const* word) {
    return std::count_if(all.begin(), all.end(), [&](Token const& t) { return t.is(word); });
}

// FROM as a clause of the statement: in parentheses, without a SELECT, it is part of a function's own grammar.
std::vector<std::size_t> clauses(std::vector<Token> const& all) {
    std::vector<std::size_t> found;
    int depth = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        depth += all[i].is("(") ? 1 : all[i].is(")") ? -1 : 0;
        if (depth == 0 && all[i].is("from") && i > 0 && !all[i - 1].is("distinct")) found.push_back(i);
    }
    return found;
}

// INSERT ... SELECT ... FROM one table, row by row, as a rebuild has it.
bool copies_rows(std::vector<Token> const& all) {
    auto const from = clauses(all);
    if (count(all, "select") != 1 || from.size() != 1 || count(all, "group") > 0 || count(all, "over") > 0) return false;
    auto const end = past_name(all, from.front() + 1);
    return end >= all.size() || all[end].is("where") || all[end].is("order") || all[end].is("on");
}

RowWrite write_of(std::vector<Token> const& all, std::size_t target, bool row_alone) {
    RowWrite write;
    if (auto const end = past_name(all, target); end > target) write.target = lowered(all[end - 1].text);
    for (std::size_t i = 0; i < all.size(); ++i) {
        write.all_columns = write.all_columns || all[i].is("*");
        if (!all[i].is_name()) continue;
        write.names.insert(lowered(all[i].text));
        if (i + 1 < all.size() && all[i + 1].is("(")) write.calls.insert(lowered(all[i].text));
    }
    write.row_alone = row_alone;
    return write;
}

// False: it is not known what it does. Rows that go, or are given as values, are read from nowhere.
bool read_statement(std::vector<Token> const& all, std::vector<RowWrite>& writes) {
    auto const& first = all.front();
    if (std::any_of(defining.begin(), defining.end(), [&](char const* word) { return first.is(word); })) return true;
    auto const alone = count(all, "select") == 0 && clauses(all).empty();
    if (first.is("delete")) return count(all, "select") == 0 && count(all, "using") == 0;
    if (first.is("update")) {
        std::size_t target = 1;
        while (target < all.size() &&
               (all[target].is("only") || all[target].is("or") || all[target].is("ignore") || all[target].is("replace")))
            ++target;
        writes.push_back(write_of(all, target, alone));
        return true;
    }
    auto const into = std::find_if(all.begin(), all.end(), [](Token const& t) { return t.is("into"); });
    if (!first.is("insert") || into == all.end()) return false;
    if (count(all, "select") > 0) writes.push_back(write_of(all, static_cast<std::size_t>(into - all.begin()) + 1, copies_rows(all)));
    return true;
}

}  // namespace

bool ScriptWrites::all_row_alone() const {
    return known && !writes.empty() && std::all_of(writes.begin(), writes.end(), [](RowWrite const& w) { return w.row_alone; });
}

ScriptWrites script_writes(std::vector<Statement> const& statements) {
    ScriptWrites found;
    for (auto const& statement : statements) {
        auto const all = tokens(statement.text);
        found.known = found.known && (all.empty() || read_statement(all, found.writes));
    }
    return found;
}

}  // namespace undrop
