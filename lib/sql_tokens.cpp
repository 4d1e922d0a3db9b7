#include "sql_tokens.hpp"

#include <algorithm>
#include <cctype>

namespace undrop {
namespace {

char lowered(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }
bool of_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || (static_cast<unsigned char>(c) & 0x80U);
}

// Where a comment that begins here ends; `at` itself where none does.
std::size_t past_comment(std::string const& sql, std::size_t at) {
    auto end = at;
    if (sql.compare(at, 2, "--") == 0) end = sql.find('\n', at);
    if (sql.compare(at, 2, "/*") == 0) end = sql.find("*/", at) == std::string::npos ? std::string::npos : sql.find("*/", at) + 2;
    return std::min(end, sql.size());
}

}  // namespace

std::string lowered(std::string text) {
    for (auto& c : text) c = lowered(c);
    return text;
}

bool names_word(std::string const& text, std::string const& name) {
    auto const same_letter = [](char a, char b) { return lowered(a) == lowered(b); };
    for (auto at = text.begin();; ++at) {
        at = std::search(at, text.end(), name.begin(), name.end(), same_letter);
        if (at == text.end()) return false;
        auto const end = at + static_cast<std::ptrdiff_t>(name.size());
        if ((at == text.begin() || !of_word(*(at - 1))) && (end == text.end() || !of_word(*end))) return true;
    }
}

std::vector<Token> tokens(std::string const& sql) {
    std::vector<Token> found;
    for (std::size_t at = 0; at < sql.size();) {
        auto const c = sql[at];
        if (auto const end = past_comment(sql, at); end != at) {
            at = end;
        } else if (std::isspace(static_cast<unsigned char>(c))) {
            ++at;
        } else if (c == '\'' || c == '"' || c == '`' || c == '[') {
            auto const close = c == '[' ? ']' : c;
            Token token{.quoted = true};
            for (++at; at < sql.size(); ++at) {
                if (sql[at] == close && (close == ']' || at + 1 >= sql.size() || sql[at + 1] != close)) break;
                if (sql[at] == close) ++at;
                token.text += sql[at];
            }
            ++at;
            if (c == '\'') token = {.text = "'"};
            found.push_back(std::move(token));
        } else if (of_word(c)) {
            Token token{.plain = true};
            for (; at < sql.size() && of_word(sql[at]); ++at) token.text += lowered(sql[at]);
            found.push_back(std::move(token));
        } else {
            found.push_back({.text = std::string(1, c)});
            ++at;
        }
    }
    return found;
}

bool same(Token const& token, std::string const& name) {
    return token.text.size() == name.size() &&
           std::equal(name.begin(), name.end(), token.text.begin(), [](char a, char b) { return lowered(a) == lowered(b); });
}

std::size_t past_name(std::vector<Token> const& all, std::size_t at) {
    if (at >= all.size() || !all[at].is_name()) return at;
    while (at + 2 < all.size() && all[at + 1].is(".") && all[at + 2].is_name()) at += 2;
    return at + 1;
}

bool has(Tokens const& all, char const* word) {
    return std::any_of(all.begin(), all.end(), [&](Token const& t) { return t.is(word); });
}

std::size_t past(Tokens const& all, std::size_t at, std::initializer_list<char const*> words) {
    for (auto const* word : words)
        if (at < all.size() && all[at].is(word)) ++at;
    return at;
}

std::size_t past_parentheses(Tokens const& all, std::size_t at) {
    int depth = 0;
    for (; at < all.size(); ++at) {
        depth += all[at].is("(") ? 1 : all[at].is(")") ? -1 : 0;
        if (depth == 0) return at + 1;
    }
    return at;
}

Tokens part(Tokens const& all, std::size_t begin, std::size_t end) {
    end = std::min(end, all.size());
    return begin < end ? Tokens(all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(end))
                       : Tokens{};
}

std::vector<Tokens> items(Tokens const& all) {
    std::vector<Tokens> found(1);
    int depth = 0;
    for (auto const& token : all) {
        depth += token.is("(") ? 1 : token.is(")") ? -1 : 0;
        if (depth == 0 && token.is(","))
            found.emplace_back();
        else
            found.back().push_back(token);
    }
    return found;
}

}  // namespace undrop
