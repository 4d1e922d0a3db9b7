// The words and signs of a statement, for rules that look at its text alone. Pure; any thread.
#pragma once

#include <cstddef>
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

}  // namespace undrop
