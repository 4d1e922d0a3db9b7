#include "positional.hpp"

#include <algorithm>
#include <cctype>

namespace undrop {
namespace {

struct Token {
    std::string text;  // words in lower case; what is quoted as it is
    bool quoted = false;
    std::size_t at = 0;
};
using Tokens = std::vector<Token>;

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || (c & 0x80) != 0; }

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

// Cuts one text into tokens. What is in strings and dollar quotes may be SQL by itself.
class Cutter {
public:
    explicit Cutter(std::string_view text) : text_(text) {}

    struct Inner {
        std::string_view text;
        std::size_t at;
    };

    void cut() {
        while (at_ < text_.size()) {
            if (text_.substr(at_, 2) == "--")
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (text_.substr(at_, 2) == "/*")
                at_ = after("*/", at_ + 2);
            else
                token();
        }
    }
    [[nodiscard]] Tokens const& tokens() const { return tokens_; }
    [[nodiscard]] std::vector<Inner> const& inner() const { return inner_; }

private:
    std::size_t after(std::string_view end, std::size_t from) const {
        auto const found = text_.find(end, from);
        return found == std::string_view::npos ? text_.size() : found + end.size();
    }

    // To the quote that ends it; two of them are one within.
    std::string_view quoted(char quote) {
        auto const from = at_ + 1;
        auto end = text_.find(quote, from);
        while (end != std::string_view::npos && end + 1 < text_.size() && text_[end + 1] == quote) end = text_.find(quote, end + 2);
        if (end == std::string_view::npos) end = text_.size();
        at_ = end + 1;
        return text_.substr(from, end - from);
    }

    bool dollar_quoted() {
        auto end = at_ + 1;
        while (end < text_.size() && in_word(text_[end]) && text_[end] != '$') ++end;
        if (end >= text_.size() || text_[end] != '$') return false;
        auto const tag = text_.substr(at_, end + 1 - at_);
        auto const from = end + 1;
        at_ = after(tag, from);
        inner_.push_back({text_.substr(from, std::max(at_ - tag.size(), from) - from), from});
        return true;
    }

    void token() {
        auto const c = text_[at_];
        auto const from = at_;
        if (c == '\'') {
            auto const content = quoted(c);
            inner_.push_back({content, from + 1});
            tokens_.push_back({"'", true, from});
        } else if (c == '"' || c == '`') {
            auto const content = quoted(c);
            std::string name;
            for (std::size_t i = 0; i < content.size(); ++i) {
                name += content[i];
                if (content[i] == c) ++i;
            }
            tokens_.push_back({std::move(name), true, from});
        } else if (c == '$' && dollar_quoted()) {
            tokens_.push_back({"'", true, from});
        } else if (in_word(c)) {
            while (at_ < text_.size() && in_word(text_[at_])) ++at_;
            tokens_.push_back({lower(text_.substr(from, at_ - from)), false, from});
        } else {
            ++at_;
            if (!std::isspace(static_cast<unsigned char>(c))) tokens_.push_back({std::string(1, c), false, from});
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    Tokens tokens_;
    std::vector<Inner> inner_;
};

class Finder {
public:
    Finder(std::string_view whole, std::vector<Positional>& found) : whole_(whole), found_(found) {}

    void look(std::string_view text, std::size_t begins) {
        Cutter cutter(text);
        cutter.cut();
        tokens_ = cutter.tokens();
        begins_ = begins;
        Positional merged;
        for (at_ = 0; at_ < tokens_.size(); ++at_) {
            auto const from = at_;
            if (is("merge", at_) && is("into", at_ + 1)) {
                at_ += 2;
                merged = name();
            } else if (is("insert", at_) && !merged.table.empty() && by_place(at_ + 1)) {
                add(merged, from);
            } else if ((is("insert", at_) || (is("replace", at_) && !(at_ > 0 && is("or", at_ - 1)))) && into()) {
                auto const table = name();
                if (is("as", at_)) at_ += 2;
                if (by_place(at_)) add(table, from);
            } else if (is("copy", at_)) {
                ++at_;
                auto const table = name();
                if (is("from", at_)) add(table, from);
            } else {
                continue;
            }
            at_ = from;
        }
        for (auto const& inner : cutter.inner()) Finder(whole_, found_).look(inner.text, begins + inner.at);
    }

private:
    [[nodiscard]] bool is(std::string_view word, std::size_t at) const {
        return at < tokens_.size() && !tokens_[at].quoted && tokens_[at].text == word;
    }

    // Goes behind INTO: INSERT INTO, INSERT OR REPLACE INTO, REPLACE INTO.
    bool into() {
        auto const place = is("or", at_ + 1) ? at_ + 3 : at_ + 1;
        if (!is("into", place)) return false;
        at_ = place + 1;
        return true;
    }

    Positional name() {
        Positional read;
        for (; at_ < tokens_.size(); ++at_) {
            read.schema = read.table, read.schema_quoted = read.table_quoted;
            read.table = tokens_[at_].text, read.table_quoted = tokens_[at_].quoted;
            if (!is(".", ++at_)) break;
        }
        return read;
    }

    // What follows the table's name: rows at once, or a list of columns first.
    [[nodiscard]] bool by_place(std::size_t at) const {
        while (is("(", at)) ++at;
        auto const words = {"values", "select", "with", "table", "overriding"};
        return std::any_of(words.begin(), words.end(), [&](auto const* word) { return is(word, at); });
    }

    void add(Positional table, std::size_t token) {
        auto const before = whole_.substr(0, begins_ + tokens_[token].at);
        table.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
        auto const line = before.rfind('\n') == std::string_view::npos ? before : before.substr(before.rfind('\n') + 1);
        table.column =
            1 + static_cast<int>(std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));  // in characters
        found_.push_back(std::move(table));
    }

    std::string_view whole_;
    std::vector<Positional>& found_;
    Tokens tokens_;
    std::size_t at_ = 0;
    std::size_t begins_ = 0;
};

bool same_name(std::string const& written, bool quoted, std::string const& name) {
    return quoted ? written == name : written == lower(name);
}

}  // namespace

bool Positional::is_about(TableName const& name) const {
    return same_name(table, table_quoted, name.second) && (schema.empty() || same_name(schema, schema_quoted, name.first));
}

std::vector<Positional> positional_inserts(std::string_view text) {
    std::vector<Positional> found;
    Finder(text, found).look(text, 0);
    return found;
}

}  // namespace undrop
