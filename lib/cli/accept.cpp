#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "range.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace undrop::cli {

Action declare_accept(CLI::App& app) {
    auto version = std::make_shared<std::string>();
    app.add_option("version", *version, "The applied migration whose files were edited")->required()->type_name("VERSION");
    return [version](Session& session) {
        check_version(*version);
        auto const source = session.source();
        auto target = session.open();
        auto const entry = undrop::accept(target, source, *version, session.options()).value();
        if (session.flags().json) {
            say(to_json(std::vector{entry}));
        } else if (!session.flags().quiet) {
            say(fmt::format("{}\nAccepted {} {}: its scripts are what the files say now. Nothing was run.\n", target.description(),
                            entry.version, entry.name));
        }
        return 0;
    };
}

}  // namespace undrop::cli
