// Publications, and which tables and schemas are in them. A schema only a superuser can put there; before version 15 nobody, so it is read
// from what depends on it.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const publication[] = R"sql(
select 'publication', ''::text, p.pubname,
       format('CREATE PUBLICATION %I%s WITH (publish = %L%s);', p.pubname, case when p.puballtables then ' FOR ALL TABLES' end,
              concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
                        case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end),
              case when p.pubviaroot then ', publish_via_partition_root = true' end),
       format('DROP PUBLICATION %I;', p.pubname), '', '', 0, format('6104:%s:0', p.oid), '', 0::oid, p.xmin::text, false
from pg_publication p
union all
select 'publication_table', c.q, p.pubname,
       format('ALTER PUBLICATION %I ADD TABLE ONLY %s%s%s;', p.pubname, c.q,
              (select ' (' || string_agg(quote_ident(a.attname), ', ' order by a.attname collate "C") || ')'
               from pg_attribute a where a.attrelid = c.oid and a.attnum = any (r.attrs)),
              ' WHERE (' || pg_get_expr(r.qual, c.oid) || ')'),
       format('ALTER PUBLICATION %I DROP TABLE ONLY %s;', p.pubname, c.q), '', '', 0, format('6106:%s:0', r.oid),
       format('6104:%s:0 1259:%s:0', p.oid, c.oid), c.oid, r.row::text, false
from pg_publication p
cross join (select null::int2[] as prattrs, null::pg_node_tree as prqual) older  -- before version 15
cross join lateral (
    select m.*, m.xmin as row, prattrs as attrs, prqual as qual from pg_publication_rel m where m.prpubid = p.oid) r
join rel c on c.oid = r.prrelid
union all
select 'publication_schema', n.q, p.pubname, format('ALTER PUBLICATION %I ADD TABLES IN SCHEMA %s;', p.pubname, n.q),
       format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA %s;', p.pubname, n.q), '', '', 0, format('6237:%s:0', d.objid),
       format('6104:%s:0 2615:%s:0', p.oid, n.oid), 0::oid, d.xmin::text, false
from pg_depend d
join pg_publication p on d.classid = 6237 and d.refclassid = 6104 and p.oid = d.refobjid
join pg_depend s on s.classid = 6237 and s.objid = d.objid and s.refclassid = 2615
join ns n on n.oid = s.refobjid
where $superuser
)sql";

}  // namespace undrop::postgres::kinds
