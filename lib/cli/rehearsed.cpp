#include "rehearsed.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "screen.hpp"
#include "session.hpp"

namespace undrop::cli {
namespace {

constexpr std::array modes{DataMode::migrations, DataMode::schema, DataMode::synthetic, DataMode::sample, DataMode::full};
constexpr char const* words = "migrations, schema, synthetic, sample or full";

DataMode mode_of(std::string const& word, std::string const& where) {
    for (auto const mode : modes)
        if (word == name_of(mode)) return mode;
    wrong_use(fmt::format("{} wants {}, from the weakest rows to the strongest; not \"{}\"", where, words, word),
              {.command = "up --require-rehearsal full", .advice = "without a word any rehearsal will do"});
}

}  // namespace

void declare_rehearsal(CLI::App& app, RehearsalFlags& flags) {
    flags.require =
        app.add_option("--require-rehearsal", flags.mode, "No migration goes up that was not rehearsed on such rows, and came back")
            ->expected(0, 1)
            ->type_name("[migrations|schema|synthetic|sample|full]");
    app.add_option("--evidence", flags.evidence, "What `rehearse --report FILE.json` wrote, beside what the ledger has recorded")
        ->type_name("FILE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_option("--accept", flags.accept, "A rehearsal that found it lossy will do, too")
        ->check(CLI::IsMember({"lossy"}))
        ->type_name("lossy");
}

Evidence read_evidence(std::string const& file) {
    bool const readable = !std::filesystem::is_directory(file);
    std::ifstream in(file, std::ios::binary);
    std::string const text = readable ? std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()} : std::string();
    if (!readable || !in.is_open() || in.bad())
        throw Failure({.code = Code::usage,
                       .message = "this evidence cannot be read",
                       .where = {.file = file},
                       .next = {.command = "rehearse --report FILE.json", .advice = "makes one"}});
    auto evidence = evidence_from_json(text);
    if (evidence.has_value()) return std::move(evidence).value();
    auto error = evidence.error();
    error.where.file = file;
    throw Failure(error);
}

RehearsalPolicy rehearsal_policy(Session const& session, RehearsalFlags const& flags) {
    auto const& settings = session.settings();
    RehearsalPolicy policy;
    if (flags.require != nullptr && flags.require->count() > 0)
        policy.required = flags.mode.empty() ? DataMode::migrations : mode_of(flags.mode, "--require-rehearsal");
    else if (!settings.require_rehearsal.empty())
        policy.required = mode_of(settings.require_rehearsal, "require_rehearsal in undrop.toml");
    if (flags.accept.empty() && !settings.accept.empty() && settings.accept != "lossy")
        wrong_use(fmt::format("accept in undrop.toml is \"{}\"", settings.accept), {.advice = "it is \"lossy\", or left out"});
    policy.accept_lossy = !flags.accept.empty() || !settings.accept.empty();
    auto files = flags.evidence;
    if (files.empty() && !settings.evidence.empty()) files.push_back(settings.evidence);
    for (auto const& file : files) policy.evidence.push_back(read_evidence(file));
    return policy;
}

Result<Plan> judged(Result<Plan> plan, Target& target, RehearsalPolicy const& policy, Options const& options) {
    if (!plan) return plan;
    return with_evidence(target, std::move(plan).value(), policy, options);
}

}  // namespace undrop::cli
