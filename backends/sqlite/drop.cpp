// undrop's own DROP TABLE. With foreign keys on SQLite deletes a table's rows first, with all that this does to rows that refer to them:
// those may be about to go, or to come back, in the same step.
#include <fmt/format.h>

#include "sqlite/backend.hpp"
#include "sqlite/settings.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {

// What refers to nothing at the end is for check_constraints(). `sql`: one DROP TABLE.
Result<std::int64_t> SqliteBackend::drop(std::string const& sql) {
    std::string table;
    for (auto const& token : tokens(sql))
        if (token.is_name()) table = token.text;
    if (!is_on(handle(), Switch::foreign_keys) || has_deferred_violations(handle())) return connection_.run(sql);
    UNDROP_TRY(auto const keys, connection_.number(fmt::format(
                                    "select count(*) from main.sqlite_schema m left join pragma_foreign_key_list(m.name, 'main') f "
                                    "where m.type = 'table' and (lower(f.\"table\") = {0} or lower(m.name) = {0} and m.sql like '%defer%')",
                                    literal(lower(table)))));
    if (keys == 0) return connection_.run(sql);
    if (!orphans_) {
        UNDROP_TRY(orphans_, violations());
    }
    Switched const off(handle(), Switch::foreign_keys, false);
    return connection_.run(sql);
}

}  // namespace undrop::sqlite
