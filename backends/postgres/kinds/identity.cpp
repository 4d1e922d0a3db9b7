// GENERATED .. AS IDENTITY with the parameters of its sequence. Needs the column's NOT NULL.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const identity[] = R"sql(
select 'identity', t.q, a.attname,
       concat(format('ALTER TABLE %s ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %s START WITH %s INCREMENT BY %s '
                     'MINVALUE %s MAXVALUE %s CACHE %s %s);',
                     t.q, a.attname, x.always, c.q, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, x.cycle), x.type),
       format('ALTER TABLE %s ALTER COLUMN %I DROP IDENTITY;', t.q, a.attname),
       format('ALTER TABLE %s ALTER COLUMN %I SET GENERATED %s SET START WITH %s SET INCREMENT BY %s SET MINVALUE %s SET MAXVALUE %s '
              'SET CACHE %s SET %s;',
              t.q, a.attname, x.always, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, x.cycle),
       concat(c.q, x.type), a.attnum,
       format('1259:%s:0', c.oid), format('1259:%s:%s not_null:%s:%s', t.oid, a.attnum, t.oid, a.attnum), t.oid,
       concat_ws(',', a.xmin, s.xmin, c.row), false
from rel c
join pg_sequence s on s.seqrelid = c.oid
join pg_depend d on d.classid = 1259 and d.objid = c.oid and d.objsubid = 0 and d.refclassid = 1259 and d.refobjsubid > 0
    and d.deptype = 'i'
join rel t on t.oid = d.refobjid
join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid and a.attidentity <> ''
cross join lateral (
    select case a.attidentity when 'a' then 'ALWAYS' else 'BY DEFAULT' end as always,
           case when s.seqcycle then 'CYCLE' else 'NO CYCLE' end as cycle,
           case when s.seqtypid <> a.atttypid then  -- as LIKE INCLUDING IDENTITY makes one
               format(E'\nALTER SEQUENCE %s AS %s MINVALUE %s MAXVALUE %s;', c.q, format_type(s.seqtypid, null), s.seqmin, s.seqmax) end
               as type) x
)sql";

}  // namespace undrop::postgres::kinds
