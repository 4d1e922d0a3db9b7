// DownScript: a derived way back as the statements of a down script. Pure; any thread.
//
// A script runs before any value is back: what counts on values (NOT NULL of a column that was dropped, a foreign key to a table that was)
// is left to undrop, which does it after them, and so is whatever needs that.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "catalog.hpp"
#include "mend.hpp"

namespace undrop {

struct DownScript {
    std::vector<std::string> statements;
    std::vector<std::string> left;   // to undrop, in its order
    std::vector<ObjectId> unfilled;  // columns that must not be NULL in the end, and have no default for rows inserted since
    bool makes_functions = false;    // whose bodies may name what is made after them
    bool leaves_rights = false;      // owners and rights of what is made are undrop's
};

// What a script can do to the columns of a table that is otherwise only ever rebuilt.
struct ColumnChanges {
    std::vector<std::string> statements;
    std::vector<ObjectId> unfilled;  // as DownScript::unfilled
};

struct DownContext {
    Catalog before;                                    // before the up
    bool up_writes = false;                            // rows of tables that stay; or nobody can tell
    std::map<ObjectId, ColumnChanges> column_changes;  // by the table
    std::set<ObjectId> rebuilt;                        // by which these, as was seen, are what they should be
};

// Is this default the same for each row, and in each transaction?
[[nodiscard]] bool is_constant(std::string const& default_sql);

[[nodiscard]] DownScript write_down(MendLog const& log, DownContext const& context);

}  // namespace undrop
