// Triggers, with their state; not the database's own, nor undrop's. Of a partition's copy of its parent's only its state, where that is
// another one.
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
union all
select 'trigger_state', c.q, t.tgname, format(x.alter, x.word), format(x.alter, x.parents), format(x.alter, x.word), '', 0,
       format('trigger_state:%s', t.oid), format('1259:%s:0 partition:%s 2620:%s:0 trigger_state:%s', c.oid, c.oid, x.root, p.oid), c.oid, t.xmin, false
from rel c
join pg_trigger t on t.tgrelid = c.oid
join pg_trigger p on p.oid = t.tgparentid
cross join lateral (
    with recursive above(oid, parent) as (
        select p.oid, p.tgparentid
        union all
        select a.oid, a.tgparentid from above join pg_trigger a on a.oid = above.parent
    )
    select format('ALTER TABLE ONLY %s %%s TRIGGER %I;', replace(c.q, '%', '%%'), t.tgname) as alter,
           (select oid from above where parent = 0) as root,
           case t.tgenabled when 'O' then 'ENABLE' when 'D' then 'DISABLE' when 'A' then 'ENABLE ALWAYS' else 'ENABLE REPLICA' end as word,
           case p.tgenabled when 'O' then 'ENABLE' when 'D' then 'DISABLE' when 'A' then 'ENABLE ALWAYS' else 'ENABLE REPLICA' end as parents) x
where (not t.tgisinternal or t.tgconstraint = 0) and t.tgenabled <> p.tgenabled
)sql";

}  // namespace undrop::postgres::kinds
