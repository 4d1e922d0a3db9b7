// The two ways of `undrop new`: the files of a new migration, and the way back of one that is there.
#pragma once

#include <filesystem>
#include <string>

#include "session.hpp"

namespace undrop::cli {

// Never over a file that is there. Throws Failure.
void write_new(std::filesystem::path const& file, std::string const& text);

struct DownGiven {
    std::string file;  // the migration's way up
    bool on_empty = false;
    std::string sandbox;
};

[[nodiscard]] int make_new_down(Session& session, DownGiven const& given);

}  // namespace undrop::cli
