// Keys that come back before their columns get the old type again, and the rows of others that refer to them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backend.hpp"
#include "follow.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

// Lets rows that users wrote since refer to what rows of the parent are called again: `moved` is what `keys_back` gave of `s`, the
// parent's snapshot. The child's column is a text then, until it gets its old type, too. Gives how many rows were changed.
[[nodiscard]] Result<std::int64_t> follow_keys_back(Backend& backend, Ledger const& ledger, Snapshot const& s, Snapshot const& moved,
                                                    Table const& child, Reference const& by);

// In a transaction that is taken back: all such keys of `snapshots` come back, as far as they can, so that what does not fit then is
// others'. Gives the ids of the snapshots whose keys did. `catalog`: whose foreign keys over them go; `unchanged`: working tables of
// `note_unchanged`, by snapshot.
[[nodiscard]] Result<std::vector<std::int64_t>> try_keys_back(Backend& backend, Ledger const& ledger,
                                                              std::vector<Snapshot> const& snapshots, std::vector<Table> const& tables,
                                                              Catalog const& catalog, std::map<std::int64_t, std::string> const& unchanged,
                                                              std::int64_t& next_id);

}  // namespace undrop
