#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include <undrop/migration.hpp>

#include "digest.hpp"
#include "inserted.hpp"
#include "keep_aside.hpp"
#include "nearest.hpp"
#include "try.hpp"
#include "waiver.hpp"

namespace undrop {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;
namespace {

constexpr std::string_view blanks = " \t\r\f\v";
constexpr std::string_view where_needed = "where-needed";
constexpr std::array<std::string_view, 9> known = {"lose",         "backfill",   "touches",         "no-transaction", "keep",
                                                   "irreversible", "keep-aside", "remove-inserted", "verify"};

std::string_view trimmed(std::string_view text) {
    auto const first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The text of a line's directive: what follows `-- undrop:`; nothing for any other line.
std::optional<std::string_view> directive_in(std::string_view line) {
    line = trimmed(line);
    if (!line.starts_with("--")) return {};
    line = trimmed(line.substr(2));
    constexpr std::string_view name = "undrop";
    auto const lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    if (line.size() <= name.size() || !std::equal(name.begin(), name.end(), line.begin(), [&](char a, char b) { return a == lower(b); })) {
        return {};
    }
    line = trimmed(line.substr(name.size()));
    if (line.starts_with(':')) return trimmed(line.substr(1));
    // A forgotten colon: no comment of anyone's begins like that by chance.
    auto const word = line.substr(0, line.find_first_of(blanks));
    return std::find(known.begin(), known.end(), word) != known.end() ? std::optional(line) : std::nullopt;
}

struct Line {
    std::string_view text;  // without its end
    int number = 0;
    bool at_top = false;  // nothing but blanks and comments before it and in it
};

// Follows the comments at the top of a script, until the first word of SQL.
class Top {
public:
    bool holds(std::string_view line) {
        while (in_top_) {
            if (in_comment_) {
                auto const close = line.find("*/");
                if (close == std::string_view::npos) return true;
                in_comment_ = false;
                line.remove_prefix(close + 2);
            }
            line = trimmed(line);
            if (line.empty() || line.starts_with("--")) return true;
            in_top_ = in_comment_ = line.starts_with("/*");
            if (in_comment_) line.remove_prefix(2);
        }
        return false;
    }

private:
    bool in_top_ = true;
    bool in_comment_ = false;
};

std::vector<Line> lines_of(std::string_view script) {
    if (script.starts_with("\xEF\xBB\xBF")) script.remove_prefix(3);
    std::vector<Line> result;
    Top top;
    while (true) {
        auto const end = script.find('\n');
        auto const text = script.substr(0, end);
        result.push_back({text, static_cast<int>(result.size()) + 1, top.holds(text)});
        if (end == std::string_view::npos) return result;
        script.remove_prefix(end + 1);
    }
}

// `a, "b, c".d e` are three names.
std::vector<std::string> names_in(std::string_view text) {
    std::vector<std::string> result;
    std::string name;
    bool in_quotes = false;
    for (char const c : text) {
        if (c == '"') in_quotes = !in_quotes;
        if (!in_quotes && (c == ',' || blanks.find(c) != std::string_view::npos)) {
            if (!name.empty()) result.push_back(std::move(name));
            name.clear();
        } else {
            name += c;
        }
    }
    if (!name.empty()) result.push_back(std::move(name));
    return result;
}

// A name as the database has it: `"My table".c` is My table.c.
std::string unquoted(std::string const& name) {
    std::string result;
    bool in_quotes = false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '"') {
            result += name[i];
        } else if (in_quotes && i + 1 < name.size() && name[i + 1] == '"') {
            result += name[++i];
        } else {
            in_quotes = !in_quotes;
        }
    }
    return result;
}

// `t.a, u, extension citext`: an object's name is all up to the comma.
std::vector<std::string> waivers_in(std::string_view text) {
    std::vector<std::string> result;
    while (!text.empty()) {
        std::size_t end = 0;
        for (bool in_quotes = false; end < text.size() && (in_quotes || text[end] != ','); ++end)
            if (text[end] == '"') in_quotes = !in_quotes;
        auto const item = std::string(trimmed(text.substr(0, end)));
        if (waives_object(item))
            result.push_back(item);
        else
            for (auto const& name : names_in(item)) result.push_back(unquoted(name));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
}

class Reading {
public:
    explicit Reading(Script const& script) : file_(script.file), first_(script.line) {}

    Result<void> read(Line const& line, std::string_view directive) {
        auto const word = directive.substr(0, directive.find_first_of(blanks));
        auto const rest = trimmed(directive.substr(word.size()));
        line_ = &line;
        if (!line.at_top) return refused("this directive comes after the first statement", "move it to the top of the file");
        if (word == "lose") return names(result.lose, waivers_in(rest), "lose request_participants.role");
        if (word == "touches") return names(result.touches, names_in(rest), "touches accounts, orders");
        if (word == "backfill") return backfill(rest);
        if (word == "no-transaction") return no_transaction(rest);
        if (word == "keep") return keep(rest);
        if (word == "verify") return verify(rest);
        if (word == "irreversible") return irreversible(rest);
        if (word == "keep-aside") return waivers_in(rest).empty() ? Result<void>(incomplete("keep-aside orders.note")) : outcome::success();
        if (word == "remove-inserted") return rest.empty() ? outcome::success() : Result<void>(incomplete("remove-inserted"));
        auto const meant = nearest(word, known);
        return refused(fmt::format("undrop knows no directive \"{}\"", word), meant.empty()
                                                                                  ? fmt::format("directives are {}", fmt::join(known, ", "))
                                                                                  : fmt::format("did you mean `-- undrop: {}`?", meant));
    }

    Directives result;

private:
    [[nodiscard]] Error refused(std::string message, std::string advice) const {
        auto const column = static_cast<int>(line_->text.find_first_not_of(blanks)) + 1;
        return {.code = Code::refused,
                .message = std::move(message),
                .where = {file_, first_ + line_->number - 1, column},
                .next = {.advice = std::move(advice)}};
    }

    [[nodiscard]] Error incomplete(std::string_view example) const {
        return refused("this directive is not complete", fmt::format("write it as `-- undrop: {}`", example));
    }

    Result<void> names(std::vector<std::string>& list, std::vector<std::string> const& found, std::string_view example) {
        if (found.empty()) return incomplete(example);
        list.insert(list.end(), found.begin(), found.end());
        return outcome::success();
    }

    Result<void> backfill(std::string_view text) {
        std::size_t equals = 0;
        for (bool in_quotes = false; equals < text.size() && (in_quotes || text[equals] != '='); ++equals) {
            if (text[equals] == '"') in_quotes = !in_quotes;
        }
        auto const column = trimmed(text.substr(0, equals));
        auto const expression = equals < text.size() ? trimmed(text.substr(equals + 1)) : std::string_view();
        if (column.find('.') == std::string_view::npos || expression.empty()) return incomplete("backfill participants.role = 'viewer'");
        result.backfill.push_back({unquoted(std::string(column)), std::string(expression)});
        return outcome::success();
    }

    Result<void> no_transaction(std::string_view text) {
        if (!text.empty() && text != where_needed) return incomplete("no-transaction");
        result.no_transaction = true;
        result.where_needed = text == where_needed;
        return outcome::success();
    }

    Result<void> verify(std::string_view text) {
        if (!text.empty()) return incomplete("verify");
        result.verify = true;
        return outcome::success();
    }

    Result<void> keep(std::string_view text) {
        bool const is_time = text.size() > 1 && text.size() < 8 && std::string_view("hdwy").find(text.back()) != std::string_view::npos &&
                             text.substr(0, text.size() - 1).find_first_not_of("0123456789") == std::string_view::npos;
        if (!is_time) return incomplete("keep 90d");
        result.keep = std::string(text);
        return outcome::success();
    }

    Result<void> irreversible(std::string_view text) {
        if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
        if (trimmed(text).empty()) return incomplete("irreversible \"the reason\"");
        result.irreversible = std::string(text);
        return outcome::success();
    }

    std::string file_;
    int first_ = 1;
    Line const* line_ = nullptr;
};

std::string canonical(std::string_view script) {
    std::string result;
    for (auto const& line : lines_of(script)) {
        if (line.at_top && directive_in(line.text)) continue;
        auto const text = line.text.substr(0, line.text.find_last_not_of(blanks) + 1);
        if (text.empty() && result.empty()) continue;
        result += text;
        result += '\n';
    }
    return result.substr(0, result.find_last_not_of('\n') + 1);
}

}  // namespace

char const* name_of(Direction direction) { return direction == Direction::up ? "up" : "down"; }

std::string checksum(std::string_view script) { return sha256_hex(canonical(script)); }

Result<Directives> directives(Script const& script) {
    Reading reader(script);
    for (auto const& line : lines_of(script.text)) {
        if (auto const directive = directive_in(line.text)) UNDROP_CHECK(reader.read(line, *directive));
    }
    return std::move(reader.result);
}

// What follows the word, each time that it stands at the top of a script.
static std::vector<std::string_view> said(std::string_view word, Script const& script) {
    std::vector<std::string_view> all;
    for (auto const& line : lines_of(script.text)) {
        auto const directive = line.at_top ? directive_in(line.text) : std::nullopt;
        if (directive && directive->substr(0, directive->find_first_of(blanks)) == word)
            all.push_back(trimmed(directive->substr(word.size())));
    }
    return all;
}

std::vector<std::string> names_to_keep(Script const& script) {
    std::vector<std::string> names;
    for (auto const text : said("keep-aside", script)) {
        auto const found = waivers_in(text);
        names.insert(names.end(), found.begin(), found.end());
    }
    return names;
}

bool removes_inserted(Script const& script) { return !said("remove-inserted", script).empty(); }

}  // namespace undrop
