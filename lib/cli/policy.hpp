// --ahead, --busy and --lock: what to do where the database is ahead of the migrations here, and while another migrator is at work; and
// what keeps migrators apart. Words of the command line win over those of undrop.toml.
#pragma once

#include <string>

#include <undrop/options.hpp>

namespace CLI {
class App;
}

namespace undrop::cli {

class Session;

// Empty: not said.
struct PolicyFlags {
    std::string ahead;
    std::string busy;
};

void declare_ahead(CLI::App& app, PolicyFlags& flags);
void declare_busy(CLI::App& app, PolicyFlags& flags);
void declare_lock(CLI::App& app, std::string& lock);

// The session's options with these. Throws Failure (Code::usage) for a word of undrop.toml that is none.
[[nodiscard]] Options with_policies(Session const& session, PolicyFlags const& flags);
[[nodiscard]] Lock lock_of(std::string const& word);

}  // namespace undrop::cli
