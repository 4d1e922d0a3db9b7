// Checks and NOT NULL of domains. Rows come back before them; a domain that is made anew has them already.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const domain[] = R"sql(
select 'domain_check', t.q, k.conname,
       format('DO LANGUAGE plpgsql %L;', format(
           'BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid = %L::pg_catalog.regtype AND k.conname = %L) THEN '
           'ALTER DOMAIN %s ADD CONSTRAINT %I %s; END IF; END', t.q, k.conname, t.q, k.conname, pg_get_constraintdef(k.oid))),
       format('ALTER DOMAIN %s DROP CONSTRAINT %I;', t.q, k.conname), '', '', 0,
       format('2606:%s:0', k.oid), format('1247:%s:0', t.oid), 0::oid, k.row::text, false
from typ t cross join lateral (select k.*, k.xmin as row from pg_constraint k where k.contypid = t.oid and k.contype = 'c' offset 0) k
where t.typtype = 'd'
union all
select 'domain_not_null', t.sq, t.typname, format('ALTER DOMAIN %s SET NOT NULL;', t.q), format('ALTER DOMAIN %s DROP NOT NULL;', t.q),
       '', '', 0, format('domain_not_null:%s', t.oid), format('1247:%s:0', t.oid), 0::oid, t.row::text, false
from typ t where t.typtype = 'd' and t.typnotnull
)sql";

}  // namespace undrop::postgres::kinds
