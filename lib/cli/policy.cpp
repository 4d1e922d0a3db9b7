#include "policy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <map>
#include <vector>

#include "screen.hpp"
#include "session.hpp"

namespace undrop::cli {
namespace {

std::map<std::string, Ahead> const ahead_words = {{"accept-harmless", Ahead::accept_harmless},
                                                  {"accept", Ahead::accept},
                                                  {"refuse", Ahead::refuse},
                                                  {"wait", Ahead::wait},
                                                  {"roll-back", Ahead::roll_back}};
std::map<std::string, Busy> const busy_words = {{"wait", Busy::wait}, {"fail", Busy::fail}, {"serve", Busy::serve}};
std::map<std::string, Lock> const lock_words = {{"auto", Lock::automatic}, {"session", Lock::session}, {"lease", Lock::lease}};

// CLI11 has looked at the command line's word; that of undrop.toml comes unseen. Empty: `otherwise`.
template <class Value>
Value value_of(std::map<std::string, Value> const& words, std::string const& key, std::string const& word, Value otherwise) {
    if (word.empty()) return otherwise;
    if (auto const found = words.find(word); found != words.end()) return found->second;
    std::vector<std::string> known;
    for (auto const& [name, value] : words) known.push_back(name);
    wrong_use(fmt::format("{} in undrop.toml is \"{}\"", key, word), {.advice = fmt::format("it is one of {}", fmt::join(known, ", "))});
}

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

void declare_lock(CLI::App& app, std::string& lock) {
    app.add_option("--lock", lock, "What keeps migrators apart on PostgreSQL (auto: the session; behind a pooler a lease)")
        ->check(CLI::IsMember({"auto", "session", "lease"}))
        ->type_name("auto|session|lease");
}

Options with_policies(Session const& session, PolicyFlags const& flags) {
    auto options = session.options();
    auto const& settings = session.settings();
    options.ahead = value_of(ahead_words, "ahead", flags.ahead.empty() ? settings.ahead : flags.ahead, options.ahead);
    options.busy = value_of(busy_words, "busy", flags.busy.empty() ? settings.busy : flags.busy, options.busy);
    return options;
}

Lock lock_of(std::string const& word) { return value_of(lock_words, "lock", word, Lock::automatic); }

}  // namespace undrop::cli
