// The part of a step that saves what materialized views held, and fills them again on the way back.
#include <fmt/format.h>
#include <algorithm>

#include "aside.hpp"
#include "merge.hpp"
#include "save.hpp"
#include "step.hpp"
#include "try.hpp"
#include "views.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

FilledView const* find_view(std::vector<FilledView> const& views, Table const& view) {
    auto const by_id = [&](FilledView const& v) { return v.table.id == view.id; };
    auto const by_name = [&](FilledView const& v) { return table_name(v.table) == table_name(view); };
    auto found = std::find_if(views.begin(), views.end(), by_id);
    if (found == views.end()) found = std::find_if(views.begin(), views.end(), by_name);
    return found == views.end() ? nullptr : &*found;
}

}  // namespace

void StepRunner::foresee_views() {
    if (views_.empty()) return;
    foresight_.views.merge(undrop::foresee_views({.views = views_,
                                                  .catalog = catalog_,
                                                  .foreseen = backend_.dialect().foresee(statements_),
                                                  .foresight = foresight_,
                                                  .wanted = opposite_.wanted,
                                                  .comes_back = step_.direction == Direction::down ? &opposite_.snapshots : nullptr,
                                                  .touches = touches_,
                                                  .lose = lose_}));
}

// Nobody sees afterwards what such a view held: who fills it keeps every other connection out.
Result<void> StepRunner::save_views() {
    if (foresight_.views.empty()) return success();
    auto* views = backend_.views();
    for (auto const& view : views_) {
        if (!foresight_.views.contains(table_name(view.table))) continue;
        auto const start = Clock::now();
        UNDROP_CHECK(views->lock_view(view.table));
        auto const waited = std::chrono::duration<double>(Clock::now() - start).count();
        report_.locks.push_back({.table = view.table.text(), .waited_seconds = waited});
        locked_since_.emplace(view.table.text(), Clock::now());
    }
    UNDROP_TRY(views_, views->filled_views(ledger_.name()));  // whoever held a lock until now may have filled one
    for (auto const& view : views_) {
        if (!foresight_.views.contains(table_name(view.table))) continue;
        Snapshot snapshot;
        snapshot.id = next_id_++;
        snapshot.kind = Snapshot::Kind::view;
        snapshot.table = view.table;
        snapshot.populated = view.populated;
        UNDROP_CHECK(save(backend_, ledger_, snapshot, {}, {}));
        tell(Event::Kind::saved, fmt::format("{}: {} rows", snapshot.what(), snapshot.rows));
        saved_.push_back(std::move(snapshot));
    }
    return success();
}

// Those that went or were filled, by the script or by what brings things back, and of which there is no copy.
Result<Foresight> StepRunner::unsaved_views() {
    Foresight needed;
    if (views_.empty()) return needed;
    UNDROP_TRY(changed_views_, backend_.views()->changed_views(views_));
    for (auto const& view : views_)
        if (changed_views_.contains(view.table.id) && !waived(table_name(view.table), "")) needed.views.insert(table_name(view.table));
    return needed;
}

// Of one that holds what it held nothing is lost; nor of one that held nothing.
Result<bool> StepRunner::is_lost(Snapshot const& saved, std::vector<FilledView> const& now) {
    if (!changed_views_.contains(saved.table.id)) return false;
    auto const* view = find_view(now, saved.table);
    if (!view) return saved.rows > 0 || !saved.populated;
    return view_differs(backend_, ledger_.table(saved.store), saved, *view);
}

Result<void> StepRunner::keep_lost_views() {
    if (views_.empty()) return success();
    UNDROP_TRY(auto const now, read_views(backend_, ledger_.name()));
    std::vector<Snapshot> kept;
    for (auto& snapshot : saved_) {
        auto needed = true;
        if (snapshot.kind == Snapshot::Kind::view) {
            UNDROP_TRY(needed, is_lost(snapshot, now));
        }
        if (needed)
            kept.push_back(std::move(snapshot));
        else
            UNDROP_CHECK(backend_.run("drop table " + ledger_.table(snapshot.store)));
    }
    saved_ = std::move(kept);
    for (auto const& view : views_)
        if (changed_views_.contains(view.table.id) && waived(table_name(view.table), "")) report_.waived.push_back(view.table.text());
    return success();
}

