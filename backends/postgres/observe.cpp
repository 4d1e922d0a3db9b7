#include "observe.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "beyond.hpp"
#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

using Place = MarkedRelation::Place;

// What a relation is to us; {0}: the ledger's schema, {1}: the transaction. A relation of the store that this transaction made is left out.
constexpr char const* marked_query = R"(
select c.oid, case when n.nspname = {0} then 'store'
                   when n.nspname = 'information_schema' then 'system'
                   when c.oid in (select e.objid from pg_catalog.pg_depend e where e.refclassid = 3079 and e.classid = 1259
                                  and e.deptype = 'e') then 'extension'
                   else 'user' end,
       c.relkind = 'f', n.nspname || '.' || c.relname, c.relfilenode,
       pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), pg_catalog.pg_stat_get_xact_tuples_updated(c.oid),
       pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid), c.relrowsecurity
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't' and n.nspname !~ '^pg_'
  and not (n.nspname = {0}
           and exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = 'tableoid' and {1})))";

// Relations that this transaction holds a writer's lock on; `born`: made by it.
constexpr char const* locked_query = R"(
select c.oid, l.wrote, c.relfilenode, n.nspname || '.' || c.relname, c.relkind, n.nspname ~ '^pg_',
       exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = 'tableoid' and {}),
       pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid), pg_catalog.pg_stat_get_xact_tuples_updated(c.oid),
       pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid), l.alone
from (select k.relation, pg_catalog.bool_or(k.mode = 'RowExclusiveLock') as wrote,
             pg_catalog.bool_or(k.mode = 'AccessExclusiveLock') as alone
      from pg_catalog.pg_locks k
      where k.pid = pg_catalog.pg_backend_pid() and k.locktype = 'relation' and k.granted
        and k.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
        and k.mode in ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                       'AccessExclusiveLock')
      group by k.relation) l
join pg_catalog.pg_class c on c.oid = l.relation join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't' order by 4)";

// DDL leaves locks on some catalogs, but only DML keeps one on a catalog's indexes. Large objects have a count of their own.
constexpr char const* catalogs_query = R"(
select distinct t.relname
from pg_catalog.pg_locks k join pg_catalog.pg_index i on i.indexrelid = k.relation join pg_catalog.pg_class t on t.oid = i.indrelid
where k.pid = pg_catalog.pg_backend_pid() and k.locktype = 'relation' and k.mode = 'RowExclusiveLock' and k.granted
  and t.relnamespace = 'pg_catalog'::pg_catalog.regnamespace and t.relkind = 'r' and t.relname !~ '^pg_largeobject' order by 1)";

constexpr char const* large_objects_sql = R"(
(select coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_xact_tuples_updated(o) + pg_catalog.pg_stat_get_xact_tuples_deleted(o)), 0)
from pg_catalog.unnest(array['pg_catalog.pg_largeobject', 'pg_catalog.pg_largeobject_metadata']::pg_catalog.regclass[]) o))";

// Classic inheritance: no statement makes a column that is inherited again one that is not the table's own, too.
constexpr char const* heritage_query = R"(
select c.oid, (select pg_catalog.string_agg(i.inhparent::pg_catalog.text, ' ' order by i.inhseqno) from pg_catalog.pg_inherits i
               where i.inhrelid = c.oid), a.attnum, pg_catalog.concat(a.attislocal, ' ', a.attinhcount)
from pg_catalog.pg_class c left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind = 'r' and c.relpersistence <> 't' and not c.relispartition
  and exists (select from pg_catalog.pg_inherits i where i.inhrelid = c.oid))";

// Who may switch the counters off can do so in a function's own settings, too.
constexpr char const* counters_hold_sql = R"(
pg_catalog.current_setting('track_counts') = 'on' and not ({} and (
    {} or exists (select from pg_catalog.pg_proc p where p.oid >= 16384 and (p.prosrc ~* 'track_counts' or p.proconfig::pg_catalog.text ~* 'track_counts')))))";

