#include "range.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "checks.hpp"
#include "screen.hpp"

namespace undrop::cli {
namespace {

std::int64_t run_of(std::string const& text) {
    if (text == "last") return 0;
    std::int64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number <= 0) {
        wrong_use(fmt::format("\"{}\" is no run", text),
                  {.command = "log", .advice = "it lists the runs; `--run last` is the newest that applied something"});
    }
    return number;
}

}  // namespace

void declare_range(CLI::App& app, RangeFlags& flags) {
    auto* to = app.add_option("--to", flags.to, "Up: the last version to apply. Down: stays applied; 0 takes all")->type_name("VERSION");
    app.add_option("--steps", flags.steps, "So many migrations")->type_name("N")->check(at_least_one())->excludes(to);
}

void declare_down_range(CLI::App& app, RangeFlags& flags) {
    declare_range(app, flags);
    auto* to = app.get_option("--to");
    auto* steps = app.get_option("--steps");
    auto* run = app.add_option("--run", flags.run, "What that run applied")->type_name("last|ID")->excludes(to)->excludes(steps);
    app.add_option("--label", flags.label, "What was applied under that label")
        ->type_name("LABEL")
        ->excludes(to)
        ->excludes(steps)
        ->excludes(run);
}

void declare_without_snapshot(CLI::App& app, bool& flag) {
    app.add_flag("--without-snapshot", flag, "Go without snapshots that are gone or not what was saved; what stays away is counted");
}

void declare_keep_order(CLI::App& app, bool& flag) {
    app.add_flag("--keep-order", flag, "Columns that come back stand where they were; PostgreSQL writes the table anew for that");
}

void declare_conflicts(CLI::App& app, ConflictFlags& flags) {
    app.add_option("--on-conflict", flags.on_conflict,
                   "Values and rows written since: they stay; or the saved ones are put over them, which saves them; or nothing is done")
        ->check(CLI::IsMember({"keep-current", "keep-old", "stop"}))
        ->type_name("keep-current|keep-old|stop");
    app.add_option("--on-orphan", flags.on_orphan,
                   "Saved rows that refer to what is gone: they stay in the snapshot; or come back with NULL there; or nothing is done")
        ->check(CLI::IsMember({"keep", "null", "stop"}))
        ->type_name("keep|null|stop");
}

void set_conflicts(Options& options, ConflictFlags const& flags) {
    options.on_conflict = flags.on_conflict == "keep-old" ? OnConflict::keep_old
                          : flags.on_conflict == "stop"   ? OnConflict::stop
                                                          : OnConflict::keep_current;
    options.on_orphan = flags.on_orphan == "keep" ? OnOrphan::keep : flags.on_orphan == "null" ? OnOrphan::null : OnOrphan::stop;
}

void check_version(std::string const& version) {
    if (version.empty() || version.find_first_of(" \t\r\n") != std::string::npos) {
        wrong_use(fmt::format("\"{}\" is no version", version), {.command = "status", .advice = "it lists the versions"});
    }
}

Range range_of(RangeFlags const& flags) {
    Range range;
    if (flags.to) check_version(*flags.to);
    range.to = flags.to;
    range.steps = flags.steps;
    if (flags.run) range.run = run_of(*flags.run);
    range.label = flags.label;
    return range;
}

}  // namespace undrop::cli
