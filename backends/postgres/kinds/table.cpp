// Tables without their columns, which are objects of their own. Inline are only those that a table cannot be made without: of a
// partition key, and those declared both here and by a parent (by name: where they are is the parent's). A partition is made like its
// parent and attached later ("partition").
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const table[] = R"sql(
, part as (
    select i.inhrelid, i.inhparent, i.xmin as row,
           (select string_agg(format('1259:%s:%s', a.attrelid, a.attnum), ' ') from pg_attribute a
            where a.attrelid = i.inhparent and a.attnum > 0 and not a.attisdropped) as columns
    from rel c join pg_inherits i on i.inhrelid = c.oid where c.relispartition
), parents as (
    select i.inhrelid, string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno) as names,
           string_agg(format('1259:%s:0', i.inhparent), ' ') as addresses, string_agg(i.xmin::text, ',') as rows
    from rel c join pg_inherits i on i.inhrelid = c.oid where not c.relispartition and c.relkind = 'r' group by 1
), inlined as (
    select a.attrelid, string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                                         case when a.attcollation <> t.typcollation
                                              then ' COLLATE ' || a.attcollation::regcollation::text end),
                                  ', ' order by case when a.attinhcount = 0 then a.attnum end, a.attname) as columns,
           string_agg(a.xmin::text, ',') as rows
    from rel c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
    where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
      and ((a.attislocal and a.attinhcount > 0) or exists (select from key k where k.relation = a.attrelid and k.number = a.attnum))
    group by 1
)
select 'table', c.sq, c.relname, format('CREATE %sTABLE %s', case c.relpersistence when 'u' then 'UNLOGGED ' end, x.rest),
       format('DROP TABLE %s;', c.q),
       case when c.relkind = 'r' then format('ALTER TABLE %s SET %s;', c.q, case c.relpersistence when 'u' then 'UNLOGGED'
           else 'LOGGED' end)
            else '' end,
       x.rest, 0,
       concat_ws(' ', format('1259:%s:0', c.oid), format('1247:%s:0', c.reltype), '1247:' || nullif((select t.typarray from pg_type t where t.oid = c.reltype), 0) || ':0'),
       concat_ws(' ', format('2615:%s:0', c.relnamespace), '1259:' || p.inhparent || ':0', p.columns, i.addresses),
       c.oid, concat_ws(',', c.row, p.row, i.rows, l.rows), true
from rel c
left join part p on p.inhrelid = c.oid
left join parents i on i.inhrelid = c.oid
left join inlined l on l.attrelid = c.oid
left join pg_am m on m.oid = c.relam
left join pg_tablespace s on s.oid = c.reltablespace
cross join lateral (
    select concat(c.q,
                  case when p.inhparent is not null then format(' (LIKE %s INCLUDING GENERATED INCLUDING CONSTRAINTS)',
                      p.inhparent::regclass)
                       when c.reloftype <> 0 then ' OF ' || format_type(c.reloftype, null)
                       else format(' (%s)', l.columns) end,
                  case when i.names is not null then format(' INHERITS (%s)', i.names) end,
                  case when c.relkind = 'p' then ' PARTITION BY ' || pg_get_partkeydef(c.oid) end,
                  case when m.amname <> 'heap' then format(' USING %I', m.amname) end,
                  case when s.spcname is not null then format(' TABLESPACE %I', s.spcname) end, ';') as rest) x
where c.relkind in ('r', 'p')
)sql";

}  // namespace undrop::postgres::kinds
