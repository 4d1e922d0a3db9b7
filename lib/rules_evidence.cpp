#include "rules_evidence.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "evidence.hpp"
#include "step.hpp"

namespace undrop {
namespace {

using Severity = Finding::Severity;
constexpr std::size_t most_named = 5;

// Why evidence is not of this step, here. In the order in which they matter.
enum class Misfit { script, database, objects, grade, data };

struct Problem {
    Misfit misfit{};
    std::string text;
};

struct Candidate {
    Evidence const* evidence = nullptr;
    Rehearsed const* rehearsed = nullptr;
    std::vector<Problem> problems;
};

// What earlier steps of the plan leave, as rehearsed; and whether that is known of all of them.
struct Standing {
    std::map<ObjectId, std::string> left;
    bool known = true;
};

std::string kind_of_database(std::string const& text) { return text.substr(0, text.find(' ')); }

// "PostgreSQL" of "local/shop as shop (PostgreSQL 15.20)"
std::string kind_of_target(std::string const& target) {
    auto const open = target.rfind('(');
    return open == std::string::npos ? std::string() : kind_of_database(target.substr(open + 1));
}

std::string other_script(PlannedStep const& step, Rehearsed const& r) {
    if (!step.up || checksum(step.up->text) != r.up_sum) return "another up script";
    if ((step.down ? checksum(step.down->text) : std::string()) != r.down_sum)
        return r.down_sum.empty() ? "no down script" : "another down script";
    if (r.down_derived && step.down) return "its way back derived, and not by the down script";
    if (directives_digest(*step.up, step.down) != r.directives) return "other directives (`-- undrop: ...`) in the scripts";
    return {};
}

std::string named(std::vector<std::string> const& names) {
    if (names.size() <= most_named) return fmt::format("{}", fmt::join(names, ", "));
    return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + most_named, ", "), names.size() - most_named);
}

// The objects at stake that are not here what they were in the rehearsal.
std::vector<std::string> other_objects(Rehearsed const& r, Catalog const& now, Standing const& standing) {
    std::vector<std::string> differ;
    std::set<ObjectId> listed;
    std::set<TableName> tables;
    for (auto const& object : r.at_stake) {
        ObjectId const id{object.kind, object.parent, object.name};
        listed.insert(id);
        if (id.kind == "table" && !object.before.empty()) tables.insert({id.parent, id.name});
        auto const left = standing.left.find(id);
        auto const there = now.find(id);
        auto const here = left != standing.left.end() ? left->second : there == now.end() ? std::string() : digest_of(there->second);
        if (here == object.before) continue;
        auto const* how = object.before.empty() ? "is here already, and was not there"
                          : here.empty()        ? "is not here"
                                                : "is defined otherwise";
        differ.push_back(fmt::format("{} {}", id.text(), how));
    }
    if (!tables.empty())
        for (auto const& id : objects_around(now, tables))
            if (is_at_stake(id) && !listed.contains(id) && !standing.left.contains(id)) differ.push_back(id.text() + " was not there");
    return differ;
}

