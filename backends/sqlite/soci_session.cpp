#include "sqlite/soci_session.hpp"

// SOCI includes sqlite3.h within a namespace of its own: the functions are the same, the types only look different.
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <deque>

#include "sqlite/errors.hpp"

namespace undrop::sqlite {
namespace {

using Foreign = sqlite_api::sqlite3;

Foreign* foreign(sqlite3* handle) { return static_cast<Foreign*>(static_cast<void*>(handle)); }

soci::sqlite3_session_backend* backend_of(soci::session& session) {
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend());  // Debian's library exports no typeinfo to ask
}

std::size_t skip_quoted(std::string const& sql, std::size_t at) {
    auto const end = sql.find(sql[at], at + 1);
    return end == std::string::npos ? sql.size() : end + 1;
}

// $2 is a name to SQLite, numbered by where it first appears; ?2 is the second parameter.
std::string numbered(std::string const& sql) {
    std::string result;
    std::size_t at = 0;
    while (at < sql.size()) {
        auto const begin = at;
        if (sql[at] == '\'' || sql[at] == '"')
            at = skip_quoted(sql, at);
        else
            ++at;
        bool const parameter = sql[begin] == '$' && at < sql.size() && sql[at] >= '0' && sql[at] <= '9';
        result += parameter ? "?" : sql.substr(begin, at - begin);
    }
    return result;
}

// Values in and out: SOCI keeps references to them, so they must not move.
struct Exchange {
    std::deque<std::string> values;
    std::deque<soci::indicator> indicators;

    std::pair<std::string&, soci::indicator&> add(Cell const& cell) {
        return {values.emplace_back(cell.value_or("")), indicators.emplace_back(cell ? soci::i_ok : soci::i_null)};
    }
    [[nodiscard]] Row row() const {
        Row cells;
        for (std::size_t i = 0; i < values.size(); ++i) cells.push_back(indicators[i] == soci::i_null ? Cell{} : Cell{values[i]});
        return cells;
    }
};

Rows run(soci::session& session, std::string const& sql, std::span<Cell const> parameters, int columns) {
    soci::statement statement(session);
    Exchange in;
    Exchange out;
    for (auto const& parameter : parameters) {
        auto [value, indicator] = in.add(parameter);
        statement.exchange(soci::use(value, indicator));
    }
    for (int i = 0; i < columns; ++i) {
        auto [value, indicator] = out.add(std::nullopt);
        statement.exchange(soci::into(value, indicator));
    }
    statement.alloc();
    statement.prepare(sql);
    statement.define_and_bind();
    Rows rows;
    for (bool more = statement.execute(true); more && columns > 0; more = statement.fetch()) rows.push_back(out.row());
    statement.clean_up();
    return rows;
}

}  // namespace

struct SociSession::Impl {
    soci::session session{soci::sqlite3, ":memory:"};
};

// SOCI opens a database of its own: an empty one in memory, which gives way to ours.
SociSession::SociSession(sqlite3* handle) : handle_(handle) {
    try {
        impl_ = std::make_unique<Impl>();
        auto* backend = backend_of(impl_->session);
        sqlite_api::sqlite3_close(backend->conn_);
        backend->conn_ = foreign(handle);
    } catch (std::exception const&) {
        impl_.reset();  // query() says so
    }
}

SociSession::~SociSession() {
    if (impl_) backend_of(impl_->session)->conn_ = nullptr;
}

Result<Rows> SociSession::query(std::string const& sql, std::span<Cell const> parameters, int columns) {
    if (!impl_) return Error{.message = "SOCI cannot open a session for SQLite"};
    try {
        return run(impl_->session, numbered(sql), parameters, columns);
    } catch (std::exception const& e) {
        auto* handle = foreign(handle_);
        auto const result = sqlite_api::sqlite3_extended_errcode(handle);
        auto const told = result != SQLITE_OK && result != SQLITE_ROW && result != SQLITE_DONE;
        return error_of(told ? result : SQLITE_ERROR, told ? sqlite_api::sqlite3_errmsg(handle) : e.what());
    }
}

sqlite3* handle_of(soci::session& session) {
    auto* backend = backend_of(session);
    return backend == nullptr ? nullptr : static_cast<sqlite3*>(static_cast<void*>(backend->conn_));
}

}  // namespace undrop::sqlite
