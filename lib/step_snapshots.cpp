// The part of a step that makes sure of what it restores from, and goes on without what is gone.
#include <fmt/format.h>
#include <algorithm>

#include "aside.hpp"
#include "fault.hpp"
#include "restore.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// A snapshot that is not what was saved is never restored from. Asked before anything of it is read, in the transaction that reads it.
Result<void> StepRunner::verify_snapshots() {
    passed_over_.clear();
    std::vector<Snapshot> fine;
    for (auto& snapshot : opposite_.snapshots) {
        UNDROP_TRY(auto const fault, fault_of(backend_, ledger_, snapshot, Depth::rows));
        if (fault.empty()) {
            UNDROP_CHECK(Aside(backend_, ledger_, snapshot).drop());
            fine.push_back(std::move(snapshot));
            continue;
        }
        if (!goes_without(options_, snapshot, step_.direction)) return will_not_restore(snapshot, fault, step_.direction);
        auto const kept = snapshot.kind == Snapshot::Kind::column ? "its rows have the default" : "its rows do not come back";
        report_.notes.push_back(fmt::format("{} {}: {}", name_of(snapshot), fault, kept));
        passed_over_.push_back(std::move(snapshot));
    }
    opposite_.snapshots = std::move(fine);
    return success();
}

// Before the mend: columns that the script brought, and those that a later reshape of the table takes along. After it: the others.
Result<void> StepRunner::fill_passed_over(bool before_mend) {
    for (auto const& snapshot : passed_over_) {
        if (snapshot.kind != Snapshot::Kind::column || restored_.contains(snapshot.id)) continue;
        UNDROP_TRY(auto tables, backend_.tables(ledger_.name()));
        TableName const name{snapshot.table.schema, snapshot.table.name};
        auto const* table = find_table(tables, name);
        if (!table) continue;
        auto const& recorded = *snapshot.table.column(snapshot.column);
        auto const* scripted = find_table(scripted_, name);
        auto const made_by_script = scripted && scripted->column(snapshot.column);
        if (before_mend && !table->column(snapshot.column)) {
            auto const bare = backend_.dialect().add_bare_column(*table, recorded);
            if (bare.empty() || step_.direction == Direction::up) continue;
            UNDROP_CHECK(backend_.run(bare));
            UNDROP_TRY(tables, backend_.tables(ledger_.name()));
            table = find_table(tables, name);
        } else if (!table->column(snapshot.column) || (before_mend && table->column(snapshot.column)->type != recorded.type)) {
            continue;
        }
        UNDROP_TRY(auto const done,
                   go_without_column(
                       backend_, snapshot, *table,
                       {.direction = step_.direction, .made_by_script = made_by_script, .backfill = backfill_of(name, snapshot.column)}));
        report_.merged.push_back(done.merged);
        restored_.insert(snapshot.id);
        UNDROP_CHECK(expect(*table, done.updated, 0));
    }
    return success();
}

// Rows that stay away are counted as they were saved: nothing else is known of them.
void StepRunner::count_passed_over() {
    for (auto const& snapshot : passed_over_)
        if (!restored_.contains(snapshot.id))
            report_.merged.push_back(
                {.what = snapshot.what(), .snapshot = snapshot.id, .rows = snapshot.rows, .not_restored = snapshot.rows});
}

// Going up again is every deployment's way: what somebody purged on purpose does not stand in it.
bool goes_without(Options const& options, Snapshot const& snapshot, Direction direction) {
    return options.without_snapshot || (snapshot.purged() && direction == Direction::up);
}

Error will_not_restore(Snapshot const& snapshot, std::string const& fault, Direction direction) {
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("{} {}: nothing is restored from it", name_of(snapshot), fault),
                 .next = {.command = fmt::format("{} --without-snapshot", name_of(direction)),
                          .advice = "goes without it, and counts what stays away; or bring it back first: undrop snapshots import FILE"}};
}

}  // namespace undrop
