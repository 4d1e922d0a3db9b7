// The store: tables LEDGER_*, made by the core in the main schema. There are no rights in a file to take away.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "names.hpp"
#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

constexpr std::array ledger_tables{names::meta,     names::event,     names::script, names::object,
                                   names::snapshot, names::footprint, names::check,  names::journal};
constexpr std::array row_tables{names::snapshot_prefix, names::footprint_prefix, names::aside_prefix, names::work_prefix,
                                names::copy_prefix};

// Columns by which a ledger's own tables are known.
struct Mark {
    char const* table;
    std::vector<std::string> columns;
};
std::vector<Mark> const& marks() {
    static std::vector<Mark> const list{{names::meta, {"key", "value"}}, {names::event, {"id", "run", "kind", "up_sum", "down_script"}}};
    return list;
}

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<bool> has_columns(Connection& connection, std::string const& table, std::vector<std::string> const& wanted) {
    UNDROP_TRY(auto const rows,
               connection.rows(fmt::format("select lower(name) from pragma_table_xinfo({}, 'main') where hidden = 0", literal(table))));
    return std::all_of(wanted.begin(), wanted.end(), [&](std::string const& name) {
        return std::any_of(rows.begin(), rows.end(), [&](Row const& row) { return row[0] == name; });
    });
}

// SHA-256 of each row, the first eight bytes added up: the order of the rows does not count, how often one is there does.
class RowDigest {
public:
    RowDigest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {}

    bool add(sqlite3_stmt* row) {
        bool fine = EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
        for (int i = 0; i < sqlite3_column_count(row); ++i) fine = fine && cell(row, i);
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        fine = fine && EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1;
        std::uint64_t part = 0;
        for (std::size_t i = 0; i < 8; ++i) part = part << 8U | digest[i];
        sum_ += part;
        return fine;
    }
    [[nodiscard]] std::string text() const { return fmt::format("sha256-sum:{:016x}", sum_); }

private:
    bool put(void const* bytes, std::size_t size) { return EVP_DigestUpdate(context_.get(), bytes, size) == 1; }
    bool put(std::uint64_t number) {  // big-endian: the same on every machine
        std::array<unsigned char, 8> bytes{};
        for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(number >> (56 - 8 * i));
        return put(bytes.data(), bytes.size());
    }
    bool cell(sqlite3_stmt* row, int i) {
        auto const type = sqlite3_column_type(row, i);
        if (!put(static_cast<std::uint64_t>(type))) return false;
        if (type == SQLITE_NULL) return true;
        if (type == SQLITE_INTEGER) return put(static_cast<std::uint64_t>(sqlite3_column_int64(row, i)));
        if (type == SQLITE_FLOAT) {
            double const value = sqlite3_column_double(row, i);
            std::uint64_t bits = 0;
            std::memcpy(&bits, &value, sizeof bits);
            return put(bits);
        }
        void const* const bytes = type == SQLITE_TEXT ? static_cast<void const*>(sqlite3_column_text(row, i)) : sqlite3_column_blob(row, i);
        auto const size = static_cast<std::size_t>(sqlite3_column_bytes(row, i));
        return put(size) && put(bytes, size);
    }

    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
    std::uint64_t sum_ = 0;
};

// The raw name in `main."name"`, as Dialect::store writes it.
std::string raw_name(std::string const& store_table) {
    auto const words = tokens(store_table);
    return words.empty() ? store_table : words.back().text;
}

// What is wrong with one object in the ledger's place; empty: nothing.
Result<std::string> squatter(Connection& connection, Row const& object) {
    auto const type = object[0].value_or("");
    auto const name = object[1].value_or("");
    auto const table = object[2].value_or("");
    if (type == "trigger") return fmt::format("the trigger {} on {} is not undrop's", name, table);
    if (type == "index") return object[4] ? fmt::format("the index {} on {} is not undrop's", name, table) : std::string{};
    if (type != "table" || object[3] == "0") return fmt::format("{} is no ordinary table", name);
    auto const suffix = store_suffix(name);
    for (auto const& mark : marks()) {
        if (suffix != mark.table) continue;
        UNDROP_TRY(bool const fine, has_columns(connection, name, mark.columns));
        if (!fine) return fmt::format("the table {} has not the columns of undrop's", name);
    }
    return std::string{};
}

}  // namespace

std::string store_suffix(std::string const& name) {
    if (name.find('_') == std::string::npos) return "";
    auto const lowered = lower(name);
    std::string_view const text = lowered;
    auto const stands = [&](std::size_t at) { return at != std::string_view::npos && at > 0 && text[at - 1] == '_'; };
    for (std::string_view const fixed : ledger_tables)
        if (text.ends_with(fixed) && stands(text.size() - fixed.size())) return std::string(fixed);
    for (std::string_view const prefix : row_tables)
        if (auto const at = text.rfind(prefix); stands(at) && is_number(text.substr(at + prefix.size()))) return lowered.substr(at);
    return "";
}

