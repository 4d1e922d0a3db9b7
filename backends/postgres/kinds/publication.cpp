// Publications, and which tables are in them. Those of a whole schema are not known: only a superuser can make them.
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
              (select ' (' || string_agg(quote_ident(a.attname), ', ' order by a.attnum) || ')'
               from pg_attribute a where a.attrelid = c.oid and a.attnum = any (r.attrs)),
              ' WHERE (' || pg_get_expr(r.qual, c.oid) || ')'),
       format('ALTER PUBLICATION %I DROP TABLE ONLY %s;', p.pubname, c.q), '', '', 0, format('6106:%s:0', r.oid),
       format('6104:%s:0 1259:%s:0', p.oid, c.oid), c.oid, r.row::text, false
from pg_publication p
cross join (select null::int2[] as prattrs, null::pg_node_tree as prqual) older  -- before version 15
cross join lateral (
    select m.*, m.xmin as row, prattrs as attrs, prqual as qual from pg_publication_rel m where m.prpubid = p.oid) r
join rel c on c.oid = r.prrelid
)sql";

}  // namespace undrop::postgres::kinds
