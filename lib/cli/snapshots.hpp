// `undrop snapshots`: what its verbs share. One file for looking, one for what takes away, one for what is carried elsewhere.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <undrop/undrop.hpp>

namespace CLI {
class App;
}

namespace undrop::cli {

class Session;

// Asks before what cannot come back; throws Failure (Code::refused) for a no, or where there is nobody to ask. `command`: for advice.
void ask_before(Session const& session, std::string const& concern, std::string const& command);

[[nodiscard]] std::string line_of(SnapshotInfo const& info);  // "snapshot 3: participants.role, 3 rows, 2026-11-21T03:04:05Z"

// Each declares its own verb below `snapshots`.
using SnapshotVerb = std::function<int(Session&)>;
[[nodiscard]] SnapshotVerb declare_purge(CLI::App& app);
[[nodiscard]] SnapshotVerb declare_erase(CLI::App& app);
[[nodiscard]] SnapshotVerb declare_export(CLI::App& app);
[[nodiscard]] SnapshotVerb declare_import(CLI::App& app);

}  // namespace undrop::cli
