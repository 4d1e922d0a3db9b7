// The part of a step that makes columns which cannot be made at once.
#include <fmt/format.h>
#include <algorithm>

#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// What was saved of a column, as text; a partitioned table's in its partitions. Null: nothing.
Result<Snapshot const*> StepRunner::saved_as_text(ObjectId const& id) {
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    auto const table = std::find_if(tables.begin(), tables.end(), [&](Table const& t) { return names_table(id.parent, table_name(t)); });
    for (auto const* snapshots : {&opposite_.snapshots, &passed_over_})
        for (auto const& s : *snapshots) {
            if (s.kind != Snapshot::Kind::column || s.column != id.name) continue;
            auto const* now = find_table(tables, table_name(s.table));
            auto const of_it = now && table != tables.end() && (now->id == table->id || now->root == table->id);
            auto const& column = *s.table.column(s.column);
            if (of_it && column.as_text && column.attributes.empty()) return &s;
        }
    return nullptr;
}

// A domain may take no NULL, so that a column of it cannot be added to a table with rows. Until its values are back it is of the type in
// which they were saved; the last pass of the mend gives it its own.
Result<void> StepRunner::make_column(MendAction const& action) {
    UNDROP_TRY(auto const* saved, saved_as_text(action.id));
    if (!saved) return run_mend(backend_, {action});
    UNDROP_CHECK(backend_.run("savepoint undrop_column"));
    auto made = run_mend(backend_, {action});
    if (!made && !backend_.means_unfitting(made.error())) return made;
    UNDROP_CHECK(
        backend_.run(made ? "release savepoint undrop_column" : "rollback to savepoint undrop_column; release savepoint undrop_column"));
    if (made) return made;
    UNDROP_CHECK(backend_.run(fmt::format("alter table {} add column {} {}", action.id.parent, backend_.dialect().quote(action.id.name),
                                          saved->table.column(saved->column)->stored_type)));
    bare_.insert(action.id.name);
    return success();
}

}  // namespace undrop