void add_problems(PlannedStep const& step, std::string const& target, Catalog const* now, RehearsalPolicy const& policy,
                  Standing const& standing, Candidate& candidate) {
    auto const& r = *candidate.rehearsed;
    auto const& e = *candidate.evidence;
    auto const add = [&](Misfit misfit, std::string text) { candidate.problems.push_back({misfit, std::move(text)}); };
    if (auto const other = other_script(step, r); !other.empty()) add(Misfit::script, "what was rehearsed had " + other);
    if (auto const kind = kind_of_target(target); !kind.empty() && kind != kind_of_database(e.database))
        add(Misfit::database, fmt::format("it was rehearsed on {}, and this is {}", e.database, kind));
    // Another script touches other objects.
    if (now && candidate.problems.empty() && standing.known && step.unfinished == 0 && r.grade != Grade::up_broken)
        if (auto const differ = other_objects(r, *now, standing); !differ.empty())
            add(Misfit::objects, "the objects that it touches are not what they were in the rehearsal: " + named(differ));
    auto const undeclared = r.grade == Grade::irreversible && r.irreversible.empty();
    auto const broken = r.grade == Grade::down_broken || r.grade == Grade::up_broken;
    auto const bad = broken || undeclared || (r.grade == Grade::lossy && !policy.accept_lossy);
    if (bad) add(Misfit::grade, r.reason);
    if (policy.required && e.data.mode < *policy.required)
        add(Misfit::data,
            fmt::format("it was rehearsed with the rows of `{}`, and `{}` is required", name_of(e.data.mode), name_of(*policy.required)));
    // Where no row could be made, nothing was proved.
    if (policy.required.value_or(DataMode::migrations) > DataMode::schema)
        for (auto const& table : r.not_exercised) add(Misfit::data, fmt::format("no row of {} could be made for it", table));
}

char const* code_of(Misfit misfit) {
    switch (misfit) {
        case Misfit::script:
            return "rehearsed-otherwise";
        case Misfit::database:
            return "rehearsed-elsewhere";
        case Misfit::objects:
            return "rehearsed-objects";
        case Misfit::grade:
            return "rehearsed-grade";
        case Misfit::data:
            break;
    }
    return "rehearsed-data";
}

std::string rehearse_command(PlannedStep const& step, DataMode mode) {
    if (mode == DataMode::migrations) return fmt::format("rehearse {} --record", step.version);
    return fmt::format("rehearse {} --data {} --record", step.version, name_of(mode));
}

Next next_of(Misfit misfit, PlannedStep const& step, Rehearsed const& r, RehearsalPolicy const& policy) {
    auto const mode = policy.required.value_or(DataMode::migrations);
    constexpr auto evidence =
        "rehearses it and records the evidence here; or rehearse it on a copy with --report FILE.json, and say `up --evidence FILE.json`";
    switch (misfit) {
        case Misfit::objects:
            return {.command = rehearse_command(step, std::max(mode, DataMode::schema)),
                    .advice = "rehearses it on what is here; what others changed here, `status` and `schema diff` show"};
        case Misfit::grade:
            if (r.grade == Grade::lossy)
                return {.command = fmt::format("up --require-rehearsal {} --accept lossy", name_of(mode)),
                        .advice = fmt::format("if that loss is meant; what it is, `rehearse {}` shows", step.version)};
            return {.command = "rehearse " + step.version, .advice = "shows what is broken; correct the script"};
        case Misfit::script:
        case Misfit::database:
        case Misfit::data:
            break;
    }
    return {.command = rehearse_command(step, mode), .advice = evidence};
}

// Fewer problems are better, then newer evidence.
Candidate const* best_of(std::vector<Candidate> const& candidates) {
    Candidate const* best = nullptr;
    for (auto const& candidate : candidates) {
        auto const rank = [](Candidate const& c) { return c.problems.empty() ? 99 : static_cast<int>(c.problems.front().misfit); };
        if (!best || rank(candidate) > rank(*best) || (rank(candidate) == rank(*best) && candidate.evidence->at >= best->evidence->at))
            best = &candidate;
    }
    return best;
}

// `says`: what it was rehearsed on, and found to be.
std::string text_of(Problem const& problem, std::string const& says) {
    if (problem.misfit == Misfit::grade) return problem.text.empty() ? says : says + ": " + problem.text;
    return says + "; but " + problem.text;
}

std::string name_of(PlannedStep const& step) { return step.version + " " + step.name; }

Finding missing(PlannedStep const& step, RehearsalPolicy const& policy) {
    return {.severity = Severity::stop,
            .code = "not-rehearsed",
            .text = fmt::format("{} was not rehearsed: there is no evidence that it comes back", name_of(step)),
            .where = {step.up ? step.up->file : std::string(), 0, 0},
            .next = next_of(Misfit::data, step, {}, policy)};
}

