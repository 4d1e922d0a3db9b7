// Views and materialized views. A materialized view comes back filled: whether it is filled is no part of its definition. The
// shape of a view is one of the same columns, to stand in for it in a circle.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const view[] = R"sql(
select case c.relkind when 'v' then 'view' else 'materialized_view' end, c.sq, c.relname,
       case c.relkind when 'v' then format('CREATE VIEW %s', x.rest)
            else format('CREATE MATERIALIZED VIEW %s', x.rest) end,
       case c.relkind when 'v' then format('DROP VIEW %s;', c.q) else format('DROP MATERIALIZED VIEW %s;', c.q) end,
       case c.relkind when 'v' then format('CREATE OR REPLACE VIEW %s', x.rest) else '' end,
       format('CREATE OR REPLACE VIEW %s AS SELECT%s;', c.q, l.shape), 0,
       concat_ws(' ', format('1259:%s:0', c.oid), format('1247:%s:0', c.reltype), '1247:' || nullif(t.typarray, 0) || ':0',
                 format('2618:%s:0', r.oid)),
       format('2615:%s:0', c.relnamespace), c.oid, concat_ws(',', c.row, r.xmin, l.rows), false
from rel c
join pg_type t on t.oid = c.reltype
join pg_rewrite r on r.ev_class = c.oid and r.rulename = '_RETURN'
left join pg_am m on m.oid = c.relam
left join pg_tablespace s on s.oid = c.reltablespace
cross join lateral (
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as names, string_agg(distinct a.xmin::text, ',') as rows,
           string_agg(format(' NULL::%s%s AS %I', format_type(a.atttypid, a.atttypmod),
                             case when a.attcollation <> y.typcollation then ' COLLATE ' || a.attcollation::regcollation::text end,
                             a.attname), ',' order by a.attnum) as shape
    from pg_attribute a join pg_type y on y.oid = a.atttypid where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) l
cross join lateral (
    select concat(c.q, case when l.names <> '' then format(' (%s)', l.names) end,
                  case when m.amname <> 'heap' then format(' USING %I', m.amname) end,
                  case when c.reloptions is not null then
                      format(' WITH (%s)', (select string_agg(format('%I=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', '
                          order by n)
                                            from unnest(c.reloptions) with ordinality u(o, n))) end,
                  case when s.spcname is not null then format(' TABLESPACE %I', s.spcname) end, E' AS\n',
                  case c.relkind when 'v' then pg_get_viewdef(c.oid) else rtrim(pg_get_viewdef(c.oid),
                      ';') || E'\nWITH DATA;' end) as rest) x
where c.relkind in ('v', 'm')
)sql";

}  // namespace undrop::postgres::kinds
