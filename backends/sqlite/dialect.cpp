#include "sqlite/dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "balanced.hpp"
#include "lexer.hpp"
#include "sqlite/functions.hpp"
#include "sqlite/tokens.hpp"

namespace undrop::sqlite {

std::string SqliteDialect::quote(std::string_view identifier) const { return sqlite::quote(identifier); }
std::string SqliteDialect::literal(std::string_view text) const { return sqlite::literal(text); }

// Qualified: a temporary table of the same name would be found first.
std::string SqliteDialect::relation(std::string_view, std::string_view name) const { return main_table(name); }

std::string SqliteDialect::store(std::string_view ledger, std::string_view table) const {
    return main_table(fmt::format("{}_{}", ledger, table));
}

Result<std::vector<Statement>> SqliteDialect::split(Script const& script) const {
    return split_sql(script, {.dollar_quotes = false, .nested_comments = false, .escape_strings = false, .brackets_and_backticks = true});
}

// A value is kept as it is; without the column's own collation, so that saved values compare byte by byte.
std::string SqliteDialect::save(Column const&, std::string const& value) const { return fmt::format("({} collate binary)", value); }
std::string SqliteDialect::load(Column const&, std::string const& stored) const { return stored; }

// `is` alone takes 1 and 1.0 for the same, and the column's collation may take 'a' and 'A' for the same.
std::string SqliteDialect::same(Column const&, std::string const& a, std::string const& b) const {
    return fmt::format("(({0}) collate binary is ({1}) and typeof({0}) = typeof({1}))", a, b);
}

std::string SqliteDialect::working_type(Column const& column) const {
    return column.collation.empty() ? column.stored_type : column.stored_type + " collate " + column.collation;
}

std::string SqliteDialect::equal(Column const& column, std::string const& value, std::string const& stored) const {
    if (column.collation.empty()) return Dialect::equal(column, value, stored);
    return fmt::format("({} = {} collate {})", value, stored, column.collation);
}

// quote() ends at a NUL byte in a text, so texts are written like blobs.
// A text may have been stored as a number, by its column's affinity or by whoever wrote it.
std::vector<std::string> SqliteDialect::saved_forms(std::string const& text, std::string const& place) const {
    std::vector<std::string> forms{fmt::format("cast({} as text)", place)};
    auto const digits = text.substr(text.starts_with('-') ? 1 : 0);
    auto const is_number = !digits.empty() && digits.find_first_not_of("+-.0123456789eE") == std::string::npos;
    auto const is_whole = digits.find_first_not_of("0123456789") == std::string::npos;
    if (is_number) forms.push_back(fmt::format("cast({} as {})", place, is_whole ? "integer" : "real"));
    return forms;
}

// A text column makes texts of what it is compared with. What other columns do to numbers a cast would do to texts, too, which they keep.
std::string SqliteDialect::as_column(Column const& column, std::string const& value) const {
    auto const type = lower(column.type);
    auto const has = [&](char const* part) { return type.find(part) != std::string::npos; };
    auto const is_text = !has("int") && (has("char") || has("clob") || has("text"));
    auto const typed = is_text ? fmt::format("cast({} as text)", value) : value;
    return column.collation.empty() ? typed : fmt::format("{} collate {}", typed, column.collation);
}

std::string SqliteDialect::image(std::vector<std::string> const& saved) const {
    std::vector<std::string> parts{"''"};
    for (auto const& value : saved)
        parts.push_back(
            fmt::format("typeof({0}) || ' ' || case when typeof({0}) in ('text', 'blob') then hex({0}) else quote({0}) end || ','", value));
    return "(" + balanced(parts, " || ") + ")";
}

std::string SqliteDialect::digest(std::string const& image) const { return fmt::format("{}({})", digest_function, image); }

// Without a type nothing is converted; the table's rebuild gives the column its recorded form.
std::string SqliteDialect::add_bare_column(Table const& table, Column const& column) const {
    // With its type, since values that had its affinity keep what they are. A STRICT table takes few types, and any value in an ANY, which
    // makes numbers of texts in every other table.
    auto const any = same_name(column.type, "any");
    auto const type = table.strict ? std::string{"ANY"} : any ? std::string{} : column.type;
    return fmt::format("alter table {} add column {} {}", relation(table.schema, table.name), sqlite::quote(column.name), type);
}

std::string SqliteDialect::insert_overriding() const { return ""; }

std::string SqliteDialect::row_locator(Table const& table) const {
    if (table.no_locator) return "";
    for (auto const* name : std::array{"rowid", "_rowid_", "oid"}) {
        auto const& columns = table.columns;
        if (std::none_of(columns.begin(), columns.end(), [&](Column const& c) { return same_name(c.name, name); })) return name;
    }
    return "";
}

// VACUUM may number rows anew, and a new row may get the number of one that went: whoever uses it asks for more.
std::string SqliteDialect::lasting_row_id(Table const& table, std::string const& alias) const {
    auto const locator = row_locator(table);
    return locator.empty() ? "" : alias + "." + locator;
}

std::vector<RowPlace> SqliteDialect::row_places(Table const& table) const {
    auto const locator = row_locator(table);
    if (locator.empty()) return {};
    return {{"place integer", "t." + locator}};
}

std::string SqliteDialect::own_rows(Table const& table) const { return relation(table.schema, table.name); }

std::string SqliteDialect::shown(Column const&, std::string const& saved) const { return fmt::format("quote({})", saved); }

}  // namespace undrop::sqlite
