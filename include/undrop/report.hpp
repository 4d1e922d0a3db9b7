// Report: what was done, in numbers that account for every row. Values; any thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include <undrop/plan.hpp>

namespace undrop {

// What was saved of one loss before it went.
struct Saved {
    std::string what;        // schema.table, schema.table.column, "schema.table (deleted)", "schema.table (column, ...)": updated
    std::int64_t rows = 0;   // rows of a table, or those deleted or updated; rows of a column's table (NULLs too)
    std::int64_t bytes = 0;  // the snapshot's, as the database counts them
};

// How a snapshot was merged with what was written since. Every row, of the snapshot or of the table, is in exactly one class.
struct UNDROP_EXPORT Merged {
    std::string what;
    std::int64_t snapshot = 0;        // its id; 0: rows that the step had inserted, of which there are digests only
    std::int64_t rows = 0;            // that it has
    bool defaulted = false;           // rows inserted since got the recorded default, or the migration's backfill
    std::int64_t restored = 0;        // put back
    std::int64_t removed = 0;         // a row that the step had inserted, taken out again
    std::int64_t in_use = 0;          // such a row that others refer to by now: kept
    std::int64_t unchanged = 0;       // was there already
    std::int64_t computed = 0;        // the script computed it: kept (P2)
    std::int64_t changed_since = 0;   // somebody wrote another value since: kept (P2)
    std::int64_t deleted_since = 0;   // the row is gone by now: not resurrected
    std::int64_t inserted_since = 0;  // the row is new
    std::int64_t key_taken = 0;       // another row has the key: kept aside in the snapshot
    std::int64_t not_found = 0;       // changed or deleted since, which no key tells: kept aside in the snapshot
    std::int64_t not_users = 0;       // an earlier step of the migration had written it, no user changed it: not brought back (P3)
    std::int64_t overwritten = 0;     // put back over what was written since, which is saved (OnConflict::keep_old)
    std::int64_t orphaned = 0;        // its foreign key would not hold: kept aside in the snapshot (OnOrphan::keep)
    std::int64_t emptied = 0;         // put back with NULL in place of what it referred to (OnOrphan::null)
    // Without the snapshot (Options::without_snapshot):
    std::int64_t at_default = 0;    // a row of the table whose column has its default, or nothing
    std::int64_t not_restored = 0;  // a saved row that stays away, or keeps the values that it has now

    // Rows that `snapshots show ID --conflicts` shows: what of them was saved is in the snapshot alone.
    [[nodiscard]] std::int64_t kept_aside() const;
};

struct LockHeld {
    std::string table;
    double waited_seconds = 0;
    double held_seconds = 0;  // writers stopped for so long
};

struct StepReport {
    std::string version;
    std::string name;
    Direction direction = Direction::up;
    Origin origin = Origin::file;
    double seconds = 0;
    int rounds = 1;  // more than 1: a loss was not foreseen
    int tries = 1;   // more than 1: a lock was not given in time
    int checks = 0;  // statements of the migration's checks: all of them hold
    std::vector<Saved> saved;
    std::vector<std::string> went;  // definitions that are gone, recorded: "index public.t_role_idx"
    std::vector<Merged> merged;
    std::vector<std::string> mended;  // what the script forgot, or a derivation made: "index public.t_role_idx"
    std::vector<std::string> waived;  // losses that `-- undrop: lose` let go
    std::vector<std::string> notes;
    // What ran outside of a transaction, each committed by itself: "statement 2, outside a transaction: create index public.i (0.02 s)".
    std::vector<std::string> outside;
    std::vector<LockHeld> locks;
    std::string taken_back_for;  // by Ahead::roll_back: the newest migration of the older program; else empty
};

struct UNDROP_EXPORT Report {
    std::string target;
    std::int64_t run = 0;  // 0: nothing was pending, nothing was written
    std::string label;
    double seconds = 0;
    std::vector<StepReport> steps;
    std::vector<Finding> findings;  // warnings and notes of the plan
    bool elsewhere = false;         // Busy::serve: another migrator is at work; nothing was done here, and the finding says what is pending
};

[[nodiscard]] UNDROP_EXPORT std::string to_json(Report const& report);
[[nodiscard]] UNDROP_EXPORT std::string to_markdown(Report const& report);
UNDROP_EXPORT std::ostream& operator<<(std::ostream& out, Report const& report);

}  // namespace undrop
