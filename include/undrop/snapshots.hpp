// Snapshots as things that an operator lives with: verified, purged, exported, imported, erased from. Values; any thread.
//
// Whatever changes snapshots takes the run's lock, is one transaction, and leaves an event in the ledger. Errors leave the target
// untouched.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <undrop/history.hpp>
#include <undrop/options.hpp>
#include <undrop/target.hpp>

namespace undrop {

// What a step that restored from a snapshot did not put back, and why: its classes in the report (Merged) by row.
struct Conflicts {
    struct Row {
        std::string why;     // changed_since, deleted_since, key_taken, not_found, overwritten, orphaned, emptied
        std::string column;  // of an updated row: the value that this is about; empty: the whole row, or the snapshot's one column
        std::vector<std::optional<std::string>> values;  // saved, as text; nullopt: NULL
    };
    SnapshotInfo info;
    std::int64_t total = 0;  // `rows` has at most as many as were asked for
    std::vector<std::string> columns;
    std::vector<Row> rows;
};

// The rows of a snapshot that were not put back as they were saved: values of the database, for whoever may read the snapshot. None where
// no step restored from it, or it gave back everything.
[[nodiscard]] UNDROP_EXPORT Result<Conflicts> snapshot_conflicts(Target& target, std::int64_t id, std::int64_t limit = 100,
                                                                 Options const& options = {});

struct VerifiedSnapshot {
    SnapshotInfo info;
    std::string fault;  // empty: it is what was saved, or it was purged; else what is wrong: "has no table any more"
};

struct UNDROP_EXPORT Verification {
    std::string target;
    std::vector<VerifiedSnapshot> snapshots;  // oldest first
    [[nodiscard]] bool holds() const;         // no fault
};

// Counts the rows of the snapshots' tables and computes their hashes anew; all of them, or those asked for. Reads only. A step does the
// same with what it restores from, and is refused where something is wrong, unless Options::without_snapshot is set.
[[nodiscard]] UNDROP_EXPORT Result<Verification> verify_snapshots(Target& target, std::vector<std::int64_t> const& ids = {},
                                                                  Options const& options = {});

// Which snapshots are to go. One of the three is set.
struct PurgeWish {
    std::vector<std::int64_t> ids = {};
    std::optional<std::chrono::hours> older_than = {};
    bool all = false;
};

struct KeptSnapshot {
    SnapshotInfo info;
    std::string why;  // "migration 2 says keep 90d: until 2027-02-19"
};

struct Purge {
    std::string target;
    std::vector<SnapshotInfo> snapshots;  // that go, or went
    std::vector<KeptSnapshot> kept;       // that the wish would take, and a directive `keep` keeps; never where the wish names ids
    // One line for each migration whose rows or values do not come back any more: "2 drop_role: down does not bring back participants.role"
    std::vector<std::string> irreversible;
};

// What a purge would take, and what it would cost. Reads only. Positions of sequences are never purged: they hold nobody's data.
[[nodiscard]] UNDROP_EXPORT Result<Purge> plan_purge(Target& target, PurgeWish const& wish, Options const& options = {});
// Takes these snapshots' tables away, for good; what they were stays in the ledger, so that an export can be imported again. What somebody
// else purged meanwhile is passed over. Gives what went. Code::refused while a step is in progress.
[[nodiscard]] UNDROP_EXPORT Result<Purge> purge_snapshots(Target& target, Purge const& purge, Options const& options = {});
// "12h", "30d", "4w", "1y", as in `-- undrop: keep 90d`. Code::usage for anything else.
[[nodiscard]] UNDROP_EXPORT Result<std::chrono::hours> hours_of(std::string_view text);

// Somebody's rows. A value is compared with the text that the database makes of a saved one.
struct EraseWish {
    struct Value {
        std::string column;  // empty: the next column of the primary key
        std::string value;
    };
    std::string table;  // [schema.]table
    std::vector<Value> key;
};

struct Erased {
    struct From {
        std::int64_t id = 0;
        std::string what;
        std::int64_t rows = 0;
    };
    std::string target;
    std::vector<From> snapshots;            // that had such rows
    std::int64_t rows = 0;                  // of all of them
    std::int64_t digests = 0;               // rows of footprints
    std::vector<std::string> not_searched;  // snapshots of the table that do not have the columns: "snapshot 4 of t.role (it has id, role)"
};

// Takes these rows out of every snapshot of the table, and what footprints have of them; row counts and hashes are renewed. The event says
// from what and how many, and no value of the key (P8). Code::usage where no snapshot of the table has the columns.
[[nodiscard]] UNDROP_EXPORT Result<Erased> erase_from_snapshots(Target& target, EraseWish const& wish, Options const& options = {});

// Bytes that go somewhere, and that come from somewhere: an empty piece is the end.
using ByteSink = std::function<Result<void>(std::string_view)>;
using ByteSource = std::function<Result<std::string>()>;

struct Exported {
    std::string target;
    std::vector<SnapshotInfo> snapshots;
    std::int64_t rows = 0;
    std::int64_t bytes = 0;  // as compressed
    std::string sha256;      // of what was compressed
};

// All snapshots, or those asked for, as one stream compressed by zstd, whose form docs/snapshots.md describes. Rows are streamed.
// Code::refused where a snapshot does not verify. What the stream holds is as secret as the tables that it came from.
[[nodiscard]] UNDROP_EXPORT Result<Exported> export_snapshots(Target& target, ByteSink const& sink,
                                                              std::vector<std::int64_t> const& ids = {}, Options const& options = {});

struct Imported {
    std::string target;
    std::vector<SnapshotInfo> snapshots;  // that came back
    std::vector<SnapshotInfo> there;      // that were there, and are well
};

// Brings snapshots back into the database that they were exported from, or one whose ledger knows the same steps. Code::refused, with
// nothing changed, for a stream that is damaged, cut off, or of another database, and for a snapshot from which rows were erased since.
[[nodiscard]] UNDROP_EXPORT Result<Imported> import_snapshots(Target& target, ByteSource const& source, Options const& options = {});

[[nodiscard]] UNDROP_EXPORT std::string to_json(Conflicts const& conflicts);
[[nodiscard]] UNDROP_EXPORT std::string to_json(Verification const& verification);
[[nodiscard]] UNDROP_EXPORT std::string to_json(Purge const& purge);
[[nodiscard]] UNDROP_EXPORT std::string to_json(Erased const& erased);
[[nodiscard]] UNDROP_EXPORT std::string to_json(Exported const& exported);
[[nodiscard]] UNDROP_EXPORT std::string to_json(Imported const& imported);

}  // namespace undrop
