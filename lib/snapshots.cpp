// What a program calls about snapshots that only reads: list, rows, verify.
#include <undrop/snapshots.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "fault.hpp"
#include "ledger.hpp"
#include "snapshots.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::vector<SnapshotInfo>::const_iterator find(std::vector<SnapshotInfo> const& all, std::int64_t id) {
    return std::find_if(all.begin(), all.end(), [&](SnapshotInfo const& s) { return s.id == id; });
}

}  // namespace

Error no_such_snapshot(std::int64_t id) {
    return Error{.code = Code::usage,
                 .left = Left::untouched,
                 .message = fmt::format("there is no snapshot {}", id),
                 .next = {.command = "snapshots list"}};
}

Result<std::vector<SnapshotInfo>> chosen(std::vector<SnapshotInfo> all, std::vector<std::int64_t> const& ids) {
    for (auto const id : ids)
        if (find(all, id) == all.end()) return no_such_snapshot(id);
    if (!ids.empty()) std::erase_if(all, [&](SnapshotInfo const& s) { return std::find(ids.begin(), ids.end(), s.id) == ids.end(); });
    return all;
}

Result<Snapshot> manifest_of(Ledger& ledger, SnapshotInfo const& info) {
    UNDROP_TRY(auto of_step, ledger.snapshots(info.step));
    auto const found = std::find_if(of_step.begin(), of_step.end(), [&](Snapshot const& s) { return s.id == info.id; });
    if (found == of_step.end()) return no_such_snapshot(info.id);
    return std::move(*found);
}

Result<std::vector<SnapshotInfo>> snapshots(Target& target, Options const& options) {
    Ledger ledger(target.backend(), options.ledger);
    UNDROP_TRY(auto const history, ledger.history());
    if (!history.has_ledger) return std::vector<SnapshotInfo>{};
    return ledger.list_snapshots(history);
}

Result<SnapshotRows> snapshot_rows(Target& target, std::int64_t id, std::int64_t limit, Options const& options) {
    Ledger ledger(target.backend(), options.ledger);
    UNDROP_TRY(auto const all, snapshots(target, options));
    UNDROP_TRY(auto const asked, chosen(all, {id}));
    SnapshotRows out{.info = asked.front()};
    UNDROP_TRY(auto const snapshot, manifest_of(ledger, out.info));
    if (snapshot.kind == Snapshot::Kind::sequence) {
        out.columns = {"position"};
        out.rows = {{Cell{snapshot.position}}};
        return out;
    }
    std::vector<std::string> names;
    for (std::size_t i = 0; i < snapshot.table.key.size() && snapshot.kind == Snapshot::Kind::column; ++i) {
        names.push_back(fmt::format("k{}", i + 1));
        out.columns.push_back(snapshot.table.key[i]);
    }
    for (std::size_t i = 0; i < snapshot.values.size(); ++i) {
        names.push_back(fmt::format("v{}", i + 1));
        out.columns.push_back(snapshot.values[i]);
    }
    UNDROP_TRY(auto const fault, fault_of(target.backend(), ledger, snapshot, Depth::table));
    if (!fault.empty())
        return Error{.code = Code::refused,
                     .left = Left::untouched,
                     .message = fmt::format("{} {}", name_of(snapshot), fault),
                     .next = {.command = "snapshots list", .advice = "an export that holds it can be imported"}};
    auto const order = snapshot.keyed() ? "k1" : "n";
    UNDROP_TRY(out.rows, target.backend().rows(fmt::format("select {} from {} order by {} limit {}", fmt::join(names, ", "),
                                                           ledger.table(snapshot.store), order, std::max<std::int64_t>(0, limit))));
    return out;
}

bool Verification::holds() const {
    return std::all_of(snapshots.begin(), snapshots.end(), [](VerifiedSnapshot const& s) { return s.fault.empty(); });
}

Result<Verification> verify_snapshots(Target& target, std::vector<std::int64_t> const& ids, Options const& options) {
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    UNDROP_TRY(auto const all, snapshots(target, options));
    UNDROP_TRY(auto const asked, chosen(all, ids));
    Verification done{.target = target.description()};
    if (asked.empty()) return done;
    UNDROP_CHECK(backend.begin_reading());
    auto const verified = [&]() -> Result<void> {
        for (auto const& info : asked) {
            if (options.cancelled && options.cancelled())
                return Error{.code = Code::interrupted, .left = Left::untouched, .message = "interrupted"};
            UNDROP_TRY(auto const snapshot, manifest_of(ledger, info));
            UNDROP_TRY(auto fault, fault_of(backend, ledger, snapshot, Depth::rows));
            done.snapshots.push_back({info, info.purged ? std::string{} : std::move(fault)});
        }
        return success();
    }();
    backend.rollback();
    if (!verified) return std::move(verified).error();
    return done;
}

}  // namespace undrop
