// The part of the planner that tells of columns that are renamed away instead of being dropped, and where that would be better.
#include <fmt/format.h>
#include <algorithm>

#include "fault.hpp"
#include "outside.hpp"
#include "planner.hpp"
#include "try.hpp"

namespace undrop {
namespace {

Finding stop(Error error) {
    return {.severity = Finding::Severity::stop,
            .code = "keep-aside",
            .text = std::move(error.message),
            .where = std::move(error.where),
            .next = std::move(error.next)};
}

}  // namespace

// A table is an object of which its columns are a part, or they are objects by themselves.
bool purged_with_aside(Opposite const& opposite, ObjectId const& id) {
    return std::any_of(opposite.aside.begin(), opposite.aside.end(), [&](Snapshot const& aside) {
        auto const is_part = id.name == aside.position && names_table(id.parent, table_name(aside.table));
        auto const is_whole = id.kind == "table" && aside.table.schema.empty() && id.name == aside.table.name;
        return aside.purged() && (is_part || is_whole);
    });
}

// What earlier steps of the plan make is not there yet: the step itself looks again.
std::vector<KeptColumn> Planner::find_kept(PlannedStep const& step, std::vector<Statement> const& statements, Plan& plan) const {
    auto const& script = step.direction == Direction::up ? step.up : step.down;
    if (step.origin == Origin::derived || !script || names_to_keep(*script).empty()) return {};
    auto kept = columns_to_keep(backend_.dialect(), step.version, step.direction, *script, statements, tables_);
    if (!kept && &step == &plan.steps.front()) plan.findings.push_back(stop(std::move(kept).error()));
    if (!kept) return {};
    if (script_parts(backend_.dialect(), statements, is_marked(*script)).size() > 1) plan.findings.push_back(stop(kept_in_parts(*script)));
    return std::move(kept).value();
}

void Planner::describe_kept(PlannedStep& step, std::vector<KeptColumn> const& kept) const {
    for (auto const& column : kept)
        step.notes.push_back(fmt::format(
            "{}.{} is not dropped, but kept aside as {}, with its values, personal data too: SELECT * sees it, and so do INSERTs without a "
            "column list, until `undrop snapshots purge` drops it",
            column.table.text(), column.column, column.name));
    if (step.direction == Direction::down || step.origin == Origin::derived) return;
    for (auto const& loss : step.losses) {
        auto const is_it = [&](Table const& table) {
            auto const text = table.text() + ".";
            return loss.what.starts_with(text) && table.column(loss.what.substr(text.size())) && !table.partitioned && table.root.empty();
        };
        if (!loss.waived && loss.rows >= worth_keeping_aside && std::any_of(tables_.begin(), tables_.end(), is_it))
            step.notes.push_back(fmt::format(
                "copies the values of {} in {} rows, while writers wait; `-- undrop: keep-aside {}` at the top of the script renames the "
                "column away instead, and the way back is a rename",
                loss.what, *loss.rows, loss.what));
    }
}

// What was foreseen of the definitions alone is a rename, too.
void Planner::describe_aside_back(PlannedStep& step, Opposite const& opposite) const {
    for (auto const& aside : opposite.aside) {
        step.comes_back.push_back(fmt::format("{} (kept aside as {}, {} rows)", aside.what(), aside.position, aside.rows));
        std::erase_if(step.mends, [&](std::string const& mend) {
            return mend.ends_with("." + aside.position) || mend.ends_with("column " + aside.what());
        });
        step.mends.push_back(fmt::format("renames {} back to {}", aside.position, aside.what()));
    }
}

// P7: as with snapshots.
Result<void> Planner::look_at_aside(PlannedStep& step, Opposite& opposite, Plan& plan) {
    std::vector<Snapshot> there;
    for (auto& aside : opposite.aside) {
        UNDROP_TRY(auto const fault, fault_of(backend_, ledger_, aside, Depth::table));
        if (fault.empty()) {
            there.push_back(std::move(aside));
        } else if (goes_without(options_, aside, step.direction)) {
            step.notes.push_back(fmt::format("{} does not come back: {} {}", aside.what(), name_of(aside), fault));
        } else {
            auto error = will_not_restore(aside, fault, step.direction);
            plan.findings.push_back(
                {.severity = Finding::Severity::stop, .code = "snapshot", .text = std::move(error.message), .next = std::move(error.next)});
        }
    }
    opposite.aside = std::move(there);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace undrop