// The findings of one step; what it leaves is noted for later ones.
void judge(PlannedStep const& step, std::string const& target, std::vector<Evidence> const& known, Catalog const* now,
           RehearsalPolicy const& policy, Standing& standing, std::vector<Finding>& findings) {
    std::vector<Candidate> candidates;
    for (auto const& evidence : known)
        for (auto const& rehearsed : evidence.migrations)
            if (rehearsed.version == step.version && !rehearsed.up_sum.empty()) candidates.push_back({&evidence, &rehearsed, {}});
    for (auto& candidate : candidates) add_problems(step, target, now, policy, standing, candidate);
    auto const* best = best_of(candidates);
    if (!best) {
        standing.known = false;
        if (policy.required) findings.push_back(missing(step, policy));
        return;
    }
    auto const says = summary(*best->evidence, *best->rehearsed);
    auto const fits = best->problems.empty();
    if (fits) {
        std::string less;
        for (auto const& note : best->evidence->notes)
            if (note.starts_with("masked: ") || note.starts_with("no application wrote")) less += "; " + note;
        auto const warns = best->rehearsed->grade == Grade::lossy || best->rehearsed->refused_in_use || !less.empty();
        auto const severity = warns ? Severity::warning : Severity::note;
        findings.push_back({.severity = severity, .code = "rehearsed", .text = fmt::format("{} was {}{}", name_of(step), says, less)});
    }
    for (auto const& problem : best->problems)
        findings.push_back({.severity = policy.required ? Severity::stop : Severity::warning,
                            .code = code_of(problem.misfit),
                            .text = fmt::format("{} was {}", name_of(step), text_of(problem, says)),
                            .where = {step.up ? step.up->file : std::string(), 0, 0},
                            .next = next_of(problem.misfit, step, *best->rehearsed, policy)});
    auto const runs_as_rehearsed =
        std::none_of(best->problems.begin(), best->problems.end(), [](Problem const& p) { return p.misfit <= Misfit::objects; });
    standing.known = standing.known && runs_as_rehearsed && best->rehearsed->grade != Grade::up_broken;
    for (auto const& object : best->rehearsed->at_stake) standing.left[{object.kind, object.parent, object.name}] = object.after;
}

}  // namespace

std::string summary(Evidence const& evidence, Rehearsed const& r) {
    auto const rows = [&]() -> std::string {
        switch (evidence.data.mode) {
            case DataMode::migrations:
                return "on an empty database";
            case DataMode::schema:
                return "on the schema of a target, without rows";
            case DataMode::synthetic:
                return "with made rows";
            case DataMode::sample:
                return "with a sample of a target's rows";
            case DataMode::full:
                break;
        }
        return "on a copy of a target";
    }();
    auto text =
        fmt::format("rehearsed {}{}: {}", rows, evidence.at.empty() ? "" : " at " + evidence.at.substr(0, 19) + "Z", name_of(r.grade));
    if (!r.irreversible.empty()) text += fmt::format(", as its author says ({})", r.irreversible);
    if (r.refused_in_use) text += "; its way back was refused once an application had written, as the rehearsal's notes say";
    return text;
}

bool is_of_evidence(Finding const& finding) { return finding.code == "not-rehearsed" || finding.code.starts_with("rehearsed"); }

std::vector<Finding> evidence_findings(Plan const& plan, std::vector<Evidence> const& known, Catalog const* now,
                                       RehearsalPolicy const& policy) {
    std::vector<Finding> findings;
    Standing standing;
    for (auto const& step : plan.steps)
        if (step.direction == Direction::up) judge(step, plan.target, known, now, policy, standing, findings);
    if (policy.required && !now && !known.empty())
        findings.push_back({.severity = Severity::stop,
                            .code = "locked",
                            .text = "others have locked what evidence is to be compared with",
                            .next = {.advice = "plan again when they have finished"}});
    return findings;
}

}  // namespace undrop
