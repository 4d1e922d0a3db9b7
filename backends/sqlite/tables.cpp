// The tables as they are now: columns, and what tells their rows apart.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sqlite/backend.hpp"
#include "sqlite/tokens.hpp"
#include "sqlite/unique_rules.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

struct ColumnInfo {
    Column column;
    int key_position = 0;  // in the primary key, from 1
    std::string collation;
};

struct Shape {
    std::vector<ColumnInfo> columns;
    bool without_rowid = false;
    bool strict = false;

    [[nodiscard]] ColumnInfo const* find(std::string const& name) const {
        for (auto const& info : columns)
            if (same_name(info.column.name, name)) return &info;
        return nullptr;
    }
    [[nodiscard]] std::vector<std::string> primary_key() const {
        std::vector<ColumnInfo const*> parts;
        for (auto const& info : columns)
            if (info.key_position > 0) parts.push_back(&info);
        std::sort(parts.begin(), parts.end(), [](auto const* a, auto const* b) { return a->key_position < b->key_position; });
        std::vector<std::string> names;
        for (auto const* part : parts) names.push_back(part->column.name);
        return names;
    }
};

// SQLite's own rules of affinity. `int`, not `integer`: the latter as a primary key takes nothing but integers.
std::string affinity(std::string const& type, bool strict) {
    auto const t = lower(type);
    auto const has = [&](char const* part) { return t.find(part) != std::string::npos; };
    if (has("int")) return "int";
    if (has("char") || has("clob") || has("text")) return "text";
    if (t.empty() || has("blob") || (strict && t == "any")) return "";
    if (has("real") || has("floa") || has("doub")) return "real";
    return "numeric";
}

// DEFAULT viewer and DEFAULT "viewer" are texts to SQLite, but columns where an expression stands alone.
std::string default_expression(std::string const& written) {
    auto const words = tokens(written);
    if (words.size() != 1) return written;
    auto const& word = words[0];
    if (word.kind == Token::Kind::quoted) return literal(word.text);
    for (auto const* keyword : {"null", "true", "false", "current_time", "current_date", "current_timestamp"})
        if (word.is(keyword)) return written;
    return word.kind == Token::Kind::word ? literal(word.text) : written;
}

Result<Shape> read_shape(Connection& connection, Entry const& entry) {
    Shape shape;
    auto const name = literal(entry.name);
    UNDROP_TRY(auto const kind, connection.rows(fmt::format("select wr, strict from pragma_table_list({}) where schema = 'main'", name)));
    shape.without_rowid = !kind.empty() && kind[0][0] == "1";
    shape.strict = !kind.empty() && kind[0][1] == "1";
    UNDROP_TRY(
        auto const rows,
        connection.rows(fmt::format(
            "select name, type, \"notnull\", dflt_value, pk, hidden from pragma_table_xinfo({}, 'main') where hidden <> 1 order by cid",
            name)));
    for (auto const& row : rows) {
        auto& info = shape.columns.emplace_back();
        info.column.name = *row[0];
        info.column.type = row[1].value_or("");
        info.column.not_null = row[2] == "1";
        info.column.default_sql = default_expression(row[3].value_or(""));
        info.column.generated = row[5] == "2" || row[5] == "3";
        info.key_position = std::stoi(*row[4]);
        info.collation = connection.collation(entry.name, info.column.name);
    }
    return shape;
}

// Is every row told apart by these columns, to undrop's byte-wise comparison and to the `=` of the columns' own collations?
bool identifies(Shape const& shape, Rows const& parts) {
    return !parts.empty() && std::all_of(parts.begin(), parts.end(), [&](Row const& part) {
        auto const* info = part[0] ? shape.find(*part[0]) : nullptr;
        if (info == nullptr || info->column.generated) return false;
        return same_name(info->collation, "BINARY") || same_name(info->collation, part[1].value_or("BINARY"));
    });
}

// Is there a NULL in these columns? Empty: there can be none.
std::string null_query(Shape const& shape, std::string const& table, std::vector<std::string> const& names) {
    std::string condition;
    for (auto const& name : names)
        if (!shape.find(name)->column.not_null) condition += (condition.empty() ? "" : " or ") + quote(name) + " is null";
    return condition.empty() ? condition : fmt::format("select exists (select 1 from {} where {})", main_table(table), condition);
}

