// Aggregates: what CREATE AGGREGATE needs to be told, in its own words.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const aggregate[] = R"sql(
select 'aggregate', n.q, format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)),
       format(E'CREATE AGGREGATE %I.%I(%s) (\n    %s\n);', n.name, p.proname,
              coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'), x.options),
       format('DROP AGGREGATE %I.%I(%s);', n.name, p.proname, coalesce(nullif(pg_get_function_identity_arguments(p.oid), ''), '*')),
       '', '', 0, format('1255:%s:0', p.oid), format('2615:%s:0', n.oid), 0, concat_ws(',', p.xmin, a.xmin), false
from pg_proc p
join ns n on n.oid = p.pronamespace
join pg_aggregate a on a.aggfnoid = p.oid
left join pg_operator o on o.oid = a.aggsortop
left join pg_namespace s on s.oid = o.oprnamespace
cross join lateral (select case a.aggkind when 'n' then 'r' else 'w' end as modify) usual
cross join lateral (
    select concat_ws(E',\n    ',
        'SFUNC = ' || a.aggtransfn, 'STYPE = ' || format_type(a.aggtranstype, null), 'SSPACE = ' || nullif(a.aggtransspace, 0),
        'FINALFUNC = ' || nullif(a.aggfinalfn::oid, 0)::regproc, case when a.aggfinalextra then 'FINALFUNC_EXTRA' end,
        'FINALFUNC_MODIFY = ' || case nullif(a.aggfinalmodify, usual.modify) when 'r' then 'READ_ONLY' when 's' then 'SHAREABLE'
            when 'w' then 'READ_WRITE' end,
        'COMBINEFUNC = ' || nullif(a.aggcombinefn::oid, 0)::regproc, 'SERIALFUNC = ' || nullif(a.aggserialfn::oid, 0)::regproc,
        'DESERIALFUNC = ' || nullif(a.aggdeserialfn::oid, 0)::regproc, 'INITCOND = ' || quote_literal(a.agginitval),
        'MSFUNC = ' || nullif(a.aggmtransfn::oid, 0)::regproc, 'MINVFUNC = ' || nullif(a.aggminvtransfn::oid, 0)::regproc,
        'MSTYPE = ' || format_type(nullif(a.aggmtranstype, 0), null), 'MSSPACE = ' || nullif(a.aggmtransspace, 0),
        'MFINALFUNC = ' || nullif(a.aggmfinalfn::oid, 0)::regproc, case when a.aggmfinalextra then 'MFINALFUNC_EXTRA' end,
        'MFINALFUNC_MODIFY = ' || case when a.aggmtransfn::oid <> 0 then case nullif(a.aggmfinalmodify, usual.modify)
            when 'r' then 'READ_ONLY' when 's' then 'SHAREABLE' when 'w' then 'READ_WRITE' end end,
        'MINITCOND = ' || quote_literal(a.aggminitval), 'SORTOP = OPERATOR(' || quote_ident(s.nspname) || '.' || o.oprname || ')',
        'PARALLEL = ' || case p.proparallel when 's' then 'SAFE' when 'r' then 'RESTRICTED' end,
        case a.aggkind when 'h' then 'HYPOTHETICAL' end) as options) x
where p.oid >= 16384 and p.prokind = 'a' and not exists (select from ext e where e.classid = 1255 and e.objid = p.oid)
)sql";

}  // namespace undrop::postgres::kinds
