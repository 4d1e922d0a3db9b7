// Sequences, but for those of identity columns. A position is no part of the definition; who owns a sequence is sequence_owner.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const sequence[] = R"sql(
select 'sequence', c.sq, c.relname, format('CREATE %sSEQUENCE %s %s;', case c.relpersistence when 'u' then 'UNLOGGED ' end, c.q,
    x.parameters),
       format('DROP SEQUENCE %s;', c.q), format('ALTER SEQUENCE %s %s;', c.q, x.parameters), c.relpersistence, 0,
       format('1259:%s:0', c.oid), format('2615:%s:0', c.relnamespace), c.oid, concat_ws(',', c.row, s.xmin), false
from rel c
join pg_sequence s on s.seqrelid = c.oid
cross join lateral (
    select format('AS %s START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s', format_type(s.seqtypid, null), s.seqstart,
                  s.seqincrement, s.seqmin, s.seqmax, s.seqcache, case when s.seqcycle then 'CYCLE' else 'NO CYCLE' end) as parameters) x
where c.relkind = 'S'
  and not exists (select from pg_depend d where d.classid = 1259 and d.objid = c.oid and d.refclassid = 1259 and d.deptype = 'i')
)sql";

}  // namespace undrop::postgres::kinds
