// SQLite's words: tokens of a statement, names and literals. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace undrop::sqlite {

struct Token {
    enum class Kind { word, quoted, string, other };  // quoted: "a", [a], `a`; other: one character, or a number
    Kind kind = Kind::other;
    std::string text;  // a word as written; what is quoted without its quotes
    std::size_t begin = 0;
    std::size_t end = 0;

    [[nodiscard]] bool is(std::string_view keyword) const;  // a plain word, in any case
    [[nodiscard]] bool is_name() const { return kind != Kind::other; }
};

// Without blanks and comments. What is left open at the end is a token like any other.
[[nodiscard]] std::vector<Token> tokens(std::string_view sql);

// The length of the text from its beginning up to the end of the last token: what follows is blanks and comments.
[[nodiscard]] std::size_t code_length(std::string_view sql);

// A stored definition as a statement that ends in a semicolon, which a comment at the end must not swallow.
[[nodiscard]] std::string statement_of(std::string const& sql);

// Names are equal to SQLite in any case of the ASCII letters.
[[nodiscard]] std::string lower(std::string_view name);
[[nodiscard]] bool same_name(std::string_view a, std::string_view b);

[[nodiscard]] std::string quote(std::string_view name);
[[nodiscard]] std::string literal(std::string_view text);
[[nodiscard]] std::string main_table(std::string_view name);  // main."t": a temporary table of the same name does not hide it

}  // namespace undrop::sqlite