Result<std::set<std::string>> store_tables(Connection& connection, std::vector<std::string> const& names,
                                           std::set<std::string> const& known) {
    std::map<std::string, std::vector<std::string>> by_ledger;  // lower case
    for (auto const& name : names)
        if (auto const suffix = store_suffix(name); !suffix.empty())
            by_ledger[lower(name.substr(0, name.size() - suffix.size() - 1))].push_back(name);
    std::set<std::string> found;
    for (auto const& [ledger, tables] : by_ledger) {
        bool ours = !ledger.empty();
        for (auto const& mark : marks()) {
            if (!ours) break;
            auto const name = ledger + "_" + mark.table;
            if (known.contains(name)) continue;
            UNDROP_TRY(ours, has_columns(connection, name, mark.columns));
        }
        if (ours) found.insert(tables.begin(), tables.end());
    }
    return found;
}

// What is committed changes with the schema's number, and never goes back to one that it had.
Result<StoreState> SqliteBackend::store_state(std::string const& ledger) {
    if (connection_.in_transaction()) return read_store_state(ledger);
    UNDROP_TRY(auto const cookie, connection_.number("PRAGMA main.schema_version"));
    if (!store_seen_ || store_seen_->ledger != ledger || store_seen_->cookie != cookie) {
        UNDROP_TRY(auto state, read_store_state(ledger));
        store_seen_ = StoreSeen{ledger, cookie, std::move(state)};
    }
    return store_seen_->state;
}

Result<StoreState> SqliteBackend::read_store_state(std::string const& ledger) {
    UNDROP_TRY(auto const objects, connection_.rows("select type, name, tbl_name, rootpage, sql from main.sqlite_schema order by rowid"));
    StoreState state;
    std::string in_the_way;
    for (auto const& object : objects) {
        // A trigger or an index is judged by its table.
        auto const& name = object[0] == "trigger" || object[0] == "index" ? *object[2] : *object[1];
        auto const suffix = store_suffix(name);
        if (suffix.empty() || !same_name(name.substr(0, name.size() - suffix.size() - 1), ledger)) continue;
        if (suffix == names::meta) state.exists = true;
        if (in_the_way.empty()) in_the_way = name;
        if (!state.foreign.empty()) continue;
        UNDROP_TRY(state.foreign, squatter(connection_, object));
    }
    if (!state.exists && state.foreign.empty() && !in_the_way.empty())
        state.foreign = fmt::format("{} is there without the ledger that it would belong to", in_the_way);
    return state;
}

Result<Rows> SqliteBackend::store_rows(std::string const& ledger, std::string const& sql) {
    UNDROP_TRY(auto const state, store_state(ledger));
    if (!state.foreign.empty()) return refused(state.foreign);
    return connection_.rows(sql);
}

Result<void> SqliteBackend::create_store(std::string const&) { return outcome::success(); }
Result<void> SqliteBackend::seal(std::string const&, Table const*) { return outcome::success(); }

Result<std::int64_t> SqliteBackend::bytes_of(std::string const& store_table) {
    auto const name = literal(raw_name(store_table));
    auto pages =
        connection_.number(fmt::format("select coalesce(sum(pgsize), 0) from dbstat where name in (select name from main.sqlite_schema "
                                       "where tbl_name = {})",
                                       name));
    if (pages) return pages;
    // A SQLite without dbstat: the values' own bytes.
    UNDROP_TRY(auto const columns, connection_.rows(fmt::format("select name from pragma_table_info({}, 'main')", name)));
    std::vector<std::string> lengths{"0"};
    for (auto const& column : columns) lengths.push_back(fmt::format("coalesce(length(cast({} as blob)), 0)", quote(*column[0])));
    return connection_.number(fmt::format("select coalesce(sum({}), 0) from {}", fmt::join(lengths, " + "), store_table));
}

Result<std::string> SqliteBackend::hash_of(std::string const& store_table, std::vector<std::string> const& columns) {
    std::vector<std::string> names;
    for (auto const& column : columns) names.push_back(quote(column));
    UNDROP_TRY(auto rows, Prepared::make(handle(), fmt::format("select {} from {}", fmt::join(names, ", "), store_table)));
    RowDigest digest;
    while (true) {
        UNDROP_TRY(bool const more, rows.step());
        if (!more) return digest.text();
        if (!digest.add(rows.get())) return Error{.message = "OpenSSL cannot make a SHA-256 digest"};
    }
}

bool SqliteBackend::means_no_store(Error const& error) const { return error.native.starts_with("SQLITE_ERROR: no such table: "); }

}  // namespace undrop::sqlite
