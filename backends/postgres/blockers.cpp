#include "blockers.hpp"

#include <libpq-fe.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "errors.hpp"
#include "open.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// A session in words, from pg_stat_activity as `a`. What another role runs is shown to whom the server shows it, and without the values
// (P8).
constexpr char const* session = R"(
pg_catalog.concat('process ', a.pid, ' (', coalesce(nullif(a.application_name, ''), 'no name'), ' as ', a.usename, '), ',
    coalesce(a.state, 'of which the server tells nothing to this role'),
    ' for ' || pg_catalog.ceil(extract(epoch from pg_catalog.clock_timestamp() - coalesce(
        case when a.state = 'active' then a.query_start else a.state_change end, a.xact_start, a.backend_start))) || ' s',
    ': ' || nullif(pg_catalog.left(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.btrim(a.query),
        $x$'([^']|'')*('|$)|\$([[:alnum:]_]*)\$.*$$x$, '?', 'g'), '\m[0-9][0-9.]*', '?', 'g'), '[[:space:]]+', ' ', 'g'), 60), '')))";

// waitstart is there since PostgreSQL 14.
constexpr char const* waiting = R"(
select l.relation, extract(epoch from pg_catalog.clock_timestamp() - (pg_catalog.to_jsonb(l) ->> 'waitstart')::timestamptz), {}
from pg_catalog.pg_locks l
left join lateral pg_catalog.unnest(pg_catalog.pg_blocking_pids(l.pid)) b(pid) on true
left join pg_catalog.pg_stat_activity a on a.pid = b.pid
where l.pid = {} and not l.granted)";

constexpr char const* users = R"(
select distinct pg_catalog.concat(n.nspname, '.', c.relname, ' is in use by ', {}), a.xact_start
from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
join pg_catalog.pg_class c on c.oid = l.relation join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where l.locktype = 'relation' and l.granted and l.relation in ({}) and l.pid <> pg_catalog.pg_backend_pid()
  and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
  and a.xact_start < pg_catalog.clock_timestamp() - interval '1 second' order by a.xact_start limit 5)";

constexpr char const* keepers = R"(
select distinct pg_catalog.concat(n.nspname, '.', c.relname, case when l.granted then ' is locked by ' else ' is about to be locked by ' end, {}),
       a.xact_start
from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
join pg_catalog.pg_class c on c.oid = l.relation join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and l.pid <> pg_catalog.pg_backend_pid() and c.relkind in ('r', 'p', 'm')
  and n.nspname !~ '^pg_' and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
order by a.xact_start limit 5)";

Result<std::vector<std::string>> first_column(Connection& connection, std::string const& sql) {
    std::vector<std::string> found;
    UNDROP_TRY(auto const rows, connection.rows(sql));
    for (auto const& row : rows) found.push_back(one_line(row[0].value_or("")));
    return found;
}

}  // namespace

bool Blockers::open() {
    if (second_ || tried_ || !allowed_) return second_ != nullptr;
    tried_ = true;
    if (auto* const handle = connect_like(first_.handle())) second_ = std::make_unique<Connection>(handle, Connection::Ownership::owned);
    if (second_ && second_->lost()) second_.reset();
    return second_ != nullptr;
}

bool Blockers::look() {
    if (!open()) return false;
    auto const rows =
        second_->rows("set search_path = pg_catalog, pg_temp; " + fmt::format(waiting, session, PQbackendPID(first_.handle())));
    if (!rows.has_value()) return false;
    bool somebody = false;
    for (auto const& row : rows.value()) {
        somebody = somebody || row[2];
        if (row[0] && row[1]) waited_[*row[0]] = std::max(waited_[*row[0]], std::stod(*row[1]));
        if (row[2]) who_ = one_line(*row[2]);
    }
    return somebody;
}

void Blockers::forget() {
    second_.reset();
    tried_ = false;
    who_.clear();
    waited_.clear();
}

double Blockers::waited(std::string const& relation) const {
    auto const found = waited_.find(relation);
    return found == waited_.end() ? 0 : found->second;
}

Result<std::vector<std::string>> long_users(Connection& connection, std::vector<Table> const& tables) {
    if (tables.empty()) return std::vector<std::string>{};
    std::vector<std::string> ids;
    for (auto const& table : tables) ids.push_back(table.id);
    return first_column(connection, fmt::format(users, session, fmt::join(ids, ", ")));
}

Result<std::vector<std::string>> kept_from_readers(Connection& connection) {
    return first_column(connection, fmt::format(keepers, session));
}

Result<bool> read_in_time(Connection& connection, std::chrono::milliseconds wait, std::function<Result<void>()> const& read) {
    UNDROP_TRY(auto const rows, connection.rows(fmt::format(
                                    "savepoint undrop_read; select pg_catalog.set_config('lock_timeout', '{}ms', true)", wait.count())));
    auto done = read();
    auto const too_late = !done.has_value() && sqlstate(done.error()) == "55P03";
    if (!done.has_value() && connection.lost()) return std::move(done).error();
    UNDROP_CHECK(connection.run("rollback to savepoint undrop_read; release savepoint undrop_read"));
    if (!done.has_value() && !too_late) return std::move(done).error();
    return !too_late;
}

}  // namespace undrop::postgres
