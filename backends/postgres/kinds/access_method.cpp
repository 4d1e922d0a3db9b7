// Access methods. What uses one (a table, an operator class) needs it, as pg_depend knows.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const access_method[] = R"sql(
$rare
select 'access_method', '', h.name,
       format('CREATE ACCESS METHOD %s TYPE %s HANDLER %s;', h.q, case m.amtype when 't' then 'TABLE' else 'INDEX' end, m.amhandler),
       format('DROP ACCESS METHOD %s;', h.q), '', '', 0, format('2601:%s:0', m.oid), '', 0, m.xmin, false
from rare h
join pg_am m on h.classid = 2601 and m.oid = h.objid
)sql";

}  // namespace undrop::postgres::kinds
