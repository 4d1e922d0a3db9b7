#include "returning_parents.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "balanced.hpp"
#include "look.hpp"
#include "try.hpp"

namespace undrop {

Result<void> leave_out_returning(Backend& backend, Ledger const& ledger, std::vector<Snapshot const*> const& deleted,
                                 std::vector<Table> const& tables, std::vector<Reference>& references) {
    auto const& dialect = backend.dialect();
    for (auto& reference : references) {
        auto const* child = find_table(tables, {reference.schema, reference.child});
        if (!child) continue;
        UNDROP_TRY(auto const own, backend.foreign_keys(*child, {}));
        if (own.empty()) continue;
        std::string condition;
        for (auto const* s : deleted) {
            std::vector<std::string> same;
            for (std::size_t i = 0; i < reference.columns.size(); ++i) {
                auto const at = std::find(s->values.begin(), s->values.end(), reference.parents_columns[i]);
                auto const* column = child->column(reference.columns[i]);
                if (at == s->values.end() || !column) break;
                same.push_back(fmt::format("s.v{} = {}", at - s->values.begin() + 1,
                                           dialect.save(*column, "c." + dialect.quote(reference.columns[i]))));
            }
            if (same.size() != reference.columns.size()) continue;
            condition += fmt::format("{}not exists (select 1 from {} as s where {})", condition.empty() ? "" : " and ",
                                     ledger.table(s->store), balanced(same, " and "));
        }
        if (!condition.empty()) reference.rows = fmt::format("(select c.* from {} as c where {})", reference.rows, condition);
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace undrop
