#include "ahead.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "names.hpp"
#include "planner.hpp"
#include "rows_word.hpp"
#include "rules.hpp"
#include "source_for.hpp"
#include "try.hpp"
#include "waived.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
using Severity = Finding::Severity;
using std::chrono::milliseconds;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string named(Applied const& applied) { return applied.version + " " + applied.name; }

std::string names_of(std::vector<Applied> const& newer) {
    std::vector<std::string> names;
    for (auto const& applied : newer) names.push_back(named(applied));
    return fmt::format("{}", fmt::join(names, ", "));
}

// The newest applied migration that the source has, too; nothing where they share none.
Applied const* newest_common(Source const& source, History const& history) {
    Applied const* newest = nullptr;
    for (auto const& applied : history.applied)
        if (!is_repeatable(applied.version) && find_migration(source, applied.version) &&
            (!newest || version_less(newest->version, applied.version)))
            newest = &applied;
    return newest;
}

std::string newest_of(Source const& source) {
    std::string newest;
    for (auto const& migration : source.migrations)
        if (!is_repeatable(migration.version)) newest = migration.version;
    return newest;
}

// Down to where the program is.
Next way_down(Source const& source, History const& history, std::string advice) {
    auto const* newest = newest_common(source, history);
    return {.command = "down --to " + (newest ? newest->version : "0"), .advice = std::move(advice)};
}

std::string harm_of(Snapshot const& snapshot) {
    auto const rows = rows_word(snapshot.rows);
    switch (snapshot.kind) {
        case Snapshot::Kind::table:
            return "drops table " + snapshot.what();
        case Snapshot::Kind::column:
        case Snapshot::Kind::aside:
            return "drops column " + snapshot.what();
        case Snapshot::Kind::deleted:
            return fmt::format("deletes {} of {}", rows, snapshot.table.text());
        case Snapshot::Kind::updated:
            return fmt::format("changes {} of {} ({})", rows, snapshot.table.text(), fmt::join(snapshot.values, ", "));
        case Snapshot::Kind::view:
            return {};  // filling one anew harms nobody, and that one is gone is told of the object
        case Snapshot::Kind::sequence:
            break;
    }
    return "drops or sets back sequence " + snapshot.what();
}

// What has another name is neither gone nor new.
bool is_part_of(Rename const& rename, Recorded const& object) {
    auto const& [kind, parent, name] = object.id;
    if (object.before && object.after) return false;
    auto const& table = object.before ? rename.before : rename.after;
    auto const& column = object.before ? rename.column_before : rename.column_after;
    if (!column.empty()) return names_table(parent, table) && name == column;
    return names_table(parent, table) || names_table(parent.empty() ? name : parent + "." + name, table);
}

std::string verdict(std::vector<std::string> const& harms) {
    return harms.empty() ? std::string("it took nothing away and narrowed nothing")
                         : fmt::format("it is not harmless to an older program: it {}", fmt::join(harms, "; it "));
}

// Who took the migration back for this very program before: empty if nobody.
Result<std::string> taken_back_before(Backend& backend, Ledger& ledger, Applied const& applied, std::string const& program) {
    std::array<Cell, 2> const values{applied.version, applied.up_sum};
    UNDROP_TRY(auto const rows,
               backend.query(fmt::format("select at, program, os_user, host, label, detail from {} where kind = 'reverted' and "
                                         "version = $1 and up_sum = $2 order by id desc",
                                         ledger.table(names::event)),
                             values, 6));
    for (auto const& row : rows) {
        auto const detail = nlohmann::json::parse(row[5].value_or(""), nullptr, false);
        if (!detail.is_object()) continue;
        auto const steps = detail.value("steps", nlohmann::json::array());
        if (steps.empty() || steps[0].value("taken_back_for", "") != program) continue;
        std::string who = row[1].value_or("a program without a name");
        if (row[4]) who += fmt::format(" \"{}\"", *row[4]);
        if (row[2] || row[3]) who += fmt::format(" ({}@{})", row[2].value_or(""), row[3].value_or(""));
        return fmt::format("on {} by {}", row[0].value_or(""), who);
    }
    return std::string{};
}

