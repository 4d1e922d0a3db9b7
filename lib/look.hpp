// Look: what became of the tables that were there, told by their identity in the database and not by the script's text. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "backend.hpp"

namespace undrop {

using TableName = std::pair<std::string, std::string>;  // schema, name

struct TableChange {
    Table const* before = nullptr;
    Table const* after = nullptr;  // null: gone
    bool rebuilt = false;          // another table now has the name
    bool renamed = false;
    std::vector<std::string> lost;                          // columns, by their names before; generated ones are no loss
    std::vector<std::pair<std::string, std::string>> kept;  // columns: name before, name now
    std::vector<std::string> emptied;                       // kept columns of a composite type that lost an attribute
    bool reshaped = false;                                  // attributes of a kept column's composite type are others
    bool replaced = false;                                  // a kept column was dropped and added again
    bool compare = false;                                   // values of kept columns, or whole rows, may have changed
};

// One entry for each table of `before` of which something went, was written, or may have changed; and for each partitioned one. Points
// into its arguments.
[[nodiscard]] std::vector<TableChange> look(std::vector<Table> const& before, std::vector<Table> const& after,
                                            std::map<std::string, Writes> const& writes);

[[nodiscard]] inline TableName table_name(Table const& table) { return {table.schema, table.name}; }
[[nodiscard]] Table const* find_table(std::vector<Table> const& tables, TableName const& name);
[[nodiscard]] Table const* find_table_by_id(std::vector<Table> const& tables, std::string const& id);

// Tables and columns that are to be saved, or copied for comparing, before a script runs. Grows from round to round.
struct Foresight {
    std::set<TableName> tables;
    std::set<std::pair<TableName, std::string>> columns;
    std::set<TableName> copies;
    std::set<TableName> locks;   // altered without a loss
    std::set<TableName> writes;  // rows updated or deleted
    std::set<TableName> views;   // that hold rows of their own, which go

    // Is everything of `other` in here already?
    [[nodiscard]] bool covers(Foresight const& other) const;
    void add(Foresight const& other);
    [[nodiscard]] bool saves_values(TableName const& name) const;  // the table or a column of it is saved
    [[nodiscard]] bool locks_table(TableName const& name) const;   // or rows are copied, or it is altered
};

// The touches of a script's text, as far as they name tables that exist.
[[nodiscard]] Foresight resolve(Foreseen const& foreseen, std::vector<Table> const& tables);
// For tests, which show that nothing but speed depends on what is foreseen: from now on nothing is, in this process.
void foresee_nothing(bool nothing);
[[nodiscard]] bool foresees_nothing();

// Does a waiver (`t`, `s.t`, `t.c`, `s.t.c`) name this table or column? An empty column asks for the table.
[[nodiscard]] bool waives(std::vector<std::string> const& lose, TableName const& table, std::string const& column);

// Is `text` (an ObjectId's parent plus name, quoted where SQL needs it) this table?
[[nodiscard]] bool names_table(std::string const& text, TableName const& table);

}  // namespace undrop
