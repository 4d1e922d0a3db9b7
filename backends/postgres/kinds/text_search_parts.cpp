// Text search parsers and templates, which are made of functions. Their dictionaries and configurations are in text_search.cpp.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const text_search_parts[] = R"sql(
$rare
select 'text_search_parser', h.parent, h.name,
       format('CREATE TEXT SEARCH PARSER %s (%s);', h.q,
              concat_ws(', ', 'START = ' || p.prsstart, 'GETTOKEN = ' || p.prstoken, 'END = ' || p.prsend,
                        'HEADLINE = ' || nullif(p.prsheadline, 0)::regproc, 'LEXTYPES = ' || p.prslextype)),
       format('DROP TEXT SEARCH PARSER %s;', h.q), '', '', 0, format('3601:%s:0', p.oid), format('2615:%s:0', p.prsnamespace), 0,
       p.xmin, false
from rare h
join pg_ts_parser p on h.classid = 3601 and p.oid = h.objid
union all
select 'text_search_template', h.parent, h.name,
       format('CREATE TEXT SEARCH TEMPLATE %s (%s);', h.q,
              concat_ws(', ', 'INIT = ' || nullif(t.tmplinit, 0)::regproc, 'LEXIZE = ' || t.tmpllexize)),
       format('DROP TEXT SEARCH TEMPLATE %s;', h.q), '', '', 0, format('3764:%s:0', t.oid), format('2615:%s:0', t.tmplnamespace), 0,
       t.xmin, false
from rare h
join pg_ts_template t on h.classid = 3764 and t.oid = h.objid
)sql";

}  // namespace undrop::postgres::kinds
