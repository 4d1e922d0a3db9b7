// The two ways of `undrop new`: a pair of files, and a down file for an up that is there.
#pragma once

#include <filesystem>
#include <string>

#include "session.hpp"

namespace undrop::cli {

// Never over a file that is there. Throws Failure.
void write_new(std::filesystem::path const& file, std::string const& text);

struct DownGiven {
    std::string file;  // FILE.up.sql
    bool on_empty = false;
    std::string sandbox;
};

[[nodiscard]] int make_new_down(Session& session, DownGiven const& given);

}  // namespace undrop::cli
