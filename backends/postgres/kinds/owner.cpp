// Owners. Of a sequence only where it belongs to no column: otherwise the table's owner has it.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const owner[] = R"sql(
$rare
select 'owner of ' || lower(h.word), h.parent, h.name, x.make, '', x.make, '', 0,
       'owner:' || h.address, h.address, h.relation, h.row, false
from (
    select format('2615:%s:0', n.oid) as address, 0::oid as relation, 'SCHEMA' as word, '' as parent, n.name::text as name, n.q, n.owner,
        n.row
    from ns n where not exists (select from ext e where e.classid = 2615 and e.objid = n.oid)
    union all
    select format('1259:%s:0', c.oid), c.oid,
           case c.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' when 'S' then 'SEQUENCE' else 'TABLE' end,
           c.sq, c.relname, c.q, c.relowner, c.row
    from rel c
    where c.relkind in ('r', 'p', 'v', 'm')
       or (c.relkind = 'S' and not exists (select from pg_depend d where d.classid = 1259 and d.objid = c.oid and d.refclassid = 1259
                                                                     and d.refobjsubid > 0 and d.deptype in ('a', 'i')))
    union all
    select format('1247:%s:0', t.oid), t.typrelid, 'TYPE', t.sq, t.typname, t.q, t.typowner, t.row from typ t
    union all
    select format('1255:%s:0', p.oid), 0, case p.prokind when 'p' then 'PROCEDURE' when 'a' then 'AGGREGATE' else 'FUNCTION' end, n.q,
           format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)),
           format('%I.%I(%s)', n.name, p.proname, case p.prokind when 'a' then coalesce(nullif(pg_get_function_identity_arguments(p.oid), ''), '*')
                                                       else oidvectortypes(p.proargtypes) end),
           p.proowner, p.xmin
    from pg_proc p join ns n on n.oid = p.pronamespace
    where p.oid >= 16384 and not exists (select from ext e where e.classid = 1255 and e.objid = p.oid)
    union all
    select format('3456:%s:0', o.oid), 0, 'COLLATION', n.q, o.collname, format('%I.%I', n.name, o.collname), o.collowner, o.xmin
    from pg_collation o join ns n on n.oid = o.collnamespace
    where o.oid >= 16384 and not exists (select from ext e where e.classid = 3456 and e.objid = o.oid)
    union all
    select format('%s:%s:0', r.classid, r.objid), case r.classid when 1259 then r.objid else 0::oid end, r.word, r.parent, r.name, r.q, r.owner,
        r.row
    from rare r where r.owner is not null
    union all
    select format('6104:%s:0', p.oid), 0, 'PUBLICATION', '', p.pubname, quote_ident(p.pubname), p.pubowner, p.xmin from pg_publication p
    union all
    select format('3381:%s:0', s.oid), 0, 'STATISTICS', n.q, s.stxname, format('%I.%I', n.name, s.stxname), s.stxowner, s.xmin
    from pg_statistic_ext s join ns n on n.oid = s.stxnamespace join pg_class c on c.oid = s.stxrelid and c.relpersistence <> 't'
    where not exists (select from ext e where e.classid = 1259 and e.objid = c.oid)
) h
cross join lateral (select format('ALTER %s %s OWNER TO %I;', h.word, h.q, pg_get_userbyid(h.owner)) as make) x
)sql";

}  // namespace undrop::postgres::kinds
