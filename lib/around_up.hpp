// What an up did to tables, told from the states before and after it. Pure.
#pragma once

#include <set>
#include <string>

#include "look.hpp"
#include "state.hpp"

namespace undrop {

// Tables that were there before, by their names then.
struct AroundUp {
    std::set<TableName> exercised;  // rows were touched, or something on it is another
    std::set<TableName> freer;      // they may take what they did not: a rule is gone or another, or a type is
};

// Columns of a table of before whose type is defined otherwise after: values may be called otherwise.
[[nodiscard]] std::set<std::string> columns_of_other_types(Catalog const& before, Catalog const& after, Table const& table);

[[nodiscard]] AroundUp around_up(State const& before, State const& after, Touched const& touched, Renames const& renames);

}  // namespace undrop
