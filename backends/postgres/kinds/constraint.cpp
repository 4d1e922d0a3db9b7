// Constraints of tables. Not those of a partition that its parent's made, and not inherited checks: they come with the parent's.
// A foreign key that refers to a partitioned table refers to each partition, too. The shape is all but the name.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const constraint[] = R"sql(
select case k.contype when 'p' then 'primary_key' when 'u' then 'unique' when 'c' then 'check' when 'x' then 'exclusion'
    else 'foreign_key' end,
       c.q, k.conname,
       concat(format('ALTER TABLE %s%s ADD CONSTRAINT %I %s;',
                     case when k.contype in ('p', 'u', 'x') or (k.contype = 'f' and c.relkind = 'r') then 'ONLY ' end, c.q, k.conname,
                     d.definition),
              case when i.reloptions is not null then
                  format(E'\nALTER INDEX %I.%I SET (%s);', c.schema, i.relname,
                         (select string_agg(format('%I=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ' order by n)
                          from unnest(i.reloptions) with ordinality u(o, n))) end,
              case when s.spcname is not null then format(E'\nALTER INDEX %I.%I SET TABLESPACE %I;', c.schema, i.relname, s.spcname) end,
              (select string_agg(format(E'\nALTER INDEX %I.%I %s;', c.schema, i.relname, u.target), '' order by u.n)
               from unnest(d.targets) with ordinality u(target, n))),
       case when k.coninhcount > 0 then '' else format('ALTER TABLE %s DROP CONSTRAINT %I;', c.q, k.conname) end, '',
       concat(d.definition, ' ', i.reloptions, ' ', s.spcname, d.targets), 0,
       concat_ws(' ', format('2606:%s:0', k.oid), '1259:' || i.oid || ':0', f.addresses),
       concat_ws(' ', format('1259:%s:0', c.oid), n.addresses), c.oid, concat_ws(',', k.xmin, i.xmin), false
from rel c
join pg_constraint k on k.conrelid = c.oid
left join pg_class i on i.oid = k.conindid and k.contype in ('p', 'u', 'x')
cross join lateral (
    select pg_get_constraintdef(k.oid) as definition,
           (select array_agg(format('ALTER COLUMN %s SET STATISTICS %s', a.attnum, a.attstattarget) order by a.attnum)
            from pg_attribute a where a.attrelid = i.oid and a.attstattarget >= 0) as targets
    offset 0) d
left join pg_tablespace s on s.oid = i.reltablespace
left join lateral (select string_agg(format('not_null:%s:%s', c.oid, u), ' ') as addresses from unnest(k.conkey) u
    where k.contype = 'p') n on true
left join lateral (
    with recursive part as (
        select p.oid from pg_constraint p where p.conparentid = k.oid and p.conrelid = k.conrelid and k.contype = 'f'
        union all
        select p.oid from part join pg_constraint p on p.conparentid = part.oid and p.conrelid = k.conrelid
    ) select string_agg(format('2606:%s:0', part.oid), ' ') as addresses from part) f on true
where c.relkind in ('r', 'p')
  and (k.contype in ('p', 'u', 'x') or (k.contype = 'c' and k.conislocal) or (k.contype = 'f' and k.conparentid = 0))
)sql";

}  // namespace undrop::postgres::kinds
