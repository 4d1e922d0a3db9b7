// Attributes of composite types. They come and go as columns do, and values of the type with them; of another type they cannot be while
// columns use theirs. Only where something is of the type they hold rows. CASCADE goes to the tables that are of the type, and nowhere
// else.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const attribute[] = R"sql(
select 'attribute', c.q, a.attname, format('ALTER TYPE %s ADD ATTRIBUTE %I %s CASCADE;', c.q, a.attname, x.type),
       format('ALTER TYPE %s DROP ATTRIBUTE %I CASCADE;', c.q, a.attname),
       format('ALTER TYPE %s ALTER ATTRIBUTE %I TYPE %s CASCADE;', c.q, a.attname, x.type),
       '', a.attnum, format('1259:%s:%s', c.oid, a.attnum), format('1247:%s:0', c.reltype), c.oid, a.xmin,
       exists (select from pg_depend d where d.refclassid = 1247 and d.refobjid in (c.reltype, r.typarray)
               and (d.classid = 1259 and d.objsubid > 0 or d.classid = 1247 and d.objid <> r.typarray))
from rel c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
join pg_type r on r.oid = c.reltype
cross join lateral (
    select concat(format_type(a.atttypid, a.atttypmod),
                  case when a.attcollation <> t.typcollation then ' COLLATE ' || a.attcollation::regcollation::text end) as type) x
where c.relkind = 'c'
)sql";

}  // namespace undrop::postgres::kinds
