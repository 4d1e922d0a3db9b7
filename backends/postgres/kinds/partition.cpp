// A partition's place in its parent, which goes with the partition; another place in the same parent is taken by leaving the old one. Made
// after the partition's indexes, so that these are taken instead of new ones made, and before checks, which its parent gives it.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const partition[] = R"sql(
select 'partition', c.sq, c.relname,
       x.attach, x.detach, x.detach || x.attach, i.inhparent::regclass::text, 0,
       format('partition:%s', c.oid), format('1259:%s:0 1259:%s:0', c.oid, i.inhparent), c.oid, concat_ws(',', c.row, i.xmin), false
from rel c
join pg_inherits i on i.inhrelid = c.oid
cross join lateral (
    select format('ALTER TABLE ONLY %s ATTACH PARTITION %s %s;', i.inhparent::regclass, c.q, pg_get_expr(c.relpartbound, c.oid)) as attach,
           format('ALTER TABLE ONLY %s DETACH PARTITION %s;', i.inhparent::regclass, c.q) as detach) x
where c.relispartition and c.relkind in ('r', 'p')
union all
select 'index_partition', t.q, c.relname, format('ALTER INDEX %s ATTACH PARTITION %s;', i.inhparent::regclass, c.q), '', '', '', 0,
       '', format('1259:%s:0 1259:%s:0 partition:%s', c.oid, i.inhparent, t.oid), t.oid, i.xmin::text, false
from rel c
join pg_inherits i on i.inhrelid = c.oid
join pg_index x on x.indexrelid = c.oid
join rel t on t.oid = x.indrelid
where c.relkind in ('i', 'I')
)sql";

}  // namespace undrop::postgres::kinds