// INTEGER PRIMARY KEY is the rowid itself; any other primary key has an index.
Result<bool> key_is_rowid(Connection& connection, Shape const& shape, std::string const& table) {
    if (shape.primary_key().size() != 1) return false;
    UNDROP_TRY(auto const indexes,
               connection.number(fmt::format("select count(*) from pragma_index_list({}, 'main') where origin = 'pk'", literal(table))));
    return indexes == 0;
}

// A row that is not in the table yet has none.
bool names_rowid(Shape const& shape, std::string const& expression) {
    auto const words = tokens(expression);
    return std::any_of(words.begin(), words.end(), [&](Token const& word) {
        auto const is_its = [&](char const* name) { return word.is_name() && same_name(word.text, name) && !shape.find(word.text); };
        return is_its("rowid") || is_its("_rowid_") || is_its("oid");
    });
}

// The columns of every unique index that holds for all rows; and of the others, or where an index compares otherwise than its columns, the
// rule.
Result<void> read_unique(Connection& connection, Shape const& shape, Entry const& entry, Table& table) {
    UNDROP_TRY(auto const rows,
               connection.rows(
                   fmt::format("select l.name, x.name, x.coll, l.partial, m.sql from pragma_index_list({}, 'main') l, "
                               "pragma_index_xinfo(l.name, 'main') x join main.sqlite_schema m on m.type = 'index' and m.name = l.name "
                               "where l.\"unique\" = 1 and x.key = 1 order by l.seq, x.seqno",
                               literal(entry.name))));
    std::map<std::string, std::vector<Row>> indexes;
    for (auto const& row : rows) indexes[*row[0]].push_back(row);
    for (auto const& [name, parts] : indexes) {
        auto const text = read_index(parts[0][4].value_or(""));
        UniqueRule rule{.name = name, .parts = {}, .condition = parts[0][3] == "1" ? text.condition : "", .on_columns = parts[0][3] != "1"};
        auto plain = rule.on_columns;
        std::vector<std::string> columns;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            auto const* info = parts[i][1] ? shape.find(*parts[i][1]) : nullptr;
            auto const collation = parts[i][2].value_or("BINARY");
            if (!info && i >= text.parts.size()) break;
            rule.parts.push_back({.expression = info ? quote(info->column.name) : text.parts[i], .collation = quote(collation)});
            columns.push_back(info ? info->column.name : "");
            rule.on_columns = rule.on_columns && info;
            plain = plain && info && !info->column.generated && same_name(info->collation, collation);
        }
        auto const whole = [&](UniqueRule::Part const& part) { return !names_rowid(shape, part.expression); };
        if (rule.parts.size() != parts.size() || names_rowid(shape, rule.condition) ||
            !std::all_of(rule.parts.begin(), rule.parts.end(), whole))
            continue;
        if (rule.on_columns) table.unique.push_back(columns);
        if (!plain) table.rules.push_back(std::move(rule));
    }
    return outcome::success();
}

// The primary key where it holds no NULL (SQLite allows them), else a unique index of NOT NULL columns alone; else nothing. `doubt`: a
// query that gives 0 as long as that holds; empty: always.
Result<std::vector<std::string>> key_of(Connection& connection, Shape const& shape, std::string const& table, std::string& doubt) {
    UNDROP_TRY(
        auto const indexes,
        connection.rows(fmt::format(
            "select name, origin from pragma_index_list({}, 'main') where \"unique\" = 1 and partial = 0 order by origin <> 'pk', seq desc",
            literal(table))));
    for (auto const& index : indexes) {
        UNDROP_TRY(auto const parts,
                   connection.rows(fmt::format("select name, coll from pragma_index_xinfo({}, 'main') where key = 1 order by seqno",
                                               literal(*index[0]))));
        if (!identifies(shape, parts)) continue;
        std::vector<std::string> names;
        for (auto const& part : parts) names.push_back(*part[0]);
        bool const is_primary = index[1] == "pk";
        if (!is_primary && !std::all_of(names.begin(), names.end(), [&](auto const& n) { return shape.find(n)->column.not_null; }))
            continue;
        auto const nulls = null_query(shape, table, names);
        if (nulls.empty()) return names;
        UNDROP_TRY(auto const some, connection.number(nulls));
        if (some == 0) {
            if (doubt.empty()) doubt = nulls;
            return names;
        }
        doubt = "select 1";
    }
    return std::vector<std::string>{};
}

