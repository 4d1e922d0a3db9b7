// Operator families, what is in them by itself, and operator classes with what is theirs. Only a superuser makes them.
// Members of a family come before its classes: one of a single type would be the class's otherwise.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const operator_class[] = R"sql(
$rare
, family as (
    select h.* from rare h where h.classid = 2753
), member(classid, objid, family, row, number, place, text) as (
    select 2602, p.oid, p.amopfamily, p.xmin, p.amopstrategy,
           format('OPERATOR %s (%s, %s)', p.amopstrategy, format_type(p.amoplefttype, null), format_type(p.amoprighttype, null)),
           concat(format('OPERATOR %s %s', p.amopstrategy, p.amopopr::regoperator),
                  (select format(' FOR ORDER BY %I.%I', n.nspname, s.opfname)
                   from pg_opfamily s join pg_namespace n on n.oid = s.opfnamespace where s.oid = p.amopsortfamily))
    from pg_amop p where p.oid >= 16384
    union all
    select 2603, p.oid, p.amprocfamily, p.xmin, 1000 + p.amprocnum,
           format('FUNCTION %s (%s, %s)', p.amprocnum, format_type(p.amproclefttype, null), format_type(p.amprocrighttype, null)),
           format('FUNCTION %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, null), format_type(p.amprocrighttype, null),
                  p.amproc::regprocedure)
    from pg_amproc p where p.oid >= 16384
)
select 'operator_family', h.parent, h.name, format('CREATE OPERATOR FAMILY %s;', h.q), format('DROP OPERATOR FAMILY %s;', h.q),
       '', '', 0, format('2753:%s:0', h.objid), format('2615:%s:0', f.opfnamespace), 0, h.row::text, false
from family h join pg_opfamily f on f.oid = h.objid
union all
select 'operator_family_member', h.q, lower(m.place),
       format('ALTER OPERATOR FAMILY %s ADD %s;', h.q, m.text), format('ALTER OPERATOR FAMILY %s DROP %s;', h.q, m.place),
       '', '', 0, format('%s:%s:0', m.classid, m.objid), format('2753:%s:0', h.objid), 0, m.row::text, false
from family h join member m on m.family = h.objid
where not exists (select from pg_depend d where d.classid = m.classid and d.objid = m.objid and d.refclassid = 2616)
  and not exists (select from ext e where e.classid = m.classid and e.objid = m.objid)
union all
select 'operator_class', h.parent, h.name,
       format('CREATE OPERATOR CLASS %I.%I%s FOR TYPE %s USING %I FAMILY %I.%I AS %s;', n.nspname, c.opcname,
              case when c.opcdefault then ' DEFAULT' end, t.name, a.amname, s.nspname, f.opfname,
              concat_ws(', ', 'STORAGE ' || case when c.opckeytype <> 0 then format_type(c.opckeytype, null)
                                                 when m.texts is null then t.name end, m.texts)),
       format('DROP OPERATOR CLASS %s;', h.q), '', '', 0, concat_ws(' ', format('2616:%s:0', c.oid), m.addresses),
       format('2615:%s:0', n.oid), 0, concat_ws(',', c.xmin, m.rows), false
from rare h
join pg_opclass c on h.classid = 2616 and c.oid = h.objid
join pg_namespace n on n.oid = c.opcnamespace
join pg_opfamily f on f.oid = c.opcfamily
join pg_namespace s on s.oid = f.opfnamespace
join pg_am a on a.oid = c.opcmethod
cross join lateral (select format_type(c.opcintype, null) as name) t
left join lateral (
    select string_agg(m.text, ', ' order by m.number, m.text) as texts, string_agg(format('%s:%s:0', m.classid, m.objid), ' ') as addresses,
           string_agg(m.row::text, ',') as rows
    from pg_depend d join member m on m.classid = d.classid and m.objid = d.objid
    where d.refclassid = 2616 and d.refobjid = c.oid and d.classid in (2602, 2603)) m on true
)sql";

}  // namespace undrop::postgres::kinds
