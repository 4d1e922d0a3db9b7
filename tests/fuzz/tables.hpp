// The tables of a database as the random tests see them, by their own questions to its catalog.
#pragma once

#include <string>
#include <vector>

#include "support/database.hpp"

namespace undrop::test {

struct FuzzColumn {
    std::string name;  // quoted
    std::string type;
    bool not_null = false;
    bool written = true;  // not computed by the database
    bool unique = false;  // in the primary key or in a unique index
    bool tells = false;   // so in every row: the index is not partial
    bool primary = false;
    std::string parent;  // that a foreign key of this column alone refers to, and its column
    std::string parent_column;
    bool drawn = false;  // its default is drawn from a sequence
};

struct FuzzTable {
    std::string name;  // quoted, with the schema where there are schemas
    std::vector<FuzzColumn> columns;
    bool partitioned = false;
    bool in_family = false;  // of classic inheritance
    bool numbered = true;    // rows have a number of their own, by which they are known again when their key changes
    std::vector<std::string> partitions;

    [[nodiscard]] FuzzColumn const* column(std::string const& column_name) const;
    [[nodiscard]] bool draws() const;
    // The primary key; else a column that is unique and never NULL; may be empty.
    [[nodiscard]] std::vector<std::string> key() const;
};

// Without partitions, which belong to their tables; and without undrop's store.
[[nodiscard]] std::vector<FuzzTable> fuzz_tables(Session& session, Engine engine);
[[nodiscard]] FuzzTable const* find(std::vector<FuzzTable> const& tables, std::string const& name);

// In double quotes.
[[nodiscard]] std::string quoted_name(std::string const& name);
// In single quotes.
[[nodiscard]] std::string quoted_text(std::string const& text);

// Every table of the random tests may have this one column, by which the tests tell rows: nobody writes to it but who inserts the row.
inline constexpr char const* tag_column = "\"tag\"";

}  // namespace undrop::test