std::vector<Snapshot const*> StepRunner::saved_views() const {
    std::vector<Snapshot const*> found;
    for (auto const* all : {&opposite_.snapshots, &passed_over_})
        for (auto const& snapshot : *all)
            if (snapshot.kind == Snapshot::Kind::view) found.push_back(&snapshot);
    std::sort(found.begin(), found.end(), [](auto const* a, auto const* b) { return a->id < b->id; });
    return found;
}

// Was a view that comes back never filled? Before the step that is taken back, if that says; else before this one.
bool StepRunner::is_unfilled(ObjectId const& view) const {
    for (auto const* saved : saved_views())
        if (names_view(view, saved->table)) return !saved->populated;
    return std::any_of(views_.begin(), views_.end(), [&](FilledView const& v) { return !v.populated && names_view(view, v.table); });
}

// What the mend makes after the rows is filled with them; what was there before them is not.
Result<void> StepRunner::note_scripted_views() {
    scripted_views_.clear();
    if (step_.direction == Direction::up || saved_views().empty()) return success();
    UNDROP_TRY(auto const views, read_views(backend_, ledger_.name()));
    for (auto const& view : views) scripted_views_.insert(view.table.id);
    return success();
}

// One view may be filled from another.
Result<void> StepRunner::fill_views(std::vector<Snapshot const*> const& saved) {
    auto* views = backend_.views();
    UNDROP_TRY(auto const now, views->filled_views(ledger_.name()));
    UNDROP_TRY(auto const catalog, backend_.catalog_after(ledger_.name(), catalog_));
    for (auto const& id : in_making_order(catalog)) {
        auto const view = std::find_if(now.begin(), now.end(), [&](FilledView const& v) { return names_view(id, v.table); });
        if (view == now.end()) continue;
        // The first one has what the view was like before the step.
        auto const first =
            std::find_if(saved.begin(), saved.end(), [&](auto const* s) { return table_name(s->table) == table_name(view->table); });
        if (first == saved.end()) continue;
        auto const populated = (*first)->populated;
        auto const is_fresh = view->populated && !scripted_views_.contains(view->table.id);
        if (populated ? is_fresh : !view->populated) continue;
        UNDROP_TRY(bool const done, views->refresh_view(view->table, populated));
        if (!done)
            report_.notes.push_back(
                fmt::format("{} could not be filled anew, since its query fails, and holds what the migration left: see "
                            "REFRESH MATERIALIZED VIEW",
                            view->table.text()));
    }
    return success();
}

// Rows that the query does not give now stay in the snapshot, each in a class (P2).
Result<void> StepRunner::compare_view(Snapshot const& saved, FilledView const& now) {
    if (!saved.populated) return success();
    auto const from = rows_not_in_view(backend_.dialect(), ledger_.table(saved.store), saved, now);
    UNDROP_TRY(auto const missing, backend_.rows("select count(*) from " + from));
    Merged merged{.what = saved.what(), .snapshot = saved.id, .rows = saved.rows};
    merged.not_found = number_of(missing.at(0).at(0));
    auto const there = saved.rows - merged.not_found;
    (step_.direction == Direction::down ? merged.restored : merged.unchanged) = there;
    if (now.populated) {
        UNDROP_TRY(auto const all, backend_.rows("select count(*) from " + backend_.dialect().own_rows(now.table)));
        merged.inserted_since = number_of(all.at(0).at(0)) - there;
    }
    if (merged.not_found > 0) UNDROP_CHECK(Aside(backend_, ledger_, saved).add(now.table, "", why::not_found, from));
    report_.merged.push_back(merged);
    return success();
}

// Nothing but its query fills a materialized view: it is refreshed once its tables' rows are back, and compared with what it held.
Result<void> StepRunner::restore_views() {
    auto const saved = saved_views();
    if (saved.empty() || !backend_.views()) return success();
    if (step_.direction == Direction::down) UNDROP_CHECK(fill_views(saved));
    UNDROP_TRY(auto const now, read_views(backend_, ledger_.name()));
    for (auto const& snapshot : opposite_.snapshots) {
        if (snapshot.kind != Snapshot::Kind::view) continue;
        auto const view =
            std::find_if(now.begin(), now.end(), [&](FilledView const& v) { return table_name(v.table) == table_name(snapshot.table); });
        if (view != now.end())
            UNDROP_CHECK(compare_view(snapshot, *view));
        else
            report_.notes.push_back(fmt::format("{} is not there any more: its rows stay in snapshot {}", snapshot.what(), snapshot.id));
    }
    return success();
}

}  // namespace undrop
