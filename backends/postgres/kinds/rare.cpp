// No kind: what $rare stands for, the objects of the kinds that few databases have, with what their comments, owners and definitions name
// them by. Only what the role could make again now, as for extensions; the rest is left to unknown.cpp, and so refused by name. Nobody has
// any below 16384.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const rare[] = R"sql(
, rare(classid, objid, word, parent, name, q, owner, row) as (
    select 3600, d.oid, 'TEXT SEARCH DICTIONARY', n.q, d.dictname::text, format('%I.%I', n.name, d.dictname), d.dictowner, d.xmin
    from pg_ts_dict d join ns n on n.oid = d.dictnamespace
    where d.oid >= 16384 and not exists (select from ext e where e.classid = 3600 and e.objid = d.oid)
    union all
    select 3602, c.oid, 'TEXT SEARCH CONFIGURATION', n.q, c.cfgname, format('%I.%I', n.name, c.cfgname), c.cfgowner, c.xmin
    from pg_ts_config c join ns n on n.oid = c.cfgnamespace
    where c.oid >= 16384 and not exists (select from ext e where e.classid = 3602 and e.objid = c.oid)
    union all
    select 2617, o.oid, 'OPERATOR', n.q, format('%s(%s,%s)', o.oprname, x.l, x.r), format('%s.%s (%s, %s)', n.q, o.oprname, x.l, x.r),
           o.oprowner, o.xmin
    from pg_operator o join ns n on n.oid = o.oprnamespace
    cross join lateral (select coalesce(format_type(nullif(o.oprleft, 0), null), 'NONE') as l,
                               coalesce(format_type(nullif(o.oprright, 0), null), 'NONE') as r) x
    where o.oid >= 16384 and o.oprcode <> 0 and not exists (select from ext e where e.classid = 2617 and e.objid = o.oid)
    union all
    select 2753, f.oid, 'OPERATOR FAMILY', n.q, format('%s USING %s', f.opfname, m.amname),
           format('%I.%I USING %I', n.name, f.opfname, m.amname), f.opfowner, f.xmin
    from pg_opfamily f join ns n on n.oid = f.opfnamespace join pg_am m on m.oid = f.opfmethod
    where f.oid >= 16384 and $superuser and not exists (select from ext e where e.classid = 2753 and e.objid = f.oid)
    union all
    select 2616, c.oid, 'OPERATOR CLASS', n.q, format('%s USING %s', c.opcname, m.amname),
           format('%I.%I USING %I', n.name, c.opcname, m.amname), c.opcowner, c.xmin
    from pg_opclass c join ns n on n.oid = c.opcnamespace join pg_am m on m.oid = c.opcmethod
    where c.oid >= 16384 and $superuser and not exists (select from ext e where e.classid = 2616 and e.objid = c.oid)
    union all
    select 2607, c.oid, 'CONVERSION', n.q, c.conname, format('%I.%I', n.name, c.conname), c.conowner, c.xmin
    from pg_conversion c join ns n on n.oid = c.connamespace
    where c.oid >= 16384 and not exists (select from ext e where e.classid = 2607 and e.objid = c.oid)
    union all
    select 3466, t.oid, 'EVENT TRIGGER', '', t.evtname, quote_ident(t.evtname), t.evtowner, t.xmin
    from pg_event_trigger t
    where $superuser and not exists (select from ext e where e.classid = 3466 and e.objid = t.oid)
    union all
    select 2328, w.oid, 'FOREIGN DATA WRAPPER', '', w.fdwname, quote_ident(w.fdwname), w.fdwowner, w.xmin
    from pg_foreign_data_wrapper w
    where $superuser and not exists (select from ext e where e.classid = 2328 and e.objid = w.oid)
    union all
    select 1417, s.oid, 'SERVER', '', s.srvname, quote_ident(s.srvname), s.srvowner, s.xmin
    from pg_foreign_server s
    where ($superuser or has_foreign_data_wrapper_privilege(s.srvfdw, 'USAGE'))
      and not exists (select from ext e where e.classid = 1417 and e.objid = s.oid)
    union all
    select 1259, c.oid, 'FOREIGN TABLE', n.q, c.relname, format('%I.%I', n.name, c.relname), c.relowner, c.xmin
    from pg_foreign_table f join pg_class c on c.oid = f.ftrelid join ns n on n.oid = c.relnamespace
    where ($superuser or has_server_privilege(f.ftserver, 'USAGE')) $touched
      and not exists (select from ext e where e.classid = 1259 and e.objid = c.oid)
      and not exists (select from pg_inherits i where c.oid in (i.inhrelid, i.inhparent))
))sql";

char const no_rare[] = R"sql(
, rare(classid, objid, word, parent, name, q, owner, row) as (
    select 0::oid, 0::oid, '', '', '', '', 0::oid, null::xid where false
))sql";

// Are there any, and any of what unknown.cpp lists?
char const any_rare[] = R"sql(
select exists (
    select from (select 3600 as classid, oid from pg_ts_dict union all select 3602, oid from pg_ts_config
                 union all select 2617, oid from pg_operator union all select 2753, oid from pg_opfamily
                 union all select 2616, oid from pg_opclass union all select 2607, oid from pg_conversion
                 union all select 3466, oid from pg_event_trigger union all select 2328, oid from pg_foreign_data_wrapper
                 union all select 1417, oid from pg_foreign_server union all select 1259, ftrelid from pg_foreign_table) o
    where o.oid >= 16384 and not exists (select from pg_depend d where d.classid = o.classid and d.objid = o.oid and d.deptype = 'e')),
       exists (select from pg_type t where t.oid >= 16384 and t.typtype = 'b' and t.typrelid = 0 and t.typinput <> 'array_in'::regproc)
       or exists (select from (select oid from pg_foreign_table f join pg_class c on c.oid = f.ftrelid union all select oid from pg_operator
                               union all select oid from pg_opclass union all select oid from pg_opfamily union all select oid from pg_am
                               union all select oid from pg_conversion union all select oid from pg_language
                               union all select oid from pg_foreign_data_wrapper union all select oid from pg_foreign_server
                               union all select umid from pg_user_mappings union all select oid from pg_ts_config
                               union all select oid from pg_ts_dict union all select oid from pg_ts_parser
                               union all select oid from pg_ts_template union all select oid from pg_transform
                               union all select oid from pg_event_trigger union all select oid from pg_subscription
                               union all select oid from pg_extension union all select oid from pg_publication) o where o.oid >= 16384)
)sql";

}  // namespace undrop::postgres::kinds
