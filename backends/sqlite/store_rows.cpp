// Rows of the store as lines: cells between tabs, each a letter for its storage class and its value.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// As COPY does it: what ends a cell or a line, and the backslash itself.
void add_escaped(std::string& line, std::string_view bytes) {
    for (char const c : bytes) {
        if (c == '\\')
            line += "\\\\";
        else if (c == '\t')
            line += "\\t";
        else if (c == '\n')
            line += "\\n";
        else if (c == '\r')
            line += "\\r";
        else
            line += c;
    }
}

std::string unescaped(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            bytes += text[i];
            continue;
        }
        char const c = text[++i];
        bytes += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    }
    return bytes;
}

// False: there is no memory for the value.
bool add_cell(std::string& line, sqlite3_stmt* row, int i) {
    auto const type = sqlite3_column_type(row, i);
    if (type == SQLITE_NULL) {
        line += "\\N";
    } else if (type == SQLITE_INTEGER) {
        line += fmt::format("i{}", sqlite3_column_int64(row, i));
    } else if (type == SQLITE_FLOAT) {
        double const value = sqlite3_column_double(row, i);
        std::uint64_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        line += fmt::format("f{:016x}", bits);
    } else {
        auto const* const bytes = type == SQLITE_TEXT ? static_cast<void const*>(sqlite3_column_text(row, i)) : sqlite3_column_blob(row, i);
        auto const size = static_cast<std::size_t>(sqlite3_column_bytes(row, i));
        if (bytes == nullptr && sqlite3_errcode(sqlite3_db_handle(row)) == SQLITE_NOMEM) return false;
        line += type == SQLITE_TEXT ? 't' : 'b';
        add_escaped(line, {static_cast<char const*>(bytes), size});
    }
    return true;
}

template <class Number>
bool read_number(std::string_view text, Number& number, int base) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc() && end == text.data() + text.size();
}

// SQLite's result code; SQLITE_MISMATCH for a cell that is none.
int bind_cell(sqlite3_stmt* statement, int i, std::string_view cell) {
    if (cell == "\\N") return sqlite3_bind_null(statement, i);
    auto const value = cell.substr(std::min<std::size_t>(1, cell.size()));
    if (cell.starts_with('i')) {
        std::int64_t number = 0;
        return read_number(value, number, 10) ? sqlite3_bind_int64(statement, i, number) : SQLITE_MISMATCH;
    }
    if (cell.starts_with('f')) {
        std::uint64_t bits = 0;
        if (!read_number(value, bits, 16)) return SQLITE_MISMATCH;
        double number = 0;
        std::memcpy(&number, &bits, sizeof number);
        return sqlite3_bind_double(statement, i, number);
    }
    auto const bytes = unescaped(value);
    if (cell.starts_with('t')) return sqlite3_bind_text64(statement, i, bytes.data(), bytes.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    // An empty blob needs an address, else it is NULL.
    if (cell.starts_with('b')) return sqlite3_bind_blob64(statement, i, bytes.c_str(), bytes.size(), SQLITE_TRANSIENT);
    return SQLITE_MISMATCH;
}

Error no_row() { return Error{.code = Code::refused, .message = "a line of rows is not one of this table"}; }

Result<void> bind_line(sqlite3_stmt* statement, std::string_view line, std::size_t width) {
    for (std::size_t i = 1; i <= width; ++i) {
        auto const end = line.find('\t');
        if ((end == std::string_view::npos) != (i == width)) return no_row();
        auto const result = bind_cell(statement, static_cast<int>(i), line.substr(0, end));
        if (result == SQLITE_MISMATCH) return no_row();
        if (result != SQLITE_OK) return error_of(sqlite3_db_handle(statement));
        line.remove_prefix(std::min(line.size(), end == std::string_view::npos ? line.size() : end + 1));
    }
    return success();
}

std::string names_of(std::vector<std::string> const& columns) {
    std::vector<std::string> names;
    for (auto const& column : columns) names.push_back(quote(column));
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Result<std::vector<StoreColumn>> SqliteBackend::columns_of(std::string const& store_table) {
    auto const words = tokens(store_table);
    auto const name = words.empty() ? store_table : words.back().text;
    UNDROP_TRY(auto const rows,
               connection_.rows(fmt::format("select name, type from pragma_table_info({}, 'main') order by cid", literal(name))));
    std::vector<StoreColumn> columns;
    for (auto const& row : rows) columns.push_back({row[0].value_or(""), row[1].value_or("")});
    return columns;
}

Result<bool> SqliteBackend::is_stored_type(std::string const& type) {
    constexpr std::array<std::string_view, 8> types{"", "int", "integer", "bigint", "text", "real", "numeric", "blob"};
    auto const lowered = lower(type);
    return std::find(types.begin(), types.end(), lowered) != types.end();
}

Result<void> SqliteBackend::read_rows(std::string const& store_table, std::vector<std::string> const& columns, RowSink const& sink) {
    UNDROP_TRY(auto rows, Prepared::make(handle(), fmt::format("select {} from {}", names_of(columns), store_table)));
    std::string line;
    while (true) {
        UNDROP_TRY(bool const more, rows.step());
        if (!more) return success();
        line.clear();
        for (int i = 0; i < sqlite3_column_count(rows.get()); ++i) {
            if (i > 0) line += '\t';
            if (!add_cell(line, rows.get(), i)) return error_of(handle());
        }
        UNDROP_CHECK(sink(line));
    }
}

Result<void> SqliteBackend::write_rows(std::string const& store_table, std::vector<std::string> const& columns, RowSource const& source) {
    std::vector<std::string> places;
    for (std::size_t i = 1; i <= columns.size(); ++i) places.push_back(fmt::format("?{}", i));
    UNDROP_TRY(auto insert, Prepared::make(handle(), fmt::format("insert into {} ({}) values ({})", store_table, names_of(columns),
                                                                 fmt::join(places, ", "))));
    while (true) {
        UNDROP_TRY(auto const line, source());
        if (!line) return success();
        UNDROP_CHECK(bind_line(insert.get(), *line, columns.size()));
        if (auto done = insert.finish(); !done)
            return (sqlite3_extended_errcode(handle()) & 0xFF) == SQLITE_CONSTRAINT ? Result<void>(no_row()) : std::move(done);
        sqlite3_reset(insert.get());
    }
}

}  // namespace undrop::sqlite
