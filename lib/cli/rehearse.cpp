#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "filling.hpp"
#include "range.hpp"
#include "rehearsal_data.hpp"
#include "run.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "verbs.hpp"
#include "verdict.hpp"

namespace undrop::cli {
namespace {

struct Given {
    std::vector<std::string> versions;
    bool pending = false;
    bool all = false;
    DataGiven data;
    bool show_rows = false;
    bool keep_order = false;
    std::string report;
    std::string sandbox;
};

std::string quoted(std::string const& word) {
    constexpr auto plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-@%+=,";
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
    std::string out = "'";
    for (char const c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

// As it was called, for the same again. A URL with a password is left to the environment.
std::string command(Session const& session, Given const& given) {
    std::string result = "undrop";
    auto const& flags = session.flags();
    auto const add = [&](char const* name, std::string const& value) {
        if (!value.empty()) result += fmt::format(" {} {}", name, quoted(value));
    };
    auto const says_password = [](std::string const& url) {
        auto const at = url.find('@');
        auto const start = url.find("://");
        return url.find("password") != std::string::npos || (at != std::string::npos && start != std::string::npos &&
                                                             url.substr(start + 3, at - start - 3).find(':') != std::string::npos);
    };
    if (!says_password(flags.db)) add("--db", flags.db);
    add("--dir", flags.dir);
    add("--ledger", flags.ledger);
    add("--role", flags.role);
    result += " rehearse";
    add("--data", given.data.mode);
    add("--seed", given.data.seed);
    for (auto const& mask : given.data.masks) add("--mask", mask);
    if (given.show_rows) result += " --show-rows";
    if (given.keep_order) result += " --keep-order";
    if (!says_password(given.sandbox)) add("--sandbox", given.sandbox);
    return result;
}

void write_report(std::string const& file, Evidence const& evidence) {
    if (file.ends_with(".md"))
        write_file(file, to_markdown(evidence));
    else
        write_file(file, to_json(evidence));
}

int rehearse_all(Session& session, Given const& given) {
    if (!given.report.empty() && !given.report.ends_with(".md") && !given.report.ends_with(".json"))
        wrong_use("A report ends in .md or .json.", {.command = "rehearse --report rehearsal.md"});
    for (auto const& version : given.versions) check_version(version);
    auto const source = session.source();
    auto target = session.open();
    Rehearsal const wish{.which = given.all ? Rehearsal::Which::all : Rehearsal::Which::pending,
                         .versions = given.versions,
                         .data = data_of(given.data),
                         .show_rows = given.show_rows,
                         .sandbox = given.sandbox,
                         .command = command(session, given),
                         .on_rows = show_filling(session.flags())};
    auto options = session.options();
    options.keep_order = given.keep_order;
    auto const evidence = rehearse(target, source, wish, options).value();
    if (!given.report.empty()) write_report(given.report, evidence);
    return show_verdict(session, evidence, evidence.exact());
}

}  // namespace

Action declare_rehearse(CLI::App& app) {
    auto given = std::make_shared<Given>();
    auto* versions = app.add_option("versions", given->versions, "These; earlier ones are applied first")->type_name("VERSION");
    auto* pending = app.add_flag("--pending", given->pending, "What is pending on the database (the default)")->excludes(versions);
    auto* all = app.add_flag("--all", given->all, "Every migration, from the first")->excludes(versions)->excludes(pending);
    declare_data(app, given->data)->excludes(all);
    app.add_flag("--show-rows", given->show_rows, "With --data sample or full: show values of rows that differ");
    declare_keep_order(app, given->keep_order);
    app.add_option("--report", given->report, "Write it here, too: Markdown or JSON")->type_name("FILE.md|.json");
    app.add_option("--sandbox", given->sandbox, "Make the disposable database on this server instead; local: on one of its own")
        ->type_name("URL|local");
    return [given](Session& session) { return rehearse_all(session, *given); };
}

}  // namespace undrop::cli
