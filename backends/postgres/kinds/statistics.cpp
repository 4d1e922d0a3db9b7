// Extended statistics: which columns are measured together, by name: PostgreSQL goes by number, which another order of columns changes.
// Changing them takes no lock on their table, so they are read whether or not that was touched.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const statistics[] = R"sql(
select 'statistics', n.q, s.stxname,
       concat(coalesce(replace(x.text, ' ON ' || k.by_number, ' ON ' || k.by_name), x.text), ';',
              case when s.stxstattarget >= 0 then format(E'\nALTER STATISTICS %I.%I SET STATISTICS %s;', n.name, s.stxname,
                  s.stxstattarget) end),
       format('DROP STATISTICS %I.%I;', n.name, s.stxname), '', '', 0,
       format('3381:%s:0', s.oid), format('1259:%s:0 2615:%s:0', s.stxrelid, n.oid), 0, s.xmin, false
from pg_statistic_ext s
join ns n on n.oid = s.stxnamespace
join pg_class c on c.oid = s.stxrelid and c.relpersistence <> 't'
cross join pg_get_statisticsobjdef(s.oid) x(text)
cross join lateral (
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as by_number,
           string_agg(quote_ident(a.attname), ', ' order by a.attname collate "C") as by_name
    from pg_attribute a where a.attrelid = s.stxrelid and a.attnum = any (s.stxkeys::int2[])) k
where not exists (select from ext e where e.classid = 1259 and e.objid = c.oid)
)sql";

}  // namespace undrop::postgres::kinds
