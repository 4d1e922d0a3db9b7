// Rows from the target into the sandbox, by COPY out of the one and into the other.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>

#include "errors.hpp"
#include "names.hpp"
#include "postgres_dialect.hpp"
#include "sandbox_source.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr std::size_t keys_at_once = 500;
constexpr std::chrono::milliseconds tell_every{200};

struct FreeChunk {
    void operator()(char* chunk) const { PQfreemem(chunk); }
};

void drain(PGconn* handle) {
    while (auto* more = PQgetResult(handle)) PQclear(more);
}

void abandon(PGconn* handle) {
    std::array<char, 256> why{};
    if (auto* cancel = PQgetCancel(handle)) {
        PQcancel(cancel, why.data(), static_cast<int>(why.size()));
        PQfreeCancel(cancel);
    }
    char* chunk = nullptr;
    while (PQgetCopyData(handle, &chunk, 0) > 0) PQfreemem(chunk);
    drain(handle);
}

Error with_table(Error error, std::string const& doing, std::string const& table) {
    error.message = fmt::format("{} {}: {}", doing, table, error.message);
    return error;
}

class Copier {
public:
    Copier(SandboxSource& source, PostgresBackend& into, SandboxWish const& wish) : source_(source), into_(into), wish_(wish) {
        for (auto const& table : source.tables()) by_name_.emplace(table.sql, &table);
    }
    Copier(Copier const&) = delete;
    Copier& operator=(Copier const&) = delete;

    [[nodiscard]] Result<void> run() {
        for (auto const& table : source_.tables())
            if (table.ours) UNDROP_CHECK(copy_of_ledger(table));
        tells_ = true;
        done_ = 0;
        bool const sample = wish_.data.mode == DataMode::sample;
        if (!sample && wish_.data.mode != DataMode::full) return success();
        for (auto const& table : source_.tables())
            if (!table.ours) all_ += sample && table.rows > 0 ? std::min(table.rows, wish_.rows_of_a_table()) : table.rows;
        for (auto const& table : source_.tables())
            if (!table.ours) UNDROP_CHECK(copy(table, sample ? some_of(table) : from(table)));
        return sample ? add_parents() : Result<void>(success());
    }

private:
    static std::string from(SourceTable const& table) { return fmt::format("from {}{}", table.partitioned ? "" : "only ", table.sql); }
    [[nodiscard]] Result<void> copy_of_ledger(SourceTable const& table);
    [[nodiscard]] std::string some_of(SourceTable const& table) const;
    [[nodiscard]] Result<void> copy(SourceTable const& table, std::string const& rest, std::string const& into = {});
    [[nodiscard]] Result<void> stream(std::string const& out, std::string const& in, std::string const& table);
    [[nodiscard]] Result<void> add_parents();
    [[nodiscard]] Result<bool> add_parents(SourceKey const& key);
    [[nodiscard]] Result<SourceTable> table_named(std::string const& sql);
    void tell(std::string const& table, bool now);

    SandboxSource& source_;
    PostgresBackend& into_;
    SandboxWish const& wish_;
    std::map<std::string, SourceTable const*> by_name_;
    std::map<std::string, SourceTable> partitions_;
    bool tells_ = false;
    std::int64_t done_ = 0;
    std::int64_t all_ = 0;
    std::chrono::steady_clock::time_point told_;
};

void Copier::tell(std::string const& table, bool now) {
    if (!wish_.on_rows || !tells_) return;
    auto const time = std::chrono::steady_clock::now();
    if (!now && time - told_ < tell_every) return;
    told_ = time;
    wish_.on_rows({.table = table, .done = done_, .all = std::max(done_, all_)});
}

// Without what was saved of rows, and without who is migrating now.
Result<void> Copier::copy_of_ledger(SourceTable const& table) {
    for (auto const* prefix : names::of_rows)
        if (table.name.starts_with(prefix)) return success();
    if (table.name == names::snapshot || table.name == names::footprint || table.name == names::lease) return success();
    UNDROP_CHECK(into_.run("truncate " + table.sql));
    return copy(table, from(table));
}

