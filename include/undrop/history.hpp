// What the ledger tells: status, the log of runs, the snapshots. Values; any thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <undrop/plan.hpp>

namespace undrop {

struct AppliedMigration {
    std::string version;
    std::string name;
    std::int64_t run = 0;
    std::string at;  // UTC, ISO 8601
    std::string label;
    bool has_down = false;                // a down script, in the ledger
    bool edited_up = false;               // the file's up is not the one that ran
    bool edited_down = false;             // the file's down is not the one in the ledger
    bool missing = false;                 // the source has no such migration
    bool ahead = false;                   // and it is newer than all that both have: the database is ahead of the program
    std::vector<std::string> harms = {};  // of one that is ahead: what it took away or narrowed; none: harmless to an older program
    std::int64_t purged = 0;              // snapshots that a down would need, and that were purged
    std::string irreversible = {};        // the reason, where its author says that it cannot be taken back
};

struct PendingMigration {
    std::string version;
    std::string name;
    bool out_of_order = false;  // older than the newest applied one
    bool was_reverted = false;  // applied once, and taken back
};

// A step that is more than one transaction, and is going on now or was interrupted: the next run goes on with it, or takes it back.
struct StepInProgress {
    std::string version;
    std::string name;
    Direction direction = Direction::up;
    std::int64_t run = 0;  // that began it
    std::string at;        // UTC, ISO 8601
    std::string standing;  // "statement 2 of 3, outside a transaction: create index public.i"
};

struct UNDROP_EXPORT Status {
    std::string target;
    std::string origin;  // of the source
    std::string format;  // in which it was read: goose
    bool has_ledger = false;
    std::optional<StepInProgress> in_progress;
    std::vector<AppliedMigration> applied;  // by version
    std::vector<PendingMigration> pending;  // by version
    std::int64_t snapshots = 0;
    std::int64_t snapshot_bytes = 0;
    std::string oldest_snapshot;    // UTC, ISO 8601; empty: there is none
    std::string ahead;              // not empty: the database is ahead of the program; what migrate() would do, by Options::ahead
    std::vector<Finding> findings;  // what who keeps the database should know: a role's nightly dump that the store makes fail, ...

    [[nodiscard]] bool clean() const;  // nothing in progress, pending, edited up, missing or out of order
};

// One event of the ledger.
struct LogEntry {
    std::int64_t id = 0;  // of the event; a step's id
    std::int64_t run = 0;
    std::string kind;  // applied, reverted, failed, accepted; of a step in parts also applying, reverting, abandoned; of snapshots purged,
                       // erased, imported; of a rehearsal rehearsed
    std::string version;
    std::string name;
    std::string at;  // UTC, ISO 8601
    double seconds = 0;
    std::string role;  // in the database
    std::string user;  // of the operating system
    std::string host;
    std::string program;
    std::string label;
    std::string detail;  // JSON: the step's report, or the error's text
};

struct SnapshotInfo {
    std::int64_t id = 0;
    std::int64_t step = 0;  // the event
    std::string version;
    Direction direction = Direction::up;
    std::string what;   // schema.table, schema.table.column
    std::string kind;   // table, column, deleted, updated, sequence
    std::string store;  // the store's table; empty: a sequence's position needs none, or it was purged
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::string hash;
    std::string at;
    bool purged = false;
    std::string needed_by;  // "down 2", "up 2"; empty: nothing would restore from it
};

struct SnapshotRows {
    SnapshotInfo info;
    std::vector<std::string> columns;
    std::vector<std::vector<std::optional<std::string>>> rows;  // as text; nullopt: NULL
};

[[nodiscard]] UNDROP_EXPORT std::string to_json(Status const& status);
[[nodiscard]] UNDROP_EXPORT std::string to_json(std::vector<LogEntry> const& log);
[[nodiscard]] UNDROP_EXPORT std::string to_json(std::vector<SnapshotInfo> const& snapshots);
[[nodiscard]] UNDROP_EXPORT std::string to_json(SnapshotRows const& rows);
UNDROP_EXPORT std::ostream& operator<<(std::ostream& out, Status const& status);

}  // namespace undrop
