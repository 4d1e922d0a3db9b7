// What a column's values are stored and measured with, where it is not the type's default. pg_attver is the server's own (15.20 writes
// it for every column, ignores SET and RESET of it, and pg_dump leaves it out too).
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const column_storage[] = R"sql(
select 'column_storage', c.q, a.attname, concat_ws(E'\n', x.storage, x.compression, x.statistics, x.options),
       concat_ws(E'\n', case when x.storage <> '' then
                            format('%s SET STORAGE %s;', x.alter,
                                   case t.typstorage when 'p' then 'PLAIN' when 'm' then 'MAIN' when 'e' then 'EXTERNAL'
                                       else 'EXTENDED' end) end,
                 case when x.compression <> '' then format('%s SET COMPRESSION default;', x.alter) end,
                 case when x.statistics <> '' then format('%s SET STATISTICS -1;', x.alter) end,
                 case when x.options <> '' then
                     format('%s RESET (%s);', x.alter,
                            (select string_agg(quote_ident(split_part(o, '=', 1)), ', ') from unnest(y.list) o)) end),
       '', '', a.attnum, '', format('1259:%s:%s', c.oid, a.attnum), c.oid, a.row, false
from rel c
cross join (select ''::"char" as attcompression) older  -- before version 14
cross join lateral (
    select p.*, p.xmin as row, attcompression as compression
    from pg_attribute p
    where p.attrelid = c.oid and p.attnum > 0 and not p.attisdropped) a
join pg_type t on t.oid = a.atttypid
cross join lateral (
    select format('ALTER %s %s ALTER COLUMN %I', case c.relkind when 'm' then 'MATERIALIZED VIEW' else 'TABLE ONLY' end, c.q,
                  a.attname) as alter,
           array(select o from unnest(a.attoptions) with ordinality u(o, n) where split_part(o, '=', 1) <> 'pg_attver'
               order by n) as list) y
cross join lateral (
    select y.alter,
           case when a.attstorage <> t.typstorage then
               format('%s SET STORAGE %s;', y.alter,
                      case a.attstorage when 'p' then 'PLAIN' when 'm' then 'MAIN' when 'e' then 'EXTERNAL'
                          else 'EXTENDED' end) end as storage,
           case a.compression when 'p' then y.alter || ' SET COMPRESSION pglz;'
                when 'l' then y.alter || ' SET COMPRESSION lz4;' end as compression,
           case when a.attstattarget >= 0 then format('%s SET STATISTICS %s;', y.alter, a.attstattarget) end as statistics,
           case when y.list <> '{}' then
               format('%s SET (%s);', y.alter,
                      (select string_agg(format('%I=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ' order by n)
                       from unnest(y.list) with ordinality u(o, n))) end as options) x
where c.relkind in ('r', 'p', 'm')
  and (a.attstorage <> t.typstorage or a.compression <> '' or a.attstattarget >= 0 or a.attoptions is not null)
  and coalesce(x.storage, x.compression, x.statistics, x.options) is not null
)sql";

}  // namespace undrop::postgres::kinds
