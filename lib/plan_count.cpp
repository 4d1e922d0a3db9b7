// The part of the planner that reads what other sessions may have locked: definitions, and how many rows there are. A plan does not wait
// for them: it says what it could not read.
#include "planner.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "rules.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool goes_down(Plan const& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [](PlannedStep const& step) { return step.direction == Direction::down && step.unfinished == 0; });
}

}  // namespace

std::string keyless_note(Table const& table) {
    return fmt::format("{} has no key: its rows are told apart by all their columns, equal ones not at all", table.text());
}

// Going up, the step itself reads them, under its own locks. A way back is compared with them before (drift), and has to wait.
Result<void> Planner::read_definitions(Plan const& plan) {
    auto const wait = goes_down(plan) ? options_.lock_timeout : glance;
    UNDROP_TRY(catalog_read_, backend_.read_in_time(wait, [&]() -> Result<void> {
        UNDROP_TRY(catalog_, backend_.catalog(options_.ledger));
        return success();
    }));
    return success();
}

Result<std::optional<std::int64_t>> Planner::number_of(std::string const& what, Table const& table, PlannedStep& step) {
    std::optional<std::int64_t> number;
    if (!full_) return number;
    auto const sql = fmt::format("select count({}) from {}", what, backend_.dialect().own_rows(table));
    UNDROP_TRY(bool const read, backend_.read_in_time(glance, [&]() -> Result<void> {
        UNDROP_TRY(auto const rows, backend_.rows(sql));
        number = std::stoll(rows.at(0).at(0).value_or("0"));
        return success();
    }));
    if (read) return number;
    all_read_ = false;
    UNDROP_TRY(auto const about, backend_.estimated_rows(table));
    auto note = fmt::format("rows of {} cannot be counted now, since it is locked", table.text());
    if (about) note += fmt::format("; about {} by the database's own statistics", *about);
    if (std::find(step.notes.begin(), step.notes.end(), note) == step.notes.end()) step.notes.push_back(std::move(note));
    return number;
}

Result<void> Planner::count(PlannedStep& step, Foresight const& foresight, std::vector<std::string> const& lose) {
    for (auto const& name : foresight.tables) {
        auto const* table = find_table(tables_, name);
        UNDROP_TRY(auto const rows, number_of("*", *table, step));
        step.losses.push_back({table->text(), rows, waives(lose, name, "")});
    }
    for (auto const& [name, column] : foresight.columns) {
        auto const* table = find_table(tables_, name);
        UNDROP_TRY(auto const rows, number_of(backend_.dialect().quote(column), *table, step));
        step.losses.push_back({table->text() + "." + column, rows, waives(lose, name, column) || waives(lose, name, "")});
        if (auto note = keyless_note(*table); table->key.empty() && step.direction == Direction::up &&
                                              std::find(step.notes.begin(), step.notes.end(), note) == step.notes.end())
            step.notes.push_back(std::move(note));
    }
    return success();
}

// Materialized views that the step removes, or fills anew.
Result<void> Planner::count_views(PlannedStep& step, Foresight const& foresight, std::vector<std::string> const& lose) {
    for (auto const& [view, file, populated] : views_) {
        auto const name = table_name(view);
        if (!foresight.views.contains(name) || !populated) continue;
        auto const is_waived = waives(lose, name, "");
        std::optional<std::int64_t> rows;
        if (full_) {
            UNDROP_TRY(rows, counted(backend_.dialect().own_rows(view)));
        }
        step.losses.push_back({view.text() + " (materialized view)", rows, is_waived});
        if (is_waived) continue;
        step.locks.push_back(view.text());
        if (step.direction == Direction::up)
            step.notes.push_back(fmt::format(
                "nothing but its query fills {} again: rows that it does not give by then stay in the snapshot, for `snapshots show`",
                view.text()));
    }
    return success();
}

Result<void> Planner::tell_of_locked(Plan& plan) {
    if (catalog_read_ && all_read_) return success();
    UNDROP_TRY(auto const who, backend_.kept_from_readers());
    plan.findings.push_back(locked_finding(who, catalog_read_, goes_down(plan)));
    return success();
}

}  // namespace undrop
