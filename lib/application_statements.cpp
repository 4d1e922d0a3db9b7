#include "application_statements.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>

namespace undrop {
namespace {

constexpr std::int64_t most_gifts = 3;  // of plain values
constexpr std::size_t most_values = 9;
constexpr std::size_t most_literals = 4;

bool has(std::string const& text, char const* part) { return text.find(part) != std::string::npos; }

std::string lower(std::string text) {
    for (auto& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

bool is_text(Column const& column) {
    auto const type = lower(column.type);
    return has(type, "char") || has(type, "text") || has(type, "clob");
}

// Expressions that may give a value of the column that no row has yet.
std::vector<std::string> new_values(Dialect const& dialect, Table const& table, Column const& column) {
    auto const name = dialect.quote(column.name);
    auto const type = lower(column.type);
    auto const next = fmt::format("(select max(o.{}) + 1 from {} as o)", name, dialect.own_rows(table));
    auto const longer = fmt::format("t.{} || '-written'", name);
    if (has(type, "uuid")) return {"gen_random_uuid()"};
    if (is_text(column)) return {longer, fmt::format("t.{} || '1'", name)};
    if (type.empty() || has(type, "blob")) return {next, longer};
    return {next};
}

std::string list_of(Dialect const& dialect, std::vector<std::string> const& names, std::string const& alias) {
    std::vector<std::string> out;
    for (auto const& name : names) out.push_back(alias + dialect.quote(name));
    return fmt::format("{}", fmt::join(out, ", "));
}

}  // namespace

// The n-th row in the key's order, as a condition on t.
std::string is_row(Dialect const& dialect, Table const& table, char const* order, std::string const& condition, int skip) {
    std::vector<std::string> sorted;
    for (auto const& name : table.key) sorted.push_back(fmt::format("p.{} {}", dialect.quote(name), order));
    return fmt::format("({}) = (select {} from {} as p{} order by {} limit 1 offset {})", list_of(dialect, table.key, "t."),
                       list_of(dialect, table.key, "p."), dialect.own_rows(table), condition, fmt::join(sorted, ", "), skip);
}

bool is_unique(Table const& table, std::string const& column) {
    auto const in = [&](std::vector<std::string> const& names) { return std::find(names.begin(), names.end(), column) != names.end(); };
    return in(table.key) || std::any_of(table.unique.begin(), table.unique.end(), in);
}

std::vector<Update> updates(Dialect const& dialect, Table const& table, Table const& other, std::int64_t rows) {
    std::vector<Update> out;
    auto const half = std::max<std::int64_t>(1, rows / 2);
    for (auto const& column : table.columns) {
        auto const* there = other.column(column.name);
        auto const unique = is_unique(table, column.name) || is_unique(other, column.name);
        if (column.generated || unique || !there || there->type != column.type) continue;
        auto const row = is_row(dialect, table, "asc", "", static_cast<int>(static_cast<std::int64_t>(out.size()) % half));
        out.push_back(
            {column.name, row,
             fmt::format("update {0} as t set {1} = (select o.{1} from {0} as o where o.{1} <> t.{1} limit 1) where {2} and exists "
                         "(select 1 from {0} as o where o.{1} <> t.{1})",
                         dialect.own_rows(table), dialect.quote(column.name), row)});
    }
    return out;
}

std::vector<std::string> compared_with(std::string const& script, std::string const& column) {
    std::string name;
    for (char const c : column) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? std::string(1, c) : std::string("\\") + c;
    std::regex const comparison("\\b" + name + "\\b\"?\\s*(=|<>|!=|<=?|>=?|like|in\\s*\\()\\s*('([^']|'')*'|[0-9]+(\\.[0-9]+)?)",
                                std::regex::icase);
    std::set<std::string> found;
    for (std::sregex_iterator at(script.begin(), script.end(), comparison), end; at != end && found.size() < most_literals; ++at)
        found.insert((*at)[2].str());
    return {found.begin(), found.end()};
}

// Values for a column that the up added, in that row.
std::vector<std::string> gifts(Dialect const& dialect, Table const& table, MadeColumn const& column, std::vector<ForeignKey> const& keys,
                               std::string const& row) {
    auto const name = dialect.quote(column.name);
    std::vector<std::string> out;
    auto const refers = std::find_if(keys.begin(), keys.end(), [&](ForeignKey const& key) {
        return std::find(key.columns.begin(), key.columns.end(), column.name) != key.columns.end();
    });
    if (refers != keys.end() && refers->columns.size() > 1) {
        out.push_back(fmt::format("update {} as t set ({}) = (select {} from {} as p limit 1) where {}", dialect.own_rows(table),
                                  list_of(dialect, refers->columns, ""), list_of(dialect, refers->parents_columns, "p."),
                                  dialect.relation(refers->parents_schema, refers->parent), row));
        return out;
    }
    if (refers != keys.end()) {
        auto const others =
            fmt::format("select p.{0} from {1} as p where t.{2} is null or p.{0} <> t.{2}", dialect.quote(refers->parents_columns.front()),
                        dialect.relation(refers->parents_schema, refers->parent), name);
        out.push_back(
            fmt::format("update {0} as t set {1} = ({2} limit 1) where {3} and exists ({2})", dialect.own_rows(table), name, others, row));
        return out;
    }
    auto values = column.hints;
    for (std::int64_t n = 1; n <= most_gifts; ++n) values.push_back(column.plain(n));
    for (auto const& value : column.edges)
        if (value != "DEFAULT" && values.size() < most_values) values.push_back(value);
    for (auto const& value : values)
        out.push_back(fmt::format("update {0} as t set {1} = {2} where {3} and (t.{1} is null or cast(t.{1} as text) <> cast({2} as text))",
                                  dialect.own_rows(table), name, value, row));
    return out;
}

std::vector<Daring> darings(Dialect const& dialect, Table const& table, Table const& other, std::vector<MadeColumn> const& columns,
                            std::string const& row) {
    std::vector<Daring> out;
    auto const is_key = [&](std::string const& name) { return std::find(table.key.begin(), table.key.end(), name) != table.key.end(); };
    auto const rows = dialect.own_rows(table);
    for (auto const& made : columns) {
        auto const* column = table.column(made.name);
        auto const* there = other.column(made.name);
        if (made.left_alone || !column || column->generated || !there || is_key(made.name)) continue;
        auto const name = dialect.quote(made.name);
        auto values = made.hints;
        for (auto const& value : made.edges)
            if (value != "DEFAULT") values.push_back(value);
        for (auto const& value : new_values(dialect, table, *column)) values.push_back(value);
        values.emplace_back("null");
        values.push_back(fmt::format("(select o.{0} from {1} as o where o.{0} <> t.{0} limit 1)", name, rows));
        Daring daring{made.name, {}};
        for (auto const& value : values)
            daring.statements.push_back(fmt::format("update {} as t set {} = {} where {}", rows, name, value, row));
        out.push_back(std::move(daring));
    }
    for (auto const& names : other.unique) {
        if (names.size() == 1 ||
            !std::all_of(names.begin(), names.end(), [&](std::string const& name) { return table.column(name) && !is_key(name); }))
            continue;
        auto const others = fmt::format("select {} from {} as o where ({}) <> ({}) limit 1", list_of(dialect, names, "o."), rows,
                                        list_of(dialect, names, "o."), list_of(dialect, names, "t."));
        out.push_back({fmt::format("{}", fmt::join(names, ", ")),
                       {fmt::format("update {} as t set ({}) = ({}) where {} and exists ({})", rows, list_of(dialect, names, ""), others,
                                    row, others)}});
    }
    return out;
}

// A copy of the first row with a new key, and new values where they must be unique.
std::vector<std::string> inserts(Dialect const& dialect, Table const& table, Table const& other, bool varied) {
    std::vector<std::string> out;
    for (auto key = table.key.rbegin(); key != table.key.rend(); ++key)
        for (auto const& value : new_values(dialect, table, *table.column(*key))) {
            std::vector<std::string> names;
            std::vector<std::string> values;
            for (auto const& column : table.columns) {
                if (column.generated) continue;
                names.push_back(dialect.quote(column.name));
                auto const in_key = std::find(table.key.begin(), table.key.end(), column.name) != table.key.end();
                if (column.name == *key)
                    values.push_back(value);
                else if (in_key || !(is_unique(table, column.name) || is_unique(other, column.name)))
                    values.push_back(varied && !in_key && is_text(column) ? new_values(dialect, table, column).front()
                                                                          : "t." + dialect.quote(column.name));
                else
                    values.push_back(column.not_null ? new_values(dialect, table, column).front() : "null");
            }
            out.push_back(fmt::format("insert into {} ({}){} select {} from {} as t where {}", dialect.relation(table.schema, table.name),
                                      fmt::join(names, ", "), dialect.insert_overriding(), fmt::join(values, ", "), dialect.own_rows(table),
                                      is_row(dialect, table, "asc", "", 0)));
        }
    return out;
}

// The last row but one to which no other refers: what a cascade takes is not the point.
std::string deletion(Dialect const& dialect, Table const& table, std::vector<Reference> const& references) {
    std::vector<std::string> free;
    for (auto const& reference : references) {
        std::vector<std::string> same;
        for (std::size_t i = 0; i < reference.columns.size(); ++i)
            same.push_back(fmt::format("c.{} = p.{}", dialect.quote(reference.columns[i]), dialect.quote(reference.parents_columns[i])));
        free.push_back(fmt::format("not exists (select 1 from {} as c where {})", reference.rows, fmt::join(same, " and ")));
    }
    auto const condition = free.empty() ? std::string() : fmt::format(" where {}", fmt::join(free, " and "));
    return fmt::format("delete from {} as t where {}", dialect.own_rows(table), is_row(dialect, table, "desc", condition, 1));
}

}  // namespace undrop
