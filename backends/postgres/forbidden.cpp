// What cannot be part of a step. A plain list by first words, and the parser where words are not enough.
#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "beyond.hpp"
#include "parse.hpp"
#include "postgres_dialect.hpp"

namespace undrop::postgres {

namespace {

constexpr char const* own_transaction = "a step is one transaction, which undrop begins and ends";
constexpr char const* outside = "PostgreSQL runs it only outside of a transaction, and a step is one transaction";
constexpr char const* client = "it is a command of psql, which only psql knows";
constexpr char const* data =
    "its data comes from the client, or goes to it: only COPY ... FROM stdin with the lines after it, up to one that is \\., is data that "
    "a "
    "script has";

struct Words {
    char const* words;
    char const* why;
};

// By the statement's first words.
constexpr std::array by_words{
    Words{"BEGIN", own_transaction},
    Words{"START TRANSACTION", own_transaction},
    Words{"COMMIT", own_transaction},
    Words{"END", own_transaction},
    Words{"ROLLBACK", own_transaction},
    Words{"ABORT", own_transaction},
    Words{"SAVEPOINT", own_transaction},
    Words{"RELEASE", own_transaction},
    Words{"PREPARE TRANSACTION", own_transaction},
    Words{"SET TRANSACTION", own_transaction},
    Words{"SET LOCAL TRANSACTION", own_transaction},
    Words{"SET SESSION CHARACTERISTICS", own_transaction},
    Words{"CREATE DATABASE", outside},
    Words{"DROP DATABASE", outside},
    Words{"CREATE TABLESPACE", outside},
    Words{"DROP TABLESPACE", outside},
    Words{"CREATE SUBSCRIPTION", outside},
    Words{"DROP SUBSCRIPTION", outside},
    Words{"ALTER SYSTEM", outside},
    Words{"VACUUM", outside},
    Words{"REINDEX DATABASE", outside},
    Words{"REINDEX SYSTEM", outside},
    Words{"REINDEX SCHEMA", outside},
    Words{"CREATE INDEX CONCURRENTLY", outside},
    Words{"CREATE UNIQUE INDEX CONCURRENTLY", outside},
    Words{"DROP INDEX CONCURRENTLY", outside},
    Words{"REINDEX INDEX CONCURRENTLY", outside},
    Words{"REINDEX TABLE CONCURRENTLY", outside},
    Words{"DISCARD ALL", outside},
};

bool begins_with(std::string_view words, std::string_view prefix) {
    return words.starts_with(prefix) && (words.size() == prefix.size() || words[prefix.size()] == ' ');
}

bool detaches_concurrently(nlohmann::json const& commands) {
    for (auto const& command : commands)
        if (flag_at(at(at(at(command, "AlterTableCmd"), "def"), "PartitionCmd"), "concurrent")) return true;
    return false;
}

bool has_option(nlohmann::json const& options, char const* name) {
    for (auto const& option : options)
        if (text_at(at(option, "DefElem"), "defname") == name) return true;
    return false;
}

bool from_client(nlohmann::json const& copy) { return at(copy, "filename").is_null(); }

// A command of psql, and what does the same in a script.
std::string psql_advice(Statement const& statement) {
    std::string_view const words = statement.words;
    if (statement.text.find("ON_ERROR_STOP") != std::string::npos) return "; leave it out, undrop stops at the first error anyway";
    if (words.starts_with("\\COPY")) return "; write COPY ... FROM stdin; the lines; and \\. instead";
    if (words == "\\I" || words == "\\IR" || words == "\\INCLUDE") return "; put that file's text here";
    if (words.starts_with("\\SET") || words == "\\GSET") return "; write the value out where it is used";
    if (words == "\\C" || words == "\\CONNECT") return "; the database is the one that undrop is given";
    return {};
}

std::string by_tree(Node const& node, bool with_data) {
    if (node.type == "CopyStmt" && from_client(node.body)) return with_data && flag_at(node.body, "is_from") ? "" : data;
    if (node.type == "AlterTableStmt" && detaches_concurrently(at(node.body, "cmds"))) return outside;
    if (node.type == "ReindexStmt" && has_option(at(node.body, "params"), "concurrently")) return outside;
    if (node.type == "ClusterStmt" && at(node.body, "relation").is_null()) return outside;
    if (node.type == "AlterDatabaseStmt" && has_option(at(node.body, "options"), "tablespace")) return outside;
    return {};
}

// A SELECT can hold what writes: in WITH, as SELECT INTO, as row locks.
bool writes(nlohmann::json const& tree) {
    if (tree.is_object())
        for (auto const* member : {"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "intoClause", "lockingClause"})
            if (tree.contains(member) && !tree[member].empty()) return true;
    return tree.is_structured() && std::any_of(tree.begin(), tree.end(), writes);
}

constexpr std::array session_locks{"pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"};
constexpr std::array takes_large_objects{"lo_unlink", "lo_put", "lo_truncate", "lo_truncate64", "lowrite"};

// The one of these functions that the tree calls; empty: none.
template <std::size_t N>
std::string calls_one_of(std::array<char const*, N> const& functions, nlohmann::json const& tree) {
    if (tree.is_object() && tree.contains("FuncCall"))
        if (auto const& parts = at(tree["FuncCall"], "funcname"); !parts.empty())
            if (auto const name = text_at(at(parts.back(), "String"), "sval");
                std::find(functions.begin(), functions.end(), name) != functions.end())
                return name;
    std::string found;
    if (tree.is_structured())
        for (auto child = tree.begin(); child != tree.end() && found.empty(); ++child) found = calls_one_of(functions, *child);
    return found;
}

// P9: as far as the text shows; the look sees the rest. A function that is made does nothing yet.
std::string by_large_objects(Statement const& statement) {
    auto const mentioned = [&](char const* name) { return statement.text.find(name) != std::string::npos; };
    if (std::none_of(takes_large_objects.begin(), takes_large_objects.end(), mentioned)) return {};
    auto const node = parse(statement);
    auto const name = node && node->type != "CreateFunctionStmt" ? calls_one_of(takes_large_objects, node->body) : std::string();
    return name.empty() ? name : name + " changes or removes a large object, and undrop does not save these";
}

// The same as a word of a text.
std::string names_session_lock(std::string_view text) {
    constexpr std::string_view in_names = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$";
    for (std::size_t from = 0; (from = text.find_first_of(in_names, from)) != std::string_view::npos;) {
        auto const end = std::min(text.find_first_not_of(in_names, from), text.size());
        std::string word(text.substr(from, end - from));
        for (auto& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (std::find(session_locks.begin(), session_locks.end(), word) != session_locks.end()) return word;
        from = end;
    }
    return {};
}

}  // namespace

std::string forbidden(Statement const& statement) {
    if (statement.words.starts_with('\\')) return client + psql_advice(statement);
    for (auto const& entry : by_words)
        if (begins_with(statement.words, entry.words)) return fmt::format("{} cannot be part of a script: {}", entry.words, entry.why);
    for (auto const* word : {"COPY", "REINDEX", "CLUSTER", "ALTER DATABASE", "ALTER TABLE"})
        if (begins_with(statement.words, word))
            if (auto const node = parse(statement)) return by_tree(*node, statement.data.has_value());
    return by_large_objects(statement);
}

std::string forbidden_in_check(Statement const& statement) {
    if (auto why = forbidden(statement); !why.empty()) return why;
    constexpr char const* only_reads = "a check only reads: its statements are SELECT, WITH, VALUES or TABLE, and lock no rows";
    if (auto const node = parse(statement)) return node->type == "SelectStmt" && !writes(node->body) ? "" : only_reads;
    // Newer syntax, or none: the server will say. No words: it begins with a parenthesis.
    for (auto const* word : {"", "SELECT", "WITH", "VALUES", "TABLE"})
        if (statement.words == word || (*word != '\0' && begins_with(statement.words, word))) return {};
    return only_reads;
}

// A DO block is code that runs now; a function's body does not.
std::string outlives(Statement const& statement) {
    if (names_session_lock(statement.text).empty()) return {};
    auto const node = parse(statement);
    auto const name = node && node->type != "DoStmt" ? calls_one_of(session_locks, node->body) : names_session_lock(statement.text);
    if (name.empty()) return {};
    return name + " takes a lock for the session: it stays on the connection after the step, also where the step is taken back";
}

std::string one_way(Statement const& statement) {
    if (auto beyond = beyond_schema(statement); !beyond.empty()) return beyond;
    if (!begins_with(statement.words, "ALTER TYPE")) return {};
    auto const node = parse(statement);
    if (!node || node->type != "AlterEnumStmt" || !text_at(node->body, "oldVal").empty()) return {};
    return "PostgreSQL takes no label of an enum type away: the way back makes the type anew and rewrites the tables with a column of it, "
           "and is refused while rows have that label";
}

}  // namespace undrop::postgres
