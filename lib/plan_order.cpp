// The part of the planner that says where columns stand that come back: a table's last ones, unless they are to keep their places, and
// who would give values to other columns then.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "column_order.hpp"
#include "planner.hpp"
#include "positional.hpp"
#include "print/text.hpp"
#include "try.hpp"

namespace undrop {
namespace {

using Severity = Finding::Severity;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool has_body(ObjectId const& id) { return id.kind == "function" || id.kind == "procedure" || id.kind == "trigger"; }

// A table, and what comes back as its last column.
using Last = std::map<TableName, ColumnNames>;

Finding positional_finding(PlannedStep const& step, std::string what, TableName const& table, ColumnNames const& last, Place where) {
    auto const down = step.direction == Direction::down;
    auto const* const when = down ? "is" : "would be, once it has come back,";
    return {.severity = down ? Severity::warning : Severity::note,
            .code = "column-order",
            .text = fmt::format("{} inserts into {} without a column list: its values go to other columns where {} {} the last one", what,
                                table.first.empty() ? table.second : table.first + "." + table.second, fmt::join(last, ", "), when),
            .where = std::move(where),
            .next = {.command = "down --keep-order", .advice = "has the columns stand as they did; or name the columns there"}};
}

}  // namespace

Result<void> Planner::describe_order(PlannedStep& step, Opposite const& opposite, Foresight const& foresight, Plan& plan) {
    Last lasts;
    for (auto const& table : tables_) {
        if (table.columns.empty() || !backend_.dialect().add_bare_column(table, table.columns.front()).empty()) continue;
        auto ahead = OrderAhead{};
        if (step.direction == Direction::down) {
            ahead = order_ahead(table, opposite);
        } else {
            for (auto const& [name, column] : foresight.columns)
                if (name == table_name(table) && table.columns.back().name != column) ahead.last.push_back(column);
        }
        if (ahead.last.empty()) continue;
        if (step.direction == Direction::down && options_.keep_order) {
            if (table.root.empty()) UNDROP_CHECK(describe_moves(step, table, ahead, plan));
            continue;
        }
        for (auto const& column : ahead.last)
            step.notes.push_back(fmt::format("{}.{} {} back as the last column: mind INSERTs without a column list", table.text(), column,
                                             step.direction == Direction::down ? "comes" : "would come"));
        lasts.emplace(table_name(table), ahead.last);
    }
    if (full_ && !lasts.empty()) warn_of_positional(step, lasts, plan);
    return success();
}

// P7: what cannot be moved is refused here; and how much is written anew.
Result<void> Planner::describe_moves(PlannedStep& step, Table const& table, OrderAhead const& ahead, Plan& plan) {
    auto const move = plan_move(catalog_, table, ahead.wanted, ahead.moved);
    auto const& moved = catalog_read_ ? move.columns : ahead.moved;
    UNDROP_TRY(auto why, backend_.why_not_move(table, moved));
    if (auto reason = catalog_read_ ? why_not(move, table) : ""; why.empty() && !reason.empty()) why.push_back(std::move(reason));
    for (auto const& reason : why)
        plan.findings.push_back(
            {.severity = Severity::stop,
             .code = "column-order",
             .text = fmt::format("the order of the columns of {} cannot be kept, for which {} would have to be moved: {}", table.text(),
                                 fmt::join(moved, ", "), reason),
             .next = {.command = "down", .advice = "without --keep-order: what comes back is the table's last column then"}});
    if (!why.empty()) return success();
    std::int64_t bytes = 0;
    UNDROP_TRY(bool const read, backend_.read_in_time(glance, [&]() -> Result<void> {
        for (auto const& part : tables_)
            if (part.id == table.id || part.root == table.id) {
                UNDROP_TRY(auto const some, backend_.bytes_of(backend_.dialect().relation(part.schema, part.name)));
                bytes += some;
            }
        return success();
    }));
    all_read_ = all_read_ && read;
    UNDROP_TRY(auto const rows, number_of("*", table, step));
    std::vector<std::string> size;
    if (rows) size.push_back(print::counted(*rows, "row", "rows"));
    if (read) size.push_back(print::bytes(bytes));
    step.notes.push_back(
        fmt::format("{} is written anew{}, so that its columns stand as they did: {} move{}, and what hangs on them is made "
                    "again; nobody else reads the table meanwhile",
                    table.text(), size.empty() ? "" : fmt::format(" ({})", fmt::join(size, ", ")), fmt::join(moved, ", "),
                    moved.size() == 1 ? "s" : ""));
    auto const lock = [&](std::string const& name) {
        if (std::find(step.locks.begin(), step.locks.end(), name) == step.locks.end()) step.locks.push_back(name);
    };
    lock(table.text());
    UNDROP_TRY(auto const references, backend_.references(table));
    for (auto const& reference : references)
        if (std::find_first_of(reference.parents_columns.begin(), reference.parents_columns.end(), moved.begin(), moved.end()) !=
            reference.parents_columns.end())
            lock(reference.schema + "." + reference.child);
    return success();
}

// Which scripts may still run while the columns are the last ones: this one's own up, and what came before it.
void Planner::warn_of_positional(PlannedStep const& step, std::map<TableName, std::vector<std::string>> const& lasts, Plan& plan) const {
    auto const look = [&](std::string const& text, auto const& what, auto const& where) {
        for (auto const& insert : positional_inserts(text))
            for (auto const& [table, last] : lasts)
                if (insert.is_about(table)) plan.findings.push_back(positional_finding(step, what(), table, last, where(insert)));
    };
    if (catalog_read_)
        for (auto const& [id, object] : catalog_)
            if (has_body(id)) {
                auto const before = plan.findings.size();
                look(
                    object.make, [&] { return id.text(); }, [](Positional const&) { return Place{}; });
                if (plan.findings.size() > before + 1) plan.findings.resize(before + 1);  // once is enough
            }
    auto const look_at = [&](Script const& script) {
        look(
            script.text, [] { return std::string("this script"); },
            [&](Positional const& insert) {
                return Place{script.file, insert.line, insert.column};
            });
    };
    for (auto const& migration : source_.migrations) {
        if (version_less(step.version, migration.version)) continue;
        look_at(migration.up);
        if (migration.down && migration.version != step.version) look_at(*migration.down);
    }
}

}  // namespace undrop
