// What cannot be part of a step.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sqlite/dialect.hpp"
#include "sqlite/tokens.hpp"

namespace undrop::sqlite {
namespace {

struct Rule {
    std::string_view word;
    std::string_view why;
};

constexpr std::string_view own_transaction = "a step is one transaction, which undrop begins and ends";
constexpr std::string_view outside = "it cannot run in a transaction, and a step is one";

constexpr std::array<Rule, 9> statements{{
    {"BEGIN", own_transaction},
    {"COMMIT", own_transaction},
    {"END", own_transaction},
    {"ROLLBACK", own_transaction},
    {"SAVEPOINT", own_transaction},
    {"RELEASE", own_transaction},
    {"ATTACH", "what is done to another file is not part of the step's transaction and cannot be saved or taken back"},
    {"DETACH", outside},
    {"VACUUM", outside},
}};

// Pragmas that a script may set: the transaction takes them back, or undrop puts them back.
constexpr std::array<std::string_view, 7> may_set{"foreign_keys",       "defer_foreign_keys",       "legacy_alter_table",
                                                  "recursive_triggers", "ignore_check_constraints", "user_version",
                                                  "application_id"};

// Pragmas whose argument is only what to look at.
constexpr std::array<std::string_view, 12> may_ask{"table_info",  "table_xinfo",     "table_list",       "index_info",
                                                   "index_xinfo", "index_list",      "foreign_key_list", "foreign_key_check",
                                                   "quick_check", "integrity_check", "optimize",         "analysis_limit"};

// Pragmas that do something without an argument.
constexpr std::array<std::string_view, 2> act_alone{"incremental_vacuum", "wal_checkpoint"};

template <std::size_t N>
bool contains(std::array<std::string_view, N> const& list, std::string const& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

struct Pragma {
    std::string name;      // lower case
    std::string argument;  // lower case; empty: none
};

// PRAGMA [schema.]name [= value | (value)]
Pragma read_pragma(std::vector<Token> const& words) {
    Pragma pragma;
    std::size_t at = 1;
    if (at + 2 < words.size() && words[at + 1].text == ".") at += 2;
    if (at < words.size()) pragma.name = lower(words[at].text);
    if (at + 2 < words.size()) pragma.argument = lower(words[at + 2].text);
    return pragma;
}

std::string forbidden_pragma(Pragma const& pragma) {
    if (pragma.name == "writable_schema")
        return "PRAGMA writable_schema lets a script rewrite the schema's own table, which undrop can neither see nor take back";
    bool const sets = !pragma.argument.empty() && !contains(may_ask, pragma.name);
    if ((sets && !contains(may_set, pragma.name)) || contains(act_alone, pragma.name))
        return fmt::format(
            "PRAGMA {} acts on the connection or the file and not in the step's transaction, so no step can take it back; run it on its "
            "own",
            pragma.name);
    return "";
}

// WITH ... before a statement that writes; deeper than that there are only SELECTs.
bool writes(std::vector<Token> const& words) {
    int depth = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].kind == Token::Kind::other && words[i].text == "(") ++depth;
        if (words[i].kind == Token::Kind::other && words[i].text == ")") --depth;
        if (depth != 0) continue;
        if (words[i].is("INSERT") || words[i].is("UPDATE") || words[i].is("DELETE")) return true;
        if (words[i].is("REPLACE") && i + 1 < words.size() && words[i + 1].is("INTO")) return true;
    }
    return false;
}

}  // namespace

std::string SqliteDialect::forbidden(Statement const& statement) const {
    auto const words = tokens(statement.text);
    if (words.empty()) return "";
    if (words[0].text == "." || statement.words.starts_with('.') || statement.words.starts_with('\\'))
        return fmt::format("{} is a command of the sqlite3 shell, not SQL",
                           statement.text.substr(0, statement.text.find_first_of(" \t\r\n")));
    for (auto const& rule : statements)
        if (words[0].is(rule.word)) return fmt::format("{} cannot be part of a script: {}", rule.word, rule.why);
    return words[0].is("PRAGMA") ? forbidden_pragma(read_pragma(words)) : "";
}

std::string SqliteDialect::forbidden_in_check(Statement const& statement) const {
    if (auto why = forbidden(statement); !why.empty()) return why;
    auto const words = tokens(statement.text);
    if (words.empty()) return "";
    if (words[0].is("PRAGMA")) {
        auto const pragma = read_pragma(words);
        bool const acts = pragma.name == "optimize" || (!pragma.argument.empty() && !contains(may_ask, pragma.name)) ||
                          (!pragma.argument.empty() && pragma.name == "analysis_limit");
        return acts ? fmt::format("a check only reads, and PRAGMA {} does more here", pragma.name) : "";
    }
    if ((words[0].is("SELECT") || words[0].is("VALUES") || words[0].is("WITH")) && !writes(words)) return "";
    return "a check only reads: its statements are SELECT, WITH, VALUES, or a PRAGMA that asks";
}

int foreign_keys_pragma(std::vector<Statement> const& script) {
    for (auto const& statement : script) {
        auto const words = tokens(statement.text);
        if (words.empty() || !words[0].is("PRAGMA")) continue;
        auto const pragma = read_pragma(words);
        if (pragma.name != "foreign_keys" || pragma.argument.empty()) continue;
        auto const& value = pragma.argument;
        return value == "on" || value == "yes" || value == "true" || (value[0] >= '1' && value[0] <= '9') ? 1 : 0;
    }
    return -1;
}

bool defers_foreign_keys(std::vector<Statement> const& script) {
    return std::any_of(script.begin(), script.end(), [](Statement const& statement) {
        auto const words = tokens(statement.text);
        return !words.empty() && words[0].is("PRAGMA") && read_pragma(words).name == "defer_foreign_keys";
    });
}

}  // namespace undrop::sqlite
