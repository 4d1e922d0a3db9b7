#include "sqlite/connection.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>

#include "grouped.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

std::string hex(unsigned char const* bytes, int size) {
    static char const* const digits = "0123456789ABCDEF";
    std::string text = "X'";
    for (int i = 0; i < size; ++i) {
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text + "'";
}

// Where `offset` bytes into the statement are within the script. A CRLF is one line end; columns count characters.
Place place(Script const& script, Statement const& statement, int offset) {
    Place at{.file = script.file, .line = statement.line, .column = statement.column};
    auto const until = offset < 0 ? 0 : std::min(static_cast<std::size_t>(offset), statement.text.size());
    for (std::size_t i = 0; i < until; ++i) {
        if (statement.text[i] == '\n') {
            ++at.line;
            at.column = 1;
        } else if ((static_cast<unsigned char>(statement.text[i]) & 0xC0U) != 0x80U) {
            ++at.column;
        }
    }
    return in_its_file(script, std::move(at));
}

// SQLite has no booleans, so a row's own number (an id that a check found) must not pass for one: a plain column of a table counts only if
// it is declared BOOLEAN.
bool is_true(sqlite3_stmt* row) {
    if (sqlite3_column_count(row) == 0) return false;
    if (auto const* declared = sqlite3_column_decltype(row, 0); declared != nullptr && !lower(declared).starts_with("bool")) return false;
    auto const type = sqlite3_column_type(row, 0);
    return (type == SQLITE_INTEGER || type == SQLITE_FLOAT) && sqlite3_column_double(row, 0) != 0;
}

}  // namespace

void Prepared::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<Prepared> Prepared::make(sqlite3* handle, std::string_view sql, std::string_view* rest) {
    sqlite3_stmt* statement = nullptr;
    char const* tail = nullptr;
    if (sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &statement, &tail) != SQLITE_OK) return error_of(handle);
    if (rest != nullptr) *rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
    Prepared prepared;
    prepared.statement_.reset(statement);
    return prepared;
}

Result<bool> Prepared::step() {
    auto const result = sqlite3_step(get());
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    return error_of(sqlite3_db_handle(get()));
}

Result<void> Prepared::finish() {
    while (true) {
        UNDROP_TRY(bool const more, step());
        if (!more) return outcome::success();
    }
}

Row Prepared::row() const {
    Row cells;
    for (int i = 0; i < sqlite3_column_count(get()); ++i) {
        auto const type = sqlite3_column_type(get(), i);
        if (type == SQLITE_NULL) {
            cells.emplace_back();
        } else if (type == SQLITE_BLOB) {
            auto const* bytes = static_cast<unsigned char const*>(sqlite3_column_blob(get(), i));
            cells.emplace_back(hex(bytes, sqlite3_column_bytes(get(), i)));
        } else {
            auto const* text = static_cast<char const*>(static_cast<void const*>(sqlite3_column_text(get(), i)));
            // Null where there was no memory for it, which the next step() tells.
            cells.emplace_back(text == nullptr ? std::string()
                                               : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(get(), i))));
        }
    }
    return cells;
}

Connection::Connection(sqlite3* handle, Ownership ownership, std::string name)
    : handle_(handle), ownership_(ownership), name_(std::move(name)) {}

Connection::~Connection() {
    if (!borrowed()) sqlite3_close_v2(handle_);
}

// Where there is no memory, or the disk fails, SQLite takes the whole transaction back at once, be it for a statement that only reads.
Result<void> Connection::intact() const {
    if (!stays_ || in_transaction()) return outcome::success();
    return Error{.message = "SQLite took the transaction back by itself: there was no memory, or the disk failed",
                 .next = {.advice = "look after memory and disk, then do it again: what was not committed is taken back"}};
}

Result<Rows> Connection::rows(std::string const& sql) {
    Rows result;
    std::string_view rest = sql;
    while (!rest.empty()) {
        UNDROP_CHECK(intact());
        UNDROP_TRY(auto prepared, Prepared::make(handle_, rest, &rest));
        if (prepared.empty()) break;
        if (sqlite3_column_count(prepared.get()) > 0) result.clear();
        while (true) {
            UNDROP_TRY(bool const more, prepared.step());
            if (!more) break;
            result.push_back(prepared.row());
        }
    }
    return result;
}

Result<std::int64_t> Connection::number(std::string const& sql) {
    UNDROP_TRY(auto const found, rows(sql));
    std::int64_t value = 0;
    if (!found.empty() && found[0][0]) std::from_chars(found[0][0]->data(), found[0][0]->data() + found[0][0]->size(), value);
    return value;
}

Result<std::int64_t> Connection::run(std::string const& sql, After const& after) {
    std::int64_t affected = 0;
    std::string_view rest = sql;
    while (!rest.empty()) {
        UNDROP_CHECK(intact());
        UNDROP_TRY(auto prepared, Prepared::make(handle_, rest, &rest));
        if (prepared.empty()) break;
        auto const before = sqlite3_total_changes64(handle_);
        UNDROP_CHECK(prepared.finish());
        affected = sqlite3_total_changes64(handle_) == before ? 0 : sqlite3_changes64(handle_);
        prepared = Prepared{};
        if (after) UNDROP_CHECK(after());
    }
    return affected;
}

Result<void> Connection::exec(std::string const& sql) {
    UNDROP_CHECK(run(sql));
    return outcome::success();
}

Result<void> Connection::run_script(Script const& script, Statement const& statement) {
    std::string_view rest;
    auto prepared = Prepared::make(handle_, statement.text, &rest);
    auto done = prepared ? Result<void>(outcome::success()) : Result<void>(prepared.error());
    if (prepared && code_length(rest) != 0)
        done = refused("there is more than one statement here", "put a ; between the statements");
    else if (prepared && !prepared.value().empty())
        done = prepared.value().finish();
    if (done) return done;
    auto error = std::move(done).error();
    error.where = place(script, statement, prepared ? -1 : sqlite3_error_offset(handle_));
    return error;
}

Result<Answer> Connection::ask(Script const& script, Statement const& statement) {
    UNDROP_CHECK(intact());
    auto const asked = [&](Prepared prepared, std::string_view rest) -> Result<Answer> {
        if (code_length(rest) != 0) return refused("there is more than one statement here", "put a ; between the statements");
        if (!prepared.empty() && sqlite3_stmt_readonly(prepared.get()) == 0)
            return refused("a check may only read", "take what writes out of the check");
        Answer answer;
        while (!prepared.empty()) {
            UNDROP_TRY(bool const more, prepared.step());
            if (!more) break;
            if (++answer.rows == 1) answer.is_true = is_true(prepared.get());
        }
        return answer;
    };
    std::string_view rest;
    auto prepared = Prepared::make(handle_, statement.text, &rest);
    auto const offset = prepared ? -1 : sqlite3_error_offset(handle_);
    auto answer = prepared ? asked(std::move(prepared).value(), rest) : Result<Answer>(std::move(prepared).error());
    if (answer) return answer;
    auto error = std::move(answer).error();
    error.where = place(script, statement, offset);
    return error;
}

std::string Connection::collation(std::string const& table, std::string const& column) const {
    char const* name = nullptr;
    auto const found =
        sqlite3_table_column_metadata(handle_, "main", table.c_str(), column.c_str(), nullptr, &name, nullptr, nullptr, nullptr);
    return found == SQLITE_OK && name != nullptr ? name : "BINARY";
}

void Connection::busy_timeout(std::chrono::milliseconds timeout) { sqlite3_busy_timeout(handle_, static_cast<int>(timeout.count())); }

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
bool Connection::read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }

}  // namespace undrop::sqlite
