// Schemas. Their owner, rights and comment are objects of their own.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const schema[] = R"sql(
select 'schema', '', n.name, format('CREATE SCHEMA %s;', n.q), format('DROP SCHEMA %s;', n.q), '', '', 0,
       format('2615:%s:0', n.oid), '', 0, n.row, false
from ns n
where not exists (select from ext e where e.classid = 2615 and e.objid = n.oid)
)sql";

}  // namespace undrop::postgres::kinds
