#include "sqlite/unique_rules.hpp"

#include "sqlite/tokens.hpp"

namespace undrop::sqlite {
namespace {

bool is(Token const& token, char const* text) { return token.kind == Token::Kind::other && token.text == text; }

// The text between the opening parenthesis at `open` and its closing one, as the tokens of each part between commas; `open` is then the
// closing one's place.
std::vector<std::vector<Token>> parts_of(std::vector<Token> const& words, std::size_t& open) {
    std::vector<std::vector<Token>> parts(1);
    int depth = 0;
    for (; open < words.size(); ++open) {
        auto const& word = words[open];
        if (is(word, ")") && --depth == 0) break;
        if (depth == 1 && is(word, ","))
            parts.emplace_back();
        else if (depth > 0)
            parts.back().push_back(word);
        if (is(word, "(")) ++depth;
    }
    return parts;
}

std::string text_of(std::string const& sql, std::vector<Token> const& words) {
    return words.empty() ? std::string{} : sql.substr(words.front().begin, words.back().end - words.front().begin);
}

}  // namespace

IndexText read_index(std::string const& create_index) {
    auto const words = tokens(create_index);
    std::size_t at = 0;
    while (at < words.size() && !words[at].is("ON")) ++at;
    at += 2;
    IndexText found;
    for (auto& part : parts_of(words, at)) {
        if (!part.empty() && (part.back().is("ASC") || part.back().is("DESC"))) part.pop_back();
        found.parts.push_back(text_of(create_index, part));
    }
    if (at + 1 < words.size() && words[at + 1].is("WHERE"))
        found.condition = text_of(create_index, {words.begin() + static_cast<std::ptrdiff_t>(at) + 2, words.end()});
    return found;
}

std::string computed_by(std::string const& create_table, std::string const& column) {
    auto const words = tokens(create_table);
    std::size_t at = 0;
    while (at < words.size() && !is(words[at], "(")) ++at;
    for (auto const& part : parts_of(words, at)) {
        if (part.empty() || !part.front().is_name() || !same_name(part.front().text, column)) continue;
        int depth = 0;
        for (std::size_t i = 1; i + 1 < part.size(); ++i) {
            if (is(part[i], "(")) ++depth;
            if (is(part[i], ")")) --depth;
            if (depth > 0 || !part[i].is("AS") || !is(part[i + 1], "(")) continue;
            auto end = i + 1;
            static_cast<void>(parts_of(part, end));
            if (end == part.size()) return {};
            return create_table.substr(part[i + 1].end, part[end].begin - part[i + 1].end);
        }
    }
    return {};
}

}  // namespace undrop::sqlite
