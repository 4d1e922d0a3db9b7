// Materialized views: PostgreSQL fills them by their query alone, and lets nobody lock them.
#include "views.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "postgres_backend.hpp"
#include "tables.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// By their rules, for there are few of these: pg_class has a row for each index. Below 16384 is what came with the server.
constexpr char const* filled_query = R"(
select c.oid, c.relfilenode, c.relispopulated
from pg_catalog.pg_rewrite w
cross join lateral (select * from pg_catalog.pg_class k where k.oid = w.ev_class offset 0) c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where w.ev_class >= 16384 and w.rulename = '_RETURN' and c.relkind = 'm' and n.nspname !~ '^pg_' and n.nspname <> {})";

}  // namespace

Result<std::vector<FilledView>> PostgresBackend::filled_views(std::string const& ledger) {
    UNDROP_TRY(auto const rows, connection_.repeated(session_.safely(fmt::format(filled_query, quote_literal(ledger)))));
    std::vector<FilledView> views;
    if (rows.empty()) return views;
    UNDROP_TRY(auto tables, read_materialized_views(connection_, session_, ledger));
    for (auto& table : tables)
        for (auto const& row : rows)
            if (row[0] == table.id) {
                views.push_back({.table = std::move(table), .file = row[1].value_or(""), .populated = row[2] == "t"});
                break;
            }
    return views;
}

// REFRESH gives a view another file, and CONCURRENTLY writes rows into the one that it has. That others did so shows in no lock of ours.
Result<std::set<std::string>> PostgresBackend::changed_views(std::vector<FilledView> const& then) {
    std::set<std::string> changed;
    std::vector<std::string> marked;
    for (auto const& view : then) marked.push_back(fmt::format("({}::pg_catalog.oid, {}::pg_catalog.oid)", view.table.id, view.file));
    if (marked.empty()) return changed;
    UNDROP_TRY(
        auto const rows,
        connection_.rows(fmt::format(
            "select v.id from (values {}) v(id, file) left join pg_catalog.pg_class c on c.oid = v.id "
            "where exists (select from pg_catalog.pg_locks k where k.pid = pg_catalog.pg_backend_pid() and k.locktype = 'relation' and "
            "k.relation = v.id and k.granted and (k.mode = 'RowExclusiveLock' or "
            "(k.mode = 'AccessExclusiveLock' and c.relfilenode is distinct from v.file)))",
            fmt::join(marked, ", "))));
    for (auto const& row : rows) changed.insert(row[0].value_or(""));
    return changed;
}

// LOCK does not take one. Giving it to its owner changes nothing, and locks it. Whoever may only refresh it cannot do that: reading it
// keeps every REFRESH out but one CONCURRENTLY.
Result<void> PostgresBackend::lock_view(Table const& view) {
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(
                                    "select pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) from pg_catalog.pg_class c "
                                    "where c.oid = {} and pg_catalog.pg_has_role(c.relowner, 'USAGE')",
                                    view.id)));
    if (rows.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto const name = dialect_.relation(view.schema, view.name);
    auto locked = connection_.run(fmt::format("ALTER MATERIALIZED VIEW {} OWNER TO {}", name, rows[0][0].value_or("")));
    if (locked.has_value()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto error = std::move(locked).error();
    if (error.code != Code::busy) return error;
    return with_blocker(std::move(error), fmt::format("no lock on {} in time", view.text()));
}

// With the settings that a script has, whose search path the functions of its query may need.
Result<bool> PostgresBackend::refresh_view(Table const& view, bool with_data) {
    known_.changed();
    UNDROP_CHECK(connection_.run("savepoint undrop_view"));
    UNDROP_CHECK(session_.enter_script());
    auto const filled = connection_.run(
        fmt::format("REFRESH MATERIALIZED VIEW {}{}", dialect_.relation(view.schema, view.name), with_data ? "" : " WITH NO DATA"));
    if (!filled.has_value() && (filled.error().code != Code::failed || connection_.lost())) return filled.error();
    if (!filled.has_value()) UNDROP_CHECK(connection_.run("rollback to savepoint undrop_view"));
    UNDROP_CHECK(session_.leave_script());
    UNDROP_CHECK(connection_.run("release savepoint undrop_view"));
    return filled.has_value();
}

}  // namespace undrop::postgres
