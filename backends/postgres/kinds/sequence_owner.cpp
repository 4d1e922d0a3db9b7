// Which column a sequence belongs to: ALTER SEQUENCE .. OWNED BY. Needs both, while the column's default needs the sequence.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const sequence_owner[] = R"sql(
select 'sequence_owner', c.sq, c.relname, format('ALTER SEQUENCE %s OWNED BY %s.%I;', c.q, t.q, a.attname),
       format('ALTER SEQUENCE %s OWNED BY NONE;', c.q), format('ALTER SEQUENCE %s OWNED BY %s.%I;', c.q, t.q, a.attname), '', 0,
       '', format('1259:%s:0 1259:%s:%s', c.oid, t.oid, a.attnum), c.oid, d.xmin, false
from rel c
join pg_depend d on d.classid = 1259 and d.objid = c.oid and d.objsubid = 0 and d.refclassid = 1259 and d.refobjsubid > 0
    and d.deptype = 'a'
join rel t on t.oid = d.refobjid
join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where c.relkind = 'S'
)sql";

}  // namespace undrop::postgres::kinds
