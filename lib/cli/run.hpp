// The way that up, down, to and redo share: plan, gate, ask where it must be asked, apply.
#pragma once

#include <functional>
#include <string>

#include <undrop/undrop.hpp>

#include "session.hpp"

namespace undrop::cli {

struct Wish {
    std::function<Result<Plan>()> plan;  // asked again when another migrator was faster
    bool stored = false;                 // a plan from a file: not made again
    std::string command;                 // as typed, e.g. "down"; for advice
};

// Throws Failure. A report with run 0: nothing was to be done.
[[nodiscard]] Report carry_out(Session const& session, Target& target, Options const& options, Wish const& wish);

// Prints; 0, or 3 for a NO-GO.
[[nodiscard]] int show_plan(Session const& session, Plan const& plan);
// Prints; 0. `nothing`: what to say where nothing was done.
[[nodiscard]] int show_report(Session const& session, Report const& report, std::string const& nothing);

[[nodiscard]] Plan read_plan(std::string const& file);              // throws Failure
void write_file(std::string const& file, std::string const& text);  // throws Failure

}  // namespace undrop::cli
