// Rules, with their state. A view's own is the view.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const rule[] = R"sql(
select 'rule', c.q, r.rulename,
       concat(pg_get_ruledef(r.oid),
              case when r.ev_enabled <> 'O' then
                  format(E'\nALTER TABLE %s %s RULE %I;', c.q,
                         case r.ev_enabled when 'D' then 'DISABLE' when 'A' then 'ENABLE ALWAYS' else 'ENABLE REPLICA' end,
                             r.rulename) end),
       format('DROP RULE %I ON %s;', r.rulename, c.q), '', '', 0,
       format('2618:%s:0', r.oid), format('1259:%s:0', c.oid), c.oid, r.xmin, false
from rel c
join pg_rewrite r on r.ev_class = c.oid and r.rulename <> '_RETURN'
where c.relkind in ('r', 'p', 'v', 'm')
)sql";

}  // namespace undrop::postgres::kinds
