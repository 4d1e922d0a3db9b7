// Foreign data wrappers, servers and foreign tables, these whole: their rows are elsewhere, and stay there. Everybody may read the options
// of all three in the server's own catalogs; not those of user mappings, which hold passwords and so are none of ours (P8). Options are
// changed in place, to whatever they are by then; those that are to be are in quotes twice, since anybody may have written them.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const foreign[] = R"sql(
$rare
, far(kind, word, parent, name, q, shape, options, source, address, needs, relation, rows) as (
    select 'foreign_data_wrapper', h.word, h.parent, h.name, h.q,
           concat(coalesce(' HANDLER ' || nullif(w.fdwhandler, 0)::regproc, ' NO HANDLER'),
                  coalesce(' VALIDATOR ' || nullif(w.fdwvalidator, 0)::regproc, ' NO VALIDATOR')), w.fdwoptions,
           format('SELECT w.fdwoptions FROM pg_catalog.pg_foreign_data_wrapper w WHERE w.fdwname = %L', w.fdwname),
           format('2328:%s:0', w.oid), '', 0::oid, h.row::text
    from rare h join pg_foreign_data_wrapper w on h.classid = 2328 and w.oid = h.objid
    union all
    select 'server', h.word, h.parent, h.name, h.q,
           concat(' TYPE ' || quote_literal(s.srvtype), ' VERSION ' || quote_literal(s.srvversion),
                  format(' FOREIGN DATA WRAPPER %I', w.fdwname)), s.srvoptions,
           format('SELECT s.srvoptions FROM pg_catalog.pg_foreign_server s WHERE s.srvname = %L', s.srvname),
           format('1417:%s:0', s.oid), '', 0, h.row::text
    from rare h join pg_foreign_server s on h.classid = 1417 and s.oid = h.objid join pg_foreign_data_wrapper w on w.oid = s.srvfdw
    union all
    select 'foreign_table', h.word, h.parent, h.name, h.q, concat(' (', concat_ws(', ', c.columns, k.checks), format(') SERVER %I', s.srvname)),
           f.ftoptions,
           format('SELECT f.ftoptions FROM pg_catalog.pg_foreign_table f WHERE f.ftrelid = %L::pg_catalog.regclass', h.q),
           concat_ws(' ', format('1259:%s:0', t.oid), format('1247:%s:0', t.reltype), '1247:' || nullif(y.typarray, 0) || ':0', c.addresses,
                     k.addresses),
           format('2615:%s:0', t.relnamespace), t.oid, concat_ws(',', t.xmin, f.xmin, c.rows, k.rows,
                     (select string_agg(a.xmin::text, ',') from pg_attribute a where a.attrelid = t.oid and a.attisdropped))
    from rare h
    join pg_class t on h.classid = 1259 and t.oid = h.objid
    join pg_type y on y.oid = t.reltype
    join pg_foreign_table f on f.ftrelid = t.oid
    join pg_foreign_server s on s.oid = f.ftserver
    left join lateral (
        select string_agg(concat(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
                                 ' OPTIONS (' || (select string_agg(format('%I %L', o.option_name, o.option_value), ', '
                                                                    order by o.option_name collate "C")
                                                  from pg_options_to_table(a.attfdwoptions) o) || ')',
                                 case when a.attcollation <> b.typcollation then ' COLLATE ' || a.attcollation::regcollation::text end,
                                 case when a.attgenerated <> '' then format(' GENERATED ALWAYS AS (%s) STORED', x.text)
                                      else ' DEFAULT ' || x.text end,
                                 case when a.attnotnull then ' NOT NULL' end), ', ' order by a.attnum) as columns,
               string_agg('2604:' || d.oid || ':0', ' ') as addresses, string_agg(concat_ws(',', a.xmin, d.xmin), ',') as rows
        from pg_attribute a
        join pg_type b on b.oid = a.atttypid
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        cross join lateral (select pg_get_expr(d.adbin, d.adrelid) as text) x
        where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped) c on true
    left join lateral (
        select string_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ', ' order by k.conname) as checks,
               string_agg(format('2606:%s:0', k.oid), ' ') as addresses, string_agg(k.xmin::text, ',') as rows
        from pg_constraint k where k.conrelid = t.oid and k.contype = 'c') k on true
)
select f.kind, f.parent, f.name, concat('CREATE ', f.word, ' ', f.q, f.shape, ' OPTIONS (' || o.list || ')', ';', E'\n' || a.measured),
       format('DROP %s %s;', f.word, f.q),
       format('DO %L;', format('DECLARE options text := (SELECT pg_catalog.string_agg(CASE WHEN w.name IS NULL THEN pg_catalog.format(''DROP %%I'', '
                               'o.option_name) ELSE pg_catalog.format(''%%s %%I %%L'', CASE WHEN o.option_name IS NULL THEN ''ADD'' ELSE ''SET'' '
                               'END, w.name, w.value) END, '', '') FROM pg_catalog.pg_options_to_table((%s)) o FULL JOIN '
                               'pg_catalog.jsonb_each_text(%L) w(name, value) ON w.name OPERATOR(pg_catalog.=) o.option_name); BEGIN IF options '
                               'IS NOT NULL THEN EXECUTE pg_catalog.format(''ALTER %s %%s OPTIONS (%%s)'', %L, options); END IF; END',
                               f.source, o.wanted, f.word, f.q)),
       concat(f.shape, a.measured), 0, f.address, f.needs, f.relation, f.rows, false
from far f
cross join lateral (
    select string_agg(format('%I %L', o.option_name, o.option_value), ', ' order by o.option_name collate "C") as list,
           coalesce(jsonb_object_agg(o.option_name, o.option_value), '{}')::text as wanted
    from pg_options_to_table(f.options) o) o
left join lateral (
    select string_agg(concat_ws(E'\n', x.statistics, x.options), E'\n' order by a.attnum) as measured
    from pg_attribute a
    cross join lateral (select format('ALTER FOREIGN TABLE ONLY %s ALTER COLUMN %I', f.q, a.attname) as alter) l
    cross join lateral (
        select case when a.attstattarget >= 0 then format('%s SET STATISTICS %s;', l.alter, a.attstattarget) end as statistics,
               (select format('%s SET (%s);', l.alter, string_agg(format('%I=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', '
                                                                  order by n))
                from unnest(a.attoptions) with ordinality u(o, n) where split_part(o, '=', 1) <> 'pg_attver' having count(*) > 0) as options) x
    where a.attrelid = f.relation and a.attnum > 0 and not a.attisdropped) a on f.kind = 'foreign_table'
)sql";

}  // namespace undrop::postgres::kinds
