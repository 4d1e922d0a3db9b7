// --to, --steps, --run, --label: which steps.
#pragma once

#include <optional>
#include <string>

#include <undrop/undrop.hpp>

namespace CLI {
class App;
}

namespace undrop::cli {

struct RangeFlags {
    std::optional<std::string> to;
    std::optional<int> steps;
    std::optional<std::string> run;    // down only
    std::optional<std::string> label;  // down only
};

void declare_range(CLI::App& app, RangeFlags& flags);       // --to, --steps
void declare_down_range(CLI::App& app, RangeFlags& flags);  // those, and --run, --label
void declare_without_snapshot(CLI::App& app, bool& flag);   // --without-snapshot
void declare_keep_order(CLI::App& app, bool& flag);         // --keep-order

// --on-conflict and --on-orphan: words; what they mean is set in the options.
struct ConflictFlags {
    std::string on_conflict = "keep-current";
    std::string on_orphan = "stop";
};
void declare_conflicts(CLI::App& app, ConflictFlags& flags);
void set_conflicts(Options& options, ConflictFlags const& flags);

// Throws Failure (Code::usage): a version or run that is no number.
[[nodiscard]] Range range_of(RangeFlags const& flags);
void check_version(std::string const& version);

}  // namespace undrop::cli
