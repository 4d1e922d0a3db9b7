// Rights, one object per holder of an access list; none where it is the default. What was granted by somebody else than the owner
// is granted in that role's name where we may, and in ours where not: then the comparison tells.
// Of an extension's members, where they differ from what its script left.
// In the order in which they were granted, as pg_dump writes them. A relation's REVOKE takes its columns' rights too, so these need it, and
// where there are any, the relation's are told even if they are the default.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const grants[] = R"sql(
$rare
, member as (
    select d.classid, d.objid, format('3079:%s:0', x.oid) as also, i.initprivs as acl
    from pg_extension x join pg_depend d on d.refclassid = 3079 and d.refobjid = x.oid and d.deptype = 'e'
    left join pg_init_privs i on i.classoid = d.classid and i.objoid = d.objid and i.objsubid = 0
), holder as (
    select format('2615:%s:0', n.oid) as address, '' as own, '' as also, 0::oid as relation, 'SCHEMA' as word, '' as parent,
        n.name::text as name,
           'SCHEMA ' || n.q as q, null::text as attribute, n.owner, n.acl, acldefault('n', n.owner) as standard, n.row, 0 as ord
    from ns n where not exists (select from ext e where e.classid = 2615 and e.objid = n.oid)
    union all
    select format('1259:%s:0', c.oid), 'grants:' || c.oid, '', c.oid,
           case c.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' when 'S' then 'SEQUENCE' else 'TABLE' end,
           c.sq, c.relname, case c.relkind when 'S' then 'SEQUENCE ' else 'TABLE ' end || c.q, null, c.relowner, c.relacl,
           acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner), c.row, 0
    from rel c where c.relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select format('1259:%s:%s', c.oid, a.attnum), '', format('1259:%s:0 grants:%s', c.oid, c.oid), c.oid, 'COLUMN', c.q, a.attname,
           'TABLE ' || c.q, quote_ident(a.attname), c.relowner, a.attacl, null, a.xmin, 1
    from rel c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attacl is not null
    where c.relkind in ('r', 'p', 'v', 'm')
    union all
    select format('1247:%s:0', t.oid), '', '', t.typrelid, 'TYPE', t.sq, t.typname, 'TYPE ' || t.q, null,
           t.typowner, t.typacl, acldefault('T', t.typowner), t.row, 0
    from typ t
    union all
    select format('1255:%s:0', p.oid), '', '', 0, x.word, n.q, format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)),
           format('%s %I.%I(%s)', x.word, n.name, p.proname, oidvectortypes(p.proargtypes)), null,
           p.proowner, p.proacl, acldefault('f', p.proowner), p.xmin, 0
    from pg_proc p join ns n on n.oid = p.pronamespace
    cross join lateral (select case p.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end as word) x
    where p.oid >= 16384 and not exists (select from ext e where e.classid = 1255 and e.objid = p.oid)
    union all
    select format('1255:%s:0', p.oid), '', m.also, 0, x.word, n.q, format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)),
           format('%s %I.%I(%s)', x.word, n.name, p.proname, oidvectortypes(p.proargtypes)), null,
           p.proowner, p.proacl, coalesce(m.acl, acldefault('f', p.proowner)), p.xmin, 0
    from member m join pg_proc p on m.classid = 1255 and p.oid = m.objid join ns n on n.oid = p.pronamespace
    cross join lateral (select case p.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end as word) x
    union all
    select format('1247:%s:0', t.oid), '', m.also, t.typrelid, 'TYPE', n.q, t.typname, format('TYPE %I.%I', n.name, t.typname), null,
           t.typowner, t.typacl, coalesce(m.acl, acldefault('T', t.typowner)), t.xmin, 0
    from member m join pg_type t on m.classid = 1247 and t.oid = m.objid and t.typelem = 0 join ns n on n.oid = t.typnamespace
    union all
    select format('1259:%s:0', c.oid), 'grants:' || c.oid, m.also, c.oid,
           case c.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' when 'S' then 'SEQUENCE' else 'TABLE' end,
           n.q, c.relname, format('%s %I.%I', case c.relkind when 'S' then 'SEQUENCE' else 'TABLE' end, n.name, c.relname), null, c.relowner,
           c.relacl, coalesce(m.acl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)), c.xmin, 0
    from member m join pg_class c on m.classid = 1259 and c.oid = m.objid and c.relkind in ('r', 'p', 'v', 'm', 'S')
    join ns n on n.oid = c.relnamespace where true $touched
    union all
    select format('1259:%s:0', c.oid), 'grants:' || c.oid, '', c.oid, r.word, r.parent, r.name, 'TABLE ' || r.q, null, r.owner, c.relacl,
           acldefault('r', r.owner), r.row, 0
    from rare r join pg_class c on r.classid = 1259 and c.oid = r.objid
    union all
    select format('1259:%s:%s', r.objid, a.attnum), '', format('1259:%s:0 grants:%s', r.objid, r.objid), r.objid, 'COLUMN', r.q, a.attname,
           'TABLE ' || r.q, quote_ident(a.attname), r.owner, a.attacl, null, a.xmin, 1
    from rare r join pg_attribute a on r.classid = 1259 and a.attrelid = r.objid and a.attnum > 0 and not a.attisdropped
    where a.attacl is not null
    union all
    select format('2328:%s:0', w.oid), '', '', 0, r.word, '', r.name, 'FOREIGN DATA WRAPPER ' || r.q, null, r.owner, w.fdwacl,
           acldefault('F', r.owner), r.row, 0
    from rare r join pg_foreign_data_wrapper w on r.classid = 2328 and w.oid = r.objid
    union all
    select format('1417:%s:0', s.oid), '', '', 0, r.word, '', r.name, 'FOREIGN SERVER ' || r.q, null, r.owner, s.srvacl,
           acldefault('S', r.owner), r.row, 0
    from rare r join pg_foreign_server s on r.classid = 1417 and s.oid = r.objid
    union all
    select format('2612:%s:0', l.oid), '', '', 0, r.word, '', r.name, 'LANGUAGE ' || r.q, null, r.owner, l.lanacl,
           acldefault('l', r.owner), r.row, 0
    from rare r join pg_language l on r.classid = 2612 and l.oid = r.objid
    union all  -- and plpgsql, an extension's that is always there
    select format('2612:%s:0', l.oid), '', m.also, 0, 'LANGUAGE', '', l.lanname, format('LANGUAGE %I', l.lanname), null, l.lanowner,
           l.lanacl, coalesce(m.acl, acldefault('l', l.lanowner)), l.xmin, 0
    from member m join pg_language l on m.classid = 2612 and l.oid = m.objid where $superuser
)
select 'grants on ' || lower(h.word), h.parent, h.name,
       concat_ws(E'\n', format('REVOKE ALL%s ON %s FROM PUBLIC;', x.part, h.q), format('REVOKE ALL%s ON %s FROM %s;', x.part, h.q,
           x.owner), g.make),
       concat_ws(E'\n', r.remove, s.make), '', '', h.ord,
       h.own, concat_ws(' ', h.address, 'owner:' || h.address, nullif(h.also, '')), h.relation, h.row, false