std::int64_t number(Cell const& cell) { return cell ? std::stoll(*cell) : 0; }
bool yes(Cell const& cell) { return cell && *cell == "t"; }

Place place_of(std::string const& name) {
    if (name == "store") return Place::store;
    if (name == "extension") return Place::extension;
    return name == "system" ? Place::system : Place::user;
}

struct Seen {
    bool wrote = false;
    bool rewritten = false;
    Writes writes;
};

// One locked relation that was there at the mark.
void judge(std::string const& oid, MarkedRelation const& then, Seen const& seen, Observed& observed) {
    bool const took = seen.writes.updated > 0 || seen.writes.deleted > 0 || seen.writes.rows_may_differ;
    switch (then.place) {
        case Place::system:
            observed.refused.push_back(fmt::format("the script writes to {}, which is PostgreSQL's own", then.name));
            return;
        case Place::store:
            if (took) observed.refused.push_back(fmt::format("the script changes {}, which is undrop's own store", then.name));
            return;
        case Place::extension:
            if (took)
                observed.refused.push_back(
                    fmt::format("the script changes rows of {}, which belongs to an extension; undrop does not save these", then.name));
            return;
        case Place::user:
            break;
    }
    if (then.foreign) {
        observed.refused.push_back(fmt::format(
            "the script writes to {}, a foreign table; its rows are in another database, which undrop can neither save nor take back",
            then.name));
    } else if (took || seen.writes.inserted > 0) {
        observed.writes[oid] = seen.writes;
    }
}

