#include "sqlite/tokens.hpp"

#include <algorithm>

#include "sqlite/definition.hpp"

namespace undrop::sqlite {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }
bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::size_t skip_comment(std::string_view sql, std::size_t at) {
    auto const line = sql[at] == '-';
    auto const end = sql.find(line ? "\n" : "*/", at + 2);
    return end == std::string_view::npos ? sql.size() : end + (line ? 1 : 2);
}

std::size_t read_quoted(std::string_view sql, std::size_t at, std::string& text) {
    char const close = sql[at] == '[' ? ']' : sql[at];
    for (++at; at < sql.size(); ++at) {
        if (sql[at] == close) {
            if (close == ']' || at + 1 == sql.size() || sql[at + 1] != close) return at + 1;
            ++at;
        }
        text += sql[at];
    }
    return at;
}

// Calls `take` with each token and the place where it ends.
template <class Take>
void each_token(std::string_view sql, Take take) {
    std::size_t at = 0;
    while (at < sql.size()) {
        char const c = sql[at];
        auto const two = sql.substr(at, 2);
        if (is_space(c)) {
            ++at;
        } else if (two == "--" || two == "/*") {
            at = skip_comment(sql, at);
        } else if (c == '\'' || c == '"' || c == '`' || c == '[') {
            Token token{.kind = c == '\'' ? Token::Kind::string : Token::Kind::quoted, .text = {}};
            at = read_quoted(sql, at, token.text);
            take(std::move(token), at);
        } else {
            auto const begin = at++;
            if (is_word(c))
                while (at < sql.size() && is_word(sql[at])) ++at;
            auto const number = c >= '0' && c <= '9';
            take(Token{.kind = is_word(c) && !number ? Token::Kind::word : Token::Kind::other,
                       .text = std::string(sql.substr(begin, at - begin))},
                 at);
        }
    }
}

std::string doubled(std::string_view text, char quote) {
    std::string result(1, quote);
    for (char const c : text) {
        if (c == quote) result += quote;
        result += c;
    }
    return result + quote;
}

}  // namespace

bool Token::is(std::string_view keyword) const { return kind == Kind::word && same_name(text, keyword); }

std::vector<Token> tokens(std::string_view sql) {
    std::vector<Token> found;
    each_token(sql, [&](Token token, std::size_t) { found.push_back(std::move(token)); });
    return found;
}

std::size_t code_length(std::string_view sql) {
    std::size_t length = 0;
    each_token(sql, [&](Token const&, std::size_t end) { length = end; });
    return length;
}

std::string statement_of(std::string const& sql) {
    auto const rest = std::string_view(sql).substr(code_length(sql));
    auto const comment = rest.rfind("--");
    bool const open = comment != std::string_view::npos && rest.find('\n', comment) == std::string_view::npos;
    return sql + (open ? "\n;" : ";");
}

std::string without_not_null(std::string const& definition, std::string_view column) {
    struct Placed {
        Token token;
        std::size_t end;
        int depth;  // of the parentheses around it
    };
    std::vector<Placed> all;
    int depth = 0;
    auto const is_other = [](Token const& token, char const* text) { return token.kind == Token::Kind::other && token.text == text; };
    each_token(definition, [&](Token token, std::size_t end) {
        if (is_other(token, ")")) --depth;
        auto const opens = is_other(token, "(");
        all.push_back({std::move(token), end, depth});
        if (opens) ++depth;
    });
    auto const is = [&](std::size_t at, char const* word) { return at < all.size() && all[at].depth == 1 && all[at].token.is(word); };
    bool within = false;
    for (std::size_t i = 1; i < all.size(); ++i) {
        auto const& [before, end, level] = all[i - 1];
        if ((level == 0 && is_other(before, "(")) || (level == 1 && is_other(before, ",")))
            within = all[i].token.is_name() && same_name(all[i].token.text, column);
        if (!within || !is(i, "NOT") || !is(i + 1, "NULL")) continue;
        auto const first = i >= 2 && is(i - 2, "CONSTRAINT") ? i - 2 : i;
        auto const last = is(i + 2, "ON") && is(i + 3, "CONFLICT") && i + 4 < all.size() ? i + 4 : i + 1;
        auto const begin = all[first].end - all[first].token.text.size();
        return definition.substr(0, begin) + definition.substr(all[last].end);
    }
    return definition;
}

std::string lower(std::string_view name) {
    std::string result(name);
    std::transform(result.begin(), result.end(), result.begin(), [](char c) { return lower(c); });
    return result;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string quote(std::string_view name) { return doubled(name, '"'); }

// A literal ends at a NUL byte, so texts with one are put together.
std::string literal(std::string_view text) {
    auto const nul = text.find('\0');
    if (nul == std::string_view::npos) return doubled(text, '\'');
    return "(" + doubled(text.substr(0, nul), '\'') + " || char(0) || " + literal(text.substr(nul + 1)) + ")";
}

std::string main_table(std::string_view name) { return "main." + quote(name); }

}  // namespace undrop::sqlite
