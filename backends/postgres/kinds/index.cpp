// Indexes that belong to no constraint. What a failed CREATE INDEX CONCURRENTLY left is none.
// The shape is all but the name. An index that not all partitions have is made once those that lack it have their places: a partition that
// takes its place gets all that its parent has.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const index[] = R"sql(
select 'index', t.q, c.relname,
       concat(x.definition, ';',
              case when s.spcname is not null then format(E'\nALTER INDEX %s SET TABLESPACE %I;', c.q, s.spcname) end,
              (select string_agg(format(E'\nALTER INDEX %s %s;', c.q, u.target), '' order by u.n)
               from unnest(x.targets) with ordinality u(target, n)),
              E'\n-- no part of it: ' || l.names),
       case when c.relispartition then '' else format('DROP INDEX %s;', c.q) end, '',
       concat(overlay(x.definition placing '' from strpos(x.definition, ' INDEX ') + 7
                      for length(quote_ident(c.relname))), s.spcname, x.targets), 0,
       format('1259:%s:0', c.oid),
       concat_ws(' ', format('1259:%s:0', t.oid), l.addresses), t.oid, concat_ws(',', c.row, i.xmin), false
from rel c
join pg_index i on i.indexrelid = c.oid
join rel t on t.oid = i.indrelid
left join pg_tablespace s on s.oid = c.reltablespace
cross join lateral (
    select pg_get_indexdef(c.oid) as definition,
           (select array_agg(format('ALTER COLUMN %s SET STATISTICS %s', a.attnum, a.attstattarget) order by a.attnum)
            from pg_attribute a where a.attrelid = c.oid and a.attstattarget >= 0) as targets
    offset 0) x
left join lateral (
    select string_agg(translate(h.inhrelid::regclass::text, E'\n\r', '  '), ', ' order by h.inhrelid::regclass::text collate "C") as names,
           string_agg(format('partition:%s', h.inhrelid), ' ') as addresses
    from pg_inherits h
    where h.inhparent = t.oid and not exists (select from pg_index p join pg_inherits g on g.inhrelid = p.indexrelid
                                              where p.indrelid = h.inhrelid and g.inhparent = c.oid)) l
    on c.relkind = 'I' and not i.indisvalid
where c.relkind in ('i', 'I') and t.relkind in ('r', 'p', 'm') and i.indislive and (i.indisvalid or c.relkind = 'I')
  and not exists (select from pg_constraint k where k.conrelid = i.indrelid and k.conindid = c.oid and k.contype in ('p', 'u', 'x'))
)sql";

}  // namespace undrop::postgres::kinds
