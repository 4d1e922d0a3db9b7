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
    select 3601, p.oid, 'TEXT SEARCH PARSER', n.q, p.prsname, format('%I.%I', n.name, p.prsname), null, p.xmin
    from pg_ts_parser p join ns n on n.oid = p.prsnamespace
    where p.oid >= 16384 and $superuser and not exists (select from ext e where e.classid = 3601 and e.objid = p.oid)
    union all
    select 3764, t.oid, 'TEXT SEARCH TEMPLATE', n.q, t.tmplname, format('%I.%I', n.name, t.tmplname), null, t.xmin
    from pg_ts_template t join ns n on n.oid = t.tmplnamespace
    where t.oid >= 16384 and $superuser and not exists (select from ext e where e.classid = 3764 and e.objid = t.oid)
    union all
    select 2601, m.oid, 'ACCESS METHOD', '', m.amname, quote_ident(m.amname), null, m.xmin
    from pg_am m
    where m.oid >= 16384 and $superuser and not exists (select from ext e where e.classid = 2601 and e.objid = m.oid)
    union all
    select 2612, l.oid, 'LANGUAGE', '', l.lanname, quote_ident(l.lanname), l.lanowner, l.xmin
    from pg_language l
    where l.oid >= 16384 and $superuser and not exists (select from ext e where e.classid = 2612 and e.objid = l.oid)
    union all
    select 3576, f.oid, 'TRANSFORM', '', x.q, x.q, null, f.xmin
    from pg_transform f join pg_language l on l.oid = f.trflang
    cross join lateral (select format('FOR %s LANGUAGE %I', format_type(f.trftype, null), l.lanname) as q) x
    where f.oid >= 16384 and $superuser and not exists (select from ext e where e.classid = 3576 and e.objid = f.oid)
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

// All that these kinds may have, and what no query names, whoever could make it: the rest of `rare` is in unknown.cpp.
char const listed[] = R"sql(
    select 1247::oid as classid, t.oid as objid, t.xmin as row from pg_type t
    where t.oid >= 16384 and t.typtype = 'b' and t.typrelid = 0 and t.typinput <> 'array_in'::regproc
    union all select 1259, c.oid, c.xmin from pg_foreign_table f join pg_class c on c.oid = f.ftrelid
    union all select 2617, oid, xmin from pg_operator where oid >= 16384 and oprcode <> 0
    union all select 2616, oid, xmin from pg_opclass where oid >= 16384
    union all select 2753, oid, xmin from pg_opfamily where oid >= 16384
    union all select 2601, oid, xmin from pg_am where oid >= 16384
    union all select 2607, oid, xmin from pg_conversion where oid >= 16384
    union all select 2612, oid, xmin from pg_language where oid >= 16384
    union all select 2328, oid, xmin from pg_foreign_data_wrapper
    union all select 1417, oid, xmin from pg_foreign_server
    union all select 1418, umid, null from pg_user_mappings
    union all select 3602, oid, xmin from pg_ts_config where oid >= 16384
    union all select 3600, oid, xmin from pg_ts_dict where oid >= 16384
    union all select 3601, oid, xmin from pg_ts_parser where oid >= 16384
    union all select 3764, oid, xmin from pg_ts_template where oid >= 16384
    union all select 3576, oid, xmin from pg_transform where oid >= 16384
    union all select 3466, oid, xmin from pg_event_trigger
    union all select 6100, s.oid, null from pg_subscription s where s.subdbid = (select oid from pg_database where datname = current_database())
)sql";

// Are there any that `rare` may have, and any that unknown.cpp may name?
char const any_rare[] = R"sql(
with listed as not materialized ($listed)
select exists (select from listed l where l.classid not in (1247, 1418, 6100)
               and not exists (select from pg_depend d where d.classid = l.classid and d.objid = l.objid and d.deptype = 'e')),
       exists (select from listed) or exists (select from pg_publication) or exists (select from pg_extension x where x.oid >= 16384)
)sql";

}  // namespace undrop::postgres::kinds
