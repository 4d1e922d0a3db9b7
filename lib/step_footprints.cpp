// The part of a step that notes what its script itself wrote into what it made (P3).
#include "save.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// P3: what the script itself has written into what it made is not a user's.
Result<void> StepRunner::leave_footprints() {
    auto add = [&](Table const& table, std::string const& column, std::set<std::string> const& fresh, bool written) -> Result<void> {
        UNDROP_TRY(auto prints, footprint(backend_, ledger_, table, column, fresh, written, next_id_));
        if (!prints.empty()) ++next_id_;
        footprints_.insert(footprints_.end(), prints.begin(), prints.end());
        return success();
    };
    for (auto const& table : scripted_) {
        auto const* before = find_table_by_id(before_, table.id);
        if (!before) before = find_table(before_, {table.schema, table.name});
        // What was renamed away has its successor's name, and is another table.
        if (before && before->id != table.id && find_table_by_id(scripted_, before->id)) before = nullptr;
        if (!before) {
            UNDROP_CHECK(add(table, "", {}, true));
            continue;
        }
        auto const writes = after_script_.writes.find(before->id);
        auto const written = writes != after_script_.writes.end() || before->id != table.id;
        auto const is_new = [&](Column const& column) {
            return !column.generated && !before->column(column.name) && (before->id != table.id || !before->column_by_id(column.id));
        };
        std::set<std::string> fresh;
        for (auto const& column : table.columns)
            if (is_new(column)) fresh.insert(column.name);
        for (auto const& column : table.columns)
            if (is_new(column)) UNDROP_CHECK(add(table, column.name, fresh, written));
    }
    return success();
}

}  // namespace undrop
