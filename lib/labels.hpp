// Labels of enum types that come and go. A database takes none away, and lets nobody use a new one before it is committed: a type gets
// other labels by being made anew, with all that is made of it. Pure: no connection.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "catalog.hpp"
#include "mend.hpp"

namespace undrop {

[[nodiscard]] bool is_enum(Object const& type);
[[nodiscard]] std::vector<std::string> labels_of(Object const& type);  // in order, as the database quotes them

// Enum types that are there and wanted with other labels, which no rename leads to, where something that holds rows is of them.
[[nodiscard]] Catalog other_labels(Catalog const& now, Wanted const& wanted);
// Such types as they are now, of those that have labels which they had not before.
[[nodiscard]] Catalog with_new_labels(Catalog const& before, Catalog const& now);
// `wanted`, but for these types, which keep the labels that they have.
[[nodiscard]] Wanted with_labels_as_now(Catalog const& now, Wanted wanted);
// The labels of one that the other has not.
[[nodiscard]] std::vector<std::string> labels_only_in(Object const& type, Object const& other);
// The wanted type, with what labels it has now besides.
[[nodiscard]] Object with_all_labels(Object wanted, Object const& now);
// Can the labels of this type have been renamed, so that its `alter` knows them again whatever else came or went?
[[nodiscard]] bool knows_labels_again(Object const& type);

// What it takes to make types anew. A column's values wait as text meanwhile; all else that needs them steps aside.
struct TypeRemake {
    Catalog types;  // and what is made of them: composite types with their attributes, domains, ranges
    std::set<ObjectId> columns;
    Catalog aside;
    std::string refused;  // not empty: why it cannot be done
};
[[nodiscard]] TypeRemake plan_remake(Catalog const& now, Catalog const& types);

// Why a mend would be refused; empty: it would not.
[[nodiscard]] std::string why_no_mend(Catalog const& now, Wanted const& wanted);

}  // namespace undrop
