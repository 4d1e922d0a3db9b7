// Rehearse: which migrations, in which sandbox.
#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <undrop/rehearse.hpp>

#include "apply.hpp"
#include "backend.hpp"
#include "evidence.hpp"
#include "ledger.hpp"
#include "rules.hpp"
#include "sandbox.hpp"
#include "source_for.hpp"
#include "try.hpp"
#include "walk.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds wait_for_rows{1000};  // that somebody keeps readers out of
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Does the sandbox begin with the target's schema?
bool of_target(Rehearsal const& rehearsal) { return rehearsal.data.mode != DataMode::migrations; }

// What to rehearse, and what that stands on.
Result<std::vector<std::string>> chosen_versions(Source const& source, Rehearsal const& rehearsal, History const& history) {
    auto const wrong = [](std::string message, std::string advice) {
        return Error{.code = Code::usage, .message = std::move(message), .next = {.command = "status", .advice = std::move(advice)}};
    };
    std::vector<std::string> chosen;
    for (auto const& version : rehearsal.versions) {
        auto const* migration = find_migration(source, full_version(version, source, history));
        if (!migration) return wrong(fmt::format("there is no migration {}", version), "It lists what there is.");
        if (of_target(rehearsal) && history.find(version))
            return wrong(fmt::format("{} is applied to the target, so a copy of the target cannot show its way up", version),
                         "Without --data it is rehearsed on an empty database.");
        chosen.push_back(migration->version);
    }
    if (!chosen.empty()) return chosen;
    bool const pending = of_target(rehearsal) || rehearsal.which == Rehearsal::Which::pending;
    for (auto const& migration : source.migrations)
        if (!pending || !history.find(migration.version)) chosen.push_back(migration.version);
    return chosen;
}

// Up to the last that was asked for; on a copy of the target, without those that it has.
std::vector<Migration const*> on_the_way(Source const& source, std::vector<std::string> const& chosen, Rehearsal const& rehearsal,
                                         History const& history) {
    std::vector<Migration const*> way;
    std::size_t needed = 0;
    for (auto const& migration : source.migrations) {
        if (of_target(rehearsal) && history.find(migration.version)) continue;
        way.push_back(&migration);
        if (std::find(chosen.begin(), chosen.end(), migration.version) != chosen.end()) needed = way.size();
    }
    way.resize(needed);
    return way;
}

// By the target's own statistics where it has some, else counted; as far as it lets us read them.
std::map<std::string, std::int64_t> rows_of(Backend& target, std::string const& ledger) {
    std::map<std::string, std::int64_t> rows;
    auto const tables = target.tables(ledger);
    if (!tables) return rows;
    if (!target.begin_reading()) return rows;
    for (auto const& table : tables.value()) {
        if (auto const estimated = target.estimated_rows(table); estimated && estimated.value()) {
            rows.emplace(table.text(), *estimated.value());
            continue;
        }
        auto const read = target.read_in_time(wait_for_rows, [&]() -> Result<void> {
            UNDROP_TRY(auto const counted, target.rows("select count(*) from " + target.dialect().own_rows(table)));
            rows.emplace(table.text(), std::stoll(counted.at(0).at(0).value_or("0")));
            return success();
        });
        if (!read) break;
    }
    target.rollback();
    return rows;
}

}  // namespace

bool Evidence::exact() const {
    return not_reached.empty() && std::all_of(migrations.begin(), migrations.end(), [](Rehearsed const& r) { return r.came_back; });
}

bool Evidence::good(Rehearsed const& one) const {
    auto const declared = one.grade == Grade::irreversible && !one.irreversible.empty();
    return one.came_back || (one.grade == Grade::lossy && accepted >= Grade::lossy) || (declared && accepted >= Grade::irreversible);
}

bool Evidence::good() const {
    return not_reached.empty() && std::all_of(migrations.begin(), migrations.end(), [&](Rehearsed const& r) { return good(r); });
}

Result<Evidence> rehearse(Target& target, Source const& given, Rehearsal const& rehearsal, Options const& options) {
    auto const start = Clock::now();
    Evidence evidence{.target = target.description(), .data = rehearsal.data};
    evidence.accepted = rehearsal.accept;
    // Who rehearses on an empty database need not be able to read the target's ledger.
    History history;
    if (of_target(rehearsal) || (rehearsal.versions.empty() && rehearsal.which == Rehearsal::Which::pending)) {
        UNDROP_TRY(history, Ledger(target.backend(), options.ledger).history());
    }
    auto const source = source_for(given, history);
    UNDROP_TRY(auto const chosen, chosen_versions(source, rehearsal, history));
    if (chosen.empty()) return evidence;
    auto const way = on_the_way(source, chosen, rehearsal, history);
    UNDROP_TRY(auto const sandbox, target.backend().make_sandbox({.data = rehearsal.data,
                                                                  .elsewhere = rehearsal.sandbox,
                                                                  .ledger = options.ledger,
                                                                  .cancelled = options.cancelled,
                                                                  .on_rows = rehearsal.on_rows}));
    evidence.notes = sandbox->notes;
    // How far it goes.
    if (!rehearsal.writes) evidence.notes.emplace_back("no application wrote between up and down");
    for (auto const& mask : rehearsal.data.masks) evidence.notes.push_back(fmt::format("masked: {}.{}", mask.table, mask.column));
    evidence.not_filled = sandbox->not_filled;
    if (!evidence.not_filled.empty())
        evidence.notes.push_back(
            fmt::format("no row could be made for {}; what touches them is not exercised", fmt::join(evidence.not_filled, ", ")));
    // P8: what a script raises, as a NOTICE, too, may hold a row's value.
    auto heard = options;
    if (rehearsal.data.mode >= DataMode::sample && !rehearsal.show_rows && options.on_event)
        heard.on_event = [&](Event const& event) {
            if (event.kind != Event::Kind::notice && event.kind != Event::Kind::failed) options.on_event(event);
        };
    UNDROP_CHECK(with_run_lock(sandbox->backend(), heard, [&]() -> Result<void> {
        UNDROP_CHECK(Ledger(sandbox->backend(), options.ledger).ensure(options));
        Walk walk(*sandbox, rehearsal, heard);
        if (rehearsal.data.mode == DataMode::synthetic || rehearsal.data.mode == DataMode::sample)
            walk.extrapolate_to(rows_of(target.backend(), options.ledger));
        return walk.over(way, chosen, evidence);
    }));
    if (auto ended = sandbox->end(); !ended) evidence.notes.push_back(ended.error().message);
    evidence.seconds = seconds_since(start);
    settle(evidence);
    return evidence;
}

}  // namespace undrop
