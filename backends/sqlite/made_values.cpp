#include "sqlite/made_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "try.hpp"

namespace undrop::sqlite {
namespace {

enum class Affinity { integer, text, blob, real, numeric };

bool says(std::string const& upper, char const* part) { return upper.find(part) != std::string::npos; }

// As SQLite itself reads a declared type.
Affinity affinity_of(std::string const& upper) {
    if (says(upper, "INT")) return Affinity::integer;
    if (says(upper, "CHAR") || says(upper, "CLOB") || says(upper, "TEXT")) return Affinity::text;
    if (upper.empty() || says(upper, "BLOB")) return Affinity::blob;
    if (says(upper, "REAL") || says(upper, "FLOA") || says(upper, "DOUB")) return Affinity::real;
    return Affinity::numeric;
}

std::string upper_case(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

// What the type's parentheses say; SQLite itself does not mind.
std::size_t length_of(std::string const& type) {
    constexpr std::size_t long_enough = 3000;
    auto const at = type.find('(');
    if (at == std::string::npos) return long_enough;
    auto const number = std::strtoul(type.c_str() + at + 1, nullptr, 10);
    return number > 0 ? std::min<std::size_t>(number, long_enough) : long_enough;
}

std::string literal(std::string const& text) {
    std::string out = "'";
    for (char const c : text) {
        out += c;
        if (c == '\'') out += c;
    }
    return out + "'";
}

std::string word(std::int64_t number) {
    std::string text;
    for (; number > 0 || text.empty(); number /= 36) text += "abcdefghijklmnopqrstuvwxyz0123456789"[number % 36];
    std::reverse(text.begin(), text.end());
    return text;
}

void numbers(MadeColumn& column, bool whole) {
    column.edges = {"0", "1", "-1", "9223372036854775807", "(-9223372036854775807 - 1)"};
    if (!whole)
        for (auto const* edge : {"0.1", "-0.0", "1e308", "-1e308", "1e-308", "9e999"}) column.edges.emplace_back(edge);
    column.any = [whole](Random& random, std::int64_t n) {
        return whole || random.one_in(2) ? std::to_string(n) : fmt::format("{}.{:02}", n, random.below(100));
    };
    column.plain = [](std::int64_t n) { return std::to_string(n); };
}

void dates(MadeColumn& column, bool with_time) {
    auto const at = [with_time](std::int64_t n) {
        auto const date = fmt::format("'{:04}-{:02}-{:02}", 2000 + n / 336 % 100, n / 28 % 12 + 1, n % 28 + 1);
        return date + (with_time ? " 12:00:00'" : "'");
    };
    column.edges = {"'0000-01-01'", "'9999-12-31'", "'2024-02-29'", "'1970-01-01'"};
    column.any = [at](Random&, std::int64_t n) { return at(n); };
    column.plain = at;
}

void texts(MadeColumn& column, std::size_t most) {
    std::string const mixed = "Zo\xC3\xAB \xE6\x9D\xB1 O'Brien \"quoted\" %_ \\";
    std::string longest(most, 'x');
    column.edges = {"''", literal(longest), "''''", "' '", "'007'", "'1e3'"};
    if (most >= 24) column.edges.push_back(literal(mixed));
    column.any = [mixed, most](Random& random, std::int64_t n) {
        auto const text = word(n);
        return literal(most >= 40 && random.one_in(4) ? text + mixed : text.substr(0, most));
    };
    column.plain = [most](std::int64_t n) { return literal(word(n).substr(0, most)); };
}

void bytes(MadeColumn& column, bool any_type) {
    column.edges = {"X''", "X'00'", "X'DEADBEEF00FF'"};
    if (any_type)
        for (auto const* edge : {"'text'", "42", "1.5"}) column.edges.emplace_back(edge);
    column.any = [](Random&, std::int64_t n) { return fmt::format("X'{:016X}'", n); };
    column.plain = [](std::int64_t n) { return fmt::format("X'{:016X}'", n); };
}

// Texts and numbers that the table's definition mentions, and the numbers beside them.
void add_hints(std::string const& sql, std::vector<std::string>& words, std::vector<std::string>& numbers) {
    for (std::size_t i = 0; i < sql.size(); ++i) {
        if (sql[i] == '\'') {
            std::string text;
            for (++i; i < sql.size() && (sql[i] != '\'' || (i + 1 < sql.size() && sql[i + 1] == '\'')); ++i) {
                text += sql[i];
                if (sql[i] == '\'') ++i;
            }
            words.push_back(literal(text));
        } else if (std::isdigit(static_cast<unsigned char>(sql[i])) != 0 && i > 0 &&
                   std::isalnum(static_cast<unsigned char>(sql[i - 1])) == 0 && sql[i - 1] != '_') {
            auto const number = std::strtoll(sql.c_str() + i, nullptr, 10);
            for (auto const near : {number, number + 1, number - 1}) numbers.push_back(std::to_string(near));
            while (i < sql.size() && std::isdigit(static_cast<unsigned char>(sql[i])) != 0) ++i;
        }
    }
}

}  // namespace

Result<std::vector<MadeColumn>> MadeValues::columns(Table const& table) {
    UNDROP_TRY(auto const rows,
               backend_.rows(fmt::format("select name, type, \"notnull\", pk, hidden from pragma_table_xinfo({}) where hidden in (0, 2, 3)",
                                         literal(table.name))));
    UNDROP_TRY(auto const definition,
               backend_.rows(fmt::format("select sql from sqlite_schema where type = 'table' and name = {}", literal(table.name))));
    auto const sql = definition.empty() ? std::string() : definition[0][0].value_or("");
    std::vector<std::string> words;
    std::vector<std::string> nearby;
    if (says(upper_case(sql), "CHECK")) add_hints(sql, words, nearby);
    auto const keys = std::count_if(rows.begin(), rows.end(), [](Row const& row) { return row[3] != "0"; });
    std::vector<MadeColumn> result;
    for (auto const& row : rows) {
        auto const type = upper_case(row[1].value_or(""));
        MadeColumn column;
        column.name = row[0].value_or("");
        column.left_alone = row[4] != "0" || (keys == 1 && row[3] == "1" && type == "INTEGER");
        column.takes_null = row[2] == "0" && row[3] == "0";
        auto const affinity = affinity_of(type);
        if (says(type, "DATE") || says(type, "TIME"))
            dates(column, says(type, "TIME"));
        else if (says(type, "BOOL")) {
            column.edges = {"0", "1"};
            column.any = [](Random& random, std::int64_t) { return random.one_in(2) ? "0" : "1"; };
            column.plain = [](std::int64_t n) { return n % 2 == 0 ? "0" : "1"; };
        } else if (affinity == Affinity::text)
            texts(column, length_of(type));
        else if (affinity == Affinity::blob)
            bytes(column, type.empty());
        else
            numbers(column, affinity == Affinity::integer);
        column.hints = affinity == Affinity::text ? words : nearby;
        result.push_back(std::move(column));
    }
    return result;
}

Result<std::vector<ForeignKey>> MadeValues::foreign_keys(Table const& table) {
    UNDROP_TRY(auto keys, backend_.foreign_keys(table, {}));
    for (auto& key : keys) {
        if (!key.parents_columns.empty()) continue;
        UNDROP_TRY(auto const named,
                   backend_.rows(fmt::format("select name from pragma_table_info({}) where pk > 0 order by pk", literal(key.parent))));
        for (auto const& row : named) key.parents_columns.push_back(row[0].value_or(""));
    }
    return keys;
}

// A statement that fails leaves nothing behind, and the transaction goes on.
Result<bool> MadeValues::insert(std::string const& sql) {
    auto const done = backend_.run(sql);
    if (done) return true;
    UNDROP_CHECK(backend_.still_ours());
    auto const& native = done.error().native;
    if (native.find("FULL") != std::string::npos || native.find("IOERR") != std::string::npos || native.find("NOMEM") != std::string::npos)
        return done.error();
    return false;
}

}  // namespace undrop::sqlite
