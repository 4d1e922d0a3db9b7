#include "check.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "ledger.hpp"
#include "nearest.hpp"
#include "rows_word.hpp"
#include "rules.hpp"
#include "source_for.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string first_line(std::string const& text) {
    constexpr std::size_t longest = 160;
    auto line = text.substr(0, text.find_first_of("\r\n"));
    if (line.size() <= longest) return line;
    auto end = longest;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;  // not within a character
    return line.substr(0, end) + "...";
}

// P8: how many rows, never what is in them.
std::string problem_of(Answer const& answer) {
    if (answer.holds()) return {};
    return rows_word(answer.rows) + (answer.rows == 1 ? ", and its first column is not true" : "");
}

// `-- undrop: verify`: the check of a tool whose checks hold where they run without an error.
bool is_verified(Script const& script) {
    auto const told = directives(script);
    return told && told.value().verify;
}

// One statement, as far as it may be asked at all.
Result<CheckedStatement> ask(Backend& backend, Script const& script, Statement const& statement, bool verified) {
    Place const where{script.file, statement.line, statement.column};
    auto const& dialect = backend.dialect();
    if (auto const why = verified ? dialect.forbidden(statement) : dialect.forbidden_in_check(statement); !why.empty())
        return Error{.code = Code::refused, .message = why, .where = where, .next = {.advice = "take the statement out of the check"}};
    UNDROP_TRY(auto const answer, backend.ask(script, statement));
    if (verified) return CheckedStatement{.text = first_line(statement.text), .where = where, .holds = true, .rows = answer.rows};
    return CheckedStatement{
        .text = first_line(statement.text), .where = where, .holds = answer.holds(), .rows = answer.rows, .problem = problem_of(answer)};
}

bool is_cancelled(Options const& options) { return options.cancelled && options.cancelled(); }

Error interrupted(Script const& script, Statement const& statement) {
    return Error{.code = Code::interrupted, .message = "interrupted", .where = {script.file, statement.line, statement.column}};
}

Error wrong_version(std::string message, Next next) {
    return Error{.code = Code::usage, .message = std::move(message), .next = std::move(next)};
}

// Runs the checks of applied migrations, any time.
class Checker {
public:
    Checker(Backend& backend, Source const& source, Options const& options)
        : backend_(backend), ledger_(backend, options.ledger), source_(source), options_(options) {}

    Result<CheckReport> run(std::vector<std::string> versions) {
        UNDROP_TRY(history_, ledger_.history());
        for (auto& version : versions) version = full_version(version, source_, history_);
        UNDROP_TRY(auto const chosen, choose(versions));
        std::vector<std::pair<CheckedMigration, Script>> found;
        for (auto const* applied : chosen) {
            CheckedMigration checked{.version = applied->version, .name = applied->name};
            UNDROP_TRY(auto script, check_of_applied(*applied, checked.origin));
            if (script) {
                checked.file = script->file;
                found.emplace_back(std::move(checked), std::move(*script));
            } else if (!versions.empty()) {
                auto const name = applied->version + "_" + applied->name;
                return wrong_version(fmt::format("{} has no check", name),
                                     {.advice = fmt::format("write one into {}.check.sql, beside its up script", name)});
            }
        }
        CheckReport report{.target = backend_.description()};
        if (found.empty()) return report;
        UNDROP_CHECK(backend_.begin_reading());
        auto const asked = [&]() -> Result<void> {
            for (auto& [checked, script] : found) {
                UNDROP_CHECK(ask_all(script, checked));
                report.migrations.push_back(std::move(checked));
            }
            return success();
        }();
        backend_.rollback();
        if (!asked) return asked.error();
        return report;
    }

private:
    Result<std::vector<Applied const*>> choose(std::vector<std::string> const& versions) const {
        std::vector<Applied const*> chosen;
        for (auto const& applied : history_.applied) {
            auto const named = [&](std::string const& version) {
                return !version_less(version, applied.version) && !version_less(applied.version, version);
            };
            if (versions.empty() || std::any_of(versions.begin(), versions.end(), named)) chosen.push_back(&applied);
        }
        for (auto const& version : versions) {
            auto const is_it = [&](Applied const* a) { return !version_less(version, a->version) && !version_less(a->version, version); };
            if (std::none_of(chosen.begin(), chosen.end(), is_it)) return not_applied(version);
        }
        return chosen;
    }

