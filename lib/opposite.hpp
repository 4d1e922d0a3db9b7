// Opposite: what the ledger knows of a step that another takes back.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <undrop/result.hpp>

#include "catalog.hpp"
#include "ledger.hpp"
#include "look.hpp"
#include "mend.hpp"
#include "neighbours.hpp"
#include "orphans.hpp"
#include "snapshot.hpp"

namespace undrop {

// A rename that the step made, so that the way back is a rename and not a drop. An attribute's table is its composite type.
struct Rename {
    TableName before;
    TableName after;
    std::string column_before;  // empty: the table itself
    std::string column_after;
    bool replaced = false;  // something else has the old name now: on the way back that goes first
    bool operator==(Rename const&) const = default;
};

// What no way back takes away.
struct Stays {
    std::string what;  // an object of a kind that is not known; empty: something else
    std::string line;  // that says so
};

// What the ledger knows of the step that this one takes back.
struct Opposite {
    std::int64_t step = 0;  // 0: there is none
    Wanted wanted;          // going down: what the objects were before the up
    std::vector<Rename> renames;
    std::vector<Snapshot> snapshots;
    std::vector<Snapshot> aside;  // columns that it renamed away instead of dropping them
    std::vector<Footprint> footprints;
    std::set<ObjectId> left;  // objects that it changed and left there
    Orphans orphans = {};     // that were there before it
    std::vector<Stays> stays = {};
    Neighbours neighbours = {};  // as it left them
};

// What the ledger knows of `step` (0: nothing).
[[nodiscard]] Result<Opposite> read_opposite(Ledger& ledger, std::int64_t step, Direction direction);
[[nodiscard]] ComesBack what_comes_back(Opposite const& opposite);
// The opposite step knows a table by the name that it had before it.
[[nodiscard]] TableName name_before(std::vector<Rename> const& renames, TableName const& name);

// A rename as the ledger records it, and orphans; and of what it records: an object, and no rename.
[[nodiscard]] Recorded to_recorded(Rename const& rename);
[[nodiscard]] Recorded to_recorded(ChildAndParent const& reference, std::int64_t rows);  // orphans, of such a reference
[[nodiscard]] Recorded to_recorded(Stays const& stays);
[[nodiscard]] Recorded to_recorded(Neighbours const& neighbours);
[[nodiscard]] bool is_object(ObjectId const& recorded);

}  // namespace undrop