// The first and the last by their key: old rows and new ones. Without a key: those that come first.
std::string Copier::some_of(SourceTable const& table) const {
    auto const wanted = wish_.rows_of_a_table();
    if (table.key.empty() || table.partitioned) return fmt::format("{} limit {}", from(table), wanted);
    auto const last = wanted / 2;
    return fmt::format(
        "{0} where ctid operator(pg_catalog.=) any (array((select ctid {0} order by {1} limit {2}) union (select ctid {0} order by {3} "
        "desc limit "
        "{4})))",
        from(table), fmt::join(table.key, ", "), wanted - last, fmt::join(table.key, " desc, "), last);
}

Result<void> Copier::copy(SourceTable const& table, std::string const& rest, std::string const& into) {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (auto const& column : table.columns) {
        names.push_back(quote_identifier(column.name));
        values.push_back(column.mask.empty() ? names.back() : "(" + column.mask + ")");
    }
    if (names.empty()) return success();
    return stream(fmt::format("copy (select {} {}) to stdout", fmt::join(values, ", "), rest),
                  fmt::format("copy {} ({}) from stdin", into.empty() ? table.sql : into, fmt::join(names, ", ")), table.text());
}

Result<void> Copier::stream(std::string const& out, std::string const& in, std::string const& table) {
    auto* const from = source_.backend().connection().handle();
    auto* const to = into_.connection().handle();
    ResultPtr const reading(PQexec(from, out.c_str()));
    if (PQresultStatus(reading.get()) != PGRES_COPY_OUT)
        return with_table(error_of(reading.get(), from), "the target's rows cannot be read from", table);
    ResultPtr const writing(PQexec(to, in.c_str()));
    if (PQresultStatus(writing.get()) != PGRES_COPY_IN) {
        abandon(from);
        return with_table(error_of(writing.get(), to), "the sandbox does not take rows of", table);
    }
    bool interrupted = false;
    bool stopped = false;
    while (true) {
        char* chunk = nullptr;
        int const size = PQgetCopyData(from, &chunk, 0);
        std::unique_ptr<char, FreeChunk> const owned(chunk);
        if (size < 0) break;
        interrupted = wish_.is_cancelled();
        // A server that has stopped listening says why below.
        stopped = interrupted || PQputCopyData(to, chunk, size) != 1;
        if (stopped) break;
        ++done_;
        tell(table, false);
    }
    if (stopped) abandon(from);
    ResultPtr const read(stopped ? nullptr : PQgetResult(from));
    bool const whole = !stopped && PQresultStatus(read.get()) == PGRES_COMMAND_OK;
    PQputCopyEnd(to, whole ? nullptr : "the rows could not be read");
    ResultPtr const written(PQgetResult(to));
    auto result = PQresultStatus(written.get()) == PGRES_COMMAND_OK ? Result<void>(success()) : error_of(written.get(), to);
    drain(to);
    if (interrupted) return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
    if (!stopped && !whole) return with_table(error_of(read.get(), from), "the target's rows cannot be read from", table);
    if (!stopped) drain(from);
    if (!result) return with_table(std::move(result).error(), "the sandbox does not take rows of", table);
    tell(table, true);
    return success();
}

// Rows that those in the sandbox refer to, until none is missing: each round follows every foreign key by one step.
Result<void> Copier::add_parents() {
    for (bool more = true; more;) {
        more = false;
        for (auto const& key : source_.keys()) {
            UNDROP_TRY(bool const added, add_parents(key));
            more = more || added;
        }
    }
    return success();
}

