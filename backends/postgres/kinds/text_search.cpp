// Text search dictionaries and configurations. Which dictionaries a configuration asks for which sort of word is an object beside it, so
// that what uses the configuration (a computed column, an index) stays where only that changes. ALTER ... MAPPING leaves the
// configuration's own row as it is, and makes all that pg_depend knows of it anew.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const text_search[] = R"sql(
$rare
select 'text_search_dictionary', h.parent, h.name,
       format('CREATE TEXT SEARCH DICTIONARY %s (%s);', h.q,
              concat_ws(', ', format('TEMPLATE = %I.%I', n.nspname, t.tmplname), d.dictinitoption)),
       format('DROP TEXT SEARCH DICTIONARY %s;', h.q), '', '', 0, format('3600:%s:0', d.oid), format('2615:%s:0', d.dictnamespace), 0,
       d.xmin::text, false
from rare h
join pg_ts_dict d on h.classid = 3600 and d.oid = h.objid
join pg_ts_template t on t.oid = d.dicttemplate
join pg_namespace n on n.oid = t.tmplnamespace
union all
select k.kind, k.parent, k.name, k.make, k.remove, '', '', 0, k.address, k.needs, 0, k.rows, false
from (
    select h.*, c.*, (select string_agg(d.xmin::text, ',') from pg_depend d where d.classid = 3602 and d.objid = c.oid) as depend
    from rare h join pg_ts_config c on h.classid = 3602 and c.oid = h.objid) c
join pg_ts_parser p on p.oid = c.cfgparser
join pg_namespace n on n.oid = p.prsnamespace
left join lateral (
    select string_agg(format('ALTER TEXT SEARCH CONFIGURATION %s ADD MAPPING FOR %s WITH %s;', c.q, g.tokens, g.dictionaries), E'\n'
                      order by g.first) as make,
           string_agg(g.tokens, ', ' order by g.first) as tokens, string_agg(g.addresses, ' ') as addresses
    from (select string_agg(w.token, ', ' order by w.number) as tokens, min(w.number) as first, w.dictionaries, w.addresses
          from (select quote_ident(t.alias) as token, t.tokid as number,
                       string_agg(format('%I.%I', s.nspname, d.dictname), ', ' order by m.mapseqno) as dictionaries,
                       string_agg(format('3600:%s:0', d.oid), ' ') as addresses
                from ts_token_type(p.oid) t
                join pg_ts_config_map m on m.mapcfg = c.objid and m.maptokentype = t.tokid
                join pg_ts_dict d on d.oid = m.mapdict
                join pg_namespace s on s.oid = d.dictnamespace
                group by 1, 2) w
          group by 3, 4) g) g on true
cross join lateral (
    values ('text_search_configuration', c.parent, c.name,
            format('CREATE TEXT SEARCH CONFIGURATION %s (PARSER = %I.%I);', c.q, n.nspname, p.prsname),
            format('DROP TEXT SEARCH CONFIGURATION %s;', c.q), format('3602:%s:0', c.objid), format('2615:%s:0', c.cfgnamespace),
            concat_ws(',', c.row, c.depend)),
           ('text_search_mapping', c.parent, c.name, g.make,
            format('ALTER TEXT SEARCH CONFIGURATION %s DROP MAPPING IF EXISTS FOR %s;', c.q, g.tokens), '',
            concat_ws(' ', format('3602:%s:0', c.objid), g.addresses), concat_ws(',', c.row, c.depend))
) k(kind, parent, name, make, remove, address, needs, rows)
where k.make is not null
)sql";

}  // namespace undrop::postgres::kinds
