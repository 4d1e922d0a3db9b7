#include "lexer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "grouped.hpp"
#include "try.hpp"

namespace undrop {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool continues_word(char c) { return starts_word(c) || is_digit(c) || c == '$'; }

// ASCII only: keywords are ASCII, and the locale is none of ours.
std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return result;
}

// Moves a place over a text. Continuation bytes of UTF-8 are no characters; a CRLF is one line end.
void advance(Place& place, std::string_view text) {
    for (char const c : text) {
        if (c == '\n') {
            ++place.line;
            place.column = 1;
        } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
            ++place.column;
        }
    }
}

struct Token {
    enum class Kind { word, semicolon, open, close, client, other, end };
    Kind kind = Kind::end;
    std::size_t begin = 0;
    std::size_t end = 0;
};

class Lexer {
public:
    Lexer(Script const& script, SqlSyntax const& syntax)
        : text_(script.text),
          file_(script.file),
          line_(script.line),
          syntax_(syntax),
          first_(text_.starts_with("\xEF\xBB\xBF") ? 3 : 0),
          at_(first_) {}

    // The next token; blanks and comments are passed over. `fresh`: no statement has begun, so `.` may begin a client's command.
    Result<Token> next(bool fresh);

    // After `COPY ... FROM STDIN;`: the lines up to `\.`, after which SQL goes on. Nothing where no such line follows.
    std::optional<std::string> copy_data();

    [[nodiscard]] std::string_view text(std::size_t begin, std::size_t end) const { return text_.substr(begin, end - begin); }
    [[nodiscard]] std::size_t size() const { return text_.size(); }
    [[nodiscard]] std::size_t first() const { return first_; }  // behind a BOM
    [[nodiscard]] int line() const { return line_; }            // of the text's first
    [[nodiscard]] Place place(std::size_t offset) const;
    [[nodiscard]] Error refused(std::size_t offset, std::string message, std::string advice) const;

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
    [[nodiscard]] bool at_line_start() const;
    Result<void> skip_blanks();
    Result<void> skip_comment();
    Result<void> quoted(char quote, bool escapes);
    [[nodiscard]] bool string_goes_on();
    Result<bool> dollar_quoted();
    Token word(std::size_t begin);

    std::string_view text_;
    std::string file_;
    int line_;
    SqlSyntax syntax_;
    std::size_t first_;
    std::size_t at_;
};

Place Lexer::place(std::size_t offset) const {
    Place result{.file = file_, .line = line_, .column = 1};
    advance(result, text(first_, offset));
    return result;
}

Error Lexer::refused(std::size_t offset, std::string message, std::string advice) const {
    return Error{.code = Code::refused, .message = std::move(message), .where = place(offset), .next = {.advice = std::move(advice)}};
}

bool Lexer::at_line_start() const {
    std::size_t i = at_;
    while (i > first_ && is_blank(text_[i - 1]) && text_[i - 1] != '\n') --i;
    return i == first_ || text_[i - 1] == '\n';
}

Result<void> Lexer::skip_comment() {
    auto const begin = at_;
    int depth = 1;
    at_ += 2;
    while (at_ < text_.size()) {
        if (peek() == '*' && peek(1) == '/') {
            at_ += 2;
            if (--depth == 0) return outcome::success();
        } else if (syntax_.nested_comments && peek() == '/' && peek(1) == '*') {
            ++depth;
            at_ += 2;
        } else {
            ++at_;
        }
    }
    if (syntax_.brackets_and_backticks) return outcome::success();
    return refused(begin, "the comment that begins here is never closed", "close the comment with */; comments nest");
}

Result<void> Lexer::skip_blanks() {
    while (at_ < text_.size()) {
        if (is_blank(peek())) {
            ++at_;
        } else if (peek() == '-' && peek(1) == '-') {
            while (at_ < text_.size() && peek() != '\n') ++at_;
        } else if (peek() == '/' && peek(1) == '*') {
            UNDROP_CHECK(skip_comment());
        } else {
            break;
        }
    }
    return outcome::success();
}

// E'a'<newline>'b\'' is one string, with escapes in both halves.
bool Lexer::string_goes_on() {
    std::size_t i = at_;
    bool newline = false;
    for (; i < text_.size() && is_blank(text_[i]); ++i) newline = newline || text_[i] == '\n';
    if (!newline || i == text_.size() || text_[i] != '\'') return false;
    at_ = i + 1;
    return true;
}

