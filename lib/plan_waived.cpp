// The part of the planner that tells what is let go unsaved: by the script that is planned, and by the one that a step takes back.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "planner.hpp"
#include "rules.hpp"
#include "stays.hpp"
#include "try.hpp"
#include "waived.hpp"
#include "waiver.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool is_of(std::string const& what, std::string const& table) { return what == table || what.starts_with(table + "."); }

}  // namespace

// P1: which rows and values a waiver lets go that no DROP names, only the step finds out; whoever runs it is asked before.
void Planner::describe_waived(PlannedStep& step, std::vector<std::string> const& lose) const {
    auto const told = [&](std::string const& what, bool whole) {
        return std::any_of(step.losses.begin(), step.losses.end(), [&](PlannedLoss const& loss) {
            return loss.waived && (loss.what == what || loss.what.starts_with(what + " (") || (whole && is_of(loss.what, what)));
        });
    };
    auto const add = [&](std::string const& what, char const* which) {
        step.losses.push_back({fmt::format("{} ({})", what, which), {}, true});
    };
    for (auto const& table : with_views(tables_, views_)) {
        auto const whole = waives(lose, table_name(table), "");
        if (whole && !told(table.text(), true)) add(table.text(), "rows that the script changes or deletes");
        for (auto const& column : table.columns) {
            auto const what = table.text() + "." + column.name;
            if (!whole && waives(lose, table_name(table), column.name) && !told(what, false)) add(what, "values that the script changes");
        }
    }
    for (auto const& waiver : lose)
        if (waives_object(waiver) && (waiver.starts_with("rows of ") || waiver.starts_with("virtual table ")))
            step.losses.push_back({waiver, {}, true});
}

// What is not saved does not come back, which nothing else of a plan shows.
Result<void> Planner::tell_of_waived(PlannedStep& step) {
    UNDROP_TRY(auto const waived, waived_by_version(backend_, ledger_));
    auto const found = waived.find(step.version);
    if (found != waived.end())
        step.notes.push_back(fmt::format("the up let go unsaved, as `-- undrop: lose` said, and that does not come back: {}",
                                         fmt::join(found->second, ", ")));
    return success();
}

// P9: what the up changed beside the schema, and made of kinds that are not known.
void Planner::tell_of_what_stays(PlannedStep& step, Opposite const& opposite) const {
    if (step.direction == Direction::up || opposite.stays.empty()) return;
    auto const there = catalog_read_ ? std::optional(backend_.unknown(catalog_)) : std::nullopt;
    auto left = opposite.stays;
    if (step.origin != Origin::derived && step.down)
        if (auto const told = directives(*step.down); told)
            std::erase_if(left, [&](Stays const& one) {
                auto const& lose = told.value().lose;
                return !one.what.empty() && std::find(lose.begin(), lose.end(), one.what) != lose.end();
            });
    for (auto& line : what_else_stays(backend_.dialect(), step, left, there ? &*there : nullptr)) step.notes.push_back(std::move(line));
}

}  // namespace undrop
