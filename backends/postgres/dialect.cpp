#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lexer.hpp"
#include "outside.hpp"
#include "postgres_dialect.hpp"
#include "row_sides.hpp"

namespace undrop::postgres {

namespace {

std::string doubled(std::string_view text, char quote) {
    std::string out(1, quote);
    for (char const c : text) {
        out += c;
        if (c == quote) out += c;
    }
    return out + quote;
}

bool is_text(Column const& column) { return column.as_text || column.stored_type.starts_with("text"); }

}  // namespace

std::string quote_identifier(std::string_view identifier) { return doubled(identifier, '"'); }

std::string quote_literal(std::string_view text) {
    auto quoted = doubled(text, '\'');
    if (text.find('\\') == std::string_view::npos) return quoted;
    std::string out = " E";
    for (char const c : quoted) {
        out += c;
        if (c == '\\') out += c;
    }
    return out;
}

std::string PostgresDialect::quote(std::string_view identifier) const { return quote_identifier(identifier); }
std::string PostgresDialect::literal(std::string_view text) const { return quote_literal(text); }

std::string PostgresDialect::relation(std::string_view schema, std::string_view name) const {
    return schema.empty() ? quote(name) : quote(schema) + "." + quote(name);
}

std::string PostgresDialect::store(std::string_view ledger, std::string_view table) const { return relation(ledger, table); }

Result<std::vector<Statement>> PostgresDialect::split(Script const& script) const {
    return split_sql(script, {.dollar_quotes = true, .nested_comments = true, .escape_strings = true});
}

Foreseen PostgresDialect::foresee(std::vector<Statement> const& statements) const { return postgres::foresee(statements); }
std::string PostgresDialect::one_way(Statement const& statement) const { return postgres::one_way(statement); }
std::string PostgresDialect::outlives(Statement const& statement) const { return postgres::outlives(statement); }
std::optional<Outside> PostgresDialect::outside(Statement const& statement) const { return postgres::outside(statement); }
std::optional<Outside> PostgresDialect::may_commit(Statement const& statement) const { return postgres::may_commit(statement); }
std::map<std::size_t, Outside> PostgresDialect::hoisted(std::vector<Statement> const& statements) const {
    return postgres::hoisted(statements);
}
bool PostgresDialect::sets_session(Statement const& statement) const { return postgres::sets_session(statement); }
std::string PostgresDialect::forbidden(Statement const& statement) const { return postgres::forbidden(statement); }
std::string PostgresDialect::forbidden_in_check(Statement const& statement) const { return postgres::forbidden_in_check(statement); }

// What is not built in is kept as the text of its output function, which format() calls; a cast to text may be the user's own.
std::string PostgresDialect::save(Column const& column, std::string const& value) const {
    if (column.as_text && !column.saved_labels.empty()) {
        auto const label = fmt::format("pg_catalog.format('%s', {})", value);
        std::string saved = fmt::format("(case pg_catalog.num_nulls({}) when 0 then case {}", value, label);
        for (auto const& [is, then] : column.saved_labels) saved += fmt::format(" when {} then {}", quote_literal(is), quote_literal(then));
        return fmt::format("{} else {} end end collate pg_catalog.\"C\")", saved, label);
    }
    if (column.as_text)
        // A composite value of NULLs IS NULL without being one; num_nulls() knows.
        return fmt::format("(case pg_catalog.num_nulls({0}) when 0 then pg_catalog.format('%s', {0}) end collate pg_catalog.\"C\")", value);
    if (is_text(column)) return fmt::format("(({})::pg_catalog.text collate pg_catalog.\"C\")", value);
    return value;
}

std::string PostgresDialect::load(Column const& column, std::string const& stored) const {
    return column.reader ? read_attributes(column, stored) : fmt::format("cast({} as {})", stored, column.type);
}

// Record_image_eq. Without the casts a row comparison is taken apart into comparisons of its columns. A composite value may still hold
// attributes that its type has no more, or not yet those that it got since: there the texts tell.
std::string PostgresDialect::same(Column const& column, std::string const& a, std::string const& b) const {
    if (!column.attributes.empty()) return fmt::format("({} is not distinct from {})", save(column, a), save(column, b));
    return fmt::format("(row({})::pg_catalog.record OPERATOR(pg_catalog.*=) row({})::pg_catalog.record)", a, b);
}

std::string PostgresDialect::equal(Column const& column, std::string const& value, std::string const& stored) const {
    // What a char(n) is filled up with does not count, nor does the type say so that the row was saved with.
    if (column.equals.empty() && is_padded(column))
        return fmt::format("(pg_catalog.rtrim({}) = pg_catalog.rtrim({}))", save(column, value), stored);
    if (column.equals.empty()) return Dialect::equal(column, value, stored);
    auto const collate = column.collation.empty() ? "" : " collate " + column.collation;
    return fmt::format("({} {} {}{})", value, column.equals, load(column, stored), collate);
}

// What is saved has the store's collation, by which lower() and the like would go.
std::string PostgresDialect::as_column(Column const& column, std::string const& value) const {
    return column.collation.empty() ? value : fmt::format("({} collate {})", value, column.collation);
}

std::string PostgresDialect::image(std::vector<std::string> const& saved) const {
    return fmt::format("(row({})::pg_catalog.text collate pg_catalog.\"C\")", fmt::join(saved, ", "));
}

std::string PostgresDialect::digest(std::string const& image) const {
    return fmt::format("pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({}, 'UTF8')), 'hex')", image);
}

// Images are made of texts, whatever the type.
std::vector<std::string> PostgresDialect::saved_forms(std::string const&, std::string const& place) const {
    return {fmt::format("cast({} as pg_catalog.text)", place)};
}

std::string PostgresDialect::add_bare_column(Table const&, Column const&) const { return {}; }
std::string PostgresDialect::insert_overriding() const { return " OVERRIDING SYSTEM VALUE"; }

std::string PostgresDialect::row_locator(Table const&) const { return "ctid"; }

// Each partition counts its rows from the start.
std::string PostgresDialect::row_id(Table const& table, std::string const& alias) const {
    auto const of = alias.empty() ? std::string() : alias + ".";
    if (!table.partitioned) return of + "ctid";
    return fmt::format("({0}tableoid::pg_catalog.oid::pg_catalog.text || {0}ctid::pg_catalog.text)", of);
}

std::string PostgresDialect::row_id_type(Table const& table) const { return table.partitioned ? "text collate pg_catalog.\"C\"" : "tid"; }

std::vector<RowPlace> PostgresDialect::row_places(Table const&) const {
    return {{"relation bigint", "t.tableoid::pg_catalog.int8"}, {"place tid", "t.ctid"}};
}

// A default that is drawn for each row writes the table anew, and fires no trigger. Rows that a script inserts get none.
std::vector<std::string> PostgresDialect::number_rows(Table const& table, std::string const& column, std::string const& sequence) const {
    auto const name = relation(table.schema, table.name);
    return {"CREATE SEQUENCE " + sequence,
            fmt::format("ALTER TABLE {} ADD COLUMN {} bigint DEFAULT pg_catalog.nextval({}::pg_catalog.regclass)", name, quote(column),
                        literal(sequence)),
            fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", name, quote(column))};
}

std::string PostgresDialect::own_rows(Table const& table) const {
    auto const name = relation(table.schema, table.name);
    return table.partitioned ? name : "ONLY " + name;
}

std::string PostgresDialect::shown(Column const& column, std::string const& saved) const {
    constexpr std::array plain{"smallint", "integer", "bigint", "numeric", "real", "double precision", "boolean", "uuid"};
    auto const text = saved + "::pg_catalog.text";
    if (std::find(plain.begin(), plain.end(), column.stored_type) == plain.end()) return fmt::format("pg_catalog.quote_nullable({})", text);
    return fmt::format("coalesce({}, 'NULL')", text);
}

}  // namespace undrop::postgres
