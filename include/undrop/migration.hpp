// A migration: a version, a name, an up script, usually a down script; and the directives at the top of the scripts.
// Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/result.hpp>

namespace undrop {

enum class Direction { up, down };

[[nodiscard]] UNDROP_EXPORT char const* name_of(Direction direction);

// SQL as its author wrote it. `file` and `line` are only for messages.
struct Script {
    std::string text;
    std::string file;
    int line = 1;  // where in the file the text begins: a file may hold the way up and the way back
};

// Comments `-- undrop: ...` at the top of a file. They are no part of the checksum.
struct Directives {
    struct Backfill {
        std::string column;      // [schema.]table.column, as written
        std::string expression;  // SQL, evaluated by the database for each row that was inserted since
    };
    std::vector<std::string> lose;  // losses waived by name: table, or table.column
    std::vector<Backfill> backfill;
    std::vector<std::string> touches;  // tables that a script reaches in ways that no parser sees
    bool no_transaction = false;
    bool where_needed = false;                // and that is no mistake where nothing needs it: another tool's mark
    bool verify = false;                      // of a check: its statements only have to run
    std::optional<std::string> keep;          // e.g. "90d"
    std::optional<std::string> irreversible;  // the reason
};

struct Migration {
    // repeatable: runs again whenever its text changes; its version holds the text's checksum. baseline: what all up to its version come
    // to, for a database that has none of them.
    enum class Kind { usual, repeatable, baseline };

    std::string version;  // ordered by version_less
    std::string name;
    Script up;
    std::optional<Script> down;        // none: the way back is derived
    std::optional<Script> check;       // what holds once it is applied
    std::optional<Script> down_check;  // what holds once it is taken back
    Kind kind = Kind::usual;
};

// SHA-256, in hexadecimal, over the canonical text: no BOM, LF, no trailing blanks, no directives.
// A checkout with other line ends is not "edited".
[[nodiscard]] UNDROP_EXPORT std::string checksum(std::string_view script);

// Reads the directives of a script. Errors (Code::refused, untouched) name file and line: an unknown or misspelt directive.
[[nodiscard]] UNDROP_EXPORT Result<Directives> directives(Script const& script);

// The order of versions: by the number at the beginning, dotted maybe (1.9 is before 1.10; leading zeros do not count), of any length;
// then by the bytes that follow. Times (20170126, 201701261850, 20170126185001 ...) by the left, whatever their precision. What begins with
// no digit comes last.
[[nodiscard]] UNDROP_EXPORT bool version_less(std::string_view a, std::string_view b);

}  // namespace undrop
