// Comments, as objects of their own named after what they are on.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const comment[] = R"sql(
$rare
select 'comment on ' || lower(h.word), h.parent, h.name, x.make, format('COMMENT ON %s %s IS NULL;', h.word, h.q), x.make, '', 0,
       '', format('%s:%s:%s', d.classoid, d.objoid, d.objsubid), h.relation, d.row, false
from (
    select t.*, t.xmin as row from pg_description t where t.objoid >= 16384
    union all  -- of the schema public
    select t.*, t.xmin from ns n join pg_description t on t.objoid = n.oid and t.classoid = 2615 where n.oid < 16384
) d
join (
    select 2615 as classid, n.oid as objid, 0 as subid, 0::oid as relation, 'SCHEMA' as word, '' as parent, n.name::text as name, n.q
    from ns n
    union all
    select 1259, c.oid, 0, c.oid,
           case c.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' when 'S' then 'SEQUENCE' when 'i' then 'INDEX'
               when 'I' then 'INDEX'
                          else 'TABLE' end, c.sq, c.relname, c.q
    from rel c where c.relkind in ('r', 'p', 'v', 'm', 'S', 'i', 'I')
    union all
    select 1259, c.oid, a.attnum, c.oid, 'COLUMN', c.q, a.attname, format('%s.%I', c.q, a.attname)
    from rel c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped where c.relkind in ('r', 'p', 'v', 'm',
        'c')
    union all
    select 1247, t.oid, 0, t.typrelid, 'TYPE', t.sq, t.typname, t.q from typ t
    union all
    select 1255, p.oid, 0, 0, case p.prokind when 'p' then 'PROCEDURE' when 'a' then 'AGGREGATE' else 'FUNCTION' end, n.q,
           format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)),
           format('%I.%I(%s)', n.name, p.proname, case p.prokind when 'a' then coalesce(nullif(pg_get_function_identity_arguments(p.oid), ''), '*')
                                                       else oidvectortypes(p.proargtypes) end)
    from pg_proc p join ns n on n.oid = p.pronamespace where p.oid >= 16384
    union all
    select 3381, s.oid, 0, 0, 'STATISTICS', n.q, s.stxname, format('%I.%I', n.name, s.stxname)
    from pg_statistic_ext s join ns n on n.oid = s.stxnamespace join pg_class c on c.oid = s.stxrelid and c.relpersistence <> 't'
    union all
    select 3456, o.oid, 0, 0, 'COLLATION', n.q, o.collname, format('%I.%I', n.name, o.collname)
    from pg_collation o join ns n on n.oid = o.collnamespace where o.oid >= 16384
    union all
    select 2605, k.oid, 0, 0, 'CAST', '', x.q, x.q
    from pg_cast k
    cross join lateral (select format('(%s AS %s)', format_type(k.castsource, null), format_type(k.casttarget, null)) as q) x
    where k.oid >= 16384
    union all
    select 6104, p.oid, 0, 0, 'PUBLICATION', '', p.pubname, quote_ident(p.pubname) from pg_publication p
    union all
    select 3079, x.oid, 0, 0, 'EXTENSION', '', x.extname, quote_ident(x.extname) from pg_extension x where x.oid >= 16384
    union all
    select r.classid, r.objid, 0, case r.classid when 1259 then r.objid else 0::oid end, r.word, r.parent, r.name, r.q from rare r
    union all
    select 1259, r.objid, a.attnum, r.objid, 'COLUMN', r.q, a.attname, format('%s.%I', r.q, a.attname)
    from rare r join pg_attribute a on r.classid = 1259 and a.attrelid = r.objid and a.attnum > 0 and not a.attisdropped
    union all
    select 2606, k.oid, 0, c.oid, 'CONSTRAINT', c.q, k.conname, format('%I ON %s', k.conname, c.q)
    from pg_constraint k join rel c on c.oid = k.conrelid
    union all
    select 2606, k.oid, 0, 0, 'CONSTRAINT', t.q, k.conname, format('%I ON DOMAIN %s', k.conname, t.q)
    from typ t cross join lateral (select k.oid, k.conname from pg_constraint k where k.contypid = t.oid offset 0) k where t.typtype = 'd'
    union all
    select 2620, g.oid, 0, c.oid, 'TRIGGER', c.q, g.tgname, format('%I ON %s', g.tgname, c.q) from pg_trigger g
        join rel c on c.oid = g.tgrelid
    union all
    select 2618, r.oid, 0, c.oid, 'RULE', c.q, r.rulename, format('%I ON %s', r.rulename, c.q) from pg_rewrite r
        join rel c on c.oid = r.ev_class
    union all
    select 3256, p.oid, 0, c.oid, 'POLICY', c.q, p.polname, format('%I ON %s', p.polname, c.q) from pg_policy p
        join rel c on c.oid = p.polrelid
) h on h.classid = d.classoid and h.objid = d.objoid and h.subid = d.objsubid
cross join lateral (select format('COMMENT ON %s %s IS %s;', h.word, h.q, quote_literal(d.description)) as make) x
where not exists (select from ext e where e.classid = d.classoid and e.objid = d.objoid)
)sql";

}  // namespace undrop::postgres::kinds
