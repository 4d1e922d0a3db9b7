// The part of a way back that puts columns where they stood (Options::keep_order). What comes back is the table's last column; those that
// stood behind it are moved behind it, and what hangs on them steps aside meanwhile and comes back with all that is still to come.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "column_order.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
Error cannot_keep(Table const& table, ColumnNames const& moved, std::string const& why, Left left) {
    return Error{.code = Code::refused,
                 .left = left,
                 .message = fmt::format("the order of the columns of {} cannot be kept, for which {} would have to be moved: {}",
                                        table.text(), fmt::join(moved, ", "), why),
                 .next = {.command = "down", .advice = "without --keep-order: what comes back is the table's last column then"}};
}

}  // namespace

// Where a rebuild gives the columns their places there is nothing to do.
bool StepRunner::keeps_order() const {
    if (!options_.keep_order || step_.direction == Direction::up) return false;
    return std::any_of(before_.begin(), before_.end(), [&](Table const& table) {
        return !table.columns.empty() && backend_.dialect().add_bare_column(table, table.columns.front()).empty();
    });
}

void StepRunner::note_last(std::string const& column) {
    if (!keeps_order()) report_.notes.push_back(column + " came back as the last column: mind INSERTs without a column list");
}

// P7, and the locks: of the table, and of those that refer to a column which is to move.
Result<void> StepRunner::foresee_order() {
    if (!keeps_order()) return success();
    for (auto const& table : before_) {
        auto const ahead = order_ahead(table, opposite_);
        if (ahead.moved.empty() || !table.root.empty()) continue;
        UNDROP_TRY(auto const why, backend_.why_not_move(table, ahead.moved));
        if (!why.empty()) return cannot_keep(table, ahead.moved, why.front(), Left::untouched);
        foresight_.locks.insert(table_name(table));
        UNDROP_TRY(auto const references, backend_.references(table));
        for (auto const& reference : references)
            if (std::find_first_of(reference.parents_columns.begin(), reference.parents_columns.end(), ahead.moved.begin(),
                                   ahead.moved.end()) != reference.parents_columns.end())
                foresight_.locks.insert({reference.schema, reference.child});
    }
    return success();
}

// P7, once the catalog is read. Views that are filled by a query go with a column that moves, and are filled anew.
Result<void> StepRunner::foresee_moves() {
    if (!keeps_order()) return success();
    for (auto const& table : before_) {
        auto const ahead = order_ahead(table, opposite_);
        if (ahead.moved.empty() || !table.root.empty()) continue;
        auto const move = plan_move(catalog_, table, ahead.wanted, ahead.moved);
        if (auto const reason = why_not(move, table); !reason.empty()) return cannot_keep(table, move.columns, reason, Left::untouched);
        for (auto const& [id, object] : move.aside)
            for (auto const& view : views_)
                if (names_view(id, view.table)) foresight_.views.insert(table_name(view.table));
    }
    return success();
}

// A moved column has no statistics.
Result<void> StepRunner::gather_statistics_of_moved(std::vector<Table> const& tables) {
    for (auto const& table : tables) {
        auto const moved = moved_.lower_bound({table.id, ""});
        if (moved != moved_.end() && moved->first.first == table.id) UNDROP_CHECK(backend_.gather_statistics(table));
    }
    return success();
}

Result<void> StepRunner::put_in_order() {
    if (!keeps_order()) return success();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    for (auto const& table : tables) {
        if (!table.root.empty()) continue;  // a partition's columns are its table's
        auto order = recorded_order(opposite_, table_name(table));
        if (auto const* before = find_table_by_id(before_, table.id); !order && before) {
            order.emplace();
            for (auto const& column : before->columns) {
                auto const* now = table.column_by_id(column.id);
                order->push_back(now ? now->name : column.name);
            }
        }
        if (order) UNDROP_CHECK(put_in_order(table, as_recorded(names_of(table), *order)));
    }
    return success();
}

