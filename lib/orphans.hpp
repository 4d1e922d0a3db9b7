// Orphans: rows that refer to rows that are not there, where the database lets them be.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "look.hpp"

namespace undrop {

// How many rows of a table (schema, name) refer to nothing in another (schema, name).
using ChildAndParent = std::pair<TableName, TableName>;
using Orphans = std::map<ChildAndParent, std::int64_t>;

// Condition on t: it refers to a row that is not there, or to one that has the number of another. `strangers`: a query for such numbers.
[[nodiscard]] std::string is_orphan(Dialect const& dialect, ForeignKey const& key, std::string const& strangers);

// Of these tables, as far as their own texts make their foreign keys (SQLite); elsewhere a foreign key lets no orphan be. What cannot be
// asked (a parent's column that is gone) is left out.
[[nodiscard]] Result<Orphans> orphans_in(Backend& backend, std::vector<Table> const& tables);

// As many as ever before, or fewer.
[[nodiscard]] bool are_within(Orphans const& now, Orphans const& before, Orphans const& recorded);

[[nodiscard]] std::string text_of(Orphans const& orphans);

}  // namespace undrop
