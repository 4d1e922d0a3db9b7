// NOT NULL of columns. A partitioned table's is given to its partitions too, so it comes after theirs and goes before them.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const not_null[] = R"sql(
select 'not_null', c.q, a.attname, format('ALTER TABLE %s%s ALTER COLUMN %I SET NOT NULL;', x.only, c.q, a.attname),
       format('ALTER TABLE %s%s ALTER COLUMN %I DROP NOT NULL;', x.only, c.q, a.attname), '', '',
       0,
       format('not_null:%s:%s', c.oid, a.attnum), concat_ws(' ', format('1259:%s:%s', c.oid, a.attnum), p.addresses), c.oid, a.xmin, false
from rel c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attnotnull
left join lateral (
    select string_agg(format('not_null:%s:%s', b.attrelid, b.attnum), ' ') as addresses
    from pg_inherits i join pg_attribute b on b.attrelid = i.inhrelid and b.attname = a.attname
    where c.relkind = 'p' and i.inhparent = c.oid) p on true
cross join lateral (select case c.relkind when 'p' then '' else 'ONLY ' end as only) x
where c.relkind in ('r', 'p')
)sql";

}  // namespace undrop::postgres::kinds
