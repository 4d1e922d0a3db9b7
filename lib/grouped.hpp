// Scripts that were put together from several files (pop's groups): which of them a place is in. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include <undrop/migration.hpp>
#include <undrop/result.hpp>

namespace undrop {

// One text of all, each behind a comment with its file's name; `file` says that it is more than the first. One script stays as it is.
[[nodiscard]] Script grouped(std::vector<Script> const& scripts);

// A place within a script as its author knows it: the file and its own line. Other scripts' places stay as they are.
[[nodiscard]] Place in_its_file(Script const& script, Place place);

}  // namespace undrop
