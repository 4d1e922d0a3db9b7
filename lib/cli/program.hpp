#pragma once

namespace undrop::cli {

// The whole program; gives back its exit status. Throws nothing.
[[nodiscard]] int run(int argc, char** argv);

}  // namespace undrop::cli
