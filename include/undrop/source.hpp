// Where migrations come from: a directory in the layout of undrop or of another tool, or text compiled into the program.
// A value; any thread once loaded. Reading a directory never writes to it.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/migration.hpp>

namespace undrop {

// One file of a source that was compiled in by undrop_embed_migrations(TARGET DIR [FORMAT]).
struct EmbeddedFile {
    std::string_view name;  // VERSION_NAME.up.sql ...; below a sub-folder with its path: 1_a/up.sql
    std::string_view text;
};

// What a directory alone does not say.
struct SourceWish {
    std::string format;                      // a name of source_formats(); empty: found by itself, refused where two fit
    std::map<std::string, std::string> set;  // placeholders: ${name} in a script stands for the text (Flyway)
    std::string dialect;                     // "postgresql" or "sqlite": whose files count where each has its own (pop)
};

struct SourceFormat {
    std::string name;     // goose
    std::string summary;  // one line: the files
};

// The layouts of directories that can be read.
[[nodiscard]] UNDROP_EXPORT std::vector<SourceFormat> source_formats();

struct UNDROP_EXPORT Source {
    std::vector<Migration> migrations;  // by version, ascending
    std::string origin;                 // the directory, or the program's name for it; only for messages
    std::string format = "pairs";       // how it was read
    // By version: what the tool itself keeps in its history of the way up's file, where it keeps a checksum (Flyway). For adopt().
    std::map<std::string, std::string> tool_checksums;

    // Reads a directory of migrations: pairs (VERSION_NAME.up.sql, .down.sql, .check.sql and .down.check.sql), or another tool's layout.
    // What ends in .sql and fits no place is refused rather than passed over: a misspelt name. An empty directory is an empty source; a
    // missing one is refused. Errors (Code::refused, untouched), with file and mostly line: two migrations of one version, a down without
    // an up, a file that cannot be read, commands of psql, templates; a directory that two layouts fit, with both names.
    [[nodiscard]] static Result<Source> directory(std::filesystem::path const& path, SourceWish const& wish = {});

    // The same rules for files in memory. The texts are copied.
    [[nodiscard]] static Result<Source> embedded(std::span<EmbeddedFile const> files, std::string origin = "compiled in",
                                                 SourceWish const& wish = {});
};

}  // namespace undrop
