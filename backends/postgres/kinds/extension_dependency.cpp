// ALTER .. DEPENDS ON EXTENSION: what goes with an extension though it is no member of it.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const extension_dependency[] = R"sql(
select 'extension_dependency', h.parent, format('%s %s on %s', lower(h.word), h.name, x.extname),
       format('ALTER %s %s DEPENDS ON EXTENSION %I;', h.word, h.q, x.extname),
       format('ALTER %s %s NO DEPENDS ON EXTENSION %I;', h.word, h.q, x.extname), '', '', 0,
       '', format('%s:%s:0 3079:%s:0', d.classid, d.objid, x.oid), h.relation, d.xmin, false
from pg_depend d
join pg_extension x on x.oid = d.refobjid
join (
    select 1255::oid as classid, p.oid as objid, 0::oid as relation, 'ROUTINE' as word, n.q as parent,
           format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)) as name,
           format('%I.%I(%s)', n.name, p.proname, oidvectortypes(p.proargtypes)) as q
    from pg_proc p join ns n on n.oid = p.pronamespace where p.oid >= 16384 and p.prokind <> 'a'
    union all
    select 1259, c.oid, c.oid, 'MATERIALIZED VIEW', c.sq, c.relname, c.q from rel c where c.relkind = 'm'
    union all
    select 1259, c.oid, t.oid, 'INDEX', t.q, c.relname, c.q
    from rel c join pg_index i on i.indexrelid = c.oid join rel t on t.oid = i.indrelid where c.relkind in ('i', 'I')
    union all
    select 2620, t.oid, c.oid, 'TRIGGER', c.q, t.tgname, format('%I ON %s', t.tgname, c.q)
    from pg_trigger t join rel c on c.oid = t.tgrelid
) h on h.classid = d.classid and h.objid = d.objid
where d.deptype = 'x' and d.refclassid = 3079
)sql";

}  // namespace undrop::postgres::kinds
