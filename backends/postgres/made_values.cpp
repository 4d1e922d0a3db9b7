#include "made_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <sstream>
#include <string_view>

#include "errors.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Through domains to what is below them; labels are those of an enum, or of the elements of an array.
constexpr char const* columns_query = R"(
with recursive c as (
    select a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) as written, a.atttypid as type, a.atttypmod as modifier, a.attnotnull as filled,
           a.attgenerated <> '' or a.attidentity <> '' or coalesce(pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\(', false) as drawn,
           d.adbin is not null as has_default
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = {0} and a.attnum > 0 and not a.attisdropped
    union all
    select c.attnum, c.attname, c.written, t.typbasetype, case when t.typtypmod >= 0 then t.typtypmod else c.modifier end, c.filled or t.typnotnull,
           c.drawn, c.has_default
    from c join pg_type t on t.oid = c.type and t.typtype = 'd'
)
select c.attname, case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname end,
       case when t.typcategory = 'A' then 'A' else t.typtype::text end, c.modifier, c.filled, c.drawn, c.has_default,
       (select string_agg(e.enumlabel, E'\x1f' order by e.enumsortorder) from pg_enum e
        where e.enumtypid = case when t.typcategory = 'A' then t.typelem else t.oid end),
       coalesce(x.typname, ''), coalesce(x.typtype::text, 'b'),
       (select count(*) from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), c.written
from c join pg_type t on t.oid = c.type and t.typtype <> 'd'
left join pg_type x on x.oid = case when t.typcategory = 'A' then t.typelem else (select r.rngsubtype from pg_range r where r.rngtypid = t.oid) end
order by c.attnum)";

// Conditions of the table and of its columns' domains, and the bounds of its partitions, each with the columns that it is about.
constexpr char const* hints_query = R"(
select pg_get_constraintdef(k.oid), (select string_agg(a.attname, E'\x1f') from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey))
from pg_constraint k where k.conrelid = {0} and k.contype = 'c'
union all
select pg_get_constraintdef(k.oid), a.attname from pg_attribute a join pg_constraint k on k.contypid = a.atttypid
where a.attrelid = {0} and a.attnum > 0 and not a.attisdropped
union all
select pg_get_expr(p.relpartbound, p.oid), (select string_agg(a.attname, E'\x1f') from pg_partitioned_table t join pg_attribute a
       on a.attrelid = t.partrelid and a.attnum = any (t.partattrs::int2[]) where t.partrelid = {0})
from pg_inherits i join pg_class p on p.oid = i.inhrelid and p.relispartition where i.inhparent = {0})";

constexpr char const* keys_query = R"(
select k.conname, ca.attname, pn.nspname, p.relname, pa.attname, k.oid
from pg_constraint k
join pg_class p on p.oid = k.confrelid join pg_namespace pn on pn.oid = p.relnamespace
cross join lateral unnest(k.conkey, k.confkey) with ordinality x(child, parent, at)
join pg_attribute ca on ca.attrelid = k.conrelid and ca.attnum = x.child
join pg_attribute pa on pa.attrelid = p.oid and pa.attnum = x.parent
where k.conrelid = {0} and k.contype = 'f' and k.conparentid = 0
order by k.oid, x.at)";

std::vector<std::string> split(std::string const& text) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, '\x1f');) parts.push_back(part);
    return parts;
}

// Values as texts that the type's input function reads.
struct Texts {
    std::vector<std::string> edges;
    std::function<std::string(Random&, std::int64_t)> any;
    std::function<std::string(std::int64_t)> plain;
};

std::string characters(std::string const& text, int most) {
    if (most < 0) return text;
    std::size_t end = 0;
    for (int count = 0; end < text.size() && count < most; ++count) do
            ++end;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
    return text.substr(0, end);
}

