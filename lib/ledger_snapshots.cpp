// The part of the ledger that keeps the snapshots' manifest: what there is, what would need it, and what becomes of it.
#include <fmt/format.h>
#include <array>

#include "keep_aside.hpp"
#include "ledger.hpp"
#include "names.hpp"
#include "try.hpp"

namespace undrop {
namespace {

std::int64_t number(Cell const& cell) { return cell && !cell->empty() ? std::stoll(*cell) : 0; }
std::string text(Cell const& cell) { return cell.value_or(""); }

// Which step would restore from what this one saved.
std::string needed_by(History const& history, SnapshotInfo const& info) {
    if (history.unfinished && history.unfinished->step == info.step) return "the step in progress";
    auto const* applied = history.find(info.version);
    if (info.direction == Direction::up) return applied && applied->step == info.step ? "down " + info.version : std::string{};
    if (is_aside_name(info.what.substr(info.what.rfind('.') + 1))) return {};  // merged into a column that goes aside again
    auto const back = history.taken_back_by.find(info.version);
    return !applied && back != history.taken_back_by.end() && back->second == info.step ? "up " + info.version : std::string{};
}

}  // namespace

Result<std::vector<SnapshotInfo>> Ledger::list_snapshots() {
    UNDROP_TRY(auto const found, history());
    return list_snapshots(found);
}

Result<std::vector<SnapshotInfo>> Ledger::list_snapshots(History const& history) {
    UNDROP_TRY(auto rows,
               backend_.store_rows(name_, fmt::format("select s.id, s.step, e.version, e.kind, s.what, s.kind, s.store, s.row_count, "
                                                      "s.bytes, s.hash, e.at from {} s join {} e on e.id = s.step order by s.id",
                                                      table(names::snapshot), table(names::event))));
    std::vector<SnapshotInfo> snapshots;
    for (auto const& row : rows) {
        auto const direction = text(row[3]).starts_with("appl") ? Direction::up : Direction::down;
        SnapshotInfo info{number(row[0]), number(row[1]), text(row[2]),   direction,    text(row[4]), text(row[5]),
                          text(row[6]),   number(row[7]), number(row[8]), text(row[9]), text(row[10])};
        info.purged = info.store.empty() && info.kind != name_of(Snapshot::Kind::sequence);
        if (info.kind == name_of(Snapshot::Kind::aside)) {
            if (info.hash == Snapshot::came_back) continue;  // it is a column like any other again
            info.purged = info.hash == Snapshot::was_purged;
        }
        info.needed_by = needed_by(history, info);
        snapshots.push_back(std::move(info));
    }
    return snapshots;
}

Result<void> Ledger::update(Snapshot const& s) {
    std::array<Cell, 5> const values{std::to_string(s.id), s.store, std::to_string(s.rows), std::to_string(s.bytes), s.hash};
    UNDROP_CHECK(backend_.query(
        fmt::format("update {} set store = $2, row_count = $3, bytes = $4, hash = $5 where id = $1", table(names::snapshot)), values, 0));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<std::vector<std::string>> Ledger::scripts_of(std::int64_t step) {
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select s.body from {} e join {} s on s.id in (e.up_script, e.down_script) where "
                                                          "e.id = {}",
                                                          table(names::event), table(names::script), step)));
    std::vector<std::string> texts;
    for (auto const& row : rows) texts.push_back(text(row[0]));
    return texts;
}

Result<void> Ledger::add_event(std::string const& kind, std::string const& detail, Options const& options) {
    UNDROP_TRY(auto const id, next_event());
    UNDROP_TRY(auto const run, next_run());
    return add(id, {.run = run, .kind = kind, .detail = detail}, options);
}

}  // namespace undrop
