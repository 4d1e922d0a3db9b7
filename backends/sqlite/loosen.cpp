#include "sqlite/loosen.hpp"

#include <array>

#include "sqlite/tokens.hpp"

namespace undrop::sqlite {
namespace {

// Constraints of a column are taken out. One of the table becomes one that always holds, so that commas stay where they are.
class Loosening {
public:
    Loosening(std::string const& text, Loose loose) : text_(text), words_(tokens(text)), loose_(loose) {}

    std::string run() {
        while (at_ < words_.size() && !is("(")) ++at_;
        for (; at_ < words_.size(); ++at_) {
            if (is("(")) ++depth_;
            if (is(")") && --depth_ == 0) break;
            if (depth_ != 1) continue;
            bool const of_table = at_ > 0 && (begins(at_ - 1) || (at_ > 2 && words_[at_ - 2].is("CONSTRAINT") && begins(at_ - 3)));
            take_out(of_table);
        }
        if (at_ == words_.size()) return text_;
        auto const rest = after_columns();
        copy_to(words_[at_].end);
        return result_ + rest + ";";
    }

private:
    [[nodiscard]] bool is(std::string_view text, std::size_t ahead = 0) const {
        auto const at = at_ + ahead;
        return at < words_.size() && words_[at].kind != Token::Kind::quoted && words_[at].kind != Token::Kind::string &&
               same_name(words_[at].text, text);
    }
    // Of a column or of a constraint of the table.
    [[nodiscard]] bool begins(std::size_t at) const {
        return words_[at].kind == Token::Kind::other && (words_[at].text == "," || words_[at].text == "(");
    }

    void take_out(bool of_table) {
        auto const first = at_;
        if (is("NOT") && is("NULL", 1)) {
            at_ += 2;
        } else if (is("CHECK")) {
            ++at_;
            skip_group();
            of_table = true;
        } else if (loose_ == Loose::keys && is("UNIQUE")) {
            ++at_;
        } else if (loose_ == Loose::keys && is("PRIMARY") && is("KEY", 1)) {
            at_ += 2;
            if (is("ASC") || is("DESC")) ++at_;
        } else {
            return;
        }
        if (of_table && is("(")) skip_group();
        if (is("ON") && is("CONFLICT", 1)) at_ += 3;
        if (is("AUTOINCREMENT")) ++at_;
        copy_to(words_[first].begin);
        if (of_table) result_ += "CHECK (1)";
        copied_ = words_[at_ - 1].end;
        --at_;
    }

    void skip_group() {
        int depth = 0;
        for (; at_ < words_.size(); ++at_) {
            if (is("(")) ++depth;
            if (is(")") && --depth == 0) break;
        }
        ++at_;
    }

    [[nodiscard]] std::string after_columns() const {
        for (auto at = at_ + 1; at < words_.size(); ++at)
            if (words_[at].is("WITHOUT") && loose_ == Loose::values) return " WITHOUT ROWID";
        return {};
    }

    void copy_to(std::size_t place) {
        result_ += text_.substr(copied_, place - copied_);
        copied_ = place;
    }

    std::string const& text_;
    std::vector<Token> words_;
    Loose loose_;
    std::size_t at_ = 0;
    int depth_ = 0;
    std::size_t copied_ = 0;
    std::string result_;
};

}  // namespace

std::string loosened(std::string const& create_table, Loose loose) { return Loosening(create_table, loose).run(); }

}  // namespace undrop::sqlite
