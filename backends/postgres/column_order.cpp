// Moving columns behind all others. A column gets its new place by being made again; changing its type with the old one as the new values
// writes the table once for all of them, fires no trigger, and leaves no dead rows.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "postgres_backend.hpp"
#include "try.hpp"

namespace undrop::postgres {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// {0}: the table's oid, {1}: the columns' names. A row type is in a column also below arrays, domains, ranges and other composite types.
constexpr char const* reasons_query = R"(
with recursive tree as (
    select {0}::pg_catalog.oid as oid
    union all
    select i.inhrelid from pg_catalog.pg_inherits i join tree t on i.inhparent = t.oid
    join pg_catalog.pg_class c on c.oid = i.inhrelid where c.relispartition
), used (oid) as (
    select t.oid from pg_catalog.pg_type t where t.typrelid in (select tree.oid from tree)
    union
    select x.oid from used u, lateral (
        select t.oid from pg_catalog.pg_type t where t.typelem = u.oid or t.typbasetype = u.oid
        union all select r.rngtypid from pg_catalog.pg_range r where r.rngsubtype = u.oid
        union all select t.oid from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.typrelid = a.attrelid
        join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind = 'c' where a.atttypid = u.oid and not a.attisdropped) x
), named as (
    select t.oid, c.relkind, c.reloftype, pg_catalog.format('%s.%s', n.nspname, c.relname) as name
    from tree t join pg_catalog.pg_class c on c.oid = t.oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
)
select pg_catalog.format('%s is a partition, and has the columns of its table', m.name)
from named m join pg_catalog.pg_class c on c.oid = m.oid where m.oid = {0} and c.relispartition
union all
select pg_catalog.format('%s is made of the type %s', m.name, pg_catalog.format_type(m.reloftype, null)) from named m where m.reloftype <> 0
union all
select pg_catalog.format('%s inherits from %s', m.name, i.inhparent::pg_catalog.regclass) from named m
join pg_catalog.pg_inherits i on i.inhrelid = m.oid join pg_catalog.pg_class c on c.oid = m.oid where not c.relispartition
union all
select pg_catalog.format('%s inherits from %s', i.inhrelid::pg_catalog.regclass, m.name) from named m
join pg_catalog.pg_inherits i on i.inhparent = m.oid join pg_catalog.pg_class c on c.oid = i.inhrelid where not c.relispartition
union all
select pg_catalog.format('%s is partitioned by %s', m.name, a.attname)
from named m join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = m.oid
    and d.objsubid > 0 and d.refclassid = d.classid and d.refobjid = m.oid and d.refobjsubid = 0 and d.deptype = 'i'
join pg_catalog.pg_attribute a on a.attrelid = m.oid and a.attnum = d.objsubid
where m.relkind = 'p' and a.attname in ({1})
union all
select pg_catalog.format('%s is a foreign table', m.name) from named m where m.relkind = 'f'
union all
select pg_catalog.format('%s.%s holds rows of it', a.attrelid::pg_catalog.regclass, a.attname)
from used u join pg_catalog.pg_attribute a on a.atttypid = u.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_class c on c.oid = a.attrelid where c.relkind in ('r', 'p', 'm', 'f'))";

}  // namespace

Result<std::vector<std::string>> PostgresBackend::why_not_move(Table const& table, std::vector<std::string> const& columns) {
    std::vector<std::string> names;
    for (auto const& column : columns) names.push_back(dialect_.literal(column));
    UNDROP_TRY(auto const found,
               rows(fmt::format(reasons_query, table.id, names.empty() ? "null" : fmt::format("{}", fmt::join(names, ", ")))));
    std::vector<std::string> reasons;
    for (auto const& row : found) reasons.push_back(row[0].value_or(""));
    return reasons;
}

// From "ALTER TABLE s.t ADD COLUMN c TYPE ...;", whose table and column are quoted where they need to be.
static std::string type_of(ObjectId const& id, std::string const& make) {
    auto at = std::string("ALTER TABLE  ADD COLUMN ").size() + id.parent.size();
    for (auto quoted = false; quoted || make[at] != ' '; ++at)
        if (make[at] == '"') quoted = !quoted;
    return make.substr(at + 1, make.size() - at - 2);
}

Result<void> PostgresBackend::move_columns(Table const& table, std::vector<std::pair<ObjectId, Object>> const& columns) {
    auto const relation = dialect_.relation(table.schema, table.name);
    std::vector<std::string> adds, fills, drops, old, moved;
    auto number = 0;
    for (auto const& [id, object] : columns) {
        std::string waits;
        do waits = fmt::format("undrop_moved_{}", ++number);
        while (table.column(waits));
        auto const name = dialect_.quote(id.name);
        UNDROP_CHECK(run(fmt::format("alter table {} rename column {} to {}", relation, name, waits)));
        adds.push_back(fmt::format("add column {} pg_catalog.text", name));  // its own type may take no NULL
        fills.push_back(fmt::format("alter column {} type {} using {}", name, type_of(id, object.make), waits));
        drops.push_back("drop column " + waits);
        old.push_back("t." + waits);
        moved.push_back("t." + name);
    }
    UNDROP_CHECK(run(fmt::format("alter table {} {}", relation, fmt::join(adds, ", "))));
    UNDROP_CHECK(run(fmt::format("alter table {} {}", relation, fmt::join(fills, ", "))));
    UNDROP_TRY(auto const others,
               rows(fmt::format("select 1 from {} as t where row({})::record operator(pg_catalog.*<>) row({})::record limit 1",
                                dialect_.own_rows(table), fmt::join(old, ", "), fmt::join(moved, ", "))));
    if (!others.empty())  // P1
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = fmt::format("columns of {} have other values once they are moved", table.text())};
    UNDROP_CHECK(run(fmt::format("alter table {} {}", relation, fmt::join(drops, ", "))));
    return success();
}

}  // namespace undrop::postgres
