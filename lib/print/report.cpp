#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include <undrop/report.hpp>

#include "print/text.hpp"

namespace undrop {
namespace {

constexpr std::size_t headline_width = 70;

std::string headline(Report const& report) {
    if (report.run == 0) return report.target;
    auto const label = report.label.empty() ? "" : fmt::format("  \"{}\"", report.label);
    return fmt::format("{}   run {}{}", print::padded(report.target, headline_width - 3), report.run, label);
}

void add_saved(print::Details& details, StepReport const& step) {
    std::size_t rows_width = 0;
    for (auto const& saved : step.saved) rows_width = std::max(rows_width, print::thousands(saved.rows).size());
    for (auto const& saved : step.saved) {
        auto const noun = saved.rows == 1 ? "row " : "rows";
        details.add("saved", saved.what,
                    fmt::format("{:>{}} {}  {}", print::thousands(saved.rows), rows_width, noun, print::bytes(saved.bytes)));
    }
}

// Where to look at what of each snapshot was not put back.
std::vector<std::string> aside_lines(StepReport const& step) {
    std::vector<std::string> lines;
    for (auto const& merged : step.merged) {
        if (merged.kept_aside() == 0) continue;
        auto const command = fmt::format("undrop snapshots show {} --conflicts", merged.snapshot);
        if (lines.empty() || lines.back() != command) lines.push_back(command);
    }
    return lines;
}

std::string lock_text(LockHeld const& lock, int tries) {
    return fmt::format("{} (waited {}, {})", print::seconds(lock.held_seconds), print::seconds(lock.waited_seconds),
                       print::counted(tries, "try", "tries"));
}

// A table of a thousand columns is said in a few lines; --json has them all.
std::vector<std::string> first_of(std::vector<std::string> const& all) {
    constexpr std::size_t most = 40;
    if (all.size() <= most) return all;
    std::vector<std::string> first(all.begin(), all.begin() + most);
    first.push_back(fmt::format("and {} more", print::thousands(static_cast<std::int64_t>(all.size() - most))));
    return first;
}

std::string step_text(StepReport const& step) {
    print::Details details;
    add_saved(details, step);
    details.add_list("went", first_of(step.went), " (recorded)");
    for (auto const& merged : step.merged) details.add("back", merged.what, print::classes(merged));
    details.add_lines("aside", aside_lines(step));
    details.add_list("mended", first_of(step.mended));
    for (auto const& waived : step.waived) details.add("waived", waived, "not saved, as `-- undrop: lose` says");
    for (auto const& lock : step.locks) details.add("locked", lock.table, lock_text(lock, step.tries));
    if (step.checks > 0) details.add_lines("checks", {print::counted(step.checks, "statement holds", "statements hold")});
    details.add_lines("ran", step.outside);
    if (step.rounds > 1) details.add_lines("note", {fmt::format("done in {} rounds: a loss was not foreseen from the text", step.rounds)});
    details.add_lines("note", step.notes);
    if (!step.taken_back_for.empty())
        details.add_lines("note", {"taken back for an older program, whose newest migration is " + step.taken_back_for});
    auto const how = step.origin == Origin::file ? "" : ", " + print::origin(step.origin, step.direction);
    auto const direction = step.direction == Direction::up && how.empty() ? "" : fmt::format(" ({}{})", name_of(step.direction), how);
    return fmt::format("{} {}{}\n{}", step.version, step.name, direction, details.text());
}

// A run goes one way; taking a run back goes by its number, taking a down back is going up again.
std::string last_line(Report const& report) {
    if (report.elsewhere) return "Nothing was done here: another migrator is at work.\n";
    if (report.run == 0) return "Nothing to do.\n";
    auto const done = fmt::format("Done in {}.", print::seconds(report.seconds));
    if (report.steps.empty()) return done + "\n";
    if (report.steps.back().direction == Direction::up) return fmt::format("{} Way back: undrop down --run {}\n", done, report.run);
    return done + " Way forth: undrop up\n";
}

std::string step_markdown(StepReport const& step) {
    auto out = fmt::format("## {} {} ({})\n\n{}, {}.\n\n", step.version, print::escaped(step.name), name_of(step.direction),
                           print::origin(step.origin, step.direction), print::seconds(step.seconds));
    if (!step.saved.empty()) {
        out += "| saved | rows | bytes |\n|---|---:|---:|\n";
        for (auto const& s : step.saved)
            out += fmt::format("| {} | {} | {} |\n", print::code(s.what), print::thousands(s.rows), print::bytes(s.bytes));
        out += "\n";
    }
    if (!step.merged.empty()) {
        out += "| came back | rows |\n|---|---|\n";
        for (auto const& merged : step.merged) out += fmt::format("| {} | {} |\n", print::code(merged.what), print::classes(merged));
        out += "\n";
    }
    print::bullets(out, "Kept aside: what was not put back", aside_lines(step));
    print::bullets(out, "Went, recorded", step.went);
    print::bullets(out, "Mended", step.mended);
    print::bullets(out, "Waived, not saved", step.waived);
    std::vector<std::string> locks;
    for (auto const& lock : step.locks) locks.push_back(lock.table + " " + lock_text(lock, step.tries));
    print::bullets(out, "Locked", locks);
    if (step.checks > 0) print::bullets(out, "Checks", {print::counted(step.checks, "statement holds", "statements hold")});
    print::bullets(out, "Notes", step.notes);
    return out;
}

}  // namespace

std::int64_t Merged::kept_aside() const {
    return snapshot == 0 ? 0 : changed_since + deleted_since + key_taken + not_found + orphaned + emptied;
}

std::ostream& operator<<(std::ostream& out, Report const& report) {
    auto text = headline(report) + "\n";
    for (auto const& step : report.steps) text += step_text(step);
    text += print::findings(report.findings) + last_line(report);
    return out << print::printable(text);
}

std::string to_markdown(Report const& report) {
    auto const label = report.label.empty() ? "" : fmt::format(" \"{}\"", print::escaped(report.label));
    auto out = fmt::format("# Run {}{}\n\nTarget: {}. {}\n", report.run, label, print::escaped(report.target), last_line(report));
    for (auto const& step : report.steps) out += step_markdown(step);
    print::finding_bullets(out, report.findings);
    return out;
}

}  // namespace undrop
