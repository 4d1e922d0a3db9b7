#include "fitting.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "look.hpp"
#include "partitions.hpp"
#include "rows_word.hpp"
#include "try.hpp"
#include "waiver.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Kinds that rows may not fit, as people call them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kinds{{{"not_null", "NOT NULL of"},
                                                                              {"check", "check constraint"},
                                                                              {"unique", "unique constraint"},
                                                                              {"primary_key", "primary key"},
                                                                              {"exclusion", "exclusion constraint"},
                                                                              {"index", "unique index"},
                                                                              {"foreign_key", "foreign key"},
                                                                              {"partition", "the bounds of partition"}}};

std::vector<std::string> backfilled(Table const& table, std::vector<Directives::Backfill> const& backfill) {
    std::vector<std::string> columns;
    for (auto const& column : table.columns)
        for (auto const& one : backfill)
            if (waives({one.column}, table_name(table), column.name)) columns.push_back(table.text() + "." + column.name);
    return columns;
}

Error unfitting(MendAction const& action, Table const& table, std::int64_t rows, Writers const& writers) {
    auto const goes_down = writers.direction == Direction::down;
    auto const filled = backfilled(table, writers.backfill);
    auto who = fmt::format("{} written since the {}", rows == 1 ? "it was" : "they were", goes_down ? "up" : "down");
    if (writers.script) who += ", or by the script";
    if (!filled.empty()) who += fmt::format(", or got what `-- undrop: backfill {}` says", filled.front());
    Error error{.code = Code::refused,
                .left = Left::rolled_back,
                .message = fmt::format("{} of {} {} not fit {} {}, which comes back; {}, and nothing is changed",
                                       rows == 0 ? "rows" : rows_word(rows), table.text(), rows == 1 ? "does" : "do",
                                       name_of_constraint(action.id), action.id.name, who),
                .next = {.command = goes_down ? "down" : "up",
                         .advice = fmt::format("change these values first, or say in the {} script what becomes of them; then go {}",
                                               goes_down ? "down" : "up", goes_down ? "back" : "up")}};
    if (action.id.kind == "partition")
        error.next.advice =
            "move them to where they belong in the partitioned table first, or say in the down script what becomes of them; "
            "then go back";
    if (!filled.empty())
        error.next.advice =
            fmt::format("once the backfill of {} gives each row a value that fits, or these rows are changed or deleted", filled.front());
    error.trail.push_back("bringing back " + action.id.text());
    return error;
}

// Those that were written while the partition was none are in the table's default one.
Result<void> refuse_in_default(Backend& backend, std::vector<Table> const& tables, MendAction const& action) {
    for (auto const& table : tables) {
        auto const is_of_whole = [&](ObjectId const& need) {
            auto const* whole = find_table_by_id(tables, table.root);
            return need.kind == "table" && whole && names_table(need.parent + "." + need.name, table_name(*whole));
        };
        auto const& needs = action.object.needs;
        if (table.root.empty() || std::none_of(needs.begin(), needs.end(), is_of_whole)) continue;
        UNDROP_CHECK(backend.run("rollback to savepoint undrop_fitting"));
        UNDROP_TRY(auto const rows, backend.unfitting(table, "", action.object));
        if (rows == 0) continue;
        return Error{.code = Code::refused,
                     .left = Left::rolled_back,
                     .message = fmt::format("{} of {} {} to partition {}, which comes back, and cannot be in the default one beside it; "
                                            "nothing is changed",
                                            rows_word(rows), table.text(), rows == 1 ? "belongs" : "belong", action.id.name),
                     .next = {.command = "down",
                              .advice = "move them out of the default partition first, or say in the down script what becomes of them; "
                                        "then go back"},
                     .trail = {"bringing back " + action.id.text()}};
    }
    return success();
}

}  // namespace

std::string_view name_of_constraint(ObjectId const& id) {
    for (auto const& [kind, name] : kinds)
        if (id.kind == kind) return name;
    return {};
}

Result<void> run_mend_over_rows(Backend& backend, std::string const& ledger, std::vector<MendAction> const& actions,
                                Writers const& writers) {
    for (auto const& action : actions) {
        auto const is_partition = attaches(action);
        auto const over_rows = is_partition || (action.kind == MendAction::Kind::make && !name_of_constraint(action.id).empty() &&
                                                action.id.kind != "foreign_key");
        if (over_rows) UNDROP_CHECK(backend.run("savepoint undrop_fitting"));
        auto done = run_mend(backend, {action});
        if (done && over_rows) UNDROP_CHECK(backend.run("release savepoint undrop_fitting"));
        if (done) continue;
        if (!over_rows || !backend.means_unfitting(done.error())) return done;
        if (!backend.run("rollback to savepoint undrop_fitting")) return done;
        auto const tables = backend.tables(ledger);
        if (!tables) return done;
        auto const is_its = [&](Table const& table) {
            auto const name = table_name(table);
            if (is_partition) return names_table(action.id.parent + "." + action.id.name, name);
            return names_table(action.id.parent, name) ||
                   std::any_of(action.object.needs.begin(), action.object.needs.end(), [&](ObjectId const& need) {
                       return need.kind == "table" && names_table(need.parent.empty() ? need.name : need.parent + "." + need.name, name);
                   });
        };
        auto const table = std::find_if(tables.value().begin(), tables.value().end(), is_its);
        if (table == tables.value().end()) return done;
        auto const rows = backend.unfitting(*table, "", action.object);
        if (is_partition && (!rows || rows.value() == 0)) {
            UNDROP_CHECK(refuse_in_default(backend, tables.value(), action));
            return done;
        }
        return unfitting(action, *table, rows ? rows.value() : 0, writers);  // not counted: the names alone have to do
    }
    return success();
}

}  // namespace undrop
