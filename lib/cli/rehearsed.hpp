// --require-rehearsal, --evidence and --accept: what must be known of a migration before it goes up. Words of the command line win over
// those of undrop.toml.
#pragma once

#include <string>
#include <vector>

#include <undrop/evidence.hpp>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace undrop::cli {

class Session;

struct RehearsalFlags {
    CLI::Option* require = nullptr;  // given without a word: any rehearsal
    std::string mode;
    std::vector<std::string> evidence;
    std::string accept;
};

void declare_rehearsal(CLI::App& app, RehearsalFlags& flags);

// Throws Failure (Code::usage): a word that is none, a file that cannot be read or is no evidence.
[[nodiscard]] RehearsalPolicy rehearsal_policy(Session const& session, RehearsalFlags const& flags);

[[nodiscard]] Evidence read_evidence(std::string const& file);  // throws Failure

// The same plan with what evidence says of it.
[[nodiscard]] Result<Plan> judged(Result<Plan> plan, Target& target, RehearsalPolicy const& policy, Options const& options);

}  // namespace undrop::cli
