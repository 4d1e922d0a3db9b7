// Conversions between encodings.
#include "../kinds.hpp"

namespace undrop::postgres::kinds {

char const conversion[] = R"sql(
$rare
select 'conversion', h.parent, h.name,
       format('CREATE%s CONVERSION %s FOR %L TO %L FROM %s;', case when c.condefault then ' DEFAULT' end, h.q,
              pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding), c.conproc::regproc),
       format('DROP CONVERSION %s;', h.q), '', '', 0, format('2607:%s:0', c.oid), format('2615:%s:0', c.connamespace), 0, c.xmin, false
from rare h join pg_conversion c on h.classid = 2607 and c.oid = h.objid
)sql";

}  // namespace undrop::postgres::kinds
