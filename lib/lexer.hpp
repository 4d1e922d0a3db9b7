// Splits a script into statements the way psql and the sqlite3 shell do. Pure; any thread.
#pragma once

#include <vector>

#include "dialect.hpp"

namespace undrop {

struct SqlSyntax {
    bool dollar_quotes = false;  // $$ ... $$; also PostgreSQL's bodies: `;` in parentheses and in BEGIN ATOMIC ... END is no end
    bool nested_comments = false;
    bool escape_strings = false;          // E'...\'...'
    bool brackets_and_backticks = false;  // [x], `x`; also SQLite's trigger bodies, and a comment left open at the end
};

// Statement::words holds the leading plain words, six at most, and ends at the first other token: `DROP TABLE "t"` is DROP TABLE.
// A client's command (\copy, .mode) at the start of a line is a statement of its own, whose words start with `\` or `.`:
// Dialect::forbidden refuses them. The lines after COPY ... FROM STDIN; up to `\.` are that statement's data.
// Code::refused with the place: a quote, comment or dollar quote that is never closed; a NUL byte.
[[nodiscard]] Result<std::vector<Statement>> split_sql(Script const& script, SqlSyntax const& syntax);

}  // namespace undrop
