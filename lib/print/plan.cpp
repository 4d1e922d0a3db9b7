#include <fmt/format.h>

#include <ostream>

#include <undrop/plan.hpp>

#include "print/text.hpp"

namespace undrop {
namespace {

std::string rows_text(PlannedLoss const& loss) {
    auto rows = loss.rows ? print::counted(*loss.rows, "row", "rows") : std::string("rows not counted");
    if (loss.written_since) rows += fmt::format(", {} written since", print::thousands(*loss.written_since));
    return rows + (loss.waived ? "  NOT saved: waived by `-- undrop: lose`" : "  saved first");
}

// "2 of 3 rows saved come back; deleted since 1"
std::string return_text(PlannedReturn const& back) {
    auto text = back.comes_back ? fmt::format("{}{} of {} saved come back", back.unknown.empty() ? "" : "up to ",
                                              print::thousands(*back.comes_back), print::counted(back.rows, "row", "rows"))
                                : print::counted(back.rows, "row", "rows") + " saved";
    auto const part = [&](char const* name, std::optional<std::int64_t> const& count) {
        if (count && *count > 0) text += fmt::format("; {} {}", name, print::thousands(*count));
    };
    part("changed since", back.changed_since);
    part("deleted since", back.deleted_since);
    part("inserted since", back.inserted_since);
    part("key taken since", back.key_taken);
    if (!back.unknown.empty()) text += "; unknown before the step: " + back.unknown;
    return text;
}

std::string what_runs(PlannedStep const& step) {
    auto const script = print::origin(step.origin, step.direction);
    if (step.origin == Origin::derived) return script;
    return fmt::format("{}, {}", script, print::counted(step.statements, "statement", "statements"));
}

std::string what_checks(PlannedStep const& step) {
    auto const& check = step.direction == Direction::up ? step.check : step.down_check;
    if (!check) return {};
    return fmt::format("{} of {}", print::counted(step.check_statements, "statement", "statements"), check->file);
}

std::string step_text(PlannedStep const& step) {
    print::Details details;
    details.add_lines("runs", {what_runs(step)});
    details.add_list("locks", step.locks);
    for (auto const& loss : step.losses) details.add("loses", loss.what, rows_text(loss));
    if (step.returns.empty()) details.add_lines("back", step.comes_back);
    for (auto const& back : step.returns) details.add("back", back.what, return_text(back));
    details.add_list("mends", step.mends);
    if (auto const checks = what_checks(step); !checks.empty()) details.add_lines("checks", {checks});
    details.add_lines("note", step.notes);
    return fmt::format("{} {} ({})\n{}", step.version, step.name, name_of(step.direction), details.text());
}

std::string step_markdown(PlannedStep const& step) {
    auto out =
        fmt::format("## {} {} ({})\n\nRuns: {}.\n\n", step.version, print::escaped(step.name), name_of(step.direction), what_runs(step));
    print::bullets(out, "Locks against writers", step.locks);
    if (!step.losses.empty()) {
        out += "| loses | rows | |\n|---|---:|---|\n";
        for (auto const& loss : step.losses) {
            out += fmt::format("| {} | {} | {} |\n", print::code(loss.what), loss.rows ? print::thousands(*loss.rows) : "not counted",
                               loss.waived ? "**not saved**: waived" : "saved first");
        }
        out += "\n";
    }
    if (step.returns.empty()) print::bullets(out, "Comes back", step.comes_back);
    if (!step.returns.empty()) out += "| comes back | |\n|---|---|\n";
    for (auto const& back : step.returns) out += fmt::format("| {} | {} |\n", print::code(back.what), return_text(back));
    if (!step.returns.empty()) out += "\n";
    print::bullets(out, "Mends", step.mends);
    if (auto const checks = what_checks(step); !checks.empty()) print::bullets(out, "Checks", {checks});
    print::bullets(out, "Notes", step.notes);
    return out;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Plan const& plan) {
    auto text = fmt::format("{}\n", plan.target);
    text += plan.steps.empty() ? "Nothing to do.\n" : fmt::format("Plan: {}\n", print::steps(plan.steps.size(), plan.direction));
    for (auto const& step : plan.steps) text += step_text(step);
    text += print::findings(plan.findings);
    return out << print::printable(text) << (plan.go() ? "GO\n" : "NO-GO\n");
}

std::string to_markdown(Plan const& plan) {
    auto out = fmt::format("# Plan: {}\n\nTarget: {}. Result: **{}**.\n\n", print::steps(plan.steps.size(), plan.direction),
                           print::escaped(plan.target), plan.go() ? "GO" : "NO-GO");
    for (auto const& step : plan.steps) out += step_markdown(step);
    print::finding_bullets(out, plan.findings);
    return out;
}

char const* name_of(Origin origin) {
    switch (origin) {
        case Origin::file:
            return "file";
        case Origin::ledger:
            return "ledger";
        case Origin::derived:
            break;
    }
    return "derived";
}

char const* name_of(Finding::Severity severity) {
    switch (severity) {
        case Finding::Severity::note:
            return "note";
        case Finding::Severity::warning:
            return "warning";
        case Finding::Severity::stop:
            break;
    }
    return "stop";
}

}  // namespace undrop
