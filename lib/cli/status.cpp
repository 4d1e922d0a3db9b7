#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "policy.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace undrop::cli {

Action declare_status(CLI::App& app) {
    auto check = std::make_shared<bool>(false);
    auto policies = std::make_shared<PolicyFlags>();
    declare_ahead(app, *policies);
    app.add_flag("--check", *check, "Exit status 3 unless nothing is pending, edited, missing or out of order");
    return [check, policies](Session& session) {
        auto const source = session.source_or_ledger();
        auto target = session.open();
        auto const status = undrop::status(target, source, with_policies(session, *policies)).value();
        std::ostringstream text;
        text << status;
        say(session.flags().json ? to_json(status) : text.str());
        return *check && !status.clean() ? 3 : 0;
    };
}

}  // namespace undrop::cli
