// What a step changes that is no part of the schema, and so comes back by no way back: of the database as a whole, of the server, of
// PostgreSQL's own objects. A line each, the same whether a statement's text shows it or the catalogs do.
#pragma once

#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "connection.hpp"
#include "dialect.hpp"
#include "observe.hpp"

namespace undrop::postgres {

// By a statement's text; empty: nothing.
[[nodiscard]] std::string beyond_schema(Statement const& statement);

// By the rows of this transaction since the mark, so also where a DO block or a function did it. `said`: lines of its
// statements' texts, beside which what only a count shows is no news. `script_sets_counters`: see observe.
[[nodiscard]] Result<std::vector<std::string>> changed_beyond(Connection& connection, Mark const& mark,
                                                              std::vector<std::string> const& said, bool script_sets_counters);

// As SQL: how often roles and memberships, parameters' rights, and what is taken away of settings and comments of databases and roles were
// written, of which everybody sees no more. Only grows within a transaction; holds what earlier ones did, too.
inline constexpr char const* beyond_counted = R"sql(
(select pg_catalog.array_agg(n.count order by n.sort)::pg_catalog.text
 from (select k.sort, pg_catalog.sum(case when k.class in (1260, 1261, 6243)
                  then pg_catalog.pg_stat_get_xact_tuples_inserted(k.class) + pg_catalog.pg_stat_get_xact_tuples_updated(k.class) else 0 end
              + pg_catalog.pg_stat_get_xact_tuples_deleted(k.class)) as count
       from (values (1, 1260::pg_catalog.oid), (1, 1261), (2, 6243), (3, 2396), (3, 2964)) k(sort, class) group by 1) n))sql";

}  // namespace undrop::postgres
