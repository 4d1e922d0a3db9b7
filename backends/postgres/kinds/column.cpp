// Columns of tables: type, collation, generated expression. An inherited one goes with its parent's.
// The USING of `alter` reads any value's output text; the type modifier is left to the assignment, which refuses where a cast would cut.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const column[] = R"sql(
select case when a.attislocal then 'column' else 'alias' end, c.q, a.attname,
       format('ALTER TABLE %s ADD COLUMN %s%s;', c.q, x.definition, x.generated),
       format('ALTER TABLE %s DROP COLUMN %I;', c.q, a.attname),
       case when a.attgenerated = '' then
           format('ALTER TABLE %s ALTER COLUMN %I TYPE %s USING CASE WHEN pg_catalog.num_nulls(%I) = 0 THEN '
                  'CAST(pg_catalog.format(''%%s'', %I) AS %s) END;',
                  c.q, a.attname, x.type, a.attname, a.attname, format_type(a.atttypid, -1))
            else '' end,
       x.generated, a.attnum,
       concat_ws(' ', format('1259:%s:%s', c.oid, a.attnum), case when a.attgenerated <> '' then format('2604:%s:0', d.oid) end),
       case when a.attislocal then format('1259:%s:0', c.oid)
            else (select format('1259:%s:%s', i.inhparent, b.attnum)
                  from pg_inherits i join pg_attribute b on b.attrelid = i.inhparent and b.attname = a.attname and not b.attisdropped
                  where i.inhrelid = c.oid order by i.inhseqno limit 1) end,
       c.oid, concat_ws(',', a.xmin, case when a.attgenerated <> '' then d.xmin end), a.attgenerated = ''
from rel c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
cross join lateral (
    select concat(format_type(a.atttypid, a.atttypmod),
                  case when a.attcollation <> t.typcollation then ' COLLATE ' || a.attcollation::regcollation::text end) as type) y
cross join lateral (
    select y.type, format('%I %s', a.attname, y.type) as definition,
           case when a.attgenerated <> '' then format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid)) else '' end
               as generated) x
where c.relkind in ('r', 'p') and not c.relispartition and c.reloftype = 0 and not (a.attislocal and a.attinhcount > 0)
  and not exists (select from key k where k.relation = c.oid and k.number = a.attnum)
)sql";

}  // namespace undrop::postgres::kinds
