#include "sources/common.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "digest.hpp"
#include "lexer.hpp"
#include "try.hpp"

namespace undrop::sources {
namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

namespace {

constexpr std::string_view blanks = " \t\r\n\f\v";

void put_before(Script& script, std::string_view line) {
    constexpr std::string_view bom = "\xEF\xBB\xBF";
    if (script.text.starts_with(bom)) script.text.erase(0, bom.size());
    script.text.insert(0, std::string(line) + "\n");
    --script.line;
}

// The offset of a place in a script's text.
std::size_t offset_of(Script const& script, int line, int column) {
    auto const lines = lines_of(script.text);
    auto const index = static_cast<std::size_t>(line - script.line);
    if (index >= lines.size()) return script.text.size();
    auto at = lines[index].begin;
    if (index == 0 && script.text.starts_with("\xEF\xBB\xBF")) at += 3;
    for (int character = 1; at < script.text.size(); ++at) {
        if ((static_cast<unsigned char>(script.text[at]) & 0xC0U) == 0x80U) continue;
        if (character++ == column) return at;
    }
    return at;
}

void blank_out(Script& script, Statement const& statement) {
    auto const begin = offset_of(script, statement.line, statement.column);
    if (script.text.compare(begin, statement.text.size(), statement.text) != 0) return;
    auto const behind = begin + statement.text.size();
    auto const end = std::min(script.text.find_first_not_of(blanks, behind), script.text.size());
    bool const ends = end < script.text.size() && script.text[end] == ';';
    for (auto at = begin; at < (ends ? end + 1 : behind); ++at)
        if (script.text[at] != '\n' && script.text[at] != '\r') script.text[at] = ' ';
}

enum class Word { none, begins, ends, rolls_back };

Word transaction_word(Statement const& statement) {
    constexpr std::array<std::string_view, 5> begins = {"BEGIN", "BEGIN TRANSACTION", "BEGIN WORK", "START TRANSACTION", "BEGIN IMMEDIATE"};
    constexpr std::array<std::string_view, 5> ends = {"COMMIT", "COMMIT TRANSACTION", "COMMIT WORK", "END", "END TRANSACTION"};
    if (lower(trimmed(statement.text)).size() != statement.words.size()) return Word::none;  // more than these words
    if (std::find(begins.begin(), begins.end(), statement.words) != begins.end()) return Word::begins;
    if (statement.words == "ROLLBACK" || statement.words == "ROLLBACK WORK" || statement.words == "ROLLBACK TRANSACTION")
        return Word::rolls_back;
    return std::find(ends.begin(), ends.end(), statement.words) != ends.end() ? Word::ends : Word::none;
}

}  // namespace

std::string_view File::base() const {
    auto const slash = name.rfind('/');
    return slash == std::string::npos ? std::string_view(name) : std::string_view(name).substr(slash + 1);
}

std::string_view File::folder() const {
    auto const slash = name.rfind('/');
    return slash == std::string::npos ? std::string_view() : std::string_view(name).substr(0, slash);
}

Error refused(std::string message, std::string const& file, std::string advice, int line, int column) {
    return {.code = Code::refused,
            .message = std::move(message),
            .where = {.file = file, .line = line, .column = column},
            .next = {.advice = std::move(advice)}};
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

std::string_view trimmed(std::string_view text) {
    auto const first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool ends_in_sql(std::string_view name) { return name.size() >= 4 && lower(name.substr(name.size() - 4)) == ".sql"; }

bool is_digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos; }

std::optional<Numbered> numbered(std::string_view stem) {
    auto const end = stem.find('_');
    if (end == std::string_view::npos || end + 1 == stem.size() || !is_digits(stem.substr(0, end))) return {};
    return Numbered{std::string(stem.substr(0, end)), std::string(stem.substr(end + 1))};
}

std::string as_version(std::string_view name) {
    std::string version(name);
    for (char& c : version)
        if (blanks.find(c) != std::string_view::npos) c = '_';
    return version;
}

Result<void> Gathering::add(std::string const& version, std::string const& name, Part part, Script script) {
    if (version == "0") {
        return refused("version 0 stands for \"nothing applied\"", script.file, "give the migration a version of 1 or more");
    }
    auto& entry = entries_[version];
    auto& migration = entry.migration;
    if (entry.first_file.empty()) {
        migration.version = version;
        migration.name = name;
        entry.first_file = script.file;
    } else if (migration.version != version || migration.name != name) {
        return refused(fmt::format("version {} is there twice: {} is of the same version", version, entry.first_file), script.file,
                       "give one of the two migrations another version; versions are compared as numbers. Where whole names are versions, "
                       "as maragudk/migrate has them, say --source-format maragudk");
    }
    auto& place = part == Part::down ? migration.down : part == Part::check ? migration.check : migration.down_check;
    bool const is_there = part == Part::up ? entry.has_up : place.has_value();
    if (is_there)
        return refused(fmt::format("migration {} has two scripts for the same: {} is of it", version, entry.first_file), script.file,
                       "remove one of the two files");
    if (part == Part::up) {
        migration.up = std::move(script);
        entry.has_up = true;
    } else {
        place = std::move(script);
    }
    return outcome::success();
}

Result<std::vector<Migration>> Gathering::finish(std::string_view up_ends) {
    std::vector<Migration> result;
    for (auto& [version, entry] : entries_) {
        if (!entry.has_up) {
            return refused(fmt::format("migration {} has no up script", version), entry.first_file,
                           fmt::format("add {}_{}{}, or remove this file", version, entry.migration.name, up_ends));
        }
        result.push_back(std::move(entry.migration));
    }
    return result;
}

std::vector<TextLine> lines_of(std::string_view text) {
    std::vector<TextLine> lines;
    for (std::size_t begin = 0;;) {
        auto const end = std::min(text.find('\n', begin), text.size());
        lines.push_back({text.substr(begin, end - begin), begin, static_cast<int>(lines.size()) + 1});
        if (end == text.size()) return lines;
        begin = end + 1;
    }
}

std::optional<std::vector<std::string>> annotation(std::string_view line, std::string_view prefix) {
    line = trimmed(line);
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (!line.starts_with("--")) return {};
    line = trimmed(line.substr(2));
    if (!line.starts_with(prefix)) return {};
    line.remove_prefix(prefix.size());
    std::vector<std::string> words;
    while (!(line = trimmed(line)).empty()) {
        auto const end = std::min(line.find_first_of(blanks), line.size());
        words.push_back(lower(line.substr(0, end)));
        line.remove_prefix(end);
    }
    return words;
}

bool says_nothing(std::string_view text) {
    auto const lines = lines_of(text);
    return std::all_of(lines.begin(), lines.end(), [](TextLine const& line) {
        auto words = trimmed(line.text);
        while (words.starts_with(';')) words = trimmed(words.substr(1));
        return words.empty() || (words.starts_with("--") && words.find("undrop:") == std::string_view::npos);
    });
}

void mark_no_transaction(Script& script) { put_before(script, "-- undrop: no-transaction where-needed"); }

void mark_verified(Script& script) { put_before(script, "-- undrop: verify"); }

void mark_where_concurrent(Script& script) {
    auto const text = lower(script.text);
    for (auto const* word : {"concurrently", "vacuum", "alter system"})
        if (text.find(word) != std::string::npos) return mark_no_transaction(script);
}

void take_transaction_off(Script& script, std::string_view dialect, TakenOff taken) {
    auto const text = lower(script.text);
    if (text.find("begin") == std::string::npos && text.find("start transaction") == std::string::npos &&
        text.find("commit") == std::string::npos)
        return;
    bool const sqlite = dialect == "sqlite";
    SqlSyntax const syntax{
        .dollar_quotes = !sqlite, .nested_comments = !sqlite, .escape_strings = !sqlite, .brackets_and_backticks = sqlite};
    auto const split = split_sql(script, syntax);
    if (!split) return;
    std::vector<Statement const*> found;
    bool open = false;
    for (auto const& statement : split.value()) {
        auto const word = transaction_word(statement);
        if (word == Word::none) continue;
        if (word == Word::rolls_back && !(taken.rollback && open)) return;
        bool const begins = word == Word::begins;
        if (begins == open && !taken.superfluous) return;
        open = begins;
        found.push_back(&statement);
    }
    if (open) return;
    for (auto statement = found.rbegin(); statement != found.rend(); ++statement) blank_out(script, **statement);
}

Result<void> no_template(Script const& script, bool everywhere) {
    for (auto const& line : lines_of(script.text)) {
        char quote = '\0';
        for (std::size_t at = 0; at + 1 < line.text.size(); ++at) {
            char const c = line.text[at];
            if (!everywhere && quote == '\0' && c == '-' && line.text[at + 1] == '-') break;
            if (quote == '\0' ? c == '\'' || c == '"' : c == quote) quote = quote == '\0' ? c : '\0';
            if (c != '{' || line.text[at + 1] != '{' || (quote != '\0' && !everywhere)) continue;
            if (line.text.find("}}", at) == std::string_view::npos) break;
            return refused("this is a template, and undrop renders none", script.file,
                           "render the migrations with your tool, and give undrop the directory with what came out",
                           script.line - 1 + line.number, static_cast<int>(at) + 1);
        }
    }
    return outcome::success();
}

std::string digests_of(std::string const& text) {
    std::string unix_ends, others;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') unix_ends += text[i];
    for (char const c : unix_ends) others += c == '\n' ? std::string("\r\n") : std::string(1, c);
    auto found = sha256_hex(text);
    for (auto const* other : {&unix_ends, &others})
        if (*other != text) found += " " + sha256_hex(*other);
    return found;
}

}  // namespace undrop::sources
