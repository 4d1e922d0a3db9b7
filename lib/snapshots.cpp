// What a program calls about snapshots that only reads: list, rows, verify.
#include <undrop/snapshots.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "aside.hpp"
#include "fault.hpp"
#include "keep_aside.hpp"
#include "ledger.hpp"
#include "merge.hpp"
#include "snapshots.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::vector<SnapshotInfo>::const_iterator find(std::vector<SnapshotInfo> const& all, std::int64_t id) {
    return std::find_if(all.begin(), all.end(), [&](SnapshotInfo const& s) { return s.id == id; });
}

// The rows of a snapshot are there to be shown.
Result<void> can_be_shown(Backend& backend, Ledger const& ledger, Snapshot const& snapshot) {
    UNDROP_TRY(auto const fault, fault_of(backend, ledger, snapshot, Depth::table));
    if (fault.empty()) return success();
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("{} {}", name_of(snapshot), fault),
                 .next = {.command = "snapshots list", .advice = "an export that holds it can be imported"}};
}

// The store's columns that people are shown, and what they are called. The key, where the values are not whole rows.
std::vector<std::string> shown(Snapshot const& s, bool with_key, std::vector<std::string>& names) {
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < s.table.key.size() && with_key; ++i) {
        columns.push_back(fmt::format("k{}", i + 1));
        names.push_back(s.table.key[i]);
    }
    for (std::size_t i = 0; i < s.values.size(); ++i) {
        columns.push_back(fmt::format("v{}", i + 1));
        names.push_back(s.values[i]);
    }
    return columns;
}

// Of a column that is kept aside: the key and the values, as they are in the table now.
Result<void> show_aside(Backend& backend, Ledger const& ledger, Snapshot const& aside, std::int64_t limit, SnapshotRows& out) {
    UNDROP_CHECK(can_be_shown(backend, ledger, aside));
    UNDROP_TRY(auto const tables, backend.tables(ledger.name()));
    auto const* table = table_with(tables, aside);
    if (!table) return success();  // its table went too, and has a snapshot
    std::vector<std::string> names;
    for (auto const& key : table->key) names.push_back("t." + backend.dialect().quote(key));
    auto const order = names.empty() ? std::string{} : fmt::format("order by {}", fmt::join(names, ", "));
    names.push_back("t." + backend.dialect().quote(aside.position));
    out.columns = table->key;
    out.columns.push_back(aside.column);
    UNDROP_TRY(out.rows, backend.rows(fmt::format("select {} from {} as t {} limit {}", fmt::join(names, ", "),
                                                  backend.dialect().own_rows(*table), order, std::max<std::int64_t>(0, limit))));
    return success();
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
    if (snapshot.kind == Snapshot::Kind::aside) {
        UNDROP_CHECK(target.backend().begin_reading());
        auto const read = show_aside(target.backend(), ledger, snapshot, limit, out);
        target.backend().rollback();
        if (!read) return read.error();
        return out;
    }
    auto const names = shown(snapshot, snapshot.kind == Snapshot::Kind::column, out.columns);
    UNDROP_CHECK(can_be_shown(target.backend(), ledger, snapshot));
    auto const order = snapshot.keyed() ? "k1" : "n";
    UNDROP_TRY(out.rows, target.backend().rows(fmt::format("select {} from {} order by {} limit {}", fmt::join(names, ", "),
                                                           ledger.table(snapshot.store), order, std::max<std::int64_t>(0, limit))));
    return out;
}

Result<Conflicts> snapshot_conflicts(Target& target, std::int64_t id, std::int64_t limit, Options const& options) {
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    UNDROP_TRY(auto const all, snapshots(target, options));
    UNDROP_TRY(auto const asked, chosen(all, {id}));
    Conflicts out{.info = asked.front()};
    UNDROP_TRY(auto const snapshot, manifest_of(ledger, out.info));
    if (snapshot.kind == Snapshot::Kind::sequence || snapshot.kind == Snapshot::Kind::aside) return out;
    UNDROP_CHECK(can_be_shown(backend, ledger, snapshot));
    auto const whole = snapshot.kind != Snapshot::Kind::column && snapshot.kind != Snapshot::Kind::updated;
    auto const names = shown(snapshot, !whole, out.columns);
    Aside aside(backend, ledger, snapshot);
    UNDROP_TRY(bool const there, aside.is_there());
    if (!there) return out;
    auto const from = fmt::format("from {} as a join {} as s on {}", aside.table(), ledger.table(snapshot.store), aside.is_row("a"));
    UNDROP_TRY(auto const total, backend.rows("select count(*) " + from));
    out.total = number_of(total.at(0).at(0));
    UNDROP_TRY(auto const rows,
               backend.rows(fmt::format("select a.why, a.cell, s.{} {} order by {}, a.cell limit {}", fmt::join(names, ", s."), from,
                                        snapshot.keyed() ? "s.k1" : "s.n", std::max<std::int64_t>(0, limit))));
    for (auto const& row : rows) out.rows.push_back({row[0].value_or(""), row[1].value_or(""), {row.begin() + 2, row.end()}});
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
