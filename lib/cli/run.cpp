#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

#include "screen.hpp"

namespace undrop::cli {
namespace {

// Why this plan must be asked about: empty if it need not. Nothing that is saved asks.
std::string concerns(Session const& session, Plan const& plan) {
    std::string result;
    auto const asked_for = plan.steps.empty() || plan.steps.front().taken_back_for.empty();  // else --ahead roll-back was said
    if (plan.direction == Direction::down && asked_for && session.settings().environment) {
        result = fmt::format("the database comes from {}: {}\n", *session.settings().environment, plan.target);
    }
    for (auto const& step : plan.steps) {
        for (auto const& loss : step.losses) {
            if (loss.waived) result += fmt::format("{} is not saved and cannot come back (waived in {})\n", loss.what, step.version);
        }
    }
    return result;
}

void ask(Session const& session, Plan const& plan, std::string const& concern, std::string const& command) {
    if (concern.empty() || session.flags().yes) return;
    Next const yes{.command = command + " --yes", .advice = "say that it is meant"};
    if (!can_ask()) {
        throw Failure({.code = Code::refused, .message = concern + "there is no terminal to ask on", .next = yes});
    }
    std::ostringstream text;
    text << plan;
    remark(text.str() + concern);
    if (!confirmed("Go on?")) throw Failure({.code = Code::refused, .message = "not done: the answer was no", .next = yes});
}

bool only_of(Plan const& plan, std::set<std::string> const& versions) {
    return std::all_of(plan.steps.begin(), plan.steps.end(), [&](PlannedStep const& step) { return versions.contains(step.version); });
}

// A stored plan that was carried out already, by whomever.
std::optional<Error> done_already(Target& target, Plan const& plan, Options const& options) {
    auto const now = undrop::status(target, Source{}, options);
    if (!now) return {};
    std::string names;
    for (auto const& step : plan.steps) {
        auto const applied = std::any_of(now.value().applied.begin(), now.value().applied.end(),
                                         [&](AppliedMigration const& a) { return a.version == step.version; });
        if (applied != (step.direction == Direction::up)) return {};
        names += (names.empty() ? "" : ", ") + step.version + " " + step.name;
    }
    return Error{.code = Code::conflict,
                 .left = Left::untouched,
                 .message = fmt::format("what this plan would do is done already: {} {} {}", names, plan.steps.size() == 1 ? "is" : "are",
                                        plan.direction == Direction::up ? "applied" : "taken back"),
                 .next = {.command = "log", .advice = "it lists when and by which run"}};
}

char const* text_of(Finding::Severity severity) { return undrop::name_of(severity); }

}  // namespace

Report carry_out(Session const& session, Target& target, Options const& options, Wish const& wish) {
    std::string answered;
    std::optional<Error> late;  // of the first plan
    std::set<std::string> meant;
    auto const give_up = std::chrono::steady_clock::now() + options.wait;
    auto const out_of_time = [&] { return wish.stored || std::chrono::steady_clock::now() >= give_up; };
    while (true) {
        auto planned = wish.plan();
        if (!planned && planned.error().code == Code::busy && options.busy == Busy::serve)
            return Report{.target = target.description(),
                          .findings = {{.severity = Finding::Severity::warning, .code = "elsewhere", .text = planned.error().message}},
                          .elsewhere = true};
        auto const plan = std::move(planned).value();
        // What another migrator has taken back meanwhile is not made up for by taking back more.
        if (late && plan.direction == Direction::down && !only_of(plan, meant)) throw Failure(*late);
        for (auto const& step : plan.steps) meant.insert(step.version);
        auto const approved = approve(plan);
        if (!approved) {
            // Others have locked what the plan is made of.
            if (approved.error().code != Code::busy || options.busy != Busy::wait || out_of_time()) throw Failure(approved.error());
            if (!late && options.on_event) options.on_event({.kind = Event::Kind::waiting, .text = approved.error().message});
            late = approved.error();
            continue;
        }
        if (plan.steps.empty())
            return Report{.target = plan.target, .run = 0, .label = {}, .seconds = 0, .steps = {}, .findings = plan.findings};
        if (auto const concern = concerns(session, plan); concern != answered) {
            ask(session, plan, concern, wish.command);
            answered = concern;
        }
        auto report = apply(target, approved.value(), options);
        if (report.has_value()) return std::move(report).value();
        // Another migrator was faster: there is less to do now.
        if (report.error().code == Code::conflict && wish.stored)
            if (auto const done = done_already(target, plan, options)) throw Failure(*done);
        if (report.error().code != Code::conflict || out_of_time()) throw Failure(report.error());
        late = report.error();
    }
}

int show_plan(Session const& session, Plan const& plan) {
    std::ostringstream text;
    text << plan;
    say(session.flags().json ? to_json(plan) : text.str());
    return plan.go() ? 0 : 3;
}

int show_report(Session const& session, Report const& report, std::string const& nothing) {
    if (session.flags().json) {
        say(to_json(report));
    } else if (report.run == 0) {
        for (auto const& finding : report.findings) remark(fmt::format("undrop: {}: {}", text_of(finding.severity), finding.text));
        if (!session.flags().quiet) say(report.target + "\n" + nothing);
    } else if (!session.flags().quiet) {
        std::ostringstream text;
        text << report;
        say(text.str());
    }
    return 0;
}

Plan read_plan(std::string const& file) {
    bool const readable = !std::filesystem::is_directory(file);
    std::ifstream in(file, std::ios::binary);
    std::string const text = readable ? std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()} : std::string();
    if (!readable || !in.is_open() || in.bad()) {
        throw Failure({.code = Code::usage,
                       .message = "this plan cannot be read",
                       .where = {.file = file},
                       .next = {.command = "plan --out FILE", .advice = "it makes one"}});
    }
    auto plan = plan_from_json(text);
    if (plan.has_value() && std::none_of(plan.value().findings.begin(), plan.value().findings.end(),
                                         [](Finding const& finding) { return finding.code == "locked"; }))
        return std::move(plan).value();
    // P7: it is not known what it was made for.
    if (plan.has_value())
        throw Failure({.code = Code::refused,
                       .message = "this plan was made while another session had locked what it was to be made of",
                       .where = {.file = file},
                       .next = {.command = "plan --out " + file, .advice = "makes it again"}});
    auto error = plan.error();
    error.where.file = file;
    throw Failure(error);
}

void write_file(std::string const& file, std::string const& text) {
    std::ofstream out(file, std::ios::binary);
    out << text << '\n';
    out.close();
    if (!out) {
        throw Failure({.code = Code::failed,
                       .message = "this file cannot be written",
                       .where = {.file = file},
                       .next = {.advice = "name a file in a directory that is there and that you may write to"}});
    }
}

}  // namespace undrop::cli
