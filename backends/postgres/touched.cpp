#include "touched.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <array>

#include "locator.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// What the planner takes for a third of all, as it does what is young, has it read whole catalogs and make room for them: `offset 0` keeps
// it from the one, what is always equal from the other.
// $1: beyond these relations nothing is changed without a lock but by code that runs beside the script's statements; that of other
// triggers has run by the time that it is asked whether the script reached beyond them.
// 1260 and 1213: roles and tablespaces are renamed under no lock but their catalog's. The classes of objects are those that kinds.hpp
// reads.
constexpr char const* query = R"sql(
with own as materialized (
    select pg_catalog.age(pg_catalog.pg_current_xact_id()::pg_catalog.xid) as age
), lock as materialized (
    select l.locktype, l.relation, l.classid, l.objid, l.mode, l.database from pg_catalog.pg_locks l
    where l.pid = pg_catalog.pg_backend_pid() and l.granted and l.locktype in ('relation', 'object')
), search as materialized (
    select $1::pg_catalog.oid[] is null or exists (select from pg_catalog.pg_event_trigger e where e.evtenabled <> 'D')
        or exists (select from lock l cross join lateral (
                       select from pg_catalog.pg_trigger g where g.tgrelid = l.relation and g.tgdeferrable and not g.tgisinternal offset 0) g)
        as everywhere
), part as materialized (
    select coalesce(f.adrelid, k.conrelid, w.ev_class, g.tgrelid, p.polrelid) as oid
    from (select l.classid, l.objid from lock l where l.locktype = 'object' and l.classid in (2604, 2606, 2618, 2620, 3256)
          and l.mode <> 'AccessShareLock') o
    left join pg_catalog.pg_attrdef f on o.classid = 2604 and f.oid = o.objid
    left join pg_catalog.pg_constraint k on o.classid = 2606 and k.oid = o.objid
    left join pg_catalog.pg_rewrite w on o.classid = 2618 and w.oid = o.objid
    left join pg_catalog.pg_trigger g on o.classid = 2620 and g.oid = o.objid
    left join pg_catalog.pg_policy p on o.classid = 3256 and p.oid = o.objid
), listed as materialized (
    select r.oid, false as young from pg_catalog.unnest($1::pg_catalog.oid[]) r(oid)
    union all
    select c.oid, pg_catalog.age(c.xmin) <= (select age from own) from pg_catalog.pg_class c
    where (select everywhere from search) and (pg_catalog.age(c.xmin) <= (select age from own) or c.relkind = 'c') and c.relnatts * 0 = 0
), young as materialized (
    select l.oid from listed l where l.young
    union
    select a.attrelid from pg_catalog.pg_attribute a
    where (select everywhere from search) and pg_catalog.age(a.xmin) <= (select age from own) and a.attnum * 0 = 0
    union
    select l.relation from lock l
    where not (select everywhere from search) and l.locktype = 'relation'
      and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
), changed as materialized (
    select y.oid from young y
    union
    select l.oid from listed l
    union
    select p.oid from part p
    union
    select l.relation from lock l
    where l.locktype = 'relation' and l.mode not in ('AccessShareLock', 'RowShareLock')
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
), tables as materialized (
    select c.oid from changed c
    union
    select x.oid from changed c cross join lateral (
        select i.indrelid as oid from pg_catalog.pg_index i where i.indexrelid = c.oid
        union all
        select d.refobjid from pg_catalog.pg_depend d
        where d.classid = 1259 and d.objid = c.oid and d.refclassid = 1259 and d.refobjsubid > 0 and d.deptype in ('a', 'i')
        offset 0) x
    union
    select x.adrelid from young y cross join lateral (
        select f.adrelid from pg_catalog.pg_depend d join pg_catalog.pg_attrdef f on f.oid = d.objid
        where d.classid = 2604 and d.refclassid = 1259 and d.refobjid = y.oid
        offset 0) x
), relation as (
    select t.oid from tables t
    union
    select x.oid from tables t cross join lateral (
        select i.indexrelid as oid from pg_catalog.pg_index i where i.indrelid = t.oid
        union all
        select d.objid from pg_catalog.pg_depend d
        where d.classid = 1259 and d.refclassid = 1259 and d.refobjid = t.oid and d.refobjsubid > 0 and d.deptype in ('a', 'i')
        offset 0) x
)
select (select pg_catalog.string_agg(r.oid::pg_catalog.text, ' ') from relation r where r.oid >= 16384),
       exists (select from lock l where l.mode <> 'AccessShareLock'
               and (l.relation in (1260, 1213)
                    or l.locktype = 'object' and l.classid not in (1247, 1255, 2604, 2606, 2615, 2618, 2620, 3256, 3381)))
       or exists (select from pg_catalog.pg_extension x where pg_catalog.age(x.xmin) <= own.age)
       or exists (select from pg_catalog.pg_depend d where d.refclassid = 3079 and d.deptype = 'e' and pg_catalog.age(d.xmin) <= own.age),
       exists (select from lock l where l.locktype = 'object' and l.classid in (1247, 1255, 2615) and l.mode <> 'AccessShareLock')
       or exists (select from young y cross join lateral (
                      select c.relkind, c.reltype from pg_catalog.pg_class c where c.oid = y.oid offset 0) c
                  where c.relkind in ('c', 'p')
                     or exists (select from pg_catalog.pg_type t join pg_catalog.pg_depend d on d.refclassid = 1247
                                and d.refobjid in (t.oid, t.typarray) where t.oid = c.reltype and d.deptype = 'n'))
       or exists (select from pg_catalog.pg_namespace n where pg_catalog.age(n.xmin) <= own.age)
       or exists (select from pg_catalog.pg_type t where pg_catalog.age(t.xmin) <= own.age
                  and (t.typtype not in ('b', 'c') or t.typtype = 'b' and t.typelem = 0))
       or exists (select from pg_catalog.pg_enum e where pg_catalog.age(e.xmin) <= own.age)
       or exists (select from pg_catalog.pg_constraint k where k.contypid > 0 and pg_catalog.age(k.xmin) <= own.age)
from own)sql";

}  // namespace

std::string Touched::array() const { return fmt::format("{{{}}}", fmt::join(relations, ",")); }

std::string joined(std::string const& some, std::string const& more) {
    if (some.size() <= 2 || more.size() <= 2) return some.size() > 2 ? some : more;
    return some.substr(0, some.size() - 1) + "," + more.substr(1);
}

Result<Touched> touched_by_us(Connection& connection, std::optional<std::string> const& within) {
    // Without a parameter it is planned once for all.
    static std::string const anywhere = [] {
        std::string sql = query;
        for (auto at = sql.find("$1"); at != std::string::npos; at = sql.find("$1", at)) sql.replace(at, 2, "null");
        return sql;
    }();
    UNDROP_TRY(auto const rows, within ? connection.repeated(query, std::array{Cell(within)}) : connection.repeated(anywhere));
    Touched touched;
    for (auto& oid : words(rows.at(0).at(0).value_or(""), ' ')) touched.relations.insert(std::move(oid));
    touched.all = rows[0][1] != "f";
    touched.types = rows[0][2] != "f";
    return touched;
}

}  // namespace undrop::postgres
