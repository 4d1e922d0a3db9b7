#include <CLI/CLI.hpp>
#include <memory>

#include "range.hpp"
#include "session.hpp"
#include "verbs.hpp"
#include "verdict.hpp"

namespace undrop::cli {

Action declare_check(CLI::App& app) {
    auto versions = std::make_shared<std::vector<std::string>>();
    app.add_option("versions", *versions, "Only these applied migrations")->type_name("VERSION");
    app.footer(
        R"(A check is VERSION_NAME.check.sql beside the up script: each statement must return no row, or one whose first column is true.
`up` runs it in the step's transaction, `down` runs VERSION_NAME.down.check.sql. Exit status: 0 all hold, 3 one fails.)");
    return [versions](Session& session) {
        for (auto const& version : *versions) check_version(version);
        auto const source = session.source_or_ledger();
        auto target = session.open();
        auto const report = undrop::check(target, source, *versions, session.options()).value();
        return show_verdict(session, report, report.holds());
    };
}

}  // namespace undrop::cli
