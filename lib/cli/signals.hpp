// SIGINT, SIGTERM, and SIGHUP where it is not ignored. The first one asks the run to stop where it is safe; the second one ends the program
// at once.
#pragma once

namespace undrop::cli {

void catch_signals();
[[nodiscard]] int caught_signal();  // 0: none

}  // namespace undrop::cli
