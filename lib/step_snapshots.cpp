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
        auto const kept = snapshot.kind == Snapshot::Kind::column ? "its rows have the default"
                          : snapshot.kind == Snapshot::Kind::view ? "its query alone tells what it holds"
                                                                  : "its rows do not come back";
        report_.notes.push_back(fmt::format("{} {}: {}", name_of(snapshot), fault, kept));
        passed_over_.push_back(std::move(snapshot));
    }
    opposite_.snapshots = std::move(fine);
    return verify_aside();
}

Result<void> StepRunner::fill_passed_over(bool before_mend) {
    if (passed_over_.empty()) return success();
    UNDROP_TRY(auto tables, backend_.tables(ledger_.name()));
    for (auto const& snapshot : passed_over_) {
        UNDROP_TRY(auto const* table, with_column_of(snapshot, before_mend, tables));
        if (!table) continue;
        UNDROP_TRY(auto const done, go_without_column(backend_, snapshot, *table,
                                                      {.direction = step_.direction,
                                                       .made_by_script = is_made_by_script(snapshot),
                                                       .backfill = backfill_of(table_name(*table), snapshot.column)}));
        report_.merged.push_back(done.merged);
        restored_.insert(snapshot.id);
        UNDROP_CHECK(expect(*table, done.updated, 0));
    }
    return success();
}

// Rows that stay away are counted as they were saved: nothing else is known of them.
void StepRunner::count_passed_over() {
    for (auto const& snapshot : passed_over_)
        if (!restored_.contains(snapshot.id) && snapshot.kind != Snapshot::Kind::view)
            report_.merged.push_back(
                {.what = snapshot.what(), .snapshot = snapshot.id, .rows = snapshot.rows, .not_restored = snapshot.rows});
}

// Going up again is every deployment's way: what somebody purged on purpose does not stand in it. Nothing of a view is put back from its
// snapshot anyway.
bool goes_without(Options const& options, Snapshot const& snapshot, Direction direction) {
    return options.without_snapshot || (snapshot.purged() && direction == Direction::up) || snapshot.kind == Snapshot::Kind::view;
}

Error will_not_restore(Snapshot const& snapshot, std::string const& fault, Direction direction) {
    return Error{
        .code = Code::refused,
        .left = Left::untouched,
        .message = fmt::format("{} {}: nothing is restored from it", name_of(snapshot), fault),
        .next = {.command = fmt::format("{} --without-snapshot", name_of(direction)),
                 .advice = snapshot.kind == Snapshot::Kind::aside
                               ? "goes without it, and counts what stays away"
                               : "goes without it, and counts what stays away; or bring it back first: undrop snapshots import FILE"}};
}

}  // namespace undrop
