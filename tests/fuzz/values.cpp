#include "fuzz/values.hpp"

#include <fmt/format.h>
#include <map>

namespace undrop::test {
namespace {

using Pool = std::map<std::string, std::vector<std::string>>;

Pool const& postgres_pool() {
    static Pool const pool{
        {"smallint", {"0", "-1", "7", "32767", "'-32768'"}},
        {"integer", {"0", "1", "2", "3", "4", "5", "6", "-1", "42", "2147483647", "'-2147483648'"}},
        {"bigint", {"0", "5", "-1", "9007199254740993", "9223372036854775807", "'-9223372036854775808'"}},
        {"numeric",
         {"0", "1.50", "-0.000000000000000001", "'NaN'", "'Infinity'", "'-Infinity'", "12345678901234567890123456789.987654321"}},
        {"numeric(8,2)", {"0", "1.5", "-999999.99", "'NaN'"}},
        {"double precision", {"0", "'-0'", "0.1", "1e-300", "1.7976931348623157e308", "'NaN'", "'Infinity'", "'-Infinity'"}},
        {"real", {"0", "0.1", "3.4028235e38", "'NaN'", "'-Infinity'"}},
        {"text",
         {"''", "' '", "'a'", "'b'", "'quo''ted \"x\"'", "E'tab\\tand\\nline'", "'ü € 😀'", "'NULL'", "E'back\\\\slash'", "':word'", "'2'",
          "repeat('long ', 2000)", "'$1 ? %s'", "U&'\\0061\\0308'"}},
        {"character varying(20)", {"''", "'a'", "'twenty characters !!'", "'ü'", "' x '"}},
        {"character(4)", {"'a'", "''", "'abcd'", "'ä'"}},
        {"boolean", {"true", "false"}},
        {"date", {"'2024-02-29'", "'infinity'", "'-infinity'", "'4713-01-01 BC'", "'5874897-12-31'"}},
        {"timestamp with time zone",
         {"'2024-03-31 02:30:00+01'", "'infinity'", "'4714-11-24 00:00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'"}},
        {"timestamp without time zone", {"'2024-03-31 02:30:00.123456'", "'-infinity'", "'1883-11-18 12:00'"}},
        {"time without time zone", {"'00:00'", "'24:00'", "'12:34:56.789'"}},
        {"time with time zone", {"'00:00+15:59'", "'24:00-12'"}},
        {"money", {"'-92233720368547758.08'", "'0'"}},
        {"macaddr", {"'08:00:2b:01:02:03'"}},
        {"interval", {"'0'", "'1 mon -1 day 00:00:00.000001'", "'-178000000 years'"}},
        {"uuid", {"'00000000-0000-0000-0000-000000000000'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"}},
        {"bytea", {"''", "'\\x00ff'", "decode(repeat('00ab', 3000), 'hex')"}},
        {"jsonb", {"'null'", "'{}'", "'{\"b\": [1, 2.50], \"a\": \"ü\"}'", "'\"text\"'"}},
        {"json", {"'null'", "'{ \"b\" : 1, \"b\" : 2 }'", "'[]'"}},
        {"inet", {"'::1'", "'10.0.0.0/8'"}},
        {"point", {"'(1,2)'", "'(-0,1e300)'"}},
        {"int4range", {"'empty'", "'[1,5)'", "'(,)'"}},
        {"int4multirange", {"'{}'", "'{[1,3),[5,)}'"}},
        {"integer[]", {"'{}'", "'{1,NULL,3}'", "'[0:1]={1,2}'", "'{{1,2},{3,4}}'"}},
        {"text[]", {"'{}'", "'{\"\",NULL,\"NULL\",\"a,b\"}'"}},
        {"bit varying(8)", {"B''", "B'10110'"}},
        {"tsvector", {"''", "'''ü'' ''x'':1A,2'"}},
        {"xml", {"'<a/>'", "'text'"}}};
    return pool;
}

// Any column takes any value, more or less changed by what its type says.
std::vector<std::string> const& sqlite_pool() {
    static std::vector<std::string> const pool{"0",
                                               "1",
                                               "2",
                                               "3",
                                               "4",
                                               "5",
                                               "6",
                                               "-1",
                                               "9223372036854775807",
                                               "-9223372036854775808",
                                               "0.1",
                                               "-0.5",
                                               "1e300",
                                               "5e-324",
                                               "3.0",
                                               "''",
                                               "' '",
                                               "'a'",
                                               "'b'",
                                               "'quo''ted \"x\"'",
                                               "'ü € 😀'",
                                               "'12'",
                                               "'1e3'",
                                               "'0012'",
                                               "'NULL'",
                                               "x''",
                                               "x'00ff'",
                                               "':word'",
                                               "'2.0'",
                                               "'a' || char(10) || char(9)",
                                               "zeroblob(3000)",
                                               "9e999",
                                               "-9e999",
                                               "cast(x'610062' as text)",
                                               "cast(x'ff61' as text)",
                                               "printf('%.20000c', 'x')",
                                               "9007199254740993"};
    return pool;
}

// Enums and domains are asked for.
std::vector<std::string> of_own_type(Session& session, std::string const& type) {
    std::vector<std::string> all;
    for (auto const& line : session.rows(
             fmt::format("select enumlabel from pg_enum where enumtypid = to_regtype({}) order by enumsortorder", quoted_text(type))))
        all.push_back(quoted_text(*line[0]));
    if (!all.empty()) return all;
    for (auto const& line : session.rows(fmt::format(
             "select format_type(typbasetype, typtypmod) from pg_type where oid = to_regtype({}) and typtype = 'd'", quoted_text(type))))
        if (auto const found = postgres_pool().find(*line[0]); found != postgres_pool().end()) return found->second;
    return all;
}

}  // namespace

std::string literal(Session& session, Engine engine, Random& random, FuzzColumn const& column) {
    if (!column.not_null && random.one_in(5)) return "null";
    if (!column.parent.empty() && !random.one_in(8)) {
        auto const parents = session.rows(fmt::format(
            "select distinct {} from {} where {} is not null order by 1",
            engine == Engine::postgres ? "quote_literal(" + column.parent_column + "::text)" : "quote(" + column.parent_column + ")",
            column.parent, column.parent_column));
        if (!parents.empty()) return *random.of(parents)[0];
        if (!column.not_null) return "null";
    }
    // After the largest number of all nothing can be drawn.
    // Far from what is drawn: a step of PostgreSQL that begins anew has drawn twice.
    if (column.drawn) return std::to_string(random.between(1, 40) + (engine == Engine::postgres ? 1000 : 0));
    if (engine == Engine::sqlite) return random.of(sqlite_pool());
    auto const found = postgres_pool().find(column.type);
    auto const all = found != postgres_pool().end() ? found->second : of_own_type(session, column.type);
    return all.empty() ? "null" : random.of(all);
}

std::vector<std::string> const& types(Engine engine) {
    static std::vector<std::string> const postgres = [] {
        std::vector<std::string> all{"text", "text", "integer", "integer"};
        for (auto const& [type, values] : postgres_pool()) all.push_back(type);
        return all;
    }();
    static std::vector<std::string> const sqlite{
        "INTEGER", "TEXT", "REAL", "BLOB", "NUMERIC", "VARCHAR(20)", "", "DATETIME", "TEXT COLLATE NOCASE"};
    return engine == Engine::postgres ? postgres : sqlite;
}

std::vector<std::string> const& types_of_keys(Engine engine) {
    static std::vector<std::string> const postgres{"integer", "integer", "bigint", "text",
                                                   "uuid",    "numeric", "date",   "character varying(20)"};
    static std::vector<std::string> const sqlite{"INTEGER", "INTEGER", "TEXT", "INT", "BLOB", ""};
    return engine == Engine::postgres ? postgres : sqlite;
}

}  // namespace undrop::test
