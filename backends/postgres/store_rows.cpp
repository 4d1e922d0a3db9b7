// Rows of the store as lines: COPY's text format, as the server writes and reads it.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libpq-fe.h>

#include <memory>

#include "errors.hpp"
#include "postgres_backend.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr std::string_view collation = " collate pg_catalog.\"C\"";

struct FreeChunk {
    void operator()(char* chunk) const { PQfreemem(chunk); }
};

std::string names_of(std::vector<std::string> const& columns) {
    std::vector<std::string> names;
    for (auto const& column : columns) names.push_back(quote_identifier(column));
    return fmt::format("{}", fmt::join(names, ", "));
}

void drain(PGconn* handle) {
    while (auto* more = PQgetResult(handle)) PQclear(more);
}

// Ends a COPY that the server is in the middle of.
void abandon(PGconn* handle) {
    char why[256];
    if (auto* cancel = PQgetCancel(handle)) {
        PQcancel(cancel, static_cast<char*>(why), sizeof why);
        PQfreeCancel(cancel);
    }
    char* chunk = nullptr;
    while (PQgetCopyData(handle, &chunk, 0) > 0) PQfreemem(chunk);
    drain(handle);
}

Error ended() { return Error{.code = Code::interrupted, .message = "interrupted"}; }

// What a line holds is no value for the table: said without the server's words, which quote it (P8).
Error no_row() { return Error{.code = Code::refused, .message = "a line of rows is not one of this table"}; }
bool is_of_data(Error const& error) { return sqlstate(error).starts_with("22") || sqlstate(error).starts_with("23"); }

}  // namespace

Result<std::vector<StoreColumn>> PostgresBackend::columns_of(std::string const& store_table) {
    UNDROP_TRY(auto const rows, connection_.rows(session_.safely(fmt::format(
                                    "select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), l.collname = 'C' from "
                                    "pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid left join "
                                    "pg_catalog.pg_collation l on l.oid = a.attcollation where c.oid = pg_catalog.to_regclass({}) and "
                                    "c.relkind = 'r' and a.attnum > 0 and not a.attisdropped order by a.attnum",
                                    quote_literal(store_table)))));
    std::vector<StoreColumn> columns;
    for (auto const& row : rows)
        columns.push_back({row[0].value_or(""), row[1].value_or("") + (row[2] == "t" ? std::string(collation) : std::string())});
    return columns;
}

// The server's own parser of types decides; nothing but the name of a built-in type passes.
Result<bool> PostgresBackend::is_stored_type(std::string const& type) {
    auto name = type;
    if (name.ends_with(collation)) name.erase(name.size() - collation.size());
    auto const rows = connection_.rows(
        session_.safely(fmt::format("select 1 from pg_catalog.pg_type t where t.oid = pg_catalog.to_regtype({}) and t.typnamespace = "
                                    "'pg_catalog'::pg_catalog.regnamespace and t.typtype in ('b', 'r', 'm')",
                                    quote_literal(name))));
    if (!rows && sqlstate(rows.error()).starts_with("42")) return false;  // no name of a type at all
    if (!rows) return rows.error();
    return !rows.value().empty();
}

Result<void> PostgresBackend::read_rows(std::string const& store_table, std::vector<std::string> const& columns, RowSink const& sink) {
    auto* const handle = connection_.handle();
    auto const sql = fmt::format("copy (select {} from only {}) to stdout", names_of(columns), store_table);
    ResultPtr const begun(PQexec(handle, sql.c_str()));
    if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) return error_of(begun.get(), handle);
    while (true) {
        char* chunk = nullptr;
        int const size = PQgetCopyData(handle, &chunk, 0);
        std::unique_ptr<char, FreeChunk> const owned(chunk);
        if (size < 0) break;
        auto const line = std::string_view(chunk, static_cast<std::size_t>(size)).substr(0, static_cast<std::size_t>(size) - 1);
        auto taken = connection_.asked_to_end() ? Result<void>(ended()) : sink(line);
        if (taken) continue;
        abandon(handle);
        return taken;
    }
    ResultPtr const done(PQgetResult(handle));
    auto result = PQresultStatus(done.get()) == PGRES_COMMAND_OK ? Result<void>(success()) : error_of(done.get(), handle);
    drain(handle);
    return result;
}

Result<void> PostgresBackend::write_rows(std::string const& store_table, std::vector<std::string> const& columns, RowSource const& source) {
    auto* const handle = connection_.handle();
    auto const sql = fmt::format("copy {} ({}) from stdin", store_table, names_of(columns));
    ResultPtr const begun(PQexec(handle, sql.c_str()));
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return error_of(begun.get(), handle);
    Result<void> taken = success();
    while (true) {
        auto line = connection_.asked_to_end() ? Result<std::optional<std::string_view>>(ended()) : source();
        if (!line) taken = std::move(line).error();
        if (!line || !line.value()) break;
        auto const& text = *line.value();
        // The server has stopped listening: what it says of that comes below.
        if (PQputCopyData(handle, text.data(), static_cast<int>(text.size())) != 1 || PQputCopyData(handle, "\n", 1) != 1) break;
    }
    PQputCopyEnd(handle, taken ? nullptr : "the rows could not be read");
    ResultPtr const done(PQgetResult(handle));
    auto result = PQresultStatus(done.get()) == PGRES_COMMAND_OK ? Result<void>(success()) : error_of(done.get(), handle);
    drain(handle);
    if (!taken) return taken;
    return !result && is_of_data(result.error()) ? Result<void>(no_row()) : std::move(result);
}

}  // namespace undrop::postgres
