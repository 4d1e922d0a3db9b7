// Policies of row security. Whether it is on is "row_security".
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const policy[] = R"sql(
select 'policy', c.q, p.polname,
       concat(format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.polname, c.q,
                     case when p.polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end,
                     case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE'
                         else 'ALL' end,
                     (select string_agg(case o when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(o)) end, ', '
                                        order by pg_get_userbyid(o)) from unnest(p.polroles) o)),
              case when p.polqual is not null then format(' USING (%s)', pg_get_expr(p.polqual, p.polrelid)) end,
              case when p.polwithcheck is not null then format(' WITH CHECK (%s)', pg_get_expr(p.polwithcheck, p.polrelid)) end, ';'),
       format('DROP POLICY %I ON %s;', p.polname, c.q), '', '', 0,
       format('3256:%s:0', p.oid), format('1259:%s:0', c.oid), c.oid, p.xmin, false
from rel c
join pg_policy p on p.polrelid = c.oid
)sql";

}  // namespace undrop::postgres::kinds
