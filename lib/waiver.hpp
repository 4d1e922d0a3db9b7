// Waiver: a name after `-- undrop: lose`, by which a loss is let go unsaved (P1). One that matches nothing is an error: whoever wrote it
// believes that something is let go, or is still afraid of what is gone already. Pure.
#pragma once

#include <string>
#include <vector>

#include <undrop/migration.hpp>

#include "catalog.hpp"
#include "dialect.hpp"

namespace undrop {

// What a name may say in a schema's place where the database has none.
inline std::string const no_schema = "main";

// The line of a directive that holds this name; 0: it is written otherwise there.
[[nodiscard]] int line_of(Script const& script, std::string const& name);

// Does the waiver name an object, as "virtual table f" or "type public.span"? Else it names a table or a column.
[[nodiscard]] bool waives_object(std::string const& waiver);

// Code::refused, untouched, with its place, for a waiver of a table or a column that is not there, and that no statement drops by that name
// (DROP TABLE IF EXISTS).
[[nodiscard]] Result<void> waivers_exist(Script const& script, std::vector<std::string> const& lose, std::vector<Table> const& tables,
                                         Foreseen const& foreseen);

// The same for one of an object that neither was there at the step's beginning nor went, with Left::rolled_back.
[[nodiscard]] Result<void> waived_objects_went(Script const& script, std::vector<std::string> const& lose, Catalog const& before,
                                               std::vector<std::string> const& went);

// Those that let nothing go, as far as `went` says ("schema.table", "schema.table.column").
[[nodiscard]] std::vector<std::string> idle_waivers(std::vector<std::string> const& lose, std::vector<std::string> const& went);

}  // namespace undrop
