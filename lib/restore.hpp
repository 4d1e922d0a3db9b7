// Restore: putting a snapshot's rows and values back, merged with what was written since (P2, P3).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/report.hpp>

#include "backend.hpp"
#include "follow.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

// What the merge has to know of the step.
struct RestoreContext {
    Direction direction = Direction::down;
    bool made_by_script = false;     // the author's script made the table or column; otherwise undrop did, and nobody computed anything
    bool script_wrote_rows = false;  // the script updated or inserted rows of this table
    bool built_anew = false;         // ... or made it, so that every row is its own
    std::string backfill = {};       // SQL expression for rows inserted since; empty: the recorded default
    std::string written = {};        // of a table that stayed: condition on rows (alias t) that the script wrote
    Footprint const* own = nullptr;  // of a table without a key: rows that the script itself inserted
    std::int64_t work_id = 0;        // of a working table
    std::vector<Snapshot const*> updated = {};      // of the same table and step, oldest first: rows may have other keys than were saved
    std::vector<Snapshot const*> own_updates = {};  // what this step's own script changed of the same table
    std::vector<Snapshot const*> deleted = {};      // of the same table and step: who has such a row's key by now is another row
    // Gives the rows of a condition (on t) numbers, where the column is an identity column; gives how many. Null: it is none.
    std::function<Result<std::int64_t>(std::string const& where)> number = {};
    // How many rows the script wrote, where the table is the one that it was and no cell of it is back yet; nothing: another one.
    std::optional<std::int64_t> rows_written = {};
    bool bare = false;  // the column has the type in which its values were saved, until they are back; its own takes no NULL
    OnConflict on_conflict = OnConflict::keep_current;
    std::int64_t overwrite_id = 0;          // of the snapshot of what is put over, where that is asked for
    bool note_restored = false;             // whose foreign keys are looked at once everything is back
    std::vector<Referring> referring = {};  // who refers to the column
    bool came_by_script = false;            // the script has brought all of the rows that were left, from where they were
    std::string copied_as_left = {};        // ... condition on s: there nobody had touched the row; empty: not known
    std::string newer = {};                 // going up: condition on t, the script computed it from what was written since
    std::string untouched = {};             // condition on t: nobody has touched the row since it was saved; empty: not known
    std::string next = {};                  // SQL that draws the column's next number, where the script drew it; empty: none is drawn
    bool draws_rows = false;                // going up: numbers of rows that the database drew again, which say nothing
};

struct Restored {
    Merged merged;
    std::int64_t updated = 0;  // rows that undrop itself wrote
    std::int64_t inserted = 0;
    std::int64_t deleted = 0;
    std::vector<Snapshot> overwritten = {};             // what users wrote since, saved
    std::map<std::string, std::int64_t> followed = {};  // rows that refer to what came back, by the id of their table
};

// Values of a column that is there again. Rows written: merged.restored, and rows inserted since where they get a value.
// Code::refused if rows inserted since would be left without a value that the column must have.
[[nodiscard]] Result<Restored> restore_column(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Table const& now,
                                              RestoreContext const& context);

// The same where the snapshot is gone: every row gets the migration's backfill, or the recorded default. Counted: rows that have the
// default or nothing, and those that the script computed. Code::refused if rows would be left without a value that the column must have.
[[nodiscard]] Result<Restored> go_without_column(Backend& backend, Snapshot const& snapshot, Table const& now,
                                                 RestoreContext const& context);

// A value for every row that has none; `value` is SQL. Gives how many.
[[nodiscard]] Result<std::int64_t> fill_column(Backend& backend, Table const& now, Column const& column, std::string const& value);

// Rows of a table that is there again.
[[nodiscard]] Result<Restored> restore_table(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Table const& now,
                                             RestoreContext const& context);

// Rows that were deleted from a table that stayed (Kind::deleted): where nobody has their key.
[[nodiscard]] Result<Restored> restore_deleted(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Table const& now,
                                               RestoreContext const& context);

}  // namespace undrop
