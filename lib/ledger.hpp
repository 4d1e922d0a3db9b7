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
    std::int64_t step = 0;  // the event that applied it
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

struct History {
    bool has_ledger = false;
    std::int64_t head = 0;              // newest event that changed the state; 0: none
    std::vector<Applied> applied;       // by version, ascending
    std::vector<std::string> reverted;  // versions that were applied once and are not now
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
    std::string kind;  // applied, reverted, failed, accepted
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

    // Makes the store if there is none, in a transaction of its own. Code::refused if it is squatted or a right is missing.
    [[nodiscard]] Result<void> ensure(Options const& options);

    [[nodiscard]] Result<std::int64_t> next_run();
    [[nodiscard]] Result<std::int64_t> next_event();
    [[nodiscard]] Result<std::int64_t> next_snapshot();
    // In the caller's transaction. `id` from next_event().
    [[nodiscard]] Result<void> add(std::int64_t id, NewEvent const& event, Options const& options);
    [[nodiscard]] Result<void> add(std::int64_t step, std::vector<Recorded> const& objects);
    [[nodiscard]] Result<void> add(Snapshot const& snapshot);
    [[nodiscard]] Result<void> add(Footprint const& footprint);

    [[nodiscard]] Result<std::string> script(std::string const& key);
    // Outside of a transaction: a store that was made before there were checks has none.
    [[nodiscard]] Result<RecordedChecks> checks(std::int64_t event);
    [[nodiscard]] Result<std::vector<Recorded>> objects(std::int64_t step);
    [[nodiscard]] Result<std::vector<Snapshot>> snapshots(std::int64_t step);
    [[nodiscard]] Result<std::vector<Footprint>> footprints(std::int64_t step);
    // The newest event of this kind for the version; 0: none.
    [[nodiscard]] Result<std::int64_t> last_step(std::string const& version, std::string const& kind);
    [[nodiscard]] Result<std::vector<LogEntry>> log(std::optional<std::int64_t> run);
    [[nodiscard]] Result<std::vector<SnapshotInfo>> list_snapshots();

    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] std::string table(std::string_view table_name) const { return backend_.dialect().store(name_, table_name); }

private:
    [[nodiscard]] Result<std::string> add_script(std::optional<Script> const& script);
    [[nodiscard]] Result<std::int64_t> next(std::string const& what, char const* table_name);
    [[nodiscard]] Result<void> create();
    [[nodiscard]] Result<void> create(char const* table_name, char const* columns);
    [[nodiscard]] Result<bool> has_checks();
    [[nodiscard]] Result<void> add_checks_table(Options const& options);

    Backend& backend_;
    std::string name_;
};

// "2026-11-21T03:04:05.678901Z"
[[nodiscard]] std::string utc_now();

}  // namespace undrop
