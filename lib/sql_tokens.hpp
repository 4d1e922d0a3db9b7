// The words and signs of a statement, for rules that look at its text alone. Pure; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace undrop {

struct Token {
    std::string text;  // a plain word in lower case, what is quoted without its quotes, or one character; of a string only '
    bool plain = false;
    bool quoted = false;
    [[nodiscard]] bool is(char const* word) const { return !quoted && text == word; }
    [[nodiscard]] bool is_name() const { return plain || quoted; }
};

[[nodiscard]] std::string lowered(std::string text);
// As a whole word anywhere in the text, in strings and comments, too; whatever its case.
[[nodiscard]] bool names_word(std::string const& text, std::string const& name);

// Without blanks and comments.
[[nodiscard]] std::vector<Token> tokens(std::string const& sql);

// Does a name that a script wrote mean this one? Whatever its case.
[[nodiscard]] bool same(Token const& token, std::string const& name);

// Where a name with its schemas that begins here ends, as an index into `all`; `at` itself, where there is none.
[[nodiscard]] std::size_t past_name(std::vector<Token> const& all, std::size_t at);

using Tokens = std::vector<Token>;

[[nodiscard]] bool has(Tokens const& all, char const* word);
template <std::size_t N>
[[nodiscard]] bool is_one_of(Token const& token, std::array<char const*, N> const& words) {
    return std::any_of(words.begin(), words.end(), [&](char const* word) { return token.is(word); });
}
// Behind those of these words that stand here, in this order.
[[nodiscard]] std::size_t past(Tokens const& all, std::size_t at, std::initializer_list<char const*> words);
// Behind the parenthesis that closes the one here.
[[nodiscard]] std::size_t past_parentheses(Tokens const& all, std::size_t at);
[[nodiscard]] Tokens part(Tokens const& all, std::size_t begin, std::size_t end);
// What stands between commas that are in no parentheses.
[[nodiscard]] std::vector<Tokens> items(Tokens const& all);
// The first place from `at` on where one of these words is outside of parentheses.
template <std::size_t N>
[[nodiscard]] std::size_t find_outside(Tokens const& all, std::size_t at, std::array<char const*, N> const& words) {
    for (int depth = 0; at < all.size(); ++at) {
        if (depth == 0 && is_one_of(all[at], words)) break;
        depth += all[at].is("(") ? 1 : all[at].is(")") ? -1 : 0;
    }
    return at;
}

}  // namespace undrop
