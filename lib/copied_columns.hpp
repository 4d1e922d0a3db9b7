// CopiedColumns: what a script that fills a table anew takes over from the old rows as it is. By the text of its statements.
// Pure; any thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dialect.hpp"

namespace undrop {

struct CopiedColumns {
    std::set<std::string> same;   // columns of the new table that get the old value of the column of that name
    std::set<std::string> given;  // ... that get a value of the script's
    bool row_by_row = false;      // each old row gives one new one, in the order in which they lie
};

// Nothing: it fills no such table, its text does not say with what, or some rows get other keys and others do not.
[[nodiscard]] std::optional<CopiedColumns> copied_columns(std::vector<Statement> const& statements, Table const& now);

}  // namespace undrop