std::string in_base_36(std::int64_t number) {
    std::string text;
    for (; number > 0 || text.empty(); number /= 36) text += "abcdefghijklmnopqrstuvwxyz0123456789"[number % 36];
    std::reverse(text.begin(), text.end());
    return text;
}

Texts texts(int most) {
    constexpr int long_enough = 3000;  // beyond what a row holds in place
    std::string const mixed = "Zo\xC3\xAB \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x98\x80 O'Brien \"quoted\" \\back\\ %_ ";
    std::string longest;
    for (int i = 0; i < (most < 0 ? long_enough : most); ++i)
        longest += i % 10 == 9 ? "\xC3\xA9" : std::string(1, static_cast<char>('a' + i % 26));
    Texts texts;
    for (auto const& text : {std::string(), characters(mixed, most), longest, std::string("'"), std::string(" "), characters("NULL", most),
                             characters("\t\n", most), characters("\xD8\xB9\xD8\xB1\xD8\xA8\xD9\x8A", most), characters("e\xCC\x81", most)})
        texts.edges.push_back(text);
    texts.any = [most, mixed](Random& random, std::int64_t n) {
        auto const number = in_base_36(n);
        return random.one_in(4) ? characters(number + mixed, most) : characters(number, most);
    };
    texts.plain = [most](std::int64_t n) { return characters(in_base_36(n), most); };
    return texts;
}

Texts whole_numbers(std::int64_t least, std::int64_t most) {
    auto const small = std::min<std::int64_t>(most, 1'000'000);
    return {
        {"0", "1", "-1", std::to_string(most), std::to_string(least)},
        [small](Random& random, std::int64_t n) {
            return std::to_string(random.one_in(2) ? n % small : static_cast<std::int64_t>(random.below(static_cast<std::size_t>(small))));
        },
        [small](std::int64_t n) { return std::to_string(n % small + 1); }};
}

Texts numerics(int modifier) {
    if (modifier < 0)
        return {{"0", "-1", "NaN", "99999999999999999999999999999999999999.999999999", "0.000000000000000000000000000001", "1.50"},
                [](Random& random, std::int64_t n) { return fmt::format("{}.{:02}", n, random.below(100)); },
                [](std::int64_t n) { return std::to_string(n); }};
    constexpr int of_header = 4;
    int const precision = ((modifier - of_header) >> 16) & 0xFFFF;
    int const scale = std::clamp((modifier - of_header) & 0x7FF, 0, precision);
    auto most = std::string(static_cast<std::size_t>(precision), '9');
    if (scale > 0) most.insert(static_cast<std::size_t>(precision - scale), ".");
    if (most.front() == '.') most = "0" + most;
    std::int64_t range = 1;
    for (int i = 0; i < std::min(precision - scale, 9); ++i) range *= 10;
    return {{"0", most, "-" + most, "NaN"},
            [range](Random&, std::int64_t n) { return std::to_string(n % range); },
            [range](std::int64_t n) { return std::to_string(n % range); }};
}

// Days from 2000-01-01 on; so no month needs to be computed.
Texts moments(std::vector<std::string> edges, std::string const& time, bool days) {
    auto const at = [time, days](std::int64_t n) {
        auto const day = n % 28 + 1;
        auto const month = n / 28 % 12 + 1;
        auto const year = 2000 + n / 336 % 100;
        auto const date = fmt::format("{:04}-{:02}-{:02}", year, month, day);
        return days ? date : date + time;
    };
    return {std::move(edges),
            [at](Random& random, std::int64_t n) { return at(random.one_in(2) ? n : static_cast<std::int64_t>(random.below(33600))); }, at};
}

Texts constants(std::vector<std::string> edges) {
    auto const all = edges;
    return {std::move(edges), [all](Random& random, std::int64_t) { return random.pick(all); },
            [all](std::int64_t n) { return all[static_cast<std::size_t>(n) % all.size()]; }};
}

Texts numbered(std::vector<std::string> edges, std::function<std::string(std::int64_t)> const& make) {
    return {std::move(edges), [make](Random&, std::int64_t n) { return make(n); }, make};
}