// True once it is time to look again; false if the program has cancelled meanwhile.
bool pause(milliseconds left, Options const& options) {
    for (auto const slice = milliseconds{20}; left.count() > 0; left -= slice) {
        if (options.cancelled && options.cancelled()) return false;
        std::this_thread::sleep_for(std::min(slice, left));
    }
    return true;
}

std::string outlook(std::vector<Applied> const& newer, bool harmless, Source const& source, Options const& options) {
    auto const which = fmt::format("{} does not have {}", source.origin, names_of(newer));
    switch (options.ahead) {
        case Ahead::accept_harmless:
            return harmless ? which + "; harmless, so up would go on with a warning (accept-harmless)"
                            : which + "; not harmless, so up would refuse (accept-harmless)";
        case Ahead::accept:
            return which + "; up would go on with a warning (accept)";
        case Ahead::refuse:
            return which + "; up would refuse (refuse)";
        case Ahead::wait:
            return which + "; up would wait until somebody has taken that back (wait)";
        case Ahead::roll_back:
            break;
    }
    return which + "; up would take that back first (roll-back)";
}

}  // namespace

std::vector<Applied> newer_than(Source const& source, History const& history) {
    std::vector<Applied> newer;
    auto const* newest = newest_common(source, history);
    if (!newest) return newer;
    for (auto const& applied : history.applied)
        if (version_less(newest->version, applied.version) && !is_earlier_text(source, applied.version) &&
            !find_migration(source, applied.version))
            newer.push_back(applied);
    return newer;
}

Result<std::vector<std::string>> harms_of(Backend& backend, Ledger& ledger, Applied const& applied) {
    std::vector<std::string> harms;
    auto const add = [&](std::string harm) {
        if (std::find(harms.begin(), harms.end(), harm) == harms.end()) harms.push_back(std::move(harm));
    };
    UNDROP_TRY(auto const snapshots, ledger.snapshots(applied.step));
    for (auto const& snapshot : snapshots)
        if (auto harm = harm_of(snapshot); !harm.empty()) add(std::move(harm));
    UNDROP_TRY(auto const waived, waived_by_version(backend, ledger));
    if (auto const found = waived.find(applied.version); found != waived.end())
        for (auto const& what : found->second) add("takes away " + what + " unsaved");
    UNDROP_TRY(auto const opposite, read_opposite(ledger, applied.step, Direction::down));
    for (auto const& rename : opposite.renames) {
        auto const before = rename.before.first.empty() ? rename.before.second : rename.before.first + "." + rename.before.second;
        auto const after = rename.after.first.empty() ? rename.after.second : rename.after.first + "." + rename.after.second;
        add(rename.column_before.empty() ? fmt::format("renames {} to {}", before, after)
                                         : fmt::format("renames column {}.{} to {}", before, rename.column_before, rename.column_after));
    }
    UNDROP_TRY(auto objects, ledger.objects(applied.step));
    std::erase_if(objects, [&](Recorded const& object) {
        return object.id.kind == "rename" || std::any_of(opposite.renames.begin(), opposite.renames.end(),
                                                         [&](Rename const& rename) { return is_part_of(rename, object); });
    });
    for (auto& harm : backend.dialect().harms(objects)) add(std::move(harm));
    return harms;
}

Result<Finding> ahead_finding(Backend& backend, Ledger& ledger, Applied const& applied, Source const& source, History const& history,
                              Options const& options) {
    std::vector<std::string> harms;
    if (options.ahead == Ahead::accept_harmless) {
        UNDROP_TRY(harms, harms_of(backend, ledger, applied));
    }
    Finding finding{.severity = Severity::warning,
                    .code = "ahead",
                    .text = fmt::format("the database is ahead of {}, which does not have {}", source.origin, named(applied))};
    if (options.ahead == Ahead::accept || (options.ahead == Ahead::accept_harmless && harms.empty())) {
        if (options.ahead == Ahead::accept_harmless) finding.text += ": " + verdict(harms);
        return finding;
    }
    finding.severity = Severity::stop;
    if (!harms.empty()) finding.text += ": " + verdict(harms);
    finding.next = way_down(source, history,
                            "takes it back with what it took; or start the program that has it; or `up --ahead accept`, if this one can go "
                            "on as it is");
    return finding;
}

