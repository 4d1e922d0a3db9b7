#include "program.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>
#include <map>
#include <string_view>

#include "policy.hpp"
#include "screen.hpp"
#include "session.hpp"
#include "signals.hpp"
#include "suggest.hpp"
#include "verbs.hpp"

namespace undrop::cli {
namespace {

constexpr char const* footer = R"(
The database is named by --db, else UNDROP_DB, else DATABASE_URL, else undrop.toml:
  postgresql://USER@HOST/NAME   sqlite:PATH   sqlite:PATH?foreign_keys=off

undrop.toml in the working directory may hold (all are texts; times as "500ms", "60s", "5min"):
  db = "sqlite:shop.db"      dir = "db/migrations"     ledger = "undrop"
  label = "shop 1.15.2"      wait = "60s"              lock_timeout = "5s"
  ahead = "accept-harmless"  busy = "wait"             lock = "auto"
  lease_time = "30s"         outside_wait = "10min"    statement_timeout = "1h"
  keep_snapshots = "90d"     (12h, 90d, 8w, 1y: what is older is purged after a run)
  source_format = "goose"    (pairs, maragudk, diesel, hasura, dbmate, goose, flyway, sqitch, prisma, drizzle, plain,
                             pop, postgrator; found by itself where only one fits)

Exit status: 0 done, 1 failed, 2 wrong use, 3 refused, 4 in doubt, 5 busy (try again), 130/143 interrupted.)";

// The last resort's words for an exception that nothing foresaw.
Error unforeseen(char const* what) {
    return {.code = Code::failed,
            .left = Left::unknown,
            .message = fmt::format("undrop itself failed: {}", what),
            .next = {.command = "status"}};
}

class Program {
public:
    Program() {
        app_.set_version_flag("--version", "undrop " UNDROP_VERSION, "The program's version");
        app_.set_help_flag("-h,--help", "This text; after a verb, the verb's");
        app_.require_subcommand(0, 1);  // `plan up` is one verb and its argument
        declare_flags();
        for (auto const& verb : verbs) {
            auto* sub = app_.add_subcommand(verb.name, verb.summary)->fallthrough();
            sub->set_help_flag("-h,--help", "This text");
            sub->footer("--db, --dir, --json and the other options of `undrop --help` go with every verb.");
            actions_.emplace(sub, verb.declare(*sub));
        }
        app_.footer(footer);
    }

    int run(int argc, char** argv) {
        try {
            app_.parse(argc, argv);
        } catch (CLI::Success const& e) {  // --help, --version
            return app_.exit(e);
        } catch (CLI::ParseError const& e) {
            explain(e);
        }
        auto const parsed = app_.get_subcommands();
        if (parsed.empty()) wrong_use("undrop wants a verb", {.command = "--help"});
        Session session(flags_, settings(flags_));
        return actions_.at(parsed.front())(session);
    }

private:
    void declare_flags() {
        app_.add_option("--db", flags_.db, "The database")->type_name("URL");
        app_.add_option("--dir", flags_.dir, "The migrations (migrations, db/migrations, supabase/migrations or prisma/migrations)")
            ->type_name("DIR");
        app_.add_option("--source-format", flags_.source_format,
                        "Whose layout the directory has, where that is not clear: pairs, goose, ...")
            ->type_name("NAME");
        app_.add_option("--set", flags_.set, "What a placeholder ${NAME} in the scripts stands for (Flyway)")
            ->type_name("NAME=TEXT")
            ->allow_extra_args(false);
        app_.add_option("--ledger", flags_.ledger, "Two programs may share a database under two names (undrop)")->type_name("NAME");
        app_.add_option("--role", flags_.role, "SET ROLE to this one (PostgreSQL)")->type_name("NAME");
        app_.add_option("--wait", flags_.wait, "For another migrator, at most (60s)")->type_name("TIME");
        app_.add_option("--lock-timeout", flags_.lock_timeout, "For a table's lock, at most (5s; 5 tries)")->type_name("TIME");
        app_.add_option("--outside-wait", flags_.outside_wait, "For others, where an index is built CONCURRENTLY, at most (10min)")
            ->type_name("TIME");
        app_.add_option("--statement-timeout", flags_.statement_timeout, "For one statement of a script, at most (no limit)")
            ->type_name("TIME");
        declare_lock(app_, flags_.lock);
        app_.add_option("--lease-time", flags_.lease_time, "How long a lease is good: whose holder died is taken over then (30s)")
            ->type_name("TIME");
        app_.add_option("--keep-snapshots", flags_.keep_snapshots, "After a run, purge what is older: 12h, 90d, 8w, 1y (nothing)")
            ->type_name("AGE");
        app_.add_flag("--one-connection", flags_.one_connection, "Open no second connection: tables are copied before rows are changed");
        app_.add_flag("--published-store", flags_.published_store, "Subscribers of a publication of all tables have undrop's, too");
        app_.add_flag("--json", flags_.json, "One JSON document on standard output");
        app_.add_flag("-y,--yes", flags_.yes, "Do not ask");
        auto* quiet = app_.add_flag("-q,--quiet", flags_.quiet, "Say nothing but warnings, errors and what was asked for");
        app_.add_flag("-v,--verbose", flags_.verbose, "Say what happens as it happens")->excludes(quiet);
    }

