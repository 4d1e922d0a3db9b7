// Event triggers, with their state. Only a superuser makes them. They fire on undrop's own statements too, as on everybody's: so they come
// last and go first, and one that is to go, or to come, is not there for the rest of the way back.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const event_trigger[] = R"sql(
$rare
select 'event_trigger', '', h.name,
       concat_ws(E'\n', x.shape,
                 case when t.evtenabled <> 'O' then x.state end),
       format('DROP EVENT TRIGGER %s;', h.q), x.state, x.shape, 0, format('3466:%s:0', t.oid), '', 0, t.xmin, false
from rare h
join pg_event_trigger t on h.classid = 3466 and t.oid = h.objid
join pg_proc p on p.oid = t.evtfoid
join pg_namespace n on n.oid = p.pronamespace
cross join lateral (
    select format('CREATE EVENT TRIGGER %s ON %I%s EXECUTE FUNCTION %I.%I();', h.q, t.evtevent,
                  (select ' WHEN TAG IN (' || string_agg(quote_literal(g), ', ' order by i) || ')' from unnest(t.evttags) with ordinality u(g, i)),
                  n.nspname, p.proname) as shape,
           format('ALTER EVENT TRIGGER %s %s;', h.q,
                  case t.evtenabled when 'D' then 'DISABLE' when 'A' then 'ENABLE ALWAYS' when 'R' then 'ENABLE REPLICA' else 'ENABLE' end)
               as state) x
)sql";

}  // namespace undrop::postgres::kinds
