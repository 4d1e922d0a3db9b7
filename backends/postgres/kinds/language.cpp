// Languages, and how these see a type. Functions in a language need it.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const language[] = R"sql(
$rare
select 'language', '', h.name, 'CREATE ' || x.rest, format('DROP LANGUAGE %s;', h.q), 'CREATE OR REPLACE ' || x.rest, '', 0,
       format('2612:%s:0', l.oid), '', 0, l.xmin, false
from rare h
join pg_language l on h.classid = 2612 and l.oid = h.objid
cross join lateral (
    select concat(case when l.lanpltrusted then 'TRUSTED ' end, 'LANGUAGE ', h.q, ' HANDLER ', l.lanplcallfoid::regproc,
                  ' INLINE ' || nullif(l.laninline, 0)::regproc, ' VALIDATOR ' || nullif(l.lanvalidator, 0)::regproc, ';') as rest) x
union all
select 'transform', '', h.name,
       format('CREATE TRANSFORM %s (%s);', h.q,
              concat_ws(', ', 'FROM SQL WITH FUNCTION ' || nullif(f.trffromsql, 0)::regprocedure,
                        'TO SQL WITH FUNCTION ' || nullif(f.trftosql, 0)::regprocedure)),
       format('DROP TRANSFORM %s;', h.q), '', '', 0, format('3576:%s:0', f.oid), '', 0, f.xmin, false
from rare h
join pg_transform f on h.classid = 3576 and f.oid = h.objid
)sql";

}  // namespace undrop::postgres::kinds
