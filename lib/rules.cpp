#include "rules.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "diff.hpp"
#include "encoding.hpp"
#include "grouped.hpp"
#include "outside.hpp"
#include "stays.hpp"
#include "try.hpp"

namespace undrop {

using Severity = Finding::Severity;

namespace {

// What runs outside of a transaction does so because its author knows it, and says so (P7).
void outside_findings(Dialect const& dialect, Script const& script, std::vector<Statement> const& statements, bool wanted,
                      bool where_needed, std::vector<Finding>& found) {
    bool needed = false;
    for (auto const& statement : statements) {
        auto const what = outside_in(dialect, statement, wanted);
        if (!what) continue;
        needed = true;
        Finding finding{.severity = Severity::stop,
                        .code = what->refused.empty() ? "outside" : "statement",
                        .text = what->refused,
                        .where = in_its_file(script, {script.file, statement.line, statement.column}),
                        .next = {.advice = "take the statement out of the script"}};
        if (what->refused.empty() && wanted) continue;
        if (what->refused.empty()) {
            finding.text = what->kind + " runs only outside of a transaction, and a step is one";
            finding.next.advice = "say `-- undrop: no-transaction` at the top of the script: it then runs in parts, under a journal";
        }
        found.push_back(std::move(finding));
    }
    for (auto const& [at, what] : dialect.hoisted(statements)) {
        needed = true;
        found.push_back({.severity = Severity::note,
                         .code = "hoisted",
                         .text = what.text() + " is committed before the rest of the script, which uses it",
                         .where = in_its_file(script, {script.file, statements[at].line, statements[at].column})});
    }
    if (wanted && !needed && !where_needed)
        found.push_back({.severity = Severity::stop,
                         .code = "no-transaction",
                         .text = "the script asks to run outside of a transaction, and has no statement that must",
                         .where = {script.file, 1, 1},
                         .next = {.advice = "take `-- undrop: no-transaction` out: it is safer as one transaction"}});
}

}  // namespace

Migration const* find_migration(Source const& source, std::string_view version) {
    auto const& all = source.migrations;
    auto found = std::find_if(all.begin(), all.end(), [&](Migration const& m) { return m.version == version; });
    if (found != all.end()) return &*found;
    found = std::find_if(all.begin(), all.end(),
                         [&](Migration const& m) { return !version_less(m.version, version) && !version_less(version, m.version); });
    return found == all.end() ? nullptr : &*found;
}

bool edited_up(Applied const& applied, Migration const& migration) { return checksum(migration.up.text) != applied.up_sum; }

bool edited_down(Applied const& applied, Migration const& migration) {
    return migration.down && checksum(migration.down->text) != applied.down_sum;
}

Finding edited_up_finding(Applied const& applied, Migration const& migration, std::string const& ran) {
    return {.severity = Severity::stop,
            .code = "edited-up",
            .text = fmt::format("{} {} was applied on {}, and its up script was edited since:\n{}", applied.version, applied.name,
                                applied.at, line_diff(ran, migration.up.text)),
            .where = {migration.up.file, 0, 0},
            .next = {.command = "accept " + applied.version,
                     .advice = "if the edit is meant; otherwise put the file back and write a new migration"}};
}

Finding missing_file_finding(Applied const& applied, std::string const& origin) {
    return {
        .severity = Severity::stop,
        .code = "missing-file",
        .text = fmt::format("{} {} is applied, and {} has no such migration", applied.version, applied.name, origin),
        .next = {.command = "status", .advice = "bring the file back, use the program that has it, or take the migration back with down"}};
}

Finding out_of_order_finding(Migration const& migration, Applied const& newest) {
    return {
        .severity = Severity::stop,
        .code = "out-of-order",
        .text = fmt::format("{} {} is older than {} {}, which is applied already", migration.version, migration.name, newest.version,
                            newest.name),
        .where = {migration.up.file, 0, 0},
        .next = {.command = "up --out-of-order", .advice = "if it does not matter which comes first; otherwise give it a newer version"}};
}

Finding edited_down_finding(Applied const& applied, Migration const& migration, std::string const& recorded, bool file_is_taken) {
    auto const change = line_diff(recorded, migration.down->text);
    return {.severity = Severity::note,
            .code = "edited-down",
            .text = fmt::format("the down script of {} {} was edited since; {} runs:\n{}", applied.version, applied.name,
                                file_is_taken ? "the file's" : "the ledger's", change),
            .where = {migration.down->file, 0, 0},
            .next = {.command = file_is_taken ? "down --down-from ledger" : "down --down-from files", .advice = "takes the other one"}};
}

std::vector<Finding> script_findings(Dialect const& dialect, Script const& script, int& statements, RunsAs as) {
    std::vector<Finding> found;
    auto stop = [&](std::string code, std::string text, Place where, Next next) {
        found.push_back({.severity = Severity::stop,
                         .code = std::move(code),
                         .text = std::move(text),
                         .where = std::move(where),
                         .next = std::move(next)});
    };
    if (auto bad = not_utf8(script)) {
        found.push_back(std::move(*bad));
        return found;
    }
    auto const told = directives(script);
    if (!told) stop("directive", told.error().message, told.error().where, told.error().next);
    auto const split = dialect.split(script);
    if (!split) {
        stop("syntax", split.error().message, split.error().where, split.error().next);
        return found;
    }
    statements = static_cast<int>(split.value().size());
    bool const wanted = told && told.value().no_transaction;
    if (as == RunsAs::step) outside_findings(dialect, script, split.value(), wanted, told && told.value().where_needed, found);
    if (as == RunsAs::check && wanted)
        stop("no-transaction", "a check runs in its step's transaction", {script.file, 1, 1}, {.advice = "take the directive out"});
    if (told && told.value().verify && as == RunsAs::step)
        stop("directive", "only a check is verified by running", {script.file, script.line, 1}, {.advice = "take `-- undrop: verify` out"});
    bool const reads_only = as == RunsAs::check && !(told && told.value().verify);
    for (auto const& statement : split.value()) {
        if (auto const why = dialect.outlives(statement); !why.empty())
            found.push_back({.severity = Severity::warning,
                             .code = "session-lock",
                             .text = why,
                             .where = in_its_file(script, {script.file, statement.line, statement.column}),
                             .next = {.advice = "take one that ends with the transaction (pg_advisory_xact_lock)"}});
        if (as == RunsAs::step && outside_in(dialect, statement, wanted)) continue;
        auto const why = reads_only ? dialect.forbidden_in_check(statement) : dialect.forbidden(statement);
        if (why.empty()) continue;
        stop(as == RunsAs::check ? "check" : "statement", why, in_its_file(script, {script.file, statement.line, statement.column}),
             {.advice = fmt::format("take the statement out of the {}", as == RunsAs::check ? "check" : "script")});
    }
    return found;
}

std::vector<Finding> one_way_findings(Dialect const& dialect, Script const& script) {
    std::vector<Finding> found;
    auto const split = dialect.split(script);
    if (!split) return found;
    for (auto const& statement : split.value())
        if (auto const why = dialect.one_way(statement); !why.empty())
            found.push_back(
                {.severity = Severity::note,
                 .code = is_of_labels(statement) ? "label" : "server",
                 .text = why,
                 .where = in_its_file(script, {script.file, statement.line, statement.column}),
                 .next = {.advice = is_of_labels(statement) ? "a down script gives such rows another value, and leaves the label to undrop"
                                                            : "a down script may do that, where nothing else on the server minds"}});
    return found;
}

std::string reason_of(Script const& up) {
    auto const told = directives(up);
    return told ? told.value().irreversible.value_or("") : std::string();
}

Result<std::string> why_irreversible(Ledger& ledger, Applied const& applied, Migration const* migration) {
    if (migration && !edited_up(applied, *migration)) return reason_of(migration->up);
    UNDROP_TRY(auto text, ledger.script(applied.up_script));
    return reason_of({std::move(text), ""});
}

// P7: going down it is a stop, whatever scripts there are.
Finding irreversible_finding(PlannedStep const& step, std::string const& reason) {
    Finding finding{.code = "irreversible",
                    .text = fmt::format("{} {} is irreversible, as its author says: {}", step.version, step.name, reason)};
    if (step.direction == Direction::up) {
        finding.severity = Severity::warning;
        finding.next = {.advice = "no `down` goes over it; what it takes away is saved all the same"};
        return finding;
    }
    finding.severity = Severity::stop;
    finding.next = {.command = "snapshots list",
                    .advice =
                        "what it took away can be read there and copied by hand; if it can be taken back after all, take the directive "
                        "out of its up file"};
    return finding;
}

Finding adopted_finding(PlannedStep const& step) {
    auto const name =
        fmt::format("{} {} was adopted: undrop did not apply it, and recorded nothing of what was there before", step.version, step.name);
    if (step.origin == Origin::derived)
        return {.severity = Severity::stop,
                .code = "adopted",
                .text = name + ", so no way back can be derived",
                .next = {.advice = step.down ? "leave --derive out: its down script takes it back"
                                             : "write its down script; or restore the database from a backup of before"}};
    return {.severity = Severity::warning,
            .code = "adopted",
            .text = name + "; the down script alone takes it back, and what that forgets is not mended"};
}

Finding locked_finding(std::vector<std::string> const& who, bool definitions_read, bool goes_down) {
    auto const holders = who.empty() ? std::string("another session has locked a table") : fmt::format("{}", fmt::join(who, "; "));
    Finding finding{.severity = Severity::warning,
                    .code = definitions_read ? "not-counted" : "locked",
                    .text = holders,
                    .next = {.advice = "plan again when that session has finished"}};
    if (definitions_read)
        finding.text += ": not all rows could be counted, nor all functions, views and triggers be searched for names";
    else if (goes_down)
        finding.text += ": no definitions can be read, so it is not known whether the way back would overwrite what was changed by hand";
    else
        finding.text += ": no definitions can be read, and the plan is made of what the scripts' text tells";
    if (!definitions_read && goes_down) finding.severity = Severity::stop;
    return finding;
}

Finding published_finding(std::string const& publication, Options const& options) {
    auto const text =
        fmt::format("publication {} ships the tables of undrop's store {}: a subscriber that does not have them stops replicating",
                    publication, options.ledger);
    if (options.published_store) return {.severity = Finding::Severity::note, .code = "published", .text = text};
    return {.severity = Finding::Severity::stop,
            .code = "published",
            .text = text,
            .next = {.advice = "name the publication's tables one by one; or make the store's tables on the subscribers as well, and say "
                               "--published-store"}};
}

}  // namespace undrop
