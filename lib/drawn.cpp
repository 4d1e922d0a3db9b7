#include "drawn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace undrop {
namespace {

struct Token {
    std::string text;  // a plain word in lower case, what is quoted without its quotes, or one character
    bool plain = false;
    bool quoted = false;
    [[nodiscard]] bool is(char const* word) const { return !quoted && text == word; }
    [[nodiscard]] bool is_name() const { return plain || quoted; }
};

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

class Insert {
public:
    // `at`: behind INTO.
    Insert(std::vector<Token> const& all, std::size_t at) : all_(all), at_(at) {
        while (token(at_).is_name() && token(at_ + 1).is(".")) at_ += 2;
        table_ = token(at_++);
        if (token(at_).is("as")) at_ += 2;
        if (!token(at_).is("(") || token(at_ + 1).is("select") || token(at_ + 1).is("with") || token(at_ + 1).is("values")) return;
        listed_ = true;
        for (++at_; at_ < all_.size() && !token(at_).is(")"); ++at_)
            if (!token(at_).is(",")) columns_.push_back(token(at_));
        ++at_;
    }

    [[nodiscard]] Token const& table() const { return table_; }
    [[nodiscard]] bool gives(Table const& table, std::string const& column) const;

private:
    [[nodiscard]] Token token(std::size_t at) const { return at < all_.size() ? all_[at] : Token{}; }
    [[nodiscard]] bool numbers(std::size_t place) const;

    std::vector<Token> const& all_;
    std::size_t at_;
    Token table_;
    bool listed_ = false;
    std::vector<Token> columns_;
};

bool Insert::gives(Table const& table, std::string const& column) const {
    std::size_t place = 0;
    if (listed_) {
        auto const found = std::find_if(columns_.begin(), columns_.end(), [&](Token const& t) { return same(t, column); });
        if (found == columns_.end()) return false;
        place = static_cast<std::size_t>(found - columns_.begin());
    } else {
        if (token(at_).is("default")) return false;
        for (auto const& c : table.columns) {
            if (c.name == column) break;
            if (!c.generated) ++place;
        }
    }
    return !numbers(place);
}

// The expression for the column in the first row, or in the first SELECT, is none, or one that counts.
bool Insert::numbers(std::size_t place) const {
    auto at = at_;
    while (at < all_.size() && !token(at).is("values") && !token(at).is("select")) ++at;
    ++at;
    if (token(at).is("distinct") || token(at).is("all")) ++at;
    if (token(at).is("(") && token(at - 1).is("values")) ++at;
    std::vector<Token> expression;
    int depth = 0;
    for (; at < all_.size(); ++at) {
        auto const one = token(at);
        depth += one.is("(") ? 1 : one.is(")") ? -1 : 0;
        if (depth < 0 || (depth == 0 && one.is("from"))) break;
        if (depth == 0 && one.is(",")) {
            if (place == 0) break;
            --place;
        } else if (place == 0)
            expression.push_back(one);
    }
    if (expression.empty()) return false;  // `*`, or what this does not read
    if (expression.size() == 1 && (expression[0].is("null") || expression[0].is("default"))) return true;
    return std::any_of(expression.begin(), expression.end(), [](Token const& t) {
        return t.is("row_number") || t.is("rank") || t.is("dense_rank") || t.is("nextval") || t.is("random");
    });
}

}  // namespace

bool gives_values(std::vector<Statement> const& statements, Table const& table, std::string const& column, std::vector<Table> const& all) {
    bool any = false;
    for (auto const& statement : statements) {
        auto const read = tokens(statement.text);
        for (std::size_t i = 0; i + 1 < read.size(); ++i) {
            if (!read[i].is("into")) continue;
            Insert const insert(read, i + 1);
            auto const named = [&](Table const& t) { return same(insert.table(), t.name); };
            // What is no table any more was renamed, perhaps to this one.
            if (!named(table) && std::any_of(all.begin(), all.end(), named)) continue;
            if (!insert.gives(table, column)) return false;
            any = true;
        }
    }
    return any;
}

// Its shape is the sequence's name, and what gives the sequence a type that is not the column's.
std::string next_number(Dialect const& dialect, Object const& identity) {
    return fmt::format("pg_catalog.nextval({})", dialect.literal(identity.shape.substr(0, identity.shape.find("\nALTER SEQUENCE "))));
}

}  // namespace undrop
