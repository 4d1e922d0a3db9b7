#include "fault.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "keep_aside.hpp"
#include "try.hpp"

namespace undrop {

std::string name_of(Snapshot const& snapshot) { return fmt::format("snapshot {} of {}", snapshot.id, snapshot.what()); }

Result<std::string> fault_of(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Depth depth) {
    if (snapshot.kind == Snapshot::Kind::sequence) return std::string{};
    if (snapshot.kind == Snapshot::Kind::aside) return fault_of_aside(backend, ledger, snapshot);
    if (snapshot.purged()) return std::string{"was purged"};
    auto const store = ledger.table(snapshot.store);
    auto const wanted = snapshot.columns();
    UNDROP_TRY(auto const there, backend.columns_of(store));
    if (there.empty()) return fmt::format("has no table any more: {} is gone", snapshot.store);
    auto const has = [&](std::string const& name) {
        return std::any_of(there.begin(), there.end(), [&](StoreColumn const& column) { return column.name == name; });
    };
    if (!std::all_of(wanted.begin(), wanted.end(), has)) return fmt::format("has other columns in {} than were saved", snapshot.store);
    if (depth == Depth::table) return std::string{};
    UNDROP_TRY(auto const rows, backend.rows("select count(*) from " + store));
    if (auto const count = rows.at(0).at(0).value_or("0"); count != std::to_string(snapshot.rows))
        return fmt::format("has {} rows in {}, and {} were saved", count, snapshot.store, snapshot.rows);
    UNDROP_TRY(auto const hash, backend.hash_of(store, wanted));
    if (hash != snapshot.hash) return fmt::format("holds other values in {} than were saved", snapshot.store);
    return std::string{};
}

}  // namespace undrop
