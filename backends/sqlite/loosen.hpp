// Loosen: a table's definition that takes rows which its own does not take yet. Pure; any thread.
#pragma once

#include <string>

namespace undrop::sqlite {

enum class Loose {
    values,  // NOT NULL, CHECK and STRICT are gone
    keys     // UNIQUE, PRIMARY KEY and WITHOUT ROWID as well
};

// Of a CREATE TABLE as SQLite stores it. Columns, types, defaults, collations, generated columns and foreign keys stay as they are.
[[nodiscard]] std::string loosened(std::string const& create_table, Loose loose);

}  // namespace undrop::sqlite
