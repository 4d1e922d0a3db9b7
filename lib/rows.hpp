// Rows: what a script did to the rows of a table that stays, told from its old rows and its present ones (P1); and what it left (P3).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "copied_columns.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

using KeptColumns = std::vector<std::pair<std::string, std::string>>;  // name before, name now

// Old rows of a table in a working table of the store: n, state, v1.. (the columns `values`, saved).
struct OldRowsTable {
    Table table;                       // at the mark
    std::string store;                 // SQL name
    std::vector<std::string> values;   // all but generated columns
    bool complete = false;             // every row; else those that were updated or deleted
    bool updated = false;              // some row was: it may have another key now, and its old one may be another row's
    bool only_updated = false;         // no row was deleted or inserted: a key that is gone was changed
    bool may_have_moved = false;       // from one partition to another: some were inserted, and some deleted
    bool only_moved = false;           // ... as many as were deleted
    bool only_rewritten = false;       // nobody wrote rows: another type of a column gave the table another file, its rows in their order
    std::vector<std::string> unnamed;  // columns that the script does not name: it dealt out no values of theirs anew
    std::string followed;              // n and the dialect's row_places: where the rows are in the files of now; empty: not known
    std::string files;                 // ... these
    std::string told;  // i and k: images of the key that a row had and has, null: none, where these differ; empty: not known
    std::optional<CopiedColumns> copied;  // of a table that was built anew: what it took over
    bool apart = false;                   // the present rows are those of a table of the store, and not all that the table has
};

// Makes the working table, empty; or filled with the table's present rows.
[[nodiscard]] Result<OldRowsTable> make_old_rows(Backend& backend, Ledger const& ledger, Table const& table, std::int64_t id);
[[nodiscard]] Result<OldRowsTable> copy_rows(Backend& backend, Ledger const& ledger, Table const& table, std::int64_t id);
// Expressions over a row under the alias t, for v1..
[[nodiscard]] std::vector<std::string> saved_values(Dialect const& dialect, OldRowsTable const& old);

// Code::refused for a table none of whose rows can be told from an equal one: it has no key, and its own columns hide the rows' numbers.
[[nodiscard]] Result<void> rows_can_be_told(Dialect const& dialect, Table const& table);

// What the opposite step left in this table: it says whose a value is (P3). Names are as the opposite step had left them.
struct Traces {
    std::vector<Snapshot const*> updated;  // its cells, w1..
    std::vector<Footprint> rows;           // whole rows
    std::vector<Footprint> columns;
};

enum class Changes { all, updates };

struct RowChanges {
    std::vector<Snapshot> snapshots;    // Kind::deleted, Kind::updated
    std::vector<Footprint> footprints;  // rows that the script inserted
    bool unsure = false;                // rows moved between partitions, and some that went may be some that came
};

// Saves what the script deleted and updated, and keeps a digest of what it inserted.
// `kept`: the columns that the table still has; `waived`: columns whose old values may go; `written`: condition on rows under the alias t
// that this transaction wrote ("" where that cannot be told; then the old rows must be complete). `next_id` numbers the store's tables.
[[nodiscard]] Result<RowChanges> save_row_changes(Backend& backend, Ledger const& ledger, OldRowsTable const& old, Table const& now,
                                                  KeptColumns const& kept, std::set<std::string> const& waived, Traces const& left,
                                                  std::string const& written, Changes which, std::int64_t& next_id);

}  // namespace undrop
