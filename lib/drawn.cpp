#include "drawn.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sql_tokens.hpp"

namespace undrop {
namespace {

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
