// CopiedColumns: what a script that builds a table anew takes over from the old one as it is. By the text of its one INSERT ... SELECT.
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

// Nothing: no such statement is seen, or more than one, or it names no columns.
[[nodiscard]] std::optional<CopiedColumns> copied_columns(std::vector<Statement> const& statements, Table const& now);

}  // namespace undrop
