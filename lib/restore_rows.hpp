// Restore of rows that a step updated or inserted in a table that stays: cell by cell, where nobody wrote since (P2, P3).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "backend.hpp"
#include "follow.hpp"
#include "ledger.hpp"
#include "restore.hpp"
#include "snapshot.hpp"

namespace undrop {

struct CellsContext {
    Direction direction = Direction::down;
    std::vector<Snapshot const*> own;  // what this step's script changed of the same table (Kind::updated)
    std::string unchanged;             // working table of `note_unchanged`; empty: no column changes its type
    Snapshot const* moved = nullptr;   // of `keys_back`: which key the rows have again
    std::string matched;               // working table of `match_rows`, for rows without a key
    std::vector<Referring> referring;  // who refers to the table's rows
    bool replace_rows = false;         // delete and insert, where no single UPDATE can
    std::int64_t work_id = 0;          // and those that come next, one for each of `referring` and two more
    OnConflict on_conflict = OnConflict::keep_current;
    std::int64_t overwrite_id = 0;                 // of the snapshot of what is put over, where that is asked for
    bool note_restored = false;                    // whose foreign keys are looked at once everything is back
    std::set<std::string> beside;                  // going down: columns that the script does not name, triggers have written them
    std::map<std::size_t, AttributeMerge> merges;  // by index of snapshot.values: composite values that are merged attribute by attribute
};

// Puts values of updated rows back. One Merged per column.
struct RestoredCells {
    std::vector<Merged> merged;
    std::int64_t updated = 0;
    std::int64_t replaced = 0;                          // deleted and inserted
    std::map<std::string, std::int64_t> followed = {};  // rows that refer to such ones, by the id of their table
    std::vector<Snapshot> overwritten = {};             // what users wrote since, saved
};
[[nodiscard]] Result<RestoredCells> restore_updated(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Table const& now,
                                                    CellsContext const& context);

// Before columns get another type: which cells are still what the step left. Makes a working table of k1.. and u1.. (0 or 1), and gives
// its name; "" if no saved column is of another type now than it was. `rows`: a FROM item of the table's rows, with the columns' names as
// `now` and the snapshot have them.
[[nodiscard]] Result<std::string> note_unchanged(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Table const& now,
                                                 std::string const& rows, std::int64_t work_id);

// Makes the unchanged cells of one column (an index of snapshot.values) NULL. Gives how many.
[[nodiscard]] Result<std::int64_t> empty_cells(Backend& backend, Table const& now, Snapshot const& snapshot, std::string const& unchanged,
                                               std::size_t value);

[[nodiscard]] bool changes_key(Snapshot const& snapshot);  // its values
// Are there columns of the key whose values the step changed beside their type, so that the old type may take no present value?
[[nodiscard]] bool keys_come_back_first(Table const& now, Snapshot const& snapshot);
// A column of another type gets the type text.
[[nodiscard]] Result<void> let_be_text(Backend& backend, Table const& now, Column const& column);
// The old keys, and the ones through which they come back, are no values of any other type than text.
[[nodiscard]] Result<void> let_keys_be_text(Backend& backend, Table const& now, Snapshot const& snapshot);
// Gives rows whose key is still what the step left their old one, as a text, before the key gets its old type again. Takes `work_id` for a
// table of the store that tells which key was which: `moved`, as if the script of this step had changed them.
struct KeysBack {
    Snapshot moved;
    std::int64_t updated = 0;  // every row twice
};
[[nodiscard]] Result<KeysBack> keys_back(Backend& backend, Ledger const& ledger, Table const& now, Snapshot const& snapshot,
                                         std::string const& unchanged, std::int64_t work_id);

// Deletes the rows of a footprint that nobody changed since and nobody refers to. merged.removed counts them.
[[nodiscard]] Result<Restored> remove_inserted(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& now,
                                               std::vector<Reference> const& references);

// Those that others refer to, for when what refers to them is back as it was: a working table of their identities, and their removal.
[[nodiscard]] Result<std::string> note_in_use(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& now,
                                              std::int64_t work_id);
[[nodiscard]] Result<std::int64_t> remove_noted(Backend& backend, std::string const& noted, Table const& now,
                                                std::vector<Reference> const& references);

}  // namespace undrop