Result<void> StepRunner::put_in_order(Table const& table, ColumnNames const& order) {
    auto const first = to_move(names_of(table), order);
    if (first.empty()) return success();
    UNDROP_TRY(auto const now, backend_.catalog_after(ledger_.name(), catalog_));
    auto const move = plan_move(now, table, order, first);
    UNDROP_TRY(auto const why, backend_.why_not_move(table, move.columns));
    if (!why.empty()) return cannot_keep(table, move.columns, why.front(), Left::rolled_back);
    if (auto const reason = why_not(move, table); !reason.empty()) return cannot_keep(table, move.columns, reason, Left::rolled_back);
    UNDROP_TRY(auto const before, backend_.tables(ledger_.name()));
    UNDROP_CHECK(positions_stay(move.aside));
    UNDROP_CHECK(run_mend(backend_, removals(move.aside)));
    std::vector<std::pair<ObjectId, Object>> together;
    auto const move_these = [&]() -> Result<void> {
        if (!together.empty()) UNDROP_CHECK(backend_.move_columns(table, together));
        together.clear();
        return success();
    };
    for (auto const& name : move.columns)
        for (auto const& [id, object] : move.of_them) {
            if (id.name != name) continue;
            if (object.holds_rows) {
                together.emplace_back(id, object);
                continue;
            }
            UNDROP_CHECK(move_these());
            UNDROP_CHECK(run_mend(backend_, {{.kind = MendAction::Kind::make, .id = id, .object = object, .now = {}}}));
        }
    UNDROP_CHECK(move_these());
    // And what went by itself with a partition's column.
    UNDROP_TRY(auto const left, backend_.catalog_after(ledger_.name(), catalog_));
    for (auto const& [id, object] : now)
        if (move.aside.contains(id) || !left.contains(id)) {
            opposite_.wanted.emplace(id, object);
            ordered_.insert(id);
        }
    UNDROP_TRY(auto const after, backend_.tables(ledger_.name()));
    for (auto const& then : before) {
        auto const* same = then.id == table.id || then.root == table.id ? find_table_by_id(after, then.id) : nullptr;
        if (!same) continue;
        for (auto const& name : move.columns)
            if (auto const* was = then.column(name), *is = same->column(name); was && is) moved_[{then.id, is->id}] = was->id;
    }
    report_.notes.push_back(
        fmt::format("{} was written anew, so that its columns stand as they did: {}", table.text(), fmt::join(order, ", ")));
    return success();
}

// An identity column's own sequence goes with it, and comes back where it was.
Result<void> StepRunner::positions_stay(Catalog const& aside) {
    UNDROP_TRY(auto const positions, backend_.positions());
    for (auto const& [id, object] : aside) {
        if (id.kind != "identity") continue;
        auto const sequence = object.shape.substr(0, object.shape.find('\n'));
        if (auto const position = positions.find(sequence); position != positions.end()) numbered_[sequence] = position->second;
    }
    return success();
}

// For the look a moved column is the one that it was: its values were compared as it was moved (P1).
void StepRunner::as_before_moving(std::vector<Table>& tables) const {
    if (moved_.empty()) return;
    for (auto& table : tables)
        for (auto& column : table.columns)
            if (auto const found = moved_.find({table.id, column.id}); found != moved_.end()) column.id = found->second;
}

// A partition may have had an order of its own.
Result<void> StepRunner::nothing_stands_elsewhere(std::vector<Table> const& after) const {
    if (!keeps_order()) return success();
    for (auto const& table : after) {
        auto const order = recorded_order(opposite_, table_name(table));
        if (!order) continue;
        auto const there = names_of(table);
        if (auto const moved = to_move(there, as_recorded(there, *order)); !moved.empty())
            return cannot_keep(table, moved, "they stand in another order than in the table that it is a part of", Left::rolled_back);
    }
    return success();
}

}  // namespace undrop