Result<void> Lexer::quoted(char quote, bool escapes) {
    auto const begin = at_++;
    while (at_ < text_.size()) {
        char const c = text_[at_++];
        if (escapes && c == '\\') {
            ++at_;
        } else if (c == quote) {
            if (quote != ']' && peek() == quote) {
                ++at_;
            } else if (!escapes || !string_goes_on()) {
                return outcome::success();
            }
        }
    }
    return refused(begin, fmt::format("the {} that begins here is never closed", quote == '\'' ? "string" : "quoted name"),
                   fmt::format("close it with {}", quote));
}

// False: a `$` that opens nothing, such as $1.
Result<bool> Lexer::dollar_quoted() {
    auto const begin = at_;
    std::size_t i = at_ + 1;
    if (i < text_.size() && starts_word(text_[i])) {
        while (i < text_.size() && (starts_word(text_[i]) || is_digit(text_[i]))) ++i;
    }
    if (i >= text_.size() || text_[i] != '$') return false;
    auto const tag = text(begin, i + 1);
    auto const close = text_.find(tag, i + 1);
    if (close == std::string_view::npos) {
        return refused(begin, fmt::format("the text that {} begins here is never closed", tag), fmt::format("close it with {}", tag));
    }
    at_ = close + tag.size();
    return true;
}

Token Lexer::word(std::size_t begin) {
    while (at_ < text_.size() && continues_word(text_[at_])) ++at_;
    return {Token::Kind::word, begin, at_};
}

Result<Token> Lexer::next(bool fresh) {
    UNDROP_CHECK(skip_blanks());
    auto const begin = at_;
    if (at_ >= text_.size()) return Token{Token::Kind::end, text_.size(), text_.size()};
    char const c = peek();
    if ((c == '\\' || (c == '.' && fresh)) && at_line_start()) {
        while (at_ < text_.size() && peek() != '\n' && peek() != '\r') ++at_;
        return Token{Token::Kind::client, begin, at_};
    }
    if (syntax_.escape_strings && (c == 'e' || c == 'E') && peek(1) == '\'') {
        ++at_;
        UNDROP_CHECK(quoted('\'', true));
    } else if (starts_word(c)) {
        return word(begin);
    } else if (c == '\'' || c == '"' || (c == '`' && syntax_.brackets_and_backticks)) {
        UNDROP_CHECK(quoted(c, false));
    } else if (c == '[' && syntax_.brackets_and_backticks) {
        UNDROP_CHECK(quoted(']', false));
    } else if (c == '$' && syntax_.dollar_quotes) {
        UNDROP_TRY(bool const taken, dollar_quoted());
        if (!taken) ++at_;
    } else if (is_digit(c) || c == '$') {
        while (at_ < text_.size() && (starts_word(text_[at_]) || is_digit(text_[at_]))) ++at_;
        if (at_ == begin) ++at_;
    } else {
        ++at_;
        auto const kind = c == ';'   ? Token::Kind::semicolon
                          : c == '(' ? Token::Kind::open
                          : c == ')' ? Token::Kind::close
                                     : Token::Kind::other;
        return Token{kind, begin, at_};
    }
    return Token{Token::Kind::other, begin, at_};
}

std::optional<std::string> Lexer::copy_data() {
    auto const begin = text_.find('\n', at_);
    for (auto line = begin; line != std::string_view::npos; line = text_.find('\n', line + 1)) {
        auto const rest = text_.substr(line + 1);
        if (rest == "\\." || rest.starts_with("\\.\n") || rest.starts_with("\\.\r\n")) {
            at_ = line + 3;
            return std::string(text(begin + 1, line + 1));
        }
    }
    return {};
}

// Gathers tokens into statements.
class Splitter {
public:
    Splitter(Script const& script, SqlSyntax const& syntax) : lexer_(script, syntax), syntax_(syntax) {}
    Result<std::vector<Statement>> run();

private:
    struct Pending {
        std::size_t begin = 0;
        std::vector<std::string> words;
        bool leading = true;  // all tokens so far were words
        bool ended = true;    // the last two tokens that count were `;` END: a trigger's body is complete
        bool from_stdin = false;
        int parentheses = 0;
        int blocks = 0;    // BEGIN ATOMIC and CASE that are open
        std::string last;  // the last token in upper case; a quoted one only by its first character
    };

    void take(Token const& token);
    void take_word(std::string const& word);
    void client_command(Token const& token);
    void finish(std::size_t end);
    void push(std::size_t begin, std::string text, std::string words);
    [[nodiscard]] bool ends_here() const;
    [[nodiscard]] bool is_trigger() const;
    [[nodiscard]] bool is_routine() const;

