// What a step writes down of itself.
#include <fmt/format.h>
#include <algorithm>

#include "attributes.hpp"
#include "column_order.hpp"
#include "named.hpp"
#include "step.hpp"
#include "try.hpp"
#include "waiver.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::vector<AttributeRename> renamed_attributes(TableChange const& change) {
    std::vector<AttributeRename> found;
    for (auto const& [then, current] : change.kept)
        renamed_attributes(change.before->column(then)->attributes, change.after->column(current)->attributes, found);
    return found;
}

void add_renamed_attributes(TableChange const& change, std::vector<Table> const& before, std::vector<Rename>& renames) {
    for (auto const& [was, is] : renamed_attributes(change)) {
        if (was->name == is->name && find_table(before, {was->schema, was->owner})) continue;  // of a table's rows: that has its own
        auto const has_name = [&](Column const& c) { return find_attribute(c.attributes, is->schema, is->owner, was->name) != nullptr; };
        auto const replaced = was->name != is->name && std::any_of(change.after->columns.begin(), change.after->columns.end(), has_name);
        if (Rename const rename{{was->schema, was->owner}, {is->schema, is->owner}, was->name, is->name, replaced};
            std::find(renames.begin(), renames.end(), rename) == renames.end())
            renames.push_back(rename);
    }
}

// Computed ones, too, which nothing is saved of.
std::vector<std::pair<std::string, std::string>> renamed_columns(TableChange const& change) {
    std::vector<std::pair<std::string, std::string>> renamed;
    for (auto const& [then, current] : change.kept)
        if (then != current) renamed.emplace_back(then, current);
    for (auto const& column : change.before->columns) {
        auto const* now = column.generated ? change.after->column_by_id(column.id) : nullptr;
        if (now && now->generated && now->name != column.name) renamed.emplace_back(column.name, now->name);
    }
    return renamed;
}

// Tables and columns whose names others have by now, though nothing was built anew.
using Names = std::set<std::pair<TableName, std::string>>;
Names names_of_others(std::vector<TableChange> const& changes, Catalog const& now) {
    Names names;
    for (auto const& change : changes) {
        auto const name = table_name(*change.before);
        auto const is_there = [&](auto const& entry) { return is_relation(entry.first, name); };
        if (!change.after || (!change.rebuilt && table_name(*change.after) != name)) {
            if (std::any_of(now.begin(), now.end(), is_there)) names.insert({name, ""});
        }
        if (!change.after || change.rebuilt) continue;
        for (auto const& [then, current] : renamed_columns(change))
            if (change.after->column(then)) names.insert({table_name(*change.after), then});
    }
    return names;
}

// The same text, and another object: on the way back it is wanted all the same.
bool succeeds_another(ObjectId const& id, Names const& names) {
    return std::any_of(names.begin(), names.end(), [&](auto const& name) {
        auto const& [table, column] = name;
        auto const full = id.parent.empty() ? id.name : id.parent + "." + id.name;  // also of its place among partitions, and its owner
        return column.empty() ? names_table(full, table) || names_table(id.parent, table)
                              : id.name == column && names_table(id.parent, table);
    });
}

bool is_same(Catalog const& before, ObjectId const& id, Object const& now) {
    auto const was = before.find(id);
    return was != before.end() && was->second.same(now);
}

// What reads as before, but over what has the name of another by now, was made anew with that: on the way back it is wanted as well.
std::set<ObjectId> made_anew_over(Names const& names, Catalog const& before, Catalog const& now) {
    std::set<ObjectId> found;
    for (bool grown = !names.empty(); grown;) {
        grown = false;
        for (auto const& [id, object] : now) {
            auto const is_other = [&](ObjectId const& need) { return succeeds_another(need, names) || found.contains(need); };
            if (!is_same(before, id, object) || std::none_of(object.needs.begin(), object.needs.end(), is_other)) continue;
            grown |= found.insert(id).second;
        }
    }
    return found;
}

// Did the script make a table in a schema that it renamed which has the name of another one there? Then the schema's name is not enough.
bool is_filled_anew(Rename const& schema, Catalog const& before, Catalog const& now, std::vector<TableChange> const& changes) {
    return std::any_of(before.begin(), before.end(), [&](auto const& entry) {
        auto const& id = entry.first;
        auto const is_table = [&](TableName const& name) { return names_table(id.parent + "." + id.name, name); };
        if (id.kind != "table" || !names_table(id.parent, schema.before)) return false;
        TableName const left{schema.after.second, id.name};
        auto const stayed = std::any_of(changes.begin(), changes.end(), [&](TableChange const& change) {
            return is_table(table_name(*change.before)) && change.after && !change.rebuilt && table_name(*change.after) == left;
        });
        return !stayed && std::any_of(now.begin(), now.end(), [&](auto const& other) { return is_relation(other.first, left); });
    });
}

// Where a column stood, which only the names of the others tell for good.
void note_order(Recorded& recorded, std::vector<Table> const& before) {
    if (recorded.id.kind != "column") return;
    for (auto const& table : before)
        if (names_table(recorded.id.parent, table_name(table))) recorded.before->columns = names_of(table);
}

}  // namespace

bool is_relation(ObjectId const& id, TableName const& name) {
    return (id.kind == "table" || id.kind == "view" || id.kind == "materialized_view") &&
           names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, name);
}

