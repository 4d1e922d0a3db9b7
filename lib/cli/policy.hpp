// --ahead and --busy: what to do where the database is ahead of the migrations here, and while another migrator is at work.
#pragma once

#include <string>

#include <undrop/options.hpp>

namespace CLI {
class App;
}

namespace undrop::cli {

struct PolicyFlags {
    std::string ahead = "accept-harmless";
    std::string busy = "wait";
};

void declare_ahead(CLI::App& app, PolicyFlags& flags);
void declare_busy(CLI::App& app, PolicyFlags& flags);
[[nodiscard]] Options with_policies(Options options, PolicyFlags const& flags);

}  // namespace undrop::cli
