// Operators. Each of a pair of commutators or negators names the other: who is made first makes an empty one of the other's name, which
// goes with it. A pair of which one stays is joined again by making the other, so the links are no part of the shape.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const operator_[] = R"sql(
$rare
select 'operator', h.parent, h.name,
       format('CREATE OPERATOR %s.%s (%s);', h.parent, o.oprname, concat_ws(', ', x.shape, nullif(x.estimators, ''), nullif(x.links, ''))),
       concat_ws(E'\n', format('DROP OPERATOR %s;', h.q), c.shell, n.shell),
       format('ALTER OPERATOR %s SET (RESTRICT = %s, JOIN = %s);', h.q, coalesce(nullif(o.oprrest, 0)::regproc::text, 'NONE'),
              coalesce(nullif(o.oprjoin, 0)::regproc::text, 'NONE')),
       x.shape, 0, format('2617:%s:0', o.oid), format('2615:%s:0', o.oprnamespace), 0, o.xmin, false
from rare h
join pg_operator o on h.classid = 2617 and o.oid = h.objid
left join lateral (
    select format('OPERATOR(%I.%s)', s.nspname, l.oprname) as q,
           case when l.oprcode = 0 then
               format('DROP OPERATOR IF EXISTS %I.%s (%s, %s);', s.nspname, l.oprname, coalesce(format_type(nullif(l.oprleft, 0), null), 'NONE'),
                      coalesce(format_type(nullif(l.oprright, 0), null), 'NONE')) end as shell
    from pg_operator l join pg_namespace s on s.oid = l.oprnamespace where l.oid = o.oprcom) c on true
left join lateral (
    select format('OPERATOR(%I.%s)', s.nspname, l.oprname) as q,
           case when l.oprcode = 0 then
               format('DROP OPERATOR IF EXISTS %I.%s (%s, %s);', s.nspname, l.oprname, coalesce(format_type(nullif(l.oprleft, 0), null), 'NONE'),
                      coalesce(format_type(nullif(l.oprright, 0), null), 'NONE')) end as shell
    from pg_operator l join pg_namespace s on s.oid = l.oprnamespace where l.oid = o.oprnegate) n on true
cross join lateral (
    select concat_ws(', ', 'FUNCTION = ' || o.oprcode::regproc, 'LEFTARG = ' || format_type(nullif(o.oprleft, 0), null),
                     'RIGHTARG = ' || format_type(nullif(o.oprright, 0), null), case when o.oprcanhash then 'HASHES' end,
                     case when o.oprcanmerge then 'MERGES' end) as shape,
           concat_ws(', ', 'RESTRICT = ' || nullif(o.oprrest, 0)::regproc, 'JOIN = ' || nullif(o.oprjoin, 0)::regproc) as estimators,
           concat_ws(', ', 'COMMUTATOR = ' || c.q, 'NEGATOR = ' || n.q) as links) x
)sql";

}  // namespace undrop::postgres::kinds
