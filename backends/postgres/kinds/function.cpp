// Functions and procedures. Made with check_function_bodies off: what a body mentions may come later.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const function[] = R"sql(
select case p.prokind when 'p' then 'procedure' else 'function' end, n.q, format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)),
       rtrim(pg_get_functiondef(p.oid), E'\n') || ';',
       format('DROP %s %I.%I(%s);', case p.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end, n.name, p.proname,
              oidvectortypes(p.proargtypes)),
       rtrim(pg_get_functiondef(p.oid), E'\n') || ';',
       format('%s(%s) %s', p.prokind, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)), 0,
       format('1255:%s:0', p.oid), format('2615:%s:0', n.oid), 0, p.xmin, false
from pg_proc p
join ns n on n.oid = p.pronamespace
where p.oid >= 16384 and p.prokind <> 'a' and not exists (select from ext e where e.classid = 1255 and e.objid = p.oid)
)sql";

}  // namespace undrop::postgres::kinds