from holder h
cross join lateral (select quote_ident(pg_get_userbyid(h.owner)) as owner, coalesce(' (' || h.attribute || ')', '') as part) x
left join lateral (
    select string_agg(case when y.grantor = h.owner then y.sql
                           else format('DO %L;', format('DECLARE role text := pg_catalog.current_setting(''role''); BEGIN '
                                       'PERFORM pg_catalog.set_config(''role'', %L, true); %s '
                                       'PERFORM pg_catalog.set_config(''role'', role, true); '
                                       'EXCEPTION WHEN insufficient_privilege THEN %s END',
                                       pg_get_userbyid(y.grantor), y.sql, y.sql)) end,
                      E'\n' order by y.grantor <> h.owner, y.n, y.is_grantable) as make
    from (
        select a.grantor, a.grantee, a.is_grantable, min(a.n) as n,
               format('GRANT %s ON %s TO %s%s;', string_agg(a.privilege_type || x.part, ', ' order by a.privilege_type), h.q,
                      case a.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(a.grantee)) end,
                      case when a.is_grantable then ' WITH GRANT OPTION' end) as sql
        from aclexplode(coalesce(h.acl, h.standard)) with ordinality a(grantor, grantee, privilege_type, is_grantable, n) group by 1, 2, 3) y) g on true
left join lateral (
    select string_agg(format('REVOKE ALL%s ON %s FROM %s CASCADE;', x.part, h.q, a.name), E'\n' order by a.name) as remove
    from (select distinct case e.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(e.grantee)) end as name
          from aclexplode(coalesce(h.acl, h.standard)) e) a) r on true
left join lateral (
    select string_agg(format('GRANT %s ON %s TO %s;', y.privileges, h.q, y.grantee), E'\n' order by y.grantee) as make
    from (select case e.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(e.grantee)) end as grantee,
                 string_agg(e.privilege_type, ', ' order by e.privilege_type) as privileges
          from aclexplode(h.standard) e group by 1) y) s on true
where h.acl is not null
  and array(select i::text from unnest(h.acl) i order by 1) <> array(select i::text from unnest(h.standard) i order by 1)
   or h.own <> '' and exists (select from (select k.attacl from pg_attribute k where k.attrelid = h.relation offset 0) a where a.attacl is not null)
)sql";

}  // namespace undrop::postgres::kinds
