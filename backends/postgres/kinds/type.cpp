// Enum, composite, domain and range types. Base types are not known.
// A domain is made whole, since some checks cannot be added once columns use it; alone its checks are objects of their own, which come
// back after the rows. Attributes of a composite type are objects of their own, as columns are.
// Labels of an enum are renamed in place, by way of names aside: they may have been swapped. Each is known again by its number where the
// type is still the same one, whatever labels came or went; else by its place, where there are as many.
// A range's multirange has a name of its own, which is no part of the range's.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const type[] = R"sql(
select 'type', t.sq, t.typname,
       case t.typtype
           when 'e' then format('CREATE TYPE %s AS ENUM (%s);', t.q, e.labels)
           when 'c' then format('CREATE TYPE %s AS ();', t.q)
           when 'r' then format('CREATE TYPE %s AS RANGE (%s);', t.q, g.options)
           else format('CREATE DOMAIN %s AS %s%s%s;', t.q, y.base, y.default_text, case when t.typnotnull then ' NOT NULL' end)
               || coalesce(d.constraints, '')
       end,
       format(case t.typtype when 'd' then 'DROP DOMAIN %s;' else 'DROP TYPE %s;' end, t.q),
       case t.typtype when 'e' then format('DO LANGUAGE plpgsql %L;', format(
           'DECLARE name pg_catalog.text := %L; wanted pg_catalog.text[] := ARRAY[%s]; numbers pg_catalog.oid[] := ''{%s}''; '
           'n pg_catalog.int4; label pg_catalog.text; aside pg_catalog.bool; known pg_catalog.bool := name::pg_catalog.regtype = %s '
           'AND EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.oid = %s AND d.datname = pg_catalog.current_database()) '
           'AND (SELECT count(*) FROM pg_catalog.pg_enum e WHERE e.enumtypid = %s AND e.oid = ANY (numbers)) = '
           'pg_catalog.cardinality(numbers); '
           'BEGIN FOREACH aside IN ARRAY ARRAY[true, false] LOOP '
           'FOR label, n IN SELECT e.enumlabel, CASE WHEN known THEN pg_catalog.array_position(numbers, e.oid) '
           'WHEN count(*) OVER () = pg_catalog.cardinality(wanted) THEN pg_catalog.row_number() OVER (ORDER BY e.enumsortorder) END '
           'FROM pg_catalog.pg_enum e WHERE e.enumtypid = name::pg_catalog.regtype LOOP '
           'IF label <> wanted[n] THEN EXECUTE pg_catalog.format(''ALTER TYPE %%s RENAME VALUE %%L TO %%L'', name, label, '
           'CASE WHEN aside THEN ''undrop_renaming_'' || n ELSE wanted[n] END); END IF; '
           'END LOOP; END LOOP; END', t.q, e.labels, e.numbers, t.oid, (select d.oid from pg_database d where d.datname = current_database()),
           t.oid))
           when 'd' then format('ALTER DOMAIN %s %s;', t.q, coalesce('SET' || y.default_text, 'DROP DEFAULT'))
           when 'r' then coalesce(g.name_multirange, '') else '' end,
       case t.typtype when 'e' then 'labels: ' || e.count when 'd' then y.base when 'r' then g.shape else '' end, 0,
       concat_ws(' ', format('1247:%s:0', t.oid), '1247:' || nullif(t.typarray, 0) || ':0', '1259:' || nullif(t.typrelid, 0) || ':0', g.addresses),
       concat_ws(' ', format('2615:%s:0', t.typnamespace), d.needs), t.typrelid, concat_ws(',', t.row, e.rows, d.rows, g.row), false
from typ t
left join pg_type b on b.oid = t.typbasetype
cross join lateral (
    select concat(format_type(t.typbasetype, t.typtypmod),
                  case when t.typcollation <> b.typcollation then ' COLLATE ' || t.typcollation::regcollation::text end) as base,
           ' DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)) as default_text) y
left join lateral (
    select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder) as labels, count(*) as count,
           string_agg(l.oid::text, ',' order by l.enumsortorder) as numbers,
           string_agg(distinct l.xmin::text, ',') as rows
    from pg_enum l where t.typtype = 'e' and l.enumtypid = t.oid) e on true
left join lateral (
    select string_agg(format(E'\nALTER DOMAIN %s ADD CONSTRAINT %I %s;', t.q, k.conname, pg_get_constraintdef(k.oid)), ''
        order by k.conname)
               as constraints,
           string_agg(distinct k.xmin::text, ',') as rows,
           (select string_agg(format('%s:%s:%s', p.refclassid, p.refobjid, p.refobjsubid), ' ')
            from pg_constraint pk join pg_depend p on p.classid = 2606 and p.objid = pk.oid and p.deptype = 'n'
            where pk.contypid = t.oid and not (p.refclassid = 1247 and p.refobjid = t.oid)) as needs
    from pg_constraint k where t.typtype = 'd' and k.contypid = t.oid and k.contype = 'c') d on true
cross join (select 0::oid as rngmultitypid) older  -- before version 14
left join lateral (
    select concat_ws(', ', x.shape, 'multirange_type_name = ' || m.oid::regtype) as options, x.shape,
           format('DO LANGUAGE plpgsql %L;', format(
               'DECLARE multirange pg_catalog.regtype := (SELECT g.rngmultitypid FROM pg_catalog.pg_range g WHERE g.rngtypid = '
               '%L::pg_catalog.regtype); place pg_catalog.name; name pg_catalog.name; '
               'BEGIN SELECT n.nspname, t.typname INTO place, name FROM pg_catalog.pg_type t '
               'JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = multirange; '
               'IF place <> %L THEN EXECUTE pg_catalog.format(''ALTER TYPE %%s SET SCHEMA %%I'', multirange, %L); END IF; '
               'IF name <> %L THEN EXECUTE pg_catalog.format(''ALTER TYPE %%s RENAME TO %%I'', multirange, %L); END IF; END',
               t.q, mn.nspname, mn.nspname, m.typname, m.typname)) as name_multirange,
           concat_ws(' ', '1247:' || m.oid || ':0', '1247:' || nullif(m.typarray, 0) || ':0') as addresses, concat_ws(',', r.row, m.xmin) as row
    from (select p.*, p.xmin as row, rngmultitypid as multirange from pg_range p where t.typtype = 'r' and p.rngtypid = t.oid) r
    join pg_opclass o on o.oid = r.rngsubopc
    join pg_namespace s on s.oid = o.opcnamespace
    join pg_type u on u.oid = r.rngsubtype
    left join pg_type m on m.oid = r.multirange
    left join pg_namespace mn on mn.oid = m.typnamespace
    cross join lateral (
        select concat_ws(', ', 'subtype = ' || format_type(r.rngsubtype, null),
                         case when not o.opcdefault then format('subtype_opclass = %I.%I', s.nspname, o.opcname) end,
                         case when r.rngcollation <> u.typcollation then 'collation = ' || r.rngcollation::regcollation end,
                         'canonical = ' || nullif(r.rngcanonical::oid, 0)::regproc,
                         'subtype_diff = ' || nullif(r.rngsubdiff::oid, 0)::regproc) as shape) x) g on true
)sql";

}  // namespace undrop::postgres::kinds
