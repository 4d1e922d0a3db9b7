// The witness: what a database is like by the word of its own tools (pg_dump, sqlite3), never by undrop's reader. undrop's store is left
// out.
#pragma once

#include <string>

#include "support/database.hpp"

namespace undrop::test {

struct Witness {
    std::string exact;   // every definition
    std::string schema;  // the same, but for the order of a PostgreSQL table's columns
    std::string rows;    // every row of every table, by table and text, and the positions of sequences
    bool operator==(Witness const&) const = default;
};

[[nodiscard]] Witness witness(Database& database);

// What only one of two texts has, line by line; empty if they are equal.
[[nodiscard]] std::string difference(std::string const& before, std::string const& after);

// One statement per line, for comparing dumps: without comments, blank lines and the random tokens of newer versions of pg_dump.
[[nodiscard]] std::string without_noise(std::string const& dump);
[[nodiscard]] std::string with_sorted_columns(std::string const& dump);

// A program's standard output. Throws if it fails.
[[nodiscard]] std::string output_of(std::string const& command);
[[nodiscard]] std::string shell_quoted(std::string const& text);

}  // namespace undrop::test