Result<void> describe_ahead(Backend& backend, Ledger& ledger, Source const& source, History const& history, Options const& options,
                            Status& status) {
    auto const newer = newer_than(source, history);
    if (newer.empty()) return success();
    bool harmless = true;
    for (auto const& applied : newer) {
        auto const found = std::find_if(status.applied.begin(), status.applied.end(),
                                        [&](AppliedMigration const& m) { return m.version == applied.version; });
        found->ahead = true;
        UNDROP_TRY(found->harms, harms_of(backend, ledger, applied));
        harmless = harmless && found->harms.empty();
    }
    status.ahead = outlook(newer, harmless, source, options);
    return success();
}

Result<Plan> Planner::roll_back(std::vector<Applied> const& newer) {
    auto const program = newest_of(source_);
    auto const to = newest_common(source_, history_)->version;
    std::vector<Finding> findings;
    for (auto const& applied : newer) {
        UNDROP_TRY(auto const who, taken_back_before(backend_, ledger_, applied, program));
        if (who.empty()) continue;
        findings.push_back(
            {.severity = Severity::stop,
             .code = "ahead-again",
             .text =
                 fmt::format("{} was taken back for the program whose newest migration is {} once, {}, and was applied again since: two "
                             "versions of a program that restart in turn would undo each other without end",
                             named(applied), program, who),
             .next = {.command = "down --to " + to,
                      .advice = "once the newer program is stopped, if the older one is to stay; otherwise start the newer one"}});
    }
    UNDROP_TRY(auto plan, down({.to = to}));
    for (auto& step : plan.steps) step.taken_back_for = program;
    plan.findings.insert(plan.findings.begin(), findings.begin(), findings.end());
    // P7: what would stop the program once it is there stops it now.
    for (auto const& applied : history_.applied) {
        auto const* migration = find_migration(source_, applied.version);
        if (!migration || !edited_up(applied, *migration)) continue;
        UNDROP_TRY(auto const ran, ledger_.script(applied.up_script));
        plan.findings.push_back(edited_up_finding(applied, *migration, ran));
    }
    plan.findings.push_back(
        {.severity = Severity::warning,
         .code = "ahead",
         .text = fmt::format("the database is ahead of {}, which does not have {}: taken back", source_.origin, names_of(newer))});
    return plan;
}

Result<void> wait_while_ahead(Target& target, Source const& source, Options const& options) {
    if (options.ahead != Ahead::wait) return success();
    Ledger ledger(target.backend(), options.ledger);
    auto const end = Clock::now() + options.wait;
    for (bool told = false;; told = true) {
        UNDROP_TRY(auto const history, ledger.history());
        auto const newer = newer_than(source, history);
        if (newer.empty()) return success();
        auto const what = fmt::format("the database is ahead of {}, which does not have {}", source.origin, names_of(newer));
        auto const left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
        if (left.count() <= 0)
            return Error{.code = Code::busy,
                         .left = Left::untouched,
                         .message = fmt::format("{}; waited {:.1f} s for somebody to take that back", what,
                                                std::chrono::duration<double>(options.wait).count()),
                         .next = way_down(source, history, "takes it back with what it took; or start the program that has it")};
        try {
            if (!told && options.on_event) options.on_event({.kind = Event::Kind::waiting, .text = what + "; waiting"});
            if (pause(std::min(left, milliseconds{200}), options)) continue;
        } catch (...) {
            return Error{.code = Code::interrupted, .left = Left::untouched, .message = "the program's event callback threw an exception"};
        }
        return Error{.code = Code::interrupted, .left = Left::untouched, .message = "cancelled while waiting: " + what};
    }
}

}  // namespace undrop