Result<bool> Copier::add_parents(SourceKey const& key) {
    std::vector<std::string> values;
    std::vector<std::string> set;
    std::vector<std::string> same;
    std::vector<std::string> same_key;
    std::vector<std::string> names;
    for (auto const& pair : key.pairs) {
        values.push_back(fmt::format("pg_catalog.quote_literal(c.{}::pg_catalog.text)", pair.child));
        set.push_back(fmt::format("c.{} is not null", pair.child));
        same.push_back(fmt::format("p.{} {} c.{}", pair.parent, pair.compare, pair.child));
        names.push_back(fmt::format("k{}", names.size()));
        same_key.push_back(fmt::format("t.{} {} k.{}::{}", pair.parent, pair.compare, names.back(), pair.type));
    }
    UNDROP_TRY(auto const lacking,
               into_.rows(fmt::format("select distinct {} from {}{} c where {} and not exists (select from {} p where {})",
                                      fmt::join(values, ", "), key.child_partitioned ? "" : "only ", key.child, fmt::join(set, " and "),
                                      key.parent, fmt::join(same, " and "))));
    if (lacking.empty()) return false;
    UNDROP_TRY(auto const parent, table_named(key.parent));
    auto const before = done_;
    for (std::size_t at = 0; at < lacking.size(); at += keys_at_once) {
        std::vector<std::string> tuples;
        for (auto i = at; i < std::min(lacking.size(), at + keys_at_once); ++i) {
            std::vector<std::string> cells;
            for (auto const& cell : lacking[i]) cells.push_back(cell.value_or("null"));
            tuples.push_back(fmt::format("({})", fmt::join(cells, ", ")));
        }
        UNDROP_CHECK(copy(parent, fmt::format("{} t where exists (select from (values {}) k({}) where {})", from(parent),
                                              fmt::join(tuples, ", "), fmt::join(names, ", "), fmt::join(same_key, " and "))));
    }
    return done_ > before;  // a key that is not valid yet may name rows that are not there
}

// A partition may be referred to by itself, or be what the rows come back into.
Result<SourceTable> Copier::table_named(std::string const& sql) {
    if (auto const found = by_name_.find(sql); found != by_name_.end()) return *found->second;
    if (auto const found = partitions_.find(sql); found != partitions_.end()) return found->second;
    UNDROP_TRY(auto const rows,
               source_.backend().rows(fmt::format(
                   "select a.attname, c.relkind operator(pg_catalog.=) 'p' from pg_catalog.pg_class c join pg_catalog.pg_attribute a on "
                   "a.attrelid operator(pg_catalog.=) c.oid where c.oid operator(pg_catalog.=) {}::pg_catalog.regclass and a.attnum "
                   "operator(pg_catalog.>) 0 and not "
                   "a.attisdropped and a.attgenerated operator(pg_catalog.=) '' order by a.attnum",
                   quote_literal(sql))));
    SourceTable table{.schema = {}, .name = sql, .sql = sql, .partitioned = !rows.empty() && rows[0][1] == "t"};
    for (auto const& row : rows) table.columns.push_back({row[0].value_or(""), {}});
    // Masks of the table that it is a part of hold for it, too.
    UNDROP_TRY(auto const root,
               source_.backend().rows(fmt::format(
                   "select pg_catalog.format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c join "
                   "pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace where c.oid operator(pg_catalog.=) "
                   "pg_catalog.pg_partition_root({}::pg_catalog.regclass)",
                   quote_literal(sql))));
    if (!root.empty())
        if (auto const found = by_name_.find(root[0][0].value_or("")); found != by_name_.end())
            for (auto& column : table.columns)
                for (auto const& masked : found->second->columns)
                    if (masked.name == column.name) column.mask = masked.mask;
    return partitions_.emplace(sql, std::move(table)).first->second;
}

}  // namespace

Result<void> copy_rows(SandboxSource& source, PostgresBackend& into, SandboxWish const& wish) {
    UNDROP_CHECK(
        into.run("set statement_timeout = 0; set lock_timeout = 0; set DateStyle = 'ISO, YMD'; set IntervalStyle = 'postgres'; "
                 "set TimeZone = 'UTC'"));
    return Copier(source, into, wish).run();
}

Result<void> set_positions(SandboxSource& source, PostgresBackend& into) {
    for (auto const& position : source.positions()) UNDROP_CHECK(into.rows(position));
    return success();
}

}  // namespace undrop::postgres
