#include "references.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <array>
#include <map>

#include "postgres_dialect.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// A constraint of a partition is its parent's.
constexpr char const* query = R"(
select c.oid, n.nspname, k.relname, ca.attname, pa.attname,
       case k.relkind when 'p' then '' else 'only ' end || pg_catalog.format('%I.%I', n.nspname, k.relname)
from pg_catalog.pg_constraint c join pg_catalog.pg_class k on k.oid = c.conrelid join pg_catalog.pg_namespace n on n.oid = k.relnamespace
cross join lateral pg_catalog.generate_subscripts(c.conkey, 1) u(at)
join pg_catalog.pg_attribute ca on ca.attrelid = c.conrelid and ca.attnum = c.conkey[u.at]
join pg_catalog.pg_attribute pa on pa.attrelid = c.confrelid and pa.attnum = c.confkey[u.at]
where c.contype = 'f' and c.conparentid = 0
  and c.oid = any (array(select d.objid from pg_catalog.pg_depend d
                         where d.classid = 2606 and d.refclassid = 1259
                           and d.refobjid in (select {0}::pg_catalog.oid union select a.relid from pg_catalog.pg_partition_ancestors({0}) a)))
  and (c.confrelid = {0} or c.confrelid in (select a.relid from pg_catalog.pg_partition_ancestors({0}) a))
order by c.oid, u.at)";

// What forbids two rows the same values in one of some columns, as the catalog names it; and checks and foreign keys that old rows need not
// fulfil. {2}: plain unique indexes too, which only rows that swap values have to fear.
constexpr char const* unique_query = R"(
select case k.contype when 'p' then 'primary_key' when 'u' then 'unique' when 'x' then 'exclusion' else 'index' end,
       pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname), coalesce(k.conname, c.relname)
from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid join pg_catalog.pg_class t on t.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = t.relnamespace
left join pg_catalog.pg_constraint k on k.conindid = c.oid and k.contype in ('p', 'u', 'x') and k.conrelid = t.oid
where i.indrelid = {0} and (i.indisunique or i.indisexclusion)
  and ({2} or i.indexprs is not null or i.indpred is not null or i.indisexclusion)
  and (i.indexprs is not null or i.indpred is not null
       or exists (select from pg_catalog.pg_attribute a where a.attrelid = t.oid and (a.attname in ({1}) or a.attgenerated <> '')
                  and a.attnum = any (i.indkey)))
union all
select 'check', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname), k.conname
from pg_catalog.pg_constraint k join pg_catalog.pg_class t on t.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
where k.conrelid = {0} and k.contype = 'c' and not k.convalidated and k.conislocal
union all
select 'foreign_key', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname), k.conname
from pg_catalog.pg_constraint k join pg_catalog.pg_class t on t.oid = k.conrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
where k.conrelid = {0} and k.contype = 'f' and not k.convalidated and k.conparentid = 0
  and exists (select from pg_catalog.pg_attribute a where a.attrelid = t.oid and a.attname in ({1}) and a.attnum = any (k.conkey))
order by 1, 2, 3)";

constexpr char const* immediate_query = R"(
select distinct pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(k.relname) || ' alter constraint '
       || pg_catalog.quote_ident(c.conname)
from pg_catalog.pg_constraint c join pg_catalog.pg_class k on k.oid = c.conrelid join pg_catalog.pg_namespace n on n.oid = k.relnamespace
where c.contype = 'f' and c.conparentid = 0 and not c.condeferrable
  and (c.conrelid in ({0}) or exists (select from pg_catalog.pg_constraint p where p.conparentid = c.oid and p.conrelid in ({0}))))";

}  // namespace

Result<std::vector<Reference>> read_references(Connection& connection, Table const& table) {
    UNDROP_TRY(auto const rows, connection.repeated(fmt::format(query, "$1"), std::array{Cell(table.id)}));
    std::map<std::string, Reference> by_id;
    for (auto const& row : rows) {
        auto& reference = by_id[*row[0]];
        reference.schema = *row[1];
        reference.child = *row[2];
        reference.rows = *row[5];
        reference.columns.push_back(*row[3]);
        reference.parents_columns.push_back(*row[4]);
    }
    std::vector<Reference> all;
    for (auto& [id, reference] : by_id) all.push_back(std::move(reference));
    return all;
}

Result<std::vector<ObjectId>> in_the_way(Connection& connection, Table const& table, std::vector<std::string> const& columns,
                                         bool swapped) {
    std::vector<std::string> names;
    for (auto const& column : columns) names.push_back(quote_literal(column));
    UNDROP_TRY(auto const rows, connection.rows(fmt::format(unique_query, table.id, fmt::join(names, ", "), swapped ? "true" : "false")));
    std::vector<ObjectId> ids;
    for (auto const& row : rows) ids.push_back({*row[0], *row[1], *row[2]});
    return ids;
}

Result<void> References::defer(std::vector<Table> const& tables) {
    std::vector<std::string> ids;
    for (auto const& table : tables) ids.push_back(table.id);
    if (ids.empty()) return BOOST_OUTCOME_V2_NAMESPACE::success();
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(immediate_query, fmt::join(ids, ", "))));
    for (auto const& row : rows) {
        UNDROP_CHECK(connection_.run(fmt::format("alter table {} deferrable initially deferred", *row[0])));
        deferred_.push_back(*row[0]);
    }
    UNDROP_CHECK(connection_.run("set constraints all deferred"));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> References::check() {
    UNDROP_CHECK(connection_.run("set constraints all immediate"));
    for (auto const& constraint : deferred_) UNDROP_CHECK(connection_.run(fmt::format("alter table {} not deferrable", constraint)));
    deferred_.clear();
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace undrop::postgres
