// The part of a step that gives enum types the labels that they had. What comes back is read while there are those of before and those of
// after; once it is back, those that came are taken away, from types that no row uses them in any more.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "labels.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
using Objects = Catalog;

bool is_column_of(ObjectId const& id, Table const& table) { return names_table(id.parent, table_name(table)); }

// Is that the table's column, or the one that it may have inherited? A partition's rows are counted with those of its table.
bool is_it_or_inherits(Table const& table, Column const& column, ObjectId const& id, std::set<ObjectId> const& columns,
                       std::vector<Table> const& tables) {
    auto const is_own = [&](ObjectId const& one) { return one.name == id.name && is_column_of(one, table); };
    if (std::any_of(columns.begin(), columns.end(), is_own)) return is_own(id);
    return table.root.empty() && std::any_of(tables.begin(), tables.end(), [&](Table const& parent) {
               auto const* its = is_column_of(id, parent) ? parent.column(id.name) : nullptr;
               return its && its->type == column.type;
           });
}

}  // namespace

Result<void> StepRunner::bring_labels_back() {
    labels_.clear();
    auto const is_type = [](auto const& entry) { return entry.first.kind == "type" && entry.second; };
    if (std::none_of(opposite_.wanted.begin(), opposite_.wanted.end(), is_type)) return success();
    UNDROP_TRY(auto now, backend_.catalog_after(ledger_.name(), catalog_));
    Objects more;
    for (auto const& [id, want] : other_labels(now, opposite_.wanted)) {
        auto const& is = now.at(id);
        if (auto all = with_all_labels(want, is); !labels_only_in(want, is).empty()) more.emplace(id, std::move(all));
        labels_.emplace(id, want);
        report_.mended.push_back("labels of " + id.text());
    }
    if (!more.empty()) {
        UNDROP_CHECK(remake_types(now, more, false));
        UNDROP_TRY(now, backend_.catalog_after(ledger_.name(), catalog_));
    }
    for (auto const& [id, want] : labels_) opposite_.wanted.insert_or_assign(id, now.at(id));
    return success();
}

Result<void> StepRunner::take_labels_away() {
    if (labels_.empty()) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    for (auto const& [id, want] : labels_) opposite_.wanted.insert_or_assign(id, want);
    erase_if(labels_, [&](auto const& type) { return !now.contains(type.first) || now.at(type.first).same(type.second); });
    return labels_.empty() ? success() : remake_types(now, labels_, true);
}

// Going up again, users' values may hold a label that the script has just added, which nobody may use before it is committed but in a type
// that is made in the same transaction.
Result<void> StepRunner::make_new_labels_usable() {
    if (!renews_labels_ || step_.direction == Direction::down) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    auto const types = with_new_labels(catalog_, now);
    return types.empty() ? success() : remake_types(now, types, false);
}

bool StepRunner::needs_new_labels(Error const& error) {
    constexpr std::string_view unsafe_new_value = "55P04";
    if (step_.direction == Direction::down || opposite_.step == 0 || renews_labels_ || error.where.line != 0) return false;
    renews_labels_ = error.native.starts_with(unsafe_new_value);
    return renews_labels_;
}

