// Where migrations come from: a directory of pairs, or text compiled into the program.
// A value; any thread once loaded. Reading a directory never writes to it.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/migration.hpp>

namespace undrop {

// One file of a source that was compiled in by undrop_embed_migrations(TARGET DIR).
struct EmbeddedFile {
    std::string_view name;  // VERSION_NAME.up.sql ...
    std::string_view text;
};

struct UNDROP_EXPORT Source {
    std::vector<Migration> migrations;  // by version, ascending
    std::string origin;                 // the directory, or the program's name for it; only for messages

    // Reads VERSION_NAME.up.sql, .down.sql, .check.sql and .down.check.sql. Other files are left alone, unless they end in .sql:
    // a misspelt name is refused rather than passed over. An empty directory is an empty source; a missing one is refused.
    // Errors (Code::refused, untouched): two migrations of one version, a down without an up, a file that cannot be read.
    [[nodiscard]] static Result<Source> directory(std::filesystem::path const& path);

    // The same rules for files in memory. The texts are copied.
    [[nodiscard]] static Result<Source> embedded(std::span<EmbeddedFile const> files, std::string origin = "compiled in");
};

}  // namespace undrop
