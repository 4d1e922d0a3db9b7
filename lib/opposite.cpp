#include "opposite.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "keep_aside.hpp"
#include "try.hpp"

namespace undrop {
namespace {

constexpr char const* rename_kind = "rename";  // of a Recorded that is no object of the catalog

// A rename of a table to the name that it has, so that whoever knows nothing of orphans does nothing.
constexpr char const* orphans = "orphans";
constexpr char const* stays = "stays";  // and so of these
constexpr char const* neighbours = "neighbours";

std::vector<std::string> words_of(Recorded const& recorded) {
    return nlohmann::json::parse(recorded.before->shape).get<std::vector<std::string>>();
}

Rename to_rename(Recorded const& recorded) {
    auto const t = words_of(recorded);
    return {.before = {t.at(0), t.at(1)},
            .after = {t.at(2), t.at(3)},
            .column_before = t.at(4),
            .column_after = t.at(5),
            .replaced = t.size() > 6 && !t[6].empty()};
}

Neighbours to_neighbours(std::vector<std::string> const& t) {
    Neighbours all;
    auto tables = std::stoull(t.at(7));
    for (std::size_t i = 8; i + 2 < t.size(); i += 3) {
        (tables > 0 ? all.tables : all.others).insert({t[i], t[i + 1], t[i + 2]});
        if (tables > 0) --tables;
    }
    return all;
}

// The last word of a name such as s.t or "s.s"."t""t", as the catalog has it.
std::string last_word(std::string const& name) {
    std::string word;
    bool quoted = false;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '"' && quoted && i + 1 < name.size() && name[i + 1] == '"')
            word += name[i++];
        else if (name[i] == '"')
            quoted = !quoted;
        else if (name[i] == '.' && !quoted)
            word.clear();
        else
            word += name[i];
    }
    return word;
}

}  // namespace

Recorded to_recorded(Rename const& r) {
    Object way;
    way.shape = nlohmann::json({r.before.first, r.before.second, r.after.first, r.after.second, r.column_before, r.column_after,
                                r.replaced ? "replaced" : ""})
                    .dump();
    return {.id = {rename_kind, r.before.first + "." + r.before.second, r.column_before}, .before = way, .after = {}};
}

Recorded to_recorded(ChildAndParent const& reference, std::int64_t rows) {
    auto const& [child, parent] = reference;
    Object way;
    way.shape = nlohmann::json({child.first, child.second, child.first, child.second, "", "", orphans, parent.first, parent.second,
                                std::to_string(rows)})
                    .dump();
    return {.id = {rename_kind, child.first + "." + child.second, "references " + parent.first + "." + parent.second},
            .before = way,
            .after = {}};
}

// Tables first, how many is the eighth word.
Recorded to_recorded(Neighbours const& all) {
    std::vector<std::string> t{"", "", "", "", "", "", neighbours, std::to_string(all.tables.size())};
    for (auto const* ids : {&all.tables, &all.others})
        for (auto const& id : *ids) t.insert(t.end(), {id.kind, id.parent, id.name});
    Object way;
    way.shape = nlohmann::json(t).dump();
    return {.id = {rename_kind, neighbours, ""}, .before = way, .after = {}};
}

Recorded to_recorded(Stays const& one) {
    Object way;
    way.shape = nlohmann::json({"", "", "", "", "", "", stays, one.what, one.line}).dump();
    return {.id = {rename_kind, stays, one.line}, .before = way, .after = {}};
}

bool is_object(ObjectId const& recorded) { return recorded.kind != rename_kind; }

TableName name_before(std::vector<Rename> const& renames, TableName const& name) {
    for (auto const& rename : renames)
        if (rename.column_before.empty() && rename.after == name) return rename.before;
    return name;
}

Result<Opposite> read_opposite(Ledger& ledger, std::int64_t step, Direction direction) {
    Opposite opposite;
    opposite.step = step;
    if (step == 0) return opposite;
    UNDROP_TRY(auto objects, ledger.objects(step));
    for (auto& object : objects) {
        if (object.id.kind == rename_kind) {
            auto const t = words_of(object);
            if (t.size() > 9 && t[6] == orphans)
                opposite.orphans[{{t[0], t[1]}, {t[7], t[8]}}] = std::stoll(t[9]);
            else if (t.size() > 7 && t[6] == neighbours)
                opposite.neighbours = to_neighbours(t);
            else if (t.size() == 9 && t[6] == stays)
                opposite.stays.push_back({t[7], t[8]});
            else
                opposite.renames.push_back(to_rename(object));
        } else if (direction == Direction::down) {
            if (object.after) opposite.left.insert(object.id);
            opposite.wanted.emplace(object.id, std::move(object.before));
        }
    }
    UNDROP_TRY(opposite.snapshots, ledger.snapshots(step));
    auto const aside = std::stable_partition(opposite.snapshots.begin(), opposite.snapshots.end(),
                                             [](Snapshot const& s) { return s.kind != Snapshot::Kind::aside; });
    std::copy_if(aside, opposite.snapshots.end(), std::back_inserter(opposite.aside),
                 [](Snapshot const& s) { return s.hash != Snapshot::came_back; });
    opposite.snapshots.erase(aside, opposite.snapshots.end());
    // What a down script was merged with is in the column that it made, and goes aside with that.
    if (direction == Direction::up)
        std::erase_if(opposite.snapshots, [](Snapshot const& s) { return s.kind == Snapshot::Kind::column && is_aside_name(s.column); });
    UNDROP_TRY(opposite.footprints, ledger.footprints(step));
    return opposite;
}

ComesBack what_comes_back(Opposite const& opposite) {
    ComesBack back;
    auto& names = back.relations;
    auto const add = [&](ObjectId const& id) {
        names.insert(id.name);
        names.insert(last_word(id.parent));
    };
    for (auto const& [id, object] : opposite.wanted) {
        back.objects.insert(id);
        add(id);
        if (object) std::for_each(object->needs.begin(), object->needs.end(), add);
    }
    for (auto const& rename : opposite.renames) names.insert({rename.before.second, rename.after.second});
    for (auto const* snapshots : {&opposite.snapshots, &opposite.aside})
        for (auto const& snapshot : *snapshots)
            names.insert(snapshot.kind == Snapshot::Kind::sequence ? last_word(snapshot.table.name) : snapshot.table.name);
    for (auto const& print : opposite.footprints) names.insert(print.table);
    names.erase("");
    return back;
}

}  // namespace undrop
