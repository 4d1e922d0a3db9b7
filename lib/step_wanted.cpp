// The part of a step that knows what a down script made or took along beside what the ledger recorded of the up.
#include <fmt/format.h>
#include <algorithm>

#include "named.hpp"
#include "partitions.hpp"
#include "renames.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// What a script made where nothing was, and what of that stays: tables and columns that hold something, what these need, and what hangs on
// them. Nobody's rows are in the rest.
class Made {
public:
    Made(Catalog const& start, Catalog const& now, Opposite const& opposite) {
        auto const is_new = [&](ObjectId const& id) {
            return !start.contains(id) && !opposite.wanted.contains(id) &&
                   std::none_of(opposite.renames.begin(), opposite.renames.end(),
                                [&](Rename const& rename) { return there_as_renamed(id, rename, start); });
        };
        for (auto const& [id, object] : now)
            if (is_new(id)) made_.emplace(id, &object);
        // A column that the script gave a type of its own making.
        for (auto const& [id, object] : now)
            if (object.holds_rows && start.contains(id) && !start.at(id).same(object)) stay(object);
    }
    [[nodiscard]] bool contains(Table const& table) const {
        return std::any_of(made_.begin(), made_.end(), [&](auto const& entry) { return is_of(entry.first, table_name(table)); });
    }
    // `empty`: tables that hold nothing.
    [[nodiscard]] Wanted unwanted(std::vector<TableName> const& empty) {
        auto const goes = [&](ObjectId const& id) {
            return std::any_of(empty.begin(), empty.end(),
                               [&](TableName const& table) { return is_of(id, table) || names_table(id.parent, table); });
        };
        for (auto const& [id, object] : made_)
            if (!goes(id) && object->holds_rows) stays_.insert(id);
        for (bool grown = true; grown;) {
            grown = false;
            for (auto const& [id, object] : made_) {
                auto const& needs = object->needs;
                auto const hangs = std::any_of(needs.begin(), needs.end(), [&](ObjectId const& need) { return stays_.contains(need); });
                if (!stays_.contains(id) && !hangs) continue;
                grown = stays_.insert(id).second || grown;
                grown = stay(*object) || grown;
            }
        }
        Wanted gone;
        for (auto const& [id, object] : made_)
            if (!stays_.contains(id) && !object->remove.empty()) gone.emplace(id, std::nullopt);
        return gone;
    }

private:
    static bool is_of(ObjectId const& id, TableName const& table) {
        return id.kind == "table" && names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, table);
    }
    bool stay(Object const& object) {
        auto const before = stays_.size();
        for (auto const& need : object.needs)
            if (made_.contains(need)) stays_.insert(need);
        return stays_.size() > before;
    }
    std::map<ObjectId, Object const*> made_;
    std::set<ObjectId> stays_;
};

}  // namespace

// P5: what a down script makes on top of a recorded object (a default, an index of another name), or on a table that it rebuilds, was not
// there before the up; and what it takes along and forgets (a trigger of a table that it rebuilds) was there, though the up never touched
// it. So was not what it makes elsewhere.
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
        if (!start.contains(id) && is_part_of_remade(id, object, now, opposite_.wanted)) more.emplace(id, std::nullopt);
    for (auto const& [id, object] : now)
        if (!start.contains(id) && !object.holds_rows && !object.remove.empty() &&
            (std::any_of(object.needs.begin(), object.needs.end(), wanted) ||
             std::any_of(object.needs.begin(), object.needs.end(), rebuilt)))
            more.emplace(id, std::nullopt);
    std::vector<Rename> moved;
    if (!more.empty() || !opposite_.renames.empty()) {
        UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
        moved = renames_between(tables, before_, {});
        if (!opposite_.renames.empty()) {
            UNDROP_TRY(auto const named, backend_.named_objects());
            for (auto const& rename : renames_of_named(named, named_)) moved.push_back(rename);
            for (auto const& rename : renames_of_view_columns({named, now}, {named_, start})) moved.push_back(rename);
        }
        leave_out_renamed(more, renames_between(tables, before_, opposite_.renames), start, opposite_.wanted);
    }
    // And on a table that it rebuilds what it makes of another form, as a default that draws from another sequence.
    for (auto const& [id, object] : start)
        if (now.contains(id) && !now.at(id).same(object) && !object.holds_rows &&
            std::any_of(object.needs.begin(), object.needs.end(), rebuilt))
            opposite_.wanted.emplace(id, object);
    // What is on a table or column that has another name by now has moved along, also where that was another's name.
    auto const moved_along = [&](ObjectId const& id) {
        return std::any_of(moved.begin(), moved.end(), [&](Rename const& rename) { return there_as_renamed(id, reversed(rename), now); });
    };
    // With what is wanted again comes what needs it: the comment on a trigger whose function came back.
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : start)
            if (!now.contains(id) && !object.holds_rows && !opposite_.wanted.contains(id) && !moved_along(id) &&
                std::none_of(object.needs.begin(), object.needs.end(), unwanted)) {
                opposite_.wanted.emplace(id, object);
                grown = true;
            }
    }
    // And so is the sequence of a column that gets its old one back.
    for (auto const& [id, object] : now)
        if (!start.contains(id) && more.contains({"sequence_owner", id.parent, id.name})) more.emplace(id, std::nullopt);
    opposite_.wanted.merge(more);
    if (step_.direction != Direction::down || step_.origin == Origin::derived || !ends_step()) return success();
    // What the up never changed is changed by the script alone, as another column's type. Renames change texts by themselves.
    if (opposite_.renames.empty())
        for (auto const& [id, object] : start)
            if (now.contains(id) && !now.at(id).same(object) && !opposite_.left.contains(id)) opposite_.wanted.emplace(id, object);
    Made made(start, now, opposite_);
    std::vector<TableName> empty;
    for (auto const& table : scripted_) {
        if (!made.contains(table) || table.partitioned || !table.root.empty()) continue;
        UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select 1 from {} limit 1", backend_.dialect().own_rows(table))));
        if (rows.empty()) empty.push_back(table_name(table));
    }
    opposite_.wanted.merge(made.unwanted(empty));
    return success();
}

// P5: what a step made in a table, or of a column, that it also renamed has to go from under the old name.
void StepRunner::unwant_under_old_names() {
    for (auto const& rename : opposite_.renames) {
        auto const& wanted = opposite_.wanted;
        auto const old =
            std::find_if(wanted.begin(), wanted.end(), [&](auto const& entry) { return names_table(entry.first.parent, rename.before); });
        if (old == wanted.end() && rename.before != rename.after) continue;
        Wanted more;
        for (auto const& [id, object] : wanted) {
            if (object || !names_table(id.parent, rename.after)) continue;
            auto const& parent = rename.before == rename.after ? id.parent : old->first.parent;
            if (rename.column_before.empty())
                more.emplace(ObjectId{.kind = id.kind, .parent = parent, .name = id.name}, std::nullopt);
            else if (id.name == rename.column_after && id.kind != "column")
                more.emplace(ObjectId{.kind = id.kind, .parent = parent, .name = rename.column_before}, std::nullopt);
        }
        opposite_.wanted.merge(more);
    }
}

}  // namespace undrop
