// Extensions that can be made again here, and that hold no rows but what their script writes. Their members go and come with them. What
// cannot be made again (no files of that version, no right to) and what holds others' rows is left to unknown.cpp, and so refused by name.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const extension[] = R"sql(
select 'extension', '', x.extname, format('CREATE EXTENSION %I WITH SCHEMA %I VERSION %L;', x.extname, n.nspname, x.extversion),
       format('DROP EXTENSION %I;', x.extname), format('ALTER EXTENSION %I UPDATE TO %L;', x.extname, x.extversion), n.nspname, 0,
       concat_ws(' ', format('3079:%s:0', x.oid), m.addresses), format('2615:%s:0', n.oid), 0, x.xmin, false
from pg_extension x
join pg_namespace n on n.oid = x.extnamespace
left join lateral (
    select string_agg(concat_ws(' ', format('%s:%s:0', d.classid, d.objid), '1247:' || nullif(t.typarray, 0) || ':0'), ' ') as addresses
    from pg_depend d left join pg_type t on d.classid = 1247 and t.oid = d.objid
    where d.refclassid = 3079 and d.refobjid = x.oid and d.deptype = 'e') m on true
where x.oid >= 16384 and $remakable
)sql";

// Of the extension x. Whether its files are there is asked only where there is one. A table of its own goes and comes with it while it holds
// nothing but what its script has written: rows of that transaction which nobody has locked since, by the last command that changed a
// definition (z.n) or the one after it; of that one the first few rows say whose they are, by what the extension wants to be dumped. So with
// a sequence of which nothing was drawn. What was made a member later is not its script's.
char const remakable[] = R"sql(
not exists (
    select from pg_depend d join pg_class c on d.classid = 1259 and c.oid = d.objid
    cross join lateral (select greatest(x.cmin::text::int8, max(m.cmin::text::int8)) as n from pg_depend m
                        where m.refclassid = 3079 and m.refobjid = x.oid and m.deptype = 'e') z
    where d.refclassid = 3079 and d.refobjid = x.oid and d.deptype = 'e' and c.relkind in ('r', 'p', 'm', 'S')
      and case when c.relkind in ('p', 'm') or d.xmin <> x.xmin or c.xmin <> x.xmin or c.cmin::text::int8 < d.cmin::text::int8 then true
               when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'SELECT') or pg_sequence_last_value(c.oid) is not null
               when c.relrowsecurity or not has_table_privilege(c.oid, 'SELECT') then true
               else query_to_xml(format(
                   'select 1 as differs where exists (select from only %1$s where xmin <> %2$L::xid or xmax <> 0::text::xid or '
                   'cmin::text::int8 > %3$s + 1) or exists (select from (select * from only %1$s where cmin::text::int8 > %3$s limit 20)'
                   ' as %4$I %5$s)',
                   c.oid::regclass, x.xmin, z.n, c.relname, x.extcondition[array_position(x.extconfig, c.oid)]), false, true, '')::text
                   like '%differs%' end)
and exists (select from pg_available_extension_versions v
            where v.name = x.extname and v.version = x.extversion
              and (not v.superuser or (select r.rolsuper from pg_roles r where r.rolname = current_user)
                   or v.trusted and has_database_privilege(current_database(), 'CREATE')))
)sql";

}  // namespace undrop::postgres::kinds
