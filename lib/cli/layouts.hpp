// Where another tool's user expects the files of a new migration, and a way back. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <undrop/source.hpp>

namespace undrop::cli {

struct NewFile {
    std::string name;  // below the directory
    std::string text;
};

struct NewMigration {
    std::string version;
    std::vector<NewFile> files;
};

// The next migration as the tool would name it. `sequential`: the newest plus one, also where the tool takes the time.
// Throws Failure where only the tool can make one.
[[nodiscard]] NewMigration new_migration(Source const& source, std::string const& name, bool sequential,
                                         std::chrono::system_clock::time_point now);

// Where the way back of a migration goes of which `up` is the file.
struct DownPlace {
    std::string file;            // another file; empty: behind the way up, in the same one
    std::string head;            // before the script's text
    std::string tail;            // behind it
    bool in_statements = false;  // each statement between marks of its own (goose)
};
// Throws Failure where the layout has no place for one.
[[nodiscard]] DownPlace down_place(Source const& source, Migration const& migration, std::string const& up);

}  // namespace undrop::cli