// `last`: what stepped aside comes back with all that is still to come, in the form in which it was recorded.
Result<void> StepRunner::remake_types(Catalog const& now, Objects const& types, bool last) {
    auto const plan = plan_remake(now, types);
    if (!plan.refused.empty())
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = "the schema cannot be brought back by itself: " + plan.refused,
                     .next = {.advice = "write a down script for it"}};
    UNDROP_TRY(auto const before, backend_.tables(ledger_.name()));
    UNDROP_CHECK(run_mend(backend_, removals(plan.aside)));
    for (auto const& id : plan.columns) UNDROP_CHECK(make_column_text(id, before));
    UNDROP_CHECK(run_mend(backend_, removals(plan.types)));
    Wanted wanted;
    for (auto const* objects : {&types, &plan.types})
        for (auto const& [id, object] : *objects) wanted.emplace(id, object);
    for (auto const& id : plan.columns) wanted.emplace(id, now.at(id));
    for (auto const& [id, object] : plan.aside) {
        if (!last) wanted.emplace(id, object);
        if (id.kind == "column") note_moved(id, before);
    }
    for (auto const* objects : {&plan.types, &plan.aside})
        for (auto const& [id, object] : *objects) opposite_.wanted.emplace(id, object);
    UNDROP_TRY(auto const then, backend_.catalog_after(ledger_.name(), catalog_));
    auto const mend = plan_mend(then, wanted);
    UNDROP_CHECK(backend_.run("savepoint undrop_labels"));
    auto made = run_mend(backend_, mend.before_data);
    if (made) made = run_mend(backend_, mend.after_data);
    if (!made && !backend_.means_unfitting(made.error())) return made;
    UNDROP_CHECK(
        backend_.run(made ? "release savepoint undrop_labels" : "rollback to savepoint undrop_labels; release savepoint undrop_labels"));
    if (made) return made;
    // Columns are text still, and can be asked which values do not fit once the types are there.
    std::vector<MendAction> only_types;
    for (auto const& action : mend.before_data)
        if (action.id.kind == "type" || action.id.kind == "attribute") only_types.push_back(action);
    if (!run_mend(backend_, only_types)) return made;
    UNDROP_CHECK(rows_with_labels(now, types, plan.columns, before));
    return made;
}

Result<void> StepRunner::make_column_text(ObjectId const& id, std::vector<Table> const& tables) {
    auto const& dialect = backend_.dialect();
    for (auto const& table : tables) {
        auto const* column = is_column_of(id, table) ? table.column(id.name) : nullptr;
        if (!column) continue;
        auto const name = dialect.quote(id.name);
        UNDROP_CHECK(backend_.run(fmt::format("alter table {} alter column {} type {} using {}", id.parent, name, column->stored_type,
                                              dialect.save(*column, name))));
        return success();
    }
    return success();
}

void StepRunner::note_moved(ObjectId const& id, std::vector<Table> const& tables) {
    for (auto const& table : tables)
        if (is_column_of(id, table) && table.columns.back().name != id.name) note_last(table.text() + "." + id.name);
}

// P7: who still uses a label that goes, by table and column.
Result<void> StepRunner::rows_with_labels(Catalog const& now, Objects const& types, std::set<ObjectId> const& columns,
                                          std::vector<Table> const& before) {
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    std::vector<std::string> found;
    std::string first;
    for (auto const& table : tables) {
        auto const* then = find_table_by_id(before, table.id);
        for (auto const& id : columns) {
            auto const* column = table.column(id.name);
            auto const* was = then && column ? then->column_by_id(column->id) : nullptr;
            if (!was || was->type == column->type || !is_it_or_inherits(table, *was, id, columns, before)) continue;
            UNDROP_TRY(auto const rows, backend_.unfitting(table, id.name, now.at(id)));
            if (rows == 0) continue;
            // Of several parents a table may inherit the same column.
            auto const place = fmt::format("{} of {} in {}", rows, table.text(), id.name);
            if (std::find(found.begin(), found.end(), place) == found.end()) found.push_back(place);
            if (first.empty()) first = fmt::format("UPDATE {} SET {} = ...", table.text(), id.name);
        }
    }
    if (found.empty()) return success();
    std::vector<std::string> goes;
    for (auto const& [id, want] : types)
        for (auto const& label : labels_only_in(now.at(id), want)) goes.push_back(fmt::format("{} of {}", label, id.text()));
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("rows hold a label that goes ({}): {}; they were written since the up, or their old value is not "
                                        "known, and nothing is changed",
                                        fmt::join(goes, ", "), fmt::join(found, ", ")),
                 .next = {.command = "down",
                          .advice = fmt::format("once these rows have another value ({}), or a down script gives them one", first)}};
}

}  // namespace undrop
