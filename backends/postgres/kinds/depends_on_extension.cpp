// What goes with an extension though it is none of its members (ALTER ... DEPENDS ON EXTENSION).
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const depends_on_extension[] = R"sql(
select 'depends_on_extension', h.parent, concat(h.name, ' ', x.extname), format('ALTER %s DEPENDS ON EXTENSION %I;', h.q, x.extname),
       format('ALTER %s NO DEPENDS ON EXTENSION %I;', h.q, x.extname), '', '', 0, '',
       format('%s:%s:0 3079:%s:0', d.classid, d.objid, x.oid), h.relation, d.xmin, false
from pg_depend d
join pg_extension x on x.oid = d.refobjid
join (
    select 1255 as classid, p.oid as objid, 0::oid as relation, n.q as parent, format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)) as name,
           format('%s %I.%I(%s)', case p.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end, n.name, p.proname,
                  oidvectortypes(p.proargtypes)) as q
    from pg_proc p join ns n on n.oid = p.pronamespace where p.prokind <> 'a'
    union all
    select 1259, c.oid, c.oid, c.sq, c.relname, case c.relkind when 'm' then 'MATERIALIZED VIEW ' else 'INDEX ' end || c.q
    from rel c where c.relkind in ('m', 'i', 'I')
    union all
    select 2620, g.oid, c.oid, c.q, g.tgname, format('TRIGGER %I ON %s', g.tgname, c.q) from pg_trigger g join rel c on c.oid = g.tgrelid
) h on h.classid = d.classid and h.objid = d.objid
where d.deptype = 'x' and d.refclassid = 3079 and not exists (select from ext e where e.classid = d.classid and e.objid = d.objid)
)sql";

}  // namespace undrop::postgres::kinds
