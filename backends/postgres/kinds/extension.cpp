// Extensions that can be made again here, and that hold no rows of their own. Their members go and come with them. What cannot be made
// again (no files of that version, no right to) and what has tables is left to unknown.cpp, and so refused by name.
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

// Of the extension x. Whether its files are there is asked only where there is one.
char const remakable[] = R"sql(
not exists (select from pg_depend d join pg_class c on c.oid = d.objid
            where d.refclassid = 3079 and d.refobjid = x.oid and d.deptype = 'e' and d.classid = 1259 and c.relkind in ('r', 'p', 'm', 'S'))
and exists (select from pg_available_extension_versions v
            where v.name = x.extname and v.version = x.extversion
              and (not v.superuser or (select r.rolsuper from pg_roles r where r.rolname = current_user)
                   or v.trusted and has_database_privilege(current_database(), 'CREATE')))
)sql";

}  // namespace undrop::postgres::kinds