Texts of_name(std::string const& type, int modifier) {
    constexpr int of_header = 4;
    if (type == "text") return texts(-1);
    if (type == "varchar" || type == "bpchar") return texts(modifier < 0 ? (type == "bpchar" ? 1 : -1) : modifier - of_header);
    if (type == "name") return texts(15);
    if (type == "int2") return whole_numbers(-32768, 32767);
    if (type == "int4") return whole_numbers(-2147483647 - 1, 2147483647);
    if (type == "int8") return whole_numbers(INT64_MIN, INT64_MAX);
    if (type == "numeric") return numerics(modifier);
    if (type == "float4" || type == "float8") {
        auto const* const big = type == "float4" ? "3.4e38" : "1.7976931348623157e308";
        return numbered({"0", "-0", "NaN", "Infinity", "-Infinity", big, "1e-30", "0.1"},
                        [](std::int64_t n) { return fmt::format("{}.5", n); });
    }
    if (type == "money")
        return numbered({"0", "-92233720368547758.08", "92233720368547758.07"}, [](std::int64_t n) { return std::to_string(n); });
    if (type == "bool") return constants({"t", "f"});
    if (type == "date") return moments({"infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "2024-02-29", "1970-01-01"}, "", true);
    if (type == "timestamp")
        return moments({"infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "2024-02-29 23:59:59.999999"},
                       " 12:00:00", false);
    if (type == "timestamptz")
        return moments({"infinity", "-infinity", "4713-01-02 00:00:00+00 BC", "294276-12-30 23:59:59.999999+00", "2024-03-31 02:30:00+01"},
                       " 12:00:00+00", false);
    if (type == "time")
        return numbered({"00:00:00", "24:00:00", "23:59:59.999999"},
                        [](std::int64_t n) { return fmt::format("{:02}:{:02}:00", n / 60 % 24, n % 60); });
    if (type == "timetz")
        return numbered({"00:00:00+15:59", "24:00:00-15:59"},
                        [](std::int64_t n) { return fmt::format("{:02}:{:02}:00+00", n / 60 % 24, n % 60); });
    if (type == "interval")
        return numbered({"0", "-178000000 years", "178000000 years", "1 mon -1 day 00:00:00.000001"},
                        [](std::int64_t n) { return fmt::format("{} minutes", n); });
    if (type == "bytea") return numbered({"\\x", "\\x00", "\\xdeadbeef00ff"}, [](std::int64_t n) { return fmt::format("\\x{:08x}", n); });
    if (type == "uuid")
        return numbered({"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
                        [](std::int64_t n) { return fmt::format("00000000-0000-4000-8000-{:012x}", n); });
    if (type == "json" || type == "jsonb")
        return numbered({"null", "{}", "[]", "\"\"", R"({"a": [1, {"b": null}], "\u00e9": "O'Brien"})", "-0.5e10"},
                        [](std::int64_t n) { return fmt::format(R"({{"n": {}}})", n); });
    if (type == "inet")
        return numbered({"0.0.0.0/0", "::1", "255.255.255.255"},
                        [](std::int64_t n) { return fmt::format("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255); });
    if (type == "cidr")
        return numbered({"0.0.0.0/0", "::/0"},
                        [](std::int64_t n) { return fmt::format("10.{}.{}.{}/32", n >> 16 & 255, n >> 8 & 255, n & 255); });
    if (type == "macaddr")
        return numbered({"ff:ff:ff:ff:ff:ff"},
                        [](std::int64_t n) { return fmt::format("00:00:00:{:02x}:{:02x}:{:02x}", n >> 16 & 255, n >> 8 & 255, n & 255); });
    if (type == "macaddr8")
        return numbered({"ff:ff:ff:ff:ff:ff:ff:ff"}, [](std::int64_t n) {
            return fmt::format("00:00:00:00:00:{:02x}:{:02x}:{:02x}", n >> 16 & 255, n >> 8 & 255, n & 255);
        });
    if (type == "bit" || type == "varbit") {
        auto const length = static_cast<std::size_t>(modifier > 0 ? modifier : (type == "bit" ? 1 : 8));
        return constants({std::string(length, '0'), std::string(length, '1')});
    }
    if (type == "xml") return numbered({"<a/>", "<a b=\"c\">&lt;</a>"}, [](std::int64_t n) { return fmt::format("<n>{}</n>", n); });
    if (type == "tsvector" || type == "tsquery") return numbered({""}, [](std::int64_t n) { return in_base_36(n); });
    if (type == "point") return numbered({"(0,0)", "(-1e300,1e300)"}, [](std::int64_t n) { return fmt::format("({},{})", n, n); });
    if (type == "line") return constants({"{1,-1,0}"});
    if (type == "lseg") return constants({"[(0,0),(1,1)]"});
    if (type == "box") return constants({"(1,1),(0,0)"});
    if (type == "path") return constants({"((0,0),(1,1))", "[(0,0),(1,1)]"});
    if (type == "polygon") return constants({"((0,0),(1,1),(1,0))"});
    if (type == "circle") return constants({"<(0,0),1>"});
    if (type == "oid" || type == "xid" || type == "cid") return whole_numbers(0, 2147483647);
    if (type == "pg_lsn") return constants({"0/0", "FFFFFFFF/FFFFFFFF"});
    if (type == "char") return constants({"", "a", "'"});
    return texts(-1);  // a type of an extension's: most read some text, and an empty one
}

std::string in_array(std::string const& text) {
    std::string out = "\"";
    for (char const c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

Texts of(MadeType const& type) {
    if (!type.labels.empty() && type.kind != 'A') return constants(type.labels);
    if (type.kind == 'A') {
        auto const element = !type.labels.empty() ? constants(type.labels) : of_name(type.element, type.modifier);
        std::string all;
        for (auto const& edge : element.edges) all += (all.empty() ? "" : ",") + in_array(edge);
        return {{"{}", "{NULL}", "{" + all + "}", "{" + in_array(element.plain(1)) + "}"},
                [element](Random& random, std::int64_t n) {
                    return "{" + in_array(element.any(random, n)) + "," + in_array(element.plain(n)) + "}";
                },
                [element](std::int64_t n) { return "{" + in_array(element.plain(n)) + "}"; }};
    }
    if (type.kind == 'r') {
        auto const element = of_name(type.element, -1);
        auto const one = [element](std::int64_t n) { return fmt::format("[{0},{0}]", in_array(element.plain(n))); };
        return numbered({"empty", "(,)", fmt::format("[{},)", in_array(element.plain(1)))}, one);
    }
    if (type.kind == 'm') return constants({"{}", "{(,)}"});
    if (type.kind == 'c') {
        auto const nothing = "(" + std::string(static_cast<std::size_t>(std::max(type.attributes - 1, 0)), ',') + ")";
        return constants({nothing});
    }
    return of_name(type.name, type.modifier);
}

// Texts and numbers that a condition mentions, and the numbers beside them.
void add_hints(std::string const& condition, std::vector<std::string>& hints) {
    for (std::size_t i = 0; i < condition.size(); ++i) {
        if (condition[i] == '\'') {
            std::string text;
            for (++i; i < condition.size() && (condition[i] != '\'' || (i + 1 < condition.size() && condition[i + 1] == '\'')); ++i) {
                text += condition[i];
                if (condition[i] == '\'') ++i;
            }
            hints.push_back(quote_literal(text));
        } else if (std::isdigit(static_cast<unsigned char>(condition[i])) != 0 &&
                   (i == 0 || (std::isalnum(static_cast<unsigned char>(condition[i - 1])) == 0 && condition[i - 1] != '_'))) {
            std::size_t end = i;
            while (end < condition.size() && std::isdigit(static_cast<unsigned char>(condition[end])) != 0) ++end;
            auto const digits = condition.substr(i, std::min<std::size_t>(end - i, 18));
            auto const number = std::stoll(digits);
            for (auto const near : {number, number + 1, number - 1}) hints.push_back(quote_literal(std::to_string(near)));
            i = end;
        }
    }
}

}  // namespace

Result<std::map<std::string, std::vector<std::string>>> MadeValues::hints(Table const& table) {
    std::map<std::string, std::vector<std::string>> result;
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format(fmt::runtime(hints_query), table.id)));
    for (auto const& row : rows)
        for (auto const& column : split(row[1].value_or(""))) add_hints(row[0].value_or(""), result[column]);
    return result;
}

Result<std::vector<MadeColumn>> MadeValues::columns(Table const& table) {
    UNDROP_TRY(auto hinted, hints(table));
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format(fmt::runtime(columns_query), table.id)));
    std::vector<MadeColumn> result;
    for (auto const& row : rows) {
        auto const labels = split(row[7].value_or(""));
        MadeType const type{.name = row[1].value_or(""),
                            .kind = row[2].value_or("b").front(),
                            .modifier = std::stoi(row[3].value_or("-1")),
                            .labels = labels,
                            .element = row[8].value_or(""),
                            .element_kind = row[9].value_or("b").front(),
                            .attributes = std::stoi(row[10].value_or("0"))};
        auto const values = of(type);
        MadeColumn column{.name = row[0].value_or(""), .left_alone = row[5] == "t", .takes_null = row[4] != "t"};
        for (auto const& text : values.edges) {
            // One that the type refuses would have the whole row refused.
            UNDROP_TRY(bool const valid, insert(fmt::format("SELECT {}::{}", quote_literal(text), row[11].value_or("text"))));
            if (valid) column.edges.push_back(quote_literal(text));
        }
        if (row[6] == "t") column.edges.emplace_back("DEFAULT");
        column.hints = std::move(hinted[column.name]);
        column.any = [values](Random& random, std::int64_t n) { return quote_literal(values.any(random, n)); };
        column.plain = [values](std::int64_t n) { return quote_literal(values.plain(n)); };
        result.push_back(std::move(column));
    }
    return result;
}

Result<std::vector<ForeignKey>> MadeValues::foreign_keys(Table const& table) {
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format(fmt::runtime(keys_query), table.id)));
    std::vector<ForeignKey> keys;
    std::string last;
    for (auto const& row : rows) {
        if (row[5] != last) {
            last = row[5].value_or("");
            keys.push_back({.name = row[0].value_or(""),
                            .columns = {},
                            .parents_schema = row[2].value_or(""),
                            .parent = row[3].value_or(""),
                            .parents_columns = {}});
        }
        keys.back().columns.push_back(row[1].value_or(""));
        keys.back().parents_columns.push_back(row[4].value_or(""));
    }
    return keys;
}

std::string MadeValues::as_sql(std::string const& expression) const {
    return fmt::format("pg_catalog.quote_literal({}::pg_catalog.text)", expression);
}

Result<bool> MadeValues::insert(std::string const& sql) {
    auto const done = backend_.run("SAVEPOINT undrop_row; " + sql + "; RELEASE undrop_row");
    if (done) return true;
    auto const state = sqlstate(done.error());
    // What is wrong with the row: its values, a constraint, a function of a condition's. All else is wrong with us.
    bool const of_row = state.starts_with("22") || state.starts_with("23") || state.starts_with("42") || state.starts_with("P0") ||
                        state.starts_with("54") || state.starts_with("0A");
    if (!of_row) return done.error();
    UNDROP_CHECK(backend_.run("ROLLBACK TO undrop_row; RELEASE undrop_row"));
    return false;
}

}  // namespace undrop::postgres
