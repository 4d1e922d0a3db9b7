// What is unique beside the indexes on plain columns for all rows (UniqueRule), as the texts of the schema say it.
#pragma once

#include <string>
#include <vector>

#include "../../lib/dialect.hpp"

namespace undrop::sqlite {

// The expressions of an index, in their order, and for which rows it holds (empty: all).
struct IndexText {
    std::vector<std::string> parts;
    std::string condition;
};
[[nodiscard]] IndexText read_index(std::string const& create_index);

// What computes a generated column; empty: it is none, or none is found.
[[nodiscard]] std::string computed_by(std::string const& create_table, std::string const& column);

}  // namespace undrop::sqlite