    [[nodiscard]] Error not_applied(std::string const& version) const {
        if (auto const* pending = find_migration(source_, version))
            return wrong_version(fmt::format("{} {} is not applied, so its check says nothing yet", pending->version, pending->name),
                                 {.command = "up --to " + pending->version, .advice = "applies it, and runs the check"});
        std::vector<std::string_view> known;
        for (auto const& applied : history_.applied) known.emplace_back(applied.version);
        auto const meant = nearest(version, known);
        if (meant.empty())
            return wrong_version(fmt::format("{} is not applied", version), {.command = "status", .advice = "it lists what is"});
        return wrong_version(fmt::format("{} is not applied. Did you mean {}?", version, meant),
                             {.command = fmt::format("check {}", meant)});
    }

    // The file wins over the ledger.
    Result<std::optional<Script>> check_of_applied(Applied const& applied, Origin& origin) {
        auto const* migration = find_migration(source_, applied.version);
        if (migration && migration->check) return migration->check;
        origin = Origin::ledger;
        UNDROP_TRY(auto recorded, ledger_.checks(applied.recorded));
        if (!recorded.check) return std::optional<Script>{};
        return std::optional(Script{std::move(*recorded.check), fmt::format("{}_{}.check.sql (ledger)", applied.version, applied.name)});
    }

    Result<void> ask_all(Script const& script, CheckedMigration& checked) {
        int statements = 0;
        // What the text shows to be no check keeps the whole file from running, as it keeps a step from it.
        auto const unfit = script_findings(backend_.dialect(), script, statements, RunsAs::check);
        for (auto const& finding : unfit) checked.statements.push_back({.where = finding.where, .problem = finding.text});
        if (!unfit.empty()) return success();
        UNDROP_TRY(auto const split, backend_.dialect().split(script));
        bool const verified = is_verified(script);
        for (auto const& statement : split) {
            if (is_cancelled(options_)) return interrupted(script, statement);
            UNDROP_CHECK(backend_.enter_check(options_));
            auto answer = ask(backend_, script, statement, verified);
            UNDROP_CHECK(backend_.leave_check());
            if (answer) {
                checked.statements.push_back(std::move(answer).value());
                continue;
            }
            auto const& error = answer.error();
            if (error.code != Code::failed && error.code != Code::refused) return error;
            checked.statements.push_back({.text = first_line(statement.text), .where = error.where, .problem = error.message});
        }
        return success();
    }

    Backend& backend_;
    Ledger ledger_;
    Source const& source_;
    Options const& options_;
    History history_;
};

}  // namespace

Script const* check_of(PlannedStep const& step) {
    auto const& check = step.direction == Direction::up ? step.check : step.down_check;
    return check ? &*check : nullptr;
}

Result<void> require(Backend& backend, Script const& script, std::vector<Statement> const& statements, Options const& options) {
    if (statements.empty()) return success();
    UNDROP_CHECK(backend.enter_check(options));
    bool const verified = is_verified(script);
    for (auto const& statement : statements) {
        if (is_cancelled(options)) return interrupted(script, statement);
        auto const asked = ask(backend, script, statement, verified);
        if (!asked) {
            auto error = asked.error();
            if (error.next.command.empty() && error.next.advice.empty()) error.next.advice = "correct the check";
            return error;
        }
        auto const& checked = asked.value();
        if (!checked.holds)
            return Error{.code = Code::refused,
                         .left = Left::rolled_back,
                         .message = fmt::format("a check does not hold ({}): {}", checked.problem, checked.text),
                         .where = checked.where,
                         .next = {.advice = "run the statement by hand to see the rows; then correct the data, the script or the check"}};
    }
    auto left = backend.leave_check();
    if (!left) left.error().where = {script.file, 0, 0};
    return left;
}

bool CheckedMigration::holds() const {
    return std::all_of(statements.begin(), statements.end(), [](CheckedStatement const& s) { return s.holds; });
}

bool CheckReport::holds() const {
    return std::all_of(migrations.begin(), migrations.end(), [](CheckedMigration const& m) { return m.holds(); });
}

Result<CheckReport> check(Target& target, Source const& source, std::vector<std::string> const& versions, Options const& options) {
    return Checker(target.backend(), source, options).run(versions);
}

}  // namespace undrop
