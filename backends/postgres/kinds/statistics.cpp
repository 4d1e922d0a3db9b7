// Extended statistics: which columns are measured together.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const statistics[] = R"sql(
select 'statistics', n.q, s.stxname,
       concat(pg_get_statisticsobjdef(s.oid), ';',
              case when s.stxstattarget >= 0 then format(E'\nALTER STATISTICS %I.%I SET STATISTICS %s;', n.name, s.stxname,
                  s.stxstattarget) end),
       format('DROP STATISTICS %I.%I;', n.name, s.stxname), '', '', 0,
       format('3381:%s:0', s.oid), format('1259:%s:0 2615:%s:0', c.oid, n.oid), c.oid, s.xmin, false
from pg_statistic_ext s
join ns n on n.oid = s.stxnamespace
join rel c on c.oid = s.stxrelid
)sql";

}  // namespace undrop::postgres::kinds
