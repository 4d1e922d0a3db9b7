// Renumber: saved rows of a table that a script makes and fills again, where the database draws the rows' keys. An equal number is no
// identity then: what was row 3 may be row 4 now, and row 3 somebody else's (P2, P3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

struct DrawnTable {
    Table const& now;
    Footprint const* base;              // what the script had left in it when it ran last; may be null
    std::string next;                   // SQL that draws the next key; empty: the one after the greatest
    std::vector<Reference> references;  // who refers to its rows
};

// How saved rows are called now.
struct Renumbered {
    std::int64_t snapshot = 0;
    std::string keys;           // working table: o (the saved key), n (its present one; NULL: the row does not come back), how
    std::int64_t others = 0;    // users' rows that get a number which is new to everybody
    std::int64_t returned = 0;  // rows that the script had made and makes no more, which users' rows refer to
    std::int64_t gone = 0;      // of the migration's own, which the script makes no more: not in the snapshot's working copy
};

// Finds out which saved row is which present one: by key and content, by what the script had made then, by a unique value. Users' rows that
// are none of them keep their number where it is free, and get another one where it is not. Where any has another number by now,
// the snapshot, and those of `all` that refer to it, get a working copy in their place with the present numbers. Working tables that this
// makes are added to `made`.
[[nodiscard]] Result<Renumbered> renumber(Backend& backend, Ledger const& ledger, Snapshot& snapshot, DrawnTable const& table,
                                          std::vector<Snapshot>& all, std::vector<std::string>& made, std::int64_t& next_id);

// What was noted as not put back gets the keys again that its snapshot has.
[[nodiscard]] Result<void> note_as_saved(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Renumbered const& renumbered,
                                         std::int64_t& next_id);

}  // namespace undrop