    Lexer lexer_;
    SqlSyntax syntax_;
    std::optional<Pending> pending_;
    std::vector<Statement> statements_;
    std::size_t placed_ = lexer_.first();
    Place place_{.file = {}, .line = lexer_.line(), .column = 1};
};

bool Splitter::is_trigger() const {
    auto const& words = pending_->words;
    if (words.size() < 2 || words[0] != "CREATE") return false;
    return words[1] == "TRIGGER" || (words.size() > 2 && (words[1] == "TEMP" || words[1] == "TEMPORARY") && words[2] == "TRIGGER");
}

bool Splitter::is_routine() const {
    auto const& words = pending_->words;
    if (words.size() < 2 || words[0] != "CREATE") return false;
    auto const& kind = words.size() > 3 && words[1] == "OR" && words[2] == "REPLACE" ? words[3] : words[1];
    return kind == "FUNCTION" || kind == "PROCEDURE";
}

bool Splitter::ends_here() const {
    if (syntax_.brackets_and_backticks && is_trigger()) return pending_->ended;
    return !syntax_.dollar_quotes || (pending_->parentheses == 0 && pending_->blocks == 0);
}

void Splitter::take_word(std::string const& word) {
    auto& p = *pending_;
    if (p.leading && p.words.size() < 6) p.words.push_back(word);
    p.ended = word == "END" && p.last == ";";
    bool const is_name = p.last == "." || p.last == "AS";
    if (syntax_.dollar_quotes && p.parentheses == 0 && !is_name && is_routine()) {
        if (word == "ATOMIC" && p.last == "BEGIN") ++p.blocks;
        if (word == "CASE" && p.blocks > 0) ++p.blocks;
        if (word == "END" && p.blocks > 0) --p.blocks;
    }
    if (word == "STDIN" && p.last == "FROM" && p.words.front() == "COPY") p.from_stdin = true;
    p.last = word;
}

void Splitter::take(Token const& token) {
    if (!pending_) {
        pending_.emplace();
        pending_->begin = token.begin;
    }
    auto& p = *pending_;
    if (token.kind == Token::Kind::word) {
        take_word(upper(lexer_.text(token.begin, token.end)));
        return;
    }
    if (token.kind == Token::Kind::open) ++p.parentheses;
    if (token.kind == Token::Kind::close && p.parentheses > 0) --p.parentheses;
    p.leading = false;
    p.ended = false;
    p.last = std::string(lexer_.text(token.begin, token.begin + 1));
}

void Splitter::push(std::size_t begin, std::string text, std::string words) {
    advance(place_, lexer_.text(placed_, begin));  // Statements come in order: each is counted on from the one before.
    placed_ = begin;
    statements_.push_back({.text = std::move(text), .line = place_.line, .column = place_.column, .words = std::move(words)});
}

void Splitter::finish(std::size_t end) {
    if (!pending_) return;
    auto text = lexer_.text(pending_->begin, end);
    while (end == lexer_.size() && !text.empty() && is_blank(text.back())) text.remove_suffix(1);
    push(pending_->begin, std::string(text), fmt::format("{}", fmt::join(pending_->words, " ")));
    if (pending_->from_stdin) statements_.back().data = lexer_.copy_data();
    pending_.reset();
}

void Splitter::client_command(Token const& token) {
    finish(token.begin);
    std::string text(lexer_.text(token.begin, token.end));
    auto words = upper(std::string_view(text).substr(0, text.find_first_of(" \t")));
    push(token.begin, std::move(text), std::move(words));
}

Result<std::vector<Statement>> Splitter::run() {
    auto const nul = lexer_.text(0, lexer_.size()).find('\0');
    if (nul != std::string_view::npos) {
        return lexer_.refused(nul, "the script holds a NUL byte here", "save the file as UTF-8 text");
    }
    while (true) {
        UNDROP_TRY(auto const token, lexer_.next(!pending_.has_value()));
        if (token.kind == Token::Kind::end) break;
        if (token.kind == Token::Kind::client) {
            client_command(token);
        } else if (token.kind != Token::Kind::semicolon) {
            take(token);
        } else if (pending_ && ends_here()) {
            finish(token.begin);
        } else if (pending_) {
            take(token);
        }
    }
    finish(lexer_.size());
    return std::move(statements_);
}

}  // namespace

Result<std::vector<Statement>> split_sql(Script const& script, SqlSyntax const& syntax) {
    auto split = Splitter(script, syntax).run();
    if (!split) split.error().where = in_its_file(script, split.error().where);
    return split;
}

}  // namespace undrop
