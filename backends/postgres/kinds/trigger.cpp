// Triggers, with their state; not the database's own, and not a partition's copy of its parent's, nor undrop's.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const trigger[] = R"sql(
select 'trigger', c.q, t.tgname,
       concat(pg_get_triggerdef(t.oid), ';',
              case when t.tgenabled <> 'O' then
                  format(E'\nALTER TABLE %s %s TRIGGER %I;', c.q,
                         case t.tgenabled when 'D' then 'DISABLE' when 'A' then 'ENABLE ALWAYS' else 'ENABLE REPLICA' end, t.tgname) end),
       format('DROP TRIGGER %I ON %s;', t.tgname, c.q), '', '', 0,
       concat_ws(' ', format('2620:%s:0', t.oid), '2606:' || nullif(t.tgconstraint, 0) || ':0'),
       format('1259:%s:0', c.oid), c.oid, t.xmin, false
from rel c
join pg_trigger t on t.tgrelid = c.oid
where not t.tgisinternal and t.tgparentid = 0 and c.relkind in ('r', 'p', 'v') and not exists (
    select from pg_proc f join pg_namespace s on s.oid = f.pronamespace where f.oid = t.tgfoid and s.nspname = $ledger)
)sql";

}  // namespace undrop::postgres::kinds
