#include "policy.hpp"

#include <CLI/CLI.hpp>
#include <map>

namespace undrop::cli {
namespace {

std::map<std::string, Ahead> const ahead_words = {{"accept-harmless", Ahead::accept_harmless},
                                                  {"accept", Ahead::accept},
                                                  {"refuse", Ahead::refuse},
                                                  {"wait", Ahead::wait},
                                                  {"roll-back", Ahead::roll_back}};
std::map<std::string, Busy> const busy_words = {{"wait", Busy::wait}, {"fail", Busy::fail}, {"serve", Busy::serve}};

}  // namespace

void declare_ahead(CLI::App& app, PolicyFlags& flags) {
    app.add_option("--ahead", flags.ahead, "Where newer migrations are applied that are not here")
        ->check(CLI::IsMember({"accept-harmless", "accept", "refuse", "wait", "roll-back"}))
        ->type_name("accept-harmless|accept|refuse|wait|roll-back");
}

void declare_busy(CLI::App& app, PolicyFlags& flags) {
    app.add_option("--busy", flags.busy, "While another migrator is at work; serve: do nothing, and say so")
        ->check(CLI::IsMember({"wait", "fail", "serve"}))
        ->type_name("wait|fail|serve");
}

Options with_policies(Options options, PolicyFlags const& flags) {
    options.ahead = ahead_words.at(flags.ahead);
    options.busy = busy_words.at(flags.busy);
    return options;
}

}  // namespace undrop::cli
