// The part of the planner that tells what a down script drops beside what the up made (P7): the step is refused for it once the script has
// run, or goes without the script.
#include <fmt/format.h>

#include "planner.hpp"
#include "try.hpp"
#include "untouched.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

Result<void> Planner::tell_of_drops_beside(PlannedStep const& step, std::vector<Statement> const& statements,
                                           std::vector<std::string> const& lose, Opposite const& opposite, Plan& plan) {
    if (step.direction == Direction::up || statements.empty() || !catalog_read_ || reached_anything_) return success();
    for (auto const& [table, column] : will_drop_beside(backend_.dialect(), statements, lose, tables_, catalog_, opposite)) {
        if (reached_.contains(table_name(*table))) continue;
        auto untouched = false;
        UNDROP_TRY(bool const known, backend_.read_in_time(glance, [&]() -> Result<void> {
            UNDROP_TRY(untouched, is_untouched(backend_, ledger_, opposite, tables_));
            return success();
        }));
        auto const error = drops_beside(*table, column);
        plan.findings.push_back(
            {.severity = untouched ? Finding::Severity::note : Finding::Severity::warning,
             .code = "beside",
             .text =
                 error.message + (untouched ? ": the step goes without the script, for nobody has written since"
                                  : known   ? ": the way back will be refused, for somebody has written since"
                                          : ": the way back is refused where somebody has written since, else it goes without the script"),
             .next = untouched ? Next{} : error.next});
    }
    return success();
}

}  // namespace undrop
