// Pieces of restoring a column.
#pragma once

#include <string>

#include "restore.hpp"

namespace undrop {

// A default that the database may be asked twice: no call in it, so no sequence moves and no clock is read.
[[nodiscard]] bool constant(std::string const& default_sql);
// Does a new row of the present column get another value than the one before?
[[nodiscard]] bool drawn(Column const& column, RestoreContext const& context);
// Condition on t: the column has nothing, or the recorded default where that can be asked again.
[[nodiscard]] std::string is_filled(Dialect const& dialect, Snapshot const& s, Table const& now);
[[nodiscard]] Error no_value_for(Snapshot const& s, std::string const& which);
// What the merge is about, before anything is counted.
[[nodiscard]] Restored begun(Snapshot const& s);

}  // namespace undrop
