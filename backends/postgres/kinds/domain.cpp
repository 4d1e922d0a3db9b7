// Checks and NOT NULL of domains. Rows come back before them; a domain that is made anew has them already.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const domain[] = R"sql(
select 'domain_check', x.q, k.conname,
       format('DO LANGUAGE plpgsql %L;', format(
           'BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid = %L::pg_catalog.regtype AND k.conname = %L) THEN '
           'ALTER DOMAIN %s ADD CONSTRAINT %I %s; END IF; END', x.q, k.conname, x.q, k.conname, pg_get_constraintdef(k.oid))),
       format('ALTER DOMAIN %s DROP CONSTRAINT %I;', x.q, k.conname), '', '', 0,
       format('2606:%s:0', k.oid), format('1247:%s:0', t.oid), 0::oid, k.xmin::text, false
from pg_type t join ns n on n.oid = t.typnamespace join pg_constraint k on k.contypid = t.oid and k.contype = 'c'
cross join lateral (select format('%I.%I', n.name, t.typname) as q) x
where t.typtype = 'd' and not exists (select from ext e where e.classid = 1247 and e.objid = t.oid)
union all
select 'domain_not_null', n.q, t.typname, format('ALTER DOMAIN %s SET NOT NULL;', x.q), format('ALTER DOMAIN %s DROP NOT NULL;', x.q),
       '', '', 0, format('domain_not_null:%s', t.oid), format('1247:%s:0', t.oid), 0::oid, t.xmin::text, false
from pg_type t join ns n on n.oid = t.typnamespace
cross join lateral (select format('%I.%I', n.name, t.typname) as q) x
where t.typtype = 'd' and t.typnotnull and not exists (select from ext e where e.classid = 1247 and e.objid = t.oid)
)sql";

}  // namespace undrop::postgres::kinds