    // The innermost verb that was understood.
    [[nodiscard]] CLI::App const* innermost() const {
        CLI::App const* at = &app_;
        for (auto subs = at->get_subcommands(); !subs.empty(); subs = at->get_subcommands()) at = subs.front();
        return at;
    }

    [[nodiscard]] static std::string command_of(CLI::App const* at) {
        std::string result;
        for (; at->get_parent() != nullptr; at = at->get_parent()) result = at->get_name() + (result.empty() ? "" : " " + result);
        return result;
    }

    [[noreturn]] void explain(CLI::ParseError const& e) const {
        auto const* at = innermost();
        auto const command = command_of(at);
        Next const help{.command = command.empty() ? "--help" : command + " --help"};
        // A verb that is not known comes before what else is wrong: its options cannot be known either.
        auto const left_over = app_.remaining(true);
        if (left_over.empty()) wrong_use(e.what(), help);
        auto const verb = std::find_if(left_over.begin(), left_over.end(), [](auto const& word) { return !word.starts_with("-"); });
        bool const wants_verb = at == &app_ || !at->get_subcommands([](auto*) { return true; }).empty();
        if (wants_verb && verb != left_over.end()) unknown_verb(*verb, at, help);
        auto const& word = left_over.front();
        if (word.starts_with("-")) unknown_option(word, at, help);
        wrong_use(fmt::format("\"{}\" is one word too many", word), help);
    }

    [[noreturn]] static void unknown_verb(std::string const& word, CLI::App const* at, Next const& help) {
        std::vector<std::string> known;
        for (auto const* sub : at->get_subcommands([](auto const*) { return true; })) known.push_back(sub->get_name());
        auto const meant = nearest(word, known);
        auto const message = fmt::format("there is no verb \"{}\"", word);
        if (meant.empty()) wrong_use(message, help);
        auto const outer = command_of(at);
        wrong_use(message + fmt::format("; did you mean {}?", meant), {.command = outer.empty() ? meant : outer + " " + meant});
    }

    [[noreturn]] static void unknown_option(std::string const& word, CLI::App const* at, Next const& help) {
        std::vector<std::string> known;
        for (auto const* level = at; level != nullptr; level = level->get_parent()) {
            for (auto const* option : level->get_options()) {
                for (auto const& name : option->get_lnames()) known.push_back("--" + name);
            }
        }
        auto const meant = nearest(word.substr(0, word.find('=')), known);
        auto const message = fmt::format("there is no option {}", word.substr(0, word.find('=')));
        wrong_use(meant.empty() ? message : message + fmt::format("; did you mean {}?", meant), help);
    }

    CLI::App app_{"undrop: database migrations that are safe to take back", "undrop"};
    Flags flags_;
    std::map<CLI::App const*, Action> actions_;
};

// Also where the command line could not be read.
bool wants_json(int argc, char** argv) {
    return std::any_of(argv, argv + argc, [](char const* word) { return std::string_view(word) == "--json"; });
}

}  // namespace

int run(int argc, char** argv) {
    bool const json = wants_json(argc, argv);
    catch_signals();
    try {
        auto const status = Program().run(argc, argv);
        std::cout.flush();
        if (!std::cout) throw Failure({.code = Code::failed, .left = Left::unknown, .message = "standard output cannot be written"});
        return status;
    } catch (Failure const& failure) {
        print_error(failure.error(), json);
        return exit_status(failure.error());
    } catch (std::exception const& e) {
        print_error(unforeseen(e.what()), json);
        return 1;
    }
}

}  // namespace undrop::cli
