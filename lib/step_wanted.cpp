// The part of a step that knows what a down script made or took along beside what the ledger recorded of the up.
#include <algorithm>

#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// P5: what a down script makes on top of a recorded object (a default, an index of another name), or on a table that it rebuilds, was not
// there before the up; and what it takes along and forgets (a trigger of a table that it rebuilds) was there, though the up never touched
// it.
Result<void> StepRunner::want_what_script_changed(Catalog const& now) {
    UNDROP_TRY(auto const start, catalog_at_start());
    auto const wanted = [&](ObjectId const& need) {
        auto const found = opposite_.wanted.find(need);
        return found != opposite_.wanted.end() && found->second;
    };
    // Rights on a column outlive those on its table.
    auto const unwanted = [&](ObjectId const& need) {
        return !grants_rights(need) && (opposite_.wanted.contains(need) ? !wanted(need) : !now.contains(need));
    };
    std::vector<TableName> rebuilds;
    for (auto const& table : scripted_)
        if (!find_table_by_id(before_, table.id) && find_table(before_, table_name(table))) rebuilds.push_back(table_name(table));
    auto const rebuilt = [&](ObjectId const& need) {
        if (need.kind != "table" && need.kind != "column") return false;
        auto const table = need.kind == "column" ? need.parent : need.parent.empty() ? need.name : need.parent + "." + need.name;
        return std::any_of(rebuilds.begin(), rebuilds.end(), [&](TableName const& name) { return names_table(table, name); });
    };
    Wanted more;
    for (auto const& [id, object] : now)
        if (!start.contains(id) && !object.holds_rows && !object.remove.empty() &&
            (std::any_of(object.needs.begin(), object.needs.end(), wanted) ||
             std::any_of(object.needs.begin(), object.needs.end(), rebuilt)))
            more.emplace(id, std::nullopt);
    // And on a table that it rebuilds what it makes of another form, as a default that draws from another sequence.
    for (auto const& [id, object] : start)
        if (now.contains(id) && !now.at(id).same(object) && !object.holds_rows &&
            std::any_of(object.needs.begin(), object.needs.end(), rebuilt))
            opposite_.wanted.emplace(id, object);
    // With what is wanted again comes what needs it: the comment on a trigger whose function came back.
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : start)
            if (!now.contains(id) && !object.holds_rows && !opposite_.wanted.contains(id) &&
                std::none_of(object.needs.begin(), object.needs.end(), unwanted)) {
                opposite_.wanted.emplace(id, object);
                grown = true;
            }
    }
    // And so is the sequence of a column that gets its old one back.
    for (auto const& [id, object] : now)
        if (!start.contains(id) && more.contains({"sequence_owner", id.parent, id.name})) more.emplace(id, std::nullopt);
    opposite_.wanted.merge(more);
    return success();
}

// P5: what a step made in a table that it also renamed has to go from under the old name.
void StepRunner::unwant_under_old_names() {
    for (auto const& rename : opposite_.renames) {
        if (!rename.column_before.empty()) continue;
        auto const& wanted = opposite_.wanted;
        auto const old =
            std::find_if(wanted.begin(), wanted.end(), [&](auto const& entry) { return names_table(entry.first.parent, rename.before); });
        if (old == wanted.end()) continue;
        Wanted more;
        for (auto const& [id, object] : wanted)
            if (!object && names_table(id.parent, rename.after))
                more.emplace(ObjectId{.kind = id.kind, .parent = old->first.parent, .name = id.name}, std::nullopt);
        opposite_.wanted.merge(more);
    }
}

}  // namespace undrop
