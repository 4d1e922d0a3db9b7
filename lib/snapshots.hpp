// What the verbs about snapshots share.
#pragma once

#include <vector>

#include <undrop/snapshots.hpp>

#include "ledger.hpp"

namespace undrop {

[[nodiscard]] Error no_such_snapshot(std::int64_t id);
// Those asked for, in the order of `all`; no ids: all. Code::usage for an id that is none.
[[nodiscard]] Result<std::vector<SnapshotInfo>> chosen(std::vector<SnapshotInfo> all, std::vector<std::int64_t> const& ids);
// Until a step in parts is over, its snapshots are left alone.
[[nodiscard]] Error not_while_in_progress(Unfinished const& step);
[[nodiscard]] Result<Snapshot> manifest_of(Ledger& ledger, SnapshotInfo const& info);

}  // namespace undrop
