// What stays itself over a rename beside tables and columns: views with their columns, schemas, types, sequences.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "backend.hpp"
#include "renames.hpp"

namespace undrop {

// What has another name in `now` than in `then`, by its identity.
[[nodiscard]] std::vector<Rename> renames_of_named(NamedObjects const& then, NamedObjects const& now);
// And columns of views, which keep their places as long as the view is the same one.
struct NamedCatalog {
    NamedObjects const& named;
    Catalog const& catalog;
};
[[nodiscard]] std::vector<Rename> renames_of_view_columns(NamedCatalog const& then, NamedCatalog const& now);
// The renames, in order, that give columns of the view `name` the names which they had before `renames`, where they still have the others.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> columns_to_rename(TableName const& name, std::vector<Rename> const& renames,
                                                                                 NamedCatalog const& marked, NamedCatalog const& now);

// Is this what was called `name` at `then`, and is called so now?
[[nodiscard]] bool is_still(NamedObjects const& then, NamedObjects const& now, std::string const& kind, TableName const& name);
// The kind of view that has this name, as ALTER says it; null: none has.
[[nodiscard]] char const* kind_of_view(NamedObjects const& named, TableName const& name);

// Is the table still called what this rename has made of it? A schema that has its old name again has taken it along.
[[nodiscard]] bool is_called_so(TableName const& now, Rename const& rename, std::vector<Rename> const& renames);

// The columns of a view, in order, as its definition names them; empty: it does not.
[[nodiscard]] std::vector<std::string> columns_of_view(Object const& view);
// Is the text of the view the wanted one, but for the names of columns that these renames gave it?
[[nodiscard]] bool differs_by_columns_names(ObjectId const& id, Object const& now, Object const& wanted,
                                            std::vector<Rename> const& renames);

// Schemas get their names back, with all that is in them by now: gives their names. `run` runs a statement.
[[nodiscard]] Result<std::vector<std::string>> rename_schemas_back(Dialect const& dialect,
                                                                   std::function<Result<void>(std::string const&)> const& run,
                                                                   std::vector<Rename> const& renames, NamedObjects const& marked,
                                                                   NamedObjects const& now);

}  // namespace undrop