Result<Table> describe(Connection& connection, Entry const& entry, std::string& doubt) {
    UNDROP_TRY(auto const shape, read_shape(connection, entry));
    Table table;
    table.name = entry.name;
    table.no_locator = shape.without_rowid;
    table.strict = shape.strict;
    UNDROP_TRY(bool const is_rowid, key_is_rowid(connection, shape, entry.name));
    if (is_rowid) {
        table.key = shape.primary_key();
    } else {
        UNDROP_TRY(table.key, key_of(connection, shape, entry.name, doubt));
    }
    UNDROP_CHECK(read_unique(connection, shape, entry, table));
    std::erase(table.unique, table.key);
    for (auto const& info : shape.columns) {
        auto& column = table.columns.emplace_back(info.column);
        if (!same_name(info.collation, "BINARY")) column.collation = quote(info.collation);
        // Snapshots are joined by key: there the affinity must be the same, or no index is used. Elsewhere none keeps every value as it
        // is.
        bool const in_key = std::find(table.key.begin(), table.key.end(), column.name) != table.key.end();
        if (column.generated && !table.rules.empty()) column.computed = computed_by(entry.sql, column.name);
        if (in_key) column.stored_type = is_rowid ? "integer" : affinity(column.type, shape.strict);
    }
    return table;
}

// Everything about the indexes of each table, by its name in lower case.
Result<std::map<std::string, std::string>> index_texts(Connection& connection) {
    UNDROP_TRY(auto const rows, connection.rows("select lower(tbl_name), name || ' ' || coalesce(sql, '') from main.sqlite_schema "
                                                "where type = 'index' order by rowid"));
    std::map<std::string, std::string> texts;
    for (auto const& row : rows) texts[row[0].value_or("")] += row[1].value_or("") + "\n";
    return texts;
}

}  // namespace

Result<std::vector<Table>> SqliteBackend::tables(std::string const&) {
    if (!connection_.in_transaction()) tracker_.clear();
    UNDROP_CHECK(sync(Tracker::Cause::own));
    bool stands = tables_.generation == tracker_.generation();
    for (auto const& [text, known] : described_) {
        if (!stands) break;
        if (known.doubt.empty()) continue;
        UNDROP_TRY(auto const doubtful, connection_.number(known.doubt));
        stands = doubtful == 0;
    }
    if (stands) return tables_.value;
    UNDROP_TRY(auto const indexes, index_texts(connection_));
    std::vector<Table> result;
    std::map<std::string, Described> described;
    for (auto const& entry : tracker_.entries()) {
        if (entry.kind != Kind::table) continue;
        auto const found = indexes.find(lower(entry.name));
        auto const text = fmt::format("{}\n{}\n{}", entry.name, entry.sql, found == indexes.end() ? "" : found->second);
        auto known = described_.extract(text);
        std::int64_t doubtful = known.empty() ? 1 : 0;
        if (!known.empty() && !known.mapped().doubt.empty()) {
            UNDROP_TRY(doubtful, connection_.number(known.mapped().doubt));
        }
        Described now;
        if (doubtful == 0) {
            now = std::move(known.mapped());
        } else {
            UNDROP_TRY(now.table, sqlite::describe(connection_, entry, now.doubt));
        }
        now.table.id = entry.id;
        for (auto& column : now.table.columns) column.id = entry.column_id(column.name);
        result.push_back(now.table);
        described.emplace(text, std::move(now));
    }
    described_ = std::move(described);
    tables_ = {result, tracker_.generation()};
    return result;
}

}  // namespace undrop::sqlite
