// INSERTs that give their values to columns by place: INSERT INTO t VALUES (...), without a list of columns. Read from a text, also from
// the bodies and strings in it, as far as it shows them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "look.hpp"

namespace undrop {

struct Positional {
    std::string schema;  // as it is written, without quotes; empty: none is named
    std::string table;
    bool schema_quoted = false;
    bool table_quoted = false;
    int line = 1;  // of the text
    int column = 1;
    [[nodiscard]] bool is_about(TableName const& name) const;
};

[[nodiscard]] std::vector<Positional> positional_inserts(std::string_view text);

}  // namespace undrop
