// Default privileges: what a role gives away of all that it will make, in the whole database or, beside that, in one schema. In the order
// in which they were granted, and after everything else: what is made anew has the rights that it had.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const default_privileges[] = R"sql(
select 'default_privileges', coalesce(n.q, ''), format('%s of %s', lower(x.word), pg_get_userbyid(d.defaclrole)),
       concat_ws(E'\n', case when d.defaclnamespace = 0 then
                            format(E'%s REVOKE ALL ON %s FROM PUBLIC;\n%s REVOKE ALL ON %s FROM %s;', x.change, x.word, x.change, x.word,
                                x.owner) end, g.make),
       concat_ws(E'\n', g.remove, s.make), '', '', 0,
       format('826:%s:0', d.oid), '2615:' || n.oid || ':0', 0, d.xmin, false
from pg_default_acl d
left join ns n on n.oid = d.defaclnamespace
cross join lateral (select quote_ident(pg_get_userbyid(d.defaclrole)) as owner) r
cross join lateral (
    select case d.defaclobjtype when 'r' then 'TABLES' when 'S' then 'SEQUENCES' when 'f' then 'FUNCTIONS' when 'T' then 'TYPES'
               else 'SCHEMAS' end as word,
           concat('ALTER DEFAULT PRIVILEGES FOR ROLE ', r.owner, ' IN SCHEMA ' || n.q) as change, r.owner) x
left join lateral (
    select string_agg(format('%s GRANT %s ON %s TO %s%s;', x.change, y.privileges, x.word, y.grantee,
                             case when y.is_grantable then ' WITH GRANT OPTION' end), E'\n' order by y.n, y.is_grantable) as make,
           string_agg(distinct format('%s REVOKE ALL ON %s FROM %s;', x.change, x.word, y.grantee), E'\n') as remove
    from (select case a.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(a.grantee)) end as grantee, a.is_grantable,
                 min(a.n) as n, string_agg(a.privilege_type, ', ' order by a.privilege_type) as privileges
          from aclexplode(d.defaclacl) with ordinality a(grantor, grantee, privilege_type, is_grantable, n) group by 1, 2) y) g on true
left join lateral (
    select string_agg(format('%s GRANT %s ON %s TO %s;', x.change, y.privileges, x.word, y.grantee), E'\n' order by y.grantee) as make
    from (select case e.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(e.grantee)) end as grantee,
                 string_agg(e.privilege_type, ', ' order by e.privilege_type) as privileges
          from aclexplode(acldefault(case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end, d.defaclrole)) e
          where d.defaclnamespace = 0 group by 1) y) s on true
where d.defaclnamespace = 0 or n.oid is not null
)sql";

}  // namespace undrop::postgres::kinds
