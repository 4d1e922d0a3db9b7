// What a table has beside its columns: storage parameters, replica identity, the index it is clustered on, row security on or off.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const table_options[] = R"sql(
, options as (
    select c.oid, string_agg(format('%s%I=%L', o.prefix, split_part(o.o, '=', 1), substr(o.o, strpos(o.o, '=') + 1)), ', '
                             order by o.prefix, o.n) as set,
           string_agg(format('%s%I', o.prefix, split_part(o.o, '=', 1)), ', ' order by o.prefix, o.n) as reset,
           max(o.row::text) as toast_row
    from rel c
    left join pg_class t on t.oid = c.reltoastrelid
    cross join lateral (select '' as prefix, u.o, u.n, null::xid as row from unnest(c.reloptions) with ordinality u(o, n)
                        union all
                        select 'toast.', u.o, u.n, t.xmin from unnest(t.reloptions) with ordinality u(o, n)) o
    where c.relkind in ('r', 'p')
    group by 1
)
select 'storage', c.sq, c.relname, format('ALTER TABLE %s SET (%s);', c.q, o.set), format('ALTER TABLE %s RESET (%s);', c.q, o.reset),
       '', '', 0, '', format('1259:%s:0', c.oid), c.oid, concat_ws(',', c.row, o.toast_row), false
from rel c join options o on o.oid = c.oid
union all
select 'replica_identity', c.sq, c.relname,
       case c.relreplident when 'f' then format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL;', c.q)
                           when 'n' then format('ALTER TABLE ONLY %s REPLICA IDENTITY NOTHING;', c.q)
                           else format('ALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %I;', c.q, x.relname) end,
       format('ALTER TABLE ONLY %s REPLICA IDENTITY DEFAULT;', c.q), '', '', 0,
       '', concat_ws(' ', format('1259:%s:0', c.oid), '1259:' || x.oid || ':0'), c.oid, concat_ws(',', c.row, i.xmin), false
from rel c
left join pg_index i on i.indrelid = c.oid and i.indisreplident and c.relreplident = 'i'
left join pg_class x on x.oid = i.indexrelid
where c.relkind in ('r', 'p') and (c.relreplident in ('f', 'n') or x.oid is not null)
union all
select 'clustered_on', c.sq, c.relname, format('ALTER TABLE %s CLUSTER ON %I;', c.q, x.relname),
       format('ALTER TABLE %s SET WITHOUT CLUSTER;', c.q), '', '', 0,
       '', format('1259:%s:0 1259:%s:0', c.oid, x.oid), c.oid, i.xmin::text, false
from rel c
join pg_index i on i.indrelid = c.oid and i.indisclustered
join pg_class x on x.oid = i.indexrelid
where c.relkind in ('r', 'm')
union all
select 'row_security', c.sq, c.relname,
       concat_ws(E'\n', case when c.relrowsecurity then format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', c.q) end,
                 case when c.relforcerowsecurity then format('ALTER TABLE ONLY %s FORCE ROW LEVEL SECURITY;', c.q) end),
       concat_ws(E'\n', case when c.relforcerowsecurity then format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY;', c.q) end,
                 case when c.relrowsecurity then format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY;', c.q) end), '', '', 0,
       '', format('1259:%s:0', c.oid), c.oid, c.row::text, false
from rel c
where c.relkind in ('r', 'p') and (c.relrowsecurity or c.relforcerowsecurity)
)sql";

}  // namespace undrop::postgres::kinds
