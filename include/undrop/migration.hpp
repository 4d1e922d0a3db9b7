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

// SQL as its author wrote it. `file` is only for messages.
struct Script {
    std::string text;
    std::string file;
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
    std::optional<std::string> keep;          // e.g. "90d"
    std::optional<std::string> irreversible;  // the reason
};

struct Migration {
    std::string version;  // decimal digits; ordered as a number
    std::string name;
    Script up;
    std::optional<Script> down;        // none: the way back is derived
    std::optional<Script> check;       // what holds once it is applied
    std::optional<Script> down_check;  // what holds once it is taken back
};

// SHA-256, in hexadecimal, over the canonical text: no BOM, LF, no trailing blanks, no directives.
// A checkout with other line ends is not "edited".
[[nodiscard]] UNDROP_EXPORT std::string checksum(std::string_view script);

// Reads the directives of a script. Errors (Code::refused, untouched) name file and line: an unknown or misspelt directive.
[[nodiscard]] UNDROP_EXPORT Result<Directives> directives(Script const& script);

// Numerical order of versions of any length; leading zeros do not count.
[[nodiscard]] UNDROP_EXPORT bool version_less(std::string_view a, std::string_view b);

}  // namespace undrop
