// Casts. They have neither schema nor owner.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const cast[] = R"sql(
select 'cast', '', x.q,
       format('CREATE CAST %s %s%s;', x.q,
              case k.castmethod when 'b' then 'WITHOUT FUNCTION' when 'i' then 'WITH INOUT'
                  else 'WITH FUNCTION ' || k.castfunc::regprocedure end,
              case k.castcontext when 'a' then ' AS ASSIGNMENT' when 'i' then ' AS IMPLICIT' end),
       format('DROP CAST %s;', x.q), '', '', 0, format('2605:%s:0', k.oid), '', 0, k.xmin, false
from pg_cast k
cross join lateral (select format('(%s AS %s)', format_type(k.castsource, null), format_type(k.casttarget, null)) as q) x
where k.oid >= 16384 and not exists (select from ext e where e.classid = 2605 and e.objid = k.oid)
)sql";

}  // namespace undrop::postgres::kinds
