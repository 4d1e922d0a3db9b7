// Defaults of columns, of tables and of views.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const column_default[] = R"sql(
select case c.relkind when 'v' then 'view_default' else 'default' end, c.q, a.attname, x.make,
       format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT;', c.q, a.attname), x.make, '', a.attnum,
       format('2604:%s:0', d.oid), format('1259:%s:%s', c.oid, a.attnum), c.oid, d.xmin, false
from rel c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
cross join lateral (
    select format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s;', c.q, a.attname, pg_get_expr(d.adbin, 0)) as make) x
where c.relkind in ('r', 'p', 'v')
)sql";

}  // namespace undrop::postgres::kinds
