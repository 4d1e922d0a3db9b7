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
    bool record = false;
    bool derive = false;
    bool no_writes = false;
    bool witness = false;
    bool no_witness = false;
    std::string accept;
    std::vector<std::string> reports;
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
    if (given.derive) result += " --derive";
    if (given.no_writes) result += " --no-writes";
    if (given.witness) result += " --witness";
    if (given.no_witness) result += " --no-witness";
    add("--accept", given.accept);
    if (!says_password(given.sandbox)) add("--sandbox", given.sandbox);
    return result;
}

void write_report(std::string const& file, Evidence const& evidence) {
    if (file.ends_with(".md"))
        write_file(file, to_markdown(evidence));
    else if (file.ends_with(".xml"))
        write_file(file, to_junit(evidence));
    else
        write_file(file, to_json(evidence));
}

int rehearse_all(Session& session, Given const& given) {
    for (auto const& report : given.reports)
        if (!report.ends_with(".md") && !report.ends_with(".json") && !report.ends_with(".xml"))
            wrong_use("A report ends in .md, .json or .xml.", {.command = "rehearse --report rehearsal.md"});
    for (auto const& version : given.versions) check_version(version);
    auto const source = session.source();
    auto target = session.open();
    Rehearsal wish{.which = given.all ? Rehearsal::Which::all : Rehearsal::Which::pending,
                   .versions = given.versions,
                   .data = data_of(given.data),
                   .show_rows = given.show_rows,
                   .sandbox = given.sandbox,
                   .command = command(session, given),
                   .on_rows = show_filling(session.flags())};
    wish.writes = !given.no_writes;
    if (given.witness || given.no_witness) wish.witness = given.witness;
    if (!given.accept.empty()) wish.accept = given.accept == "lossy" ? Grade::lossy : Grade::irreversible;
    auto options = session.options();
    options.derive = given.derive;
    options.keep_order = given.keep_order;
    auto const evidence = rehearse(target, source, wish, options).value();
    for (auto const& report : given.reports) write_report(report, evidence);
    if (given.record) record(target, evidence, options).value();
    return show_verdict(session, evidence, evidence.good());
}

}  // namespace

Action declare_rehearse(CLI::App& app) {
    auto given = std::make_shared<Given>();
    auto* versions = app.add_option("versions", given->versions, "These; earlier ones are applied first")->type_name("VERSION");
    auto* pending = app.add_flag("--pending", given->pending, "What is pending on the database (the default)")->excludes(versions);
    auto* all = app.add_flag("--all", given->all, "Every migration, from the first")->excludes(versions)->excludes(pending);
    declare_data(app, given->data)->excludes(all);
    app.add_flag("--show-rows", given->show_rows, "With --data sample or full: show values of rows that differ");
    app.add_flag("--derive", given->derive, "Ignore down scripts: the ways back that undrop derives");
    app.add_flag("--no-writes", given->no_writes, "Leave out the second round, in which an application writes between up and down");
    auto* witness = app.add_flag("--witness", given->witness, "Compare schemas by pg_dump, too (with --data it does so anyway)");
    app.add_flag("--no-witness", given->no_witness, "With --data: compare schemas by undrop's own reading alone")->excludes(witness);
    app.add_option("--accept", given->accept, "A grade that is good enough, too; irreversible: where its author says so, and lossy")
        ->check(CLI::IsMember({"lossy", "irreversible"}))
        ->type_name("lossy|irreversible");
    declare_keep_order(app, given->keep_order);
    app.add_option("--report", given->reports, "Write it here, too: Markdown, JSON or JUnit's XML; may be given several times")
        ->type_name("FILE.md|.json|.xml");
    app.add_flag("--record", given->record, "Write the evidence into the database's ledger, for `up --require-rehearsal`");
    app.add_option("--sandbox", given->sandbox, "Make the disposable database on this server instead; local: on one of its own")
        ->type_name("URL|local");
    return [given](Session& session) { return rehearse_all(session, *given); };
}

}  // namespace undrop::cli
