// Ledger: what undrop keeps in the target. Events are appended, never edited; the present state is folded from them.
// One thread at a time, over one Backend.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <undrop/history.hpp>
#include <undrop/options.hpp>

#include "backend.hpp"
#include "snapshot.hpp"

namespace undrop {

// The last word of the ledger on one version.
struct Applied {
    std::int64_t step = 0;  // what it recorded and saved is under this number: the event that applied it, or that began to
    std::int64_t run = 0;
    std::string version;
    std::string name;
    std::string at;
    std::string label;
    std::string up_sum;     // checksum(): canonical text
    std::string down_sum;   // empty: there was no down script
    std::string up_script;  // key of the script's text
    std::string down_script;
    std::int64_t recorded = 0;  // the event that holds the scripts: `step`, or a later `accepted`
};

// The checks that are recorded with a migration.
struct RecordedChecks {
    std::optional<std::string> check;
    std::optional<std::string> down_check;
};

// A step that is more than one transaction, and was interrupted between two of them.
struct Unfinished {
    std::int64_t step = 0;  // the event that began it; what it has recorded and saved so far is under this number
    std::int64_t run = 0;
    Direction direction = Direction::up;
    std::string version;
    std::string name;
    std::string at;
    std::string label;
    std::string up_sum;
    std::string up_script;  // keys of the scripts' texts
    std::string down_script;
};

struct History {
    bool has_ledger = false;
    std::int64_t head = 0;                              // newest event that changed the state, or began to; 0: none
    std::vector<Applied> applied;                       // by version, ascending
    std::vector<std::string> reverted;                  // versions that were applied once and are not now
    std::map<std::string, std::int64_t> taken_back_by;  // by version: the newest step that took it back
    std::optional<Unfinished> unfinished;
    [[nodiscard]] Applied const* find(std::string_view version) const;
};

// An object that a step made, changed or removed.
struct Recorded {
    ObjectId id;
    std::optional<Object> before;
    std::optional<Object> after;
};

// A new event as a step or the run writes it.
struct NewEvent {
    std::int64_t run = 0;
    std::string kind;  // applied, reverted, failed, accepted; of a step in parts also applying, reverting, abandoned
    std::string version;
    std::string name;
    double seconds = 0;
    std::optional<Script> up;
    std::optional<Script> down;
    std::optional<Script> check;
    std::optional<Script> down_check;
    std::string detail;  // JSON
};

class Ledger {
public:
    Ledger(Backend& backend, std::string name) : backend_(backend), name_(std::move(name)) {}

    // One statement, no lock. A ledger that is not there is an empty history; one that is not ours is refused.
    [[nodiscard]] Result<History> history();
    // The same of one migration alone: `find(version)`, `unfinished` and `head` are those of the whole.
    [[nodiscard]] Result<History> history_of(std::string const& version);

    // Makes the store if there is none, in a transaction of its own. Code::refused if it is squatted or a right is missing.
    [[nodiscard]] Result<void> ensure(Options const& options);

    [[nodiscard]] Result<std::int64_t> next_run();
    [[nodiscard]] Result<std::int64_t> next_event();
    [[nodiscard]] Result<std::int64_t> next_snapshot();
    // In the caller's transaction. `id` from next_event().
    [[nodiscard]] Result<void> add(std::int64_t id, NewEvent const& event, Options const& options);
    [[nodiscard]] Result<void> add(std::int64_t step, std::vector<Recorded> const& objects);
    // The same for a step that has recorded objects already.
    [[nodiscard]] Result<void> add_more(std::int64_t step, std::vector<Recorded> const& objects);
    [[nodiscard]] Result<void> add(Snapshot const& snapshot);
    [[nodiscard]] Result<void> add(Footprint const& footprint);

    [[nodiscard]] Result<std::string> script(std::string const& key);
    // Outside of a transaction: a store that was made before there were checks has none.
    [[nodiscard]] Result<RecordedChecks> checks(std::int64_t event);
    // Each object once: as the step found it first, and as it left it last.
    [[nodiscard]] Result<std::vector<Recorded>> objects(std::int64_t step);
    [[nodiscard]] Result<std::vector<Snapshot>> snapshots(std::int64_t step);
    [[nodiscard]] Result<std::vector<Footprint>> footprints(std::int64_t step);
    // The newest step of this kind (applied, reverted) for the version: what it recorded is under this number; 0: none.
    [[nodiscard]] Result<std::int64_t> last_step(std::string const& version, std::string const& kind);
    [[nodiscard]] Result<std::vector<LogEntry>> log(std::optional<std::int64_t> run);
    // ledger_snapshots.cpp: with what each would be needed by
    [[nodiscard]] Result<std::vector<SnapshotInfo>> list_snapshots();
    [[nodiscard]] Result<std::vector<SnapshotInfo>> list_snapshots(History const& history);
    // What is known of a snapshot's table changes: its name (empty: purged), rows, bytes, hash. In the caller's transaction.
    [[nodiscard]] Result<void> update(Snapshot const& snapshot);
    // The texts of a step's scripts, as it recorded them.
    [[nodiscard]] Result<std::vector<std::string>> scripts_of(std::int64_t step);
    // All footprints that the ledger knows.
    [[nodiscard]] Result<std::vector<Footprint>> footprints();
    // An event of its own for what happens to snapshots: purged, erased, imported; in a run of its own.
    [[nodiscard]] Result<void> add_event(std::string const& kind, std::string const& detail, Options const& options);

    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] std::string table(std::string_view table_name) const { return backend_.dialect().store(name_, table_name); }

private:
    [[nodiscard]] Result<History> fold_events(std::string const& which);
    [[nodiscard]] Result<std::vector<Footprint>> footprints_where(std::string const& condition);
    [[nodiscard]] Result<std::string> add_script(std::optional<Script> const& script);
    [[nodiscard]] Result<std::int64_t> next(std::string const& what, char const* table_name);
    [[nodiscard]] Result<void> create();
    [[nodiscard]] Result<void> create(char const* table_name, char const* columns);
    [[nodiscard]] Result<bool> has(char const* table_name);
    [[nodiscard]] Result<void> add_missing_tables(Options const& options);
    [[nodiscard]] Result<void> add_from(std::int64_t step, std::vector<Recorded> const& objects, std::int64_t last);

    Backend& backend_;
    std::string name_;
};

// The refusal of a store that is another's.
[[nodiscard]] Error not_ours(std::string const& why);

// "2026-11-21T03:04:05.678901Z"
[[nodiscard]] std::string utc_now();

}  // namespace undrop
