// What a step tells of the objects that it took away or made.
#include <algorithm>

#include "labels.hpp"
#include "partitions.hpp"
#include "renames.hpp"
#include "stays.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
// Where something new has the old name of a type or a schema, that one is to be what it was; what has a view's goes on the way back.
Result<std::vector<Rename>> StepRunner::object_renames() {
    std::vector<Rename> renames;
    UNDROP_TRY(auto now, backend_.named_objects());
    for (auto const& [kind, then] : named_) {
        auto const was_there = [&, &then = then](std::string const& id) {
            return std::any_of(then.begin(), then.end(), [&](auto const& one) { return one.second == id; });
        };
        for (auto const& [name, id] : now[kind])
            for (auto const& [before, id_before] : then) {
                if (id != id_before || name == before) continue;
                auto const holder = now[kind].find(before);
                auto const makes_room = kind == "sequence" || kind == "view" || kind == "materialized view";
                if (!makes_room && holder != now[kind].end() && !was_there(holder->second)) continue;
                renames.push_back({before, name, "", ""});
            }
    }
    return renames;
}

// What the text did not show: a change that cannot be taken back without a script.
void StepRunner::report_way_back(Catalog const& now) {
    if (step_.direction == Direction::down || step_.down) return;
    Wanted before;
    for (auto const& [id, object] : catalog_) before.emplace(id, object);
    for (auto const& [id, object] : now) before.try_emplace(id);
    if (auto const refused = why_no_mend(now, before); !refused.empty())
        report_.notes.push_back("no way back can be derived: " + refused + "; write a down script before it is needed");
}

// What went is not there under another name; what a down script made beside the recorded objects stays.
void StepRunner::report_objects(Catalog const& now, std::vector<Rename> const& renames) {
    report_way_back(now);
    if (step_.direction == Direction::up && !step_.down && renames.empty()) {
        Wanted const before(catalog_.begin(), catalog_.end());
        if (auto const refused = partitioned_otherwise(now, before); !refused.empty())
            report_.notes.push_back("no way back can be derived: " + refused + "; write a down script before it is needed");
    }
    if (ends_step())
        for (auto& what : what_stays(backend_.dialect(), step_)) report_.notes.push_back(std::move(what));
    for (auto const& [id, object] : catalog_)
        if (!now.contains(id) &&
            std::none_of(renames.begin(), renames.end(), [&](Rename const& r) { return there_as_renamed(id, r, now); }))
            report_.went.push_back(id.text());
    if (step_.direction == Direction::up || step_.origin == Origin::derived || !ends_step()) return;
    auto const at_start = catalog_at_start();
    if (!at_start) return;  // the connection is gone, and what the step writes next says so
    auto const& start = at_start.value();
    auto const is_new = [&](ObjectId const& id) {
        return now.contains(id) && !start.contains(id) && !opposite_.wanted.contains(id) &&
               std::none_of(renames.begin(), renames.end(), [&](Rename const& r) { return there_as_renamed(id, reversed(r), start); });
    };
    std::string made;
    for (auto const& [id, object] : now)
        if (is_new(id) && std::none_of(object.needs.begin(), object.needs.end(), is_new)) made += (made.empty() ? "" : ", ") + id.text();
    if (!made.empty()) report_.notes.push_back("the down script made what was not there before the up, and it stays: " + made);
}

}  // namespace undrop
