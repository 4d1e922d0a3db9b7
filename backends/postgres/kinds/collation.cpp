// Collations. Versions of PostgreSQL keep ICU's name for one in different columns.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const collation[] = R"sql(
select 'collation', n.q, o.collname,
       format('CREATE COLLATION %s (%s);', x.q,
              concat_ws(', ', 'provider = ' || case o.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end,
                        case when not o.collisdeterministic then 'deterministic = false' end,
                        case when o.collcollate is null or o.collcollate = o.collctype
                             then format('locale = %L', coalesce(j.o ->> 'colllocale', j.o ->> 'colliculocale', o.collcollate))
                             else format('lc_collate = %L, lc_ctype = %L', o.collcollate, o.collctype) end,
                        'rules = ' || quote_literal(j.o ->> 'collicurules'))),
       format('DROP COLLATION %s;', x.q), '', '', 0, format('3456:%s:0', o.oid), format('2615:%s:0', n.oid), 0, o.xmin, false
from pg_collation o
join ns n on n.oid = o.collnamespace
cross join lateral (select to_jsonb(o) as o) j
cross join lateral (select format('%I.%I', n.name, o.collname) as q) x
where o.oid >= 16384 and not exists (select from ext e where e.classid = 3456 and e.objid = o.oid)
)sql";

}  // namespace undrop::postgres::kinds