Result<void> look_at_locked(Connection& connection, Mark const& mark, bool counters_count, Observed& observed) {
    UNDROP_TRY(auto const rows,
               connection.repeated(fmt::format(locked_query, made_by("$1", "a.xmin")), std::array{Cell(mark.transaction)}));
    for (auto const& row : rows) {
        auto const then = mark.relations.find(*row[0]);
        bool const wrote = yes(row[1]);
        if (then == mark.relations.end()) {
            // Neither at the mark nor made by us: another session made it meanwhile.
            if (wrote && !yes(row[6]) && !yes(row[5]))
                observed.refused.push_back(
                    fmt::format("the script writes to {}, which another session made while the step was running", *row[3]));
            continue;
        }
        Seen seen{.wrote = wrote, .rewritten = *row[2] != then->second.file, .writes = {}};
        seen.writes.inserted = std::max<std::int64_t>(0, number(row[7]) - then->second.inserted);
        seen.writes.updated = std::max<std::int64_t>(0, number(row[8]) - then->second.updated);
        seen.writes.deleted = std::max<std::int64_t>(0, number(row[9]) - then->second.deleted);
        // TRUNCATE, a rewrite, rows taken, or counters that may be silent; the store's tables are written to by undrop itself.
        bool const silent = wrote && !counters_count && *row[4] == "r" && then->second.place != Place::store;
        seen.writes.rows_may_differ = seen.rewritten || seen.writes.updated > 0 || seen.writes.deleted > 0 || silent;
        seen.writes.needs_copy = seen.rewritten || yes(row[10]);
        if (seen.wrote || seen.rewritten) judge(*row[0], then->second, seen, observed);
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<Heritage> read_heritage(Connection& connection) {
    UNDROP_TRY(auto const rows, connection.repeated(heritage_query));
    Heritage heritage;
    for (auto const& row : rows) {
        auto& heir = heritage[*row[0]];
        heir.parents = row[1].value_or("");
        if (row[2]) heir.columns[*row[2]] = row[3].value_or("");
    }
    return heritage;
}

// Which tables a table inherits from, and which columns: a child that left, joined, or was left alone by its parent's column (P9).
Result<void> look_at_heritage(Connection& connection, Mark const& mark, Observed& observed) {
    UNDROP_TRY(auto const now, read_heritage(connection));
    if (now == mark.heritage) return BOOST_OUTCOME_V2_NAMESPACE::success();
    std::set<std::string> oids;
    for (auto const* all : {&now, &mark.heritage})
        for (auto const& [oid, heir] : *all) oids.insert(oid);
    for (auto const& oid : oids) {
        auto const was = mark.heritage.find(oid);
        auto const is = now.find(oid);
        auto const then = mark.relations.find(oid);
        if (then == mark.relations.end()) continue;  // made by the step
        auto const both = was != mark.heritage.end() && is != now.end();
        auto differs = !both || was->second.parents != is->second.parents;
        for (auto const& [number, how] : both ? is->second.columns : std::map<std::string, std::string>{})
            if (auto const column = was->second.columns.find(number); column != was->second.columns.end() && column->second != how)
                differs = true;
        if (!differs) continue;
        // Ours, and still there.
        UNDROP_TRY(auto const rows,
                   connection.rows(fmt::format(
                       "select 1 from pg_catalog.pg_class c join pg_catalog.pg_locks k on k.locktype = 'relation' and k.relation = c.oid "
                       "where c.oid = {} and k.pid = pg_catalog.pg_backend_pid() and k.granted and k.mode = 'AccessExclusiveLock'",
                       oid)));
        if (!rows.empty())
            observed.refused.push_back(
                fmt::format("the step changes what {} inherits from other tables, which undrop cannot bring back", then->second.name));
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> look_at_system(Connection& connection, Observed& observed) {
    UNDROP_TRY(auto const catalogs, connection.repeated(catalogs_query));
    for (auto const& row : catalogs) observed.refused.push_back(fmt::format("the script writes to the system catalog {}", *row[0]));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// The store is where it was.
Result<void> look_at_store(Connection& connection, Mark const& mark, Observed& observed) {
    std::vector<std::string> oids;
    for (auto const& [oid, relation] : mark.relations)
        if (relation.place == Place::store) oids.push_back(oid);
    if (oids.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_TRY(auto const rows, connection.repeated("select c.oid, n.nspname || '.' || c.relname from pg_catalog.pg_class c join "
                                                    "pg_catalog.pg_namespace n on n.oid = c.relnamespace "
                                                    "where c.oid = any ($1::pg_catalog.oid[])",
                                                    std::array{Cell(fmt::format("{{{}}}", fmt::join(oids, ",")))}));
    std::map<std::string, std::string> now;
    for (auto const& row : rows) now[*row[0]] = *row[1];
    for (auto const& oid : oids)
        if (auto const found = now.find(oid); found == now.end() || found->second != mark.relations.at(oid).name)
            observed.refused.push_back(fmt::format("the script removes {}, which is undrop's own store", mark.relations.at(oid).name));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace

std::string counters_hold(Connection const& connection, bool script_sets_counters) {
    auto const may_set = connection.server_version() >= 150000
                             ? "pg_catalog.has_parameter_privilege('track_counts', 'SET')"
                             : "(select r.rolsuper from pg_catalog.pg_roles r where r.rolname = session_user)";
    return fmt::format(counters_hold_sql, may_set, script_sets_counters ? "true" : "false");
}

// Our own numbers and those of later transactions are not older than ours; only these are looked up. Rows of other running transactions are
// invisible, so what is in progress is ours.
std::string made_by(std::string const& transaction, std::string const& xmin) {
    return fmt::format(
        "(case when pg_catalog.age({0}) OPERATOR(pg_catalog.<=) 0 then pg_catalog.pg_xact_status((({1}::pg_catalog.int8 "
        "OPERATOR(pg_catalog.-) "
        "pg_catalog.age({0}))::pg_catalog.text)::pg_catalog.xid8) OPERATOR(pg_catalog.=) 'in progress' else false end)",
        xmin, transaction);
}

Result<Cell> catalog_changes(Connection& connection, bool script_sets_counters) {
    UNDROP_TRY(auto const rows,
               connection.repeated(fmt::format("select case when {} then (select pg_catalog.sum("
                                               "pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + "
                                               "pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) + "
                                               "pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)) from pg_catalog.pg_class c "
                                               "where c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace and c.relkind = 'r') end",
                                               counters_hold(connection, script_sets_counters))));
    return rows.at(0).at(0);
}

Result<Mark> take_mark(Connection& connection, std::string const& transaction, std::string const& ledger) {
    Mark mark{.transaction = transaction, .relations = {}, .large_objects = 0, .heritage = {}};
    UNDROP_TRY(auto const relations, connection.repeated(fmt::format(marked_query, quote_literal(ledger), made_by("$1", "a.xmin")),
                                                         std::array{Cell(transaction)}));
    for (auto const& row : relations)
        mark.relations.emplace(*row[0], MarkedRelation{place_of(*row[1]), yes(row[2]), *row[3], *row[4], number(row[5]), number(row[6]),
                                                       number(row[7]), yes(row[8])});
    UNDROP_TRY(auto const objects, connection.repeated(fmt::format("select {}, {}", large_objects_sql, beyond_counted)));
    mark.large_objects = number(objects.at(0).at(0));
    mark.beyond = objects[0][1].value_or("");
    UNDROP_TRY(mark.heritage, read_heritage(connection));
    return mark;
}

Result<Observed> observe(Connection& connection, Mark const& mark, bool script_sets_counters) {
    Observed observed;
    UNDROP_TRY(auto const rows, connection.repeated(fmt::format("select pg_catalog.pg_current_xact_id(), {}, {}",
                                                                counters_hold(connection, script_sets_counters), large_objects_sql)));
    auto const& now = rows.at(0);
    if (now[0] != mark.transaction) {
        observed.refused.push_back("the script ended the transaction in which undrop ran it, and began another");
        return observed;
    }
    UNDROP_CHECK(look_at_locked(connection, mark, yes(now[1]), observed));
    UNDROP_CHECK(look_at_system(connection, observed));
    if (number(now[2]) > mark.large_objects)
        observed.refused.push_back("the script changes or removes large objects; undrop does not save these");
    UNDROP_CHECK(look_at_heritage(connection, mark, observed));
    UNDROP_CHECK(look_at_store(connection, mark, observed));
    return observed;
}

Result<std::string> rows_made_by(Connection& connection, Mark const& mark, Table const& table, std::string const& alias) {
    UNDROP_TRY(auto const files, connection.rows(fmt::format("select c.oid, c.relfilenode from pg_catalog.pg_class c where c.oid = {0} or "
                                                             "c.oid in (select p.relid from pg_catalog.pg_partition_tree({0}) p)",
                                                             table.id)));
    for (auto const& row : files) {
        auto const then = mark.relations.find(*row[0]);
        if (then != mark.relations.end() && then->second.file != *row[1]) return std::string();
    }
    return made_by(mark.transaction, alias + ".xmin");
}

// All rows that a rewrite made have one command's number, and rows written later have higher ones; another rewrite, or a row that was
// written twice, and it cannot be told.
Result<std::string> rows_made_after_rewrite(Connection& connection, Mark const& mark, Table const& table, std::int64_t written) {
    auto const ours = made_by(mark.transaction, "t.xmin");
    auto const rows = quote_identifier(table.schema) + "." + quote_identifier(table.name);
    UNDROP_TRY(
        auto const counted,
        connection.rows(fmt::format(
            "select m.first, (select pg_catalog.count(*) from only {0} t where {1} and t.cmin::pg_catalog.text::pg_catalog.int8 > m.first) "
            "from (select pg_catalog.min(t.cmin::pg_catalog.text::pg_catalog.int8) as first from only {0} t where {1}) m",
            rows, ours)));
    auto const& row = counted.at(0);
    if (!row[0] || row[1] != std::to_string(written)) return std::string();
    return fmt::format("({} and t.cmin::pg_catalog.text::pg_catalog.int8 > {})", ours, *row[0]);
}

}  // namespace undrop::postgres