Result<void> StepRunner::record(Catalog const& now, std::vector<TableChange> const& changes) {
    std::vector<Recorded> objects;
    auto const look_up = [](Catalog const& catalog, ObjectId const& id) {
        auto const found = catalog.find(id);
        return found == catalog.end() ? std::optional<Object>{} : std::optional<Object>{found->second};
    };
    UNDROP_TRY(auto renames, object_renames());
    for (auto& rename : renames)
        rename.replaced = kind_of_view(named_, rename.before) != nullptr &&
                          std::any_of(now.begin(), now.end(), [&](auto const& entry) { return is_relation(entry.first, rename.before); });
    auto const succeeded = names_of_others(changes, now);
    auto over = succeeded;
    for (auto const& rename : renames)
        if (rename.replaced) over.insert({rename.before, ""});
    auto const made_anew = made_anew_over(over, catalog_, now);
    std::set<ObjectId> ids;
    for (auto const& [id, object] : catalog_) ids.insert(id);
    for (auto const& [id, object] : now) ids.insert(id);
    for (auto const& id : ids) {
        Recorded recorded{.id = id, .before = look_up(catalog_, id), .after = look_up(now, id)};
        auto const same = recorded.before && recorded.after && recorded.before->same(*recorded.after);
        if (same && !succeeds_another(id, succeeded) && !made_anew.contains(id)) continue;
        if (recorded.before) note_order(recorded, before_);
        objects.push_back(std::move(recorded));
    }
    std::erase_if(renames,
                  [&](Rename const& rename) { return rename.before.first.empty() && is_filled_anew(rename, catalog_, now, changes); });
    auto const is_view = [](Recorded const& recorded) { return recorded.id.kind == "view" || recorded.id.kind == "materialized_view"; };
    if (!named_.empty() && std::any_of(objects.begin(), objects.end(), is_view)) {
        UNDROP_TRY(auto const named, backend_.named_objects());
        for (auto const& rename : renames_of_view_columns({named_, catalog_}, {named, now})) renames.push_back(rename);
    }
    for (auto const& change : changes) {
        TableName const before{change.before->schema, change.before->name};
        auto const whole = waives(lose_, before, "");
        if (whole && (!change.after || change.compare || !change.lost.empty())) report_.waived.push_back(change.before->text());
        for (auto const& column : change.lost)
            if (!whole && waived(before, column)) report_.waived.push_back(change.before->text() + "." + column);
        for (auto const& [column, current] : change.kept)
            if (!whole && change.compare && waived(before, column)) report_.waived.push_back(change.before->text() + "." + column);
        if (!change.after || change.rebuilt) continue;
        TableName const after{change.after->schema, change.after->name};
        auto const is_there = [&](auto const& entry) { return is_relation(entry.first, before); };
        if (before != after) renames.push_back({before, after, "", "", std::any_of(now.begin(), now.end(), is_there)});
        for (auto const& [then, current] : renamed_columns(change))
            renames.push_back({before, after, then, current, change.after->column(then) != nullptr});
        add_renamed_attributes(change, before_, renames);
    }
    if (!part_)
        for (auto const& waiver : idle_waivers(lose_, report_.waived))
            report_.notes.push_back(fmt::format("`-- undrop: lose {}` let nothing go", waiver));
    for (auto const& rename : renames) objects.push_back(to_recorded(rename));
    for (auto const& [reference, rows] : orphans_) objects.push_back(to_recorded(reference, rows));
    report_objects(now, renames);
    UNDROP_CHECK(note_what_stays(now, objects));
    for (auto const& snapshot : saved_)
        if (snapshot.kind != Snapshot::Kind::sequence && snapshot.populated)
            report_.saved.push_back({snapshot.what(), snapshot.rows, snapshot.bytes});

    UNDROP_TRY(auto const event, record_event(now));
    step_id_ = part_ && !part_->takes_back ? part_->step : event;
    if (step_id_ == event)
        UNDROP_CHECK(ledger_.add(step_id_, objects));
    else
        UNDROP_CHECK(ledger_.add_more(step_id_, objects));
    for (auto& snapshot : saved_) {
        snapshot.step = step_id_;
        UNDROP_CHECK(ledger_.add(snapshot));
    }
    for (auto& print : footprints_) {
        print.step = step_id_;
        UNDROP_CHECK(ledger_.add(print));
    }
    return record_aside();
}

// The entry of a step that is over; 0: it goes on.
Result<std::int64_t> StepRunner::record_event(Catalog const& now) {
    if (part_) UNDROP_CHECK(record_part(now));
    if (!ends_step()) return 0;
    UNDROP_TRY(auto const id, ledger_.next_event());
    if (run_ == 0) {
        UNDROP_TRY(run_, ledger_.next_run());
    }
    bool const given_up = part_ && part_->takes_back;
    NewEvent event{.run = run_,
                   .kind = given_up                           ? "abandoned"
                           : step_.direction == Direction::up ? "applied"
                                                              : "reverted",
                   .version = step_.version,
                   .name = step_.name,
                   .seconds = report_.seconds,
                   .detail = to_json(Report{.run = run_, .steps = {whole_report()}})};
    if (!given_up) {
        event.up = step_.up;
        event.down = step_.down;
        event.check = step_.check;
        event.down_check = step_.down_check;
    }
    UNDROP_CHECK(ledger_.add(id, event, options_));
    return id;
}

}  // namespace undrop
