// Key pairs: where a step makes other columns the key, which row had which old one. Users may write anything into the old key's columns
// then; what the step saved by it is told by the new key (P2, P3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"
#include "look.hpp"
#include "snapshot.hpp"

namespace undrop {

// What `column` of a Footprint::Of::keys says.
struct KeyNames {
    std::vector<std::string> then;  // the columns of the old key, as they were called before the step
    std::vector<std::string> old;   // as the step left them; empty: they are gone
    std::vector<std::string> now;   // of the new key, as the step left them
};
[[nodiscard]] std::string to_text(KeyNames const& names);
[[nodiscard]] KeyNames key_names(std::string const& text);

// The names, where the step made other columns the key and those of the old one are there still.
[[nodiscard]] std::optional<KeyNames> changed_key(TableChange const& change);

// Notes which row had which old key, for all rows, or for those of `saved` alone. Nothing where there is no such row.
[[nodiscard]] Result<std::vector<Footprint>> save_key_pairs(Backend& backend, Ledger const& ledger, TableChange const& change,
                                                            KeyNames const& names, std::vector<Snapshot const*> const& saved,
                                                            std::int64_t id);

// Is this snapshot's rows' key one of these pairs? `table`: where its rows are now.
[[nodiscard]] bool tells(KeyNames const& names, Snapshot const& s, Table const& table);
// A query of the rows whose old key is another one by now (Snapshot::moves): of i, k1...
[[nodiscard]] std::string moved_keys(Dialect const& dialect, Ledger const& ledger, Footprint const& print, KeyNames const& names,
                                     Table const& table);

}  // namespace undrop
