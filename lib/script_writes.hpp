// ScriptWrites: what the statements of a script write rows of, and what they read for it. By their text. Pure; any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "dialect.hpp"

namespace undrop {

// An UPDATE, an INSERT ... SELECT. Names are in lower case, without their schemas.
struct RowWrite {
    std::string target;
    std::set<std::string> names;  // every name in it: of tables, columns, functions, and what it calls them by
    std::set<std::string> calls;  // functions, or what looks like one
    bool all_columns = false;     // it has a `*`
    bool row_alone = false;       // it computes each row from that row, or from one row of the table that it copies
};

struct ScriptWrites {
    bool known = true;  // false: a statement may read and write anything, as DO and SELECT f() do
    std::vector<RowWrite> writes;

    [[nodiscard]] bool all_row_alone() const;  // and there is one
};

[[nodiscard]] ScriptWrites script_writes(std::vector<Statement> const& statements);

}  // namespace undrop
