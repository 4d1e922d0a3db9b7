#include "labels.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "look.hpp"
#include "sql_tokens.hpp"

namespace undrop {
namespace {

constexpr std::string_view begins = " AS ENUM (";

// Where the labels begin in the text that makes the type, whose name is quoted where it needs to be.
std::size_t place_of_labels(std::string const& make) {
    bool quoted = false;
    for (std::size_t at = 0; at < make.size(); ++at) {
        if (make[at] == '"') quoted = !quoted;
        if (!quoted && make.compare(at, begins.size(), begins) == 0) return at + begins.size();
    }
    return make.size();
}

bool has(std::vector<std::string> const& labels, std::string const& label) {
    return std::find(labels.begin(), labels.end(), label) != labels.end();
}

bool any_needed(Object const& object, Catalog const& of) {
    return std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) { return of.contains(need); });
}

// And what types are made of them, attributes too.
Catalog with_types_of(Catalog const& now, Catalog types) {
    for (auto& [id, object] : types) object = now.at(id);
    for (bool grown = true; grown;) {
        grown = false;
        for (auto const& [id, object] : now) {
            if (types.contains(id) || (id.kind != "type" && id.kind != "attribute") || !any_needed(object, types)) continue;
            types.emplace(id, object);
            grown = true;
            for (auto const& need : object.needs)
                if (id.kind == "attribute" && need.kind == "type" && names_table(id.parent, {need.parent, need.name}) && now.contains(need))
                    types.emplace(need, now.at(need));
        }
    }
    return types;
}

// Is a partition one of this table, or of one of its partitions?
bool descends(Catalog const& partitions, ObjectId const& partition, std::string const& table) {
    auto const& needs = partitions.at(partition).needs;
    return std::any_of(needs.begin(), needs.end(), [&](ObjectId const& need) {
        if (need.kind != "table") return false;
        return names_table(table, {need.parent, need.name}) || (partitions.contains(need) && descends(partitions, need, table));
    });
}

// Partitions have their table's columns, and may be partitioned themselves, by others of these: only their text says it.
ObjectId const* partitioned_by_one_of(Catalog const& partitions, std::set<ObjectId> const& columns) {
    for (auto const& [id, object] : partitions) {
        auto const key = object.make.rfind(" PARTITION BY ");
        if (key == std::string::npos) continue;
        auto const text = object.make.substr(key);
        if (std::any_of(columns.begin(), columns.end(),
                        [&](ObjectId const& c) { return names_word(text, c.name) && descends(partitions, id, c.parent); }))
            return &id;
    }
    return nullptr;
}

}  // namespace

bool is_enum(Object const& type) { return type.shape.starts_with("labels: "); }

std::vector<std::string> labels_of(Object const& type) {
    std::vector<std::string> labels;
    auto const& make = type.make;
    for (auto at = make.find('\'', place_of_labels(make)); at != std::string::npos;) {
        auto const from = make[at - 1] == 'E' ? at - 1 : at;
        auto end = make.find('\'', at + 1);
        while (end != std::string::npos && end + 1 < make.size() && make[end + 1] == '\'') end = make.find('\'', end + 2);
        if (end == std::string::npos) break;
        labels.push_back(make.substr(from, end - from + 1));
        at = make.find('\'', end + 1);
    }
    return labels;
}

bool knows_labels_again(Object const& type) { return is_enum(type) && type.alter.find("numbers pg_catalog.oid[]") != std::string::npos; }

std::vector<std::string> labels_only_in(Object const& type, Object const& other) {
    auto labels = labels_of(type);
    auto const others = labels_of(other);
    std::erase_if(labels, [&](std::string const& label) { return has(others, label); });
    return labels;
}

// Each of the others after the one that it comes after.
Object with_all_labels(Object wanted, Object const& now) {
    auto labels = labels_of(wanted);
    auto at = labels.begin();
    for (auto const& label : labels_of(now)) {
        auto const found = std::find(labels.begin(), labels.end(), label);
        at = (found != labels.end() ? found : labels.insert(at, label)) + 1;
    }
    std::string text;
    for (auto const& label : labels) text += (text.empty() ? "" : ", ") + label;
    wanted.make = wanted.make.substr(0, place_of_labels(wanted.make)) + text + ");";
    wanted.shape = fmt::format("labels: {}", labels.size());
    wanted.alter.clear();
    return wanted;
}

Catalog other_labels(Catalog const& now, Wanted const& wanted) {
    Catalog types;
    for (auto const& [id, want] : wanted) {
        auto const is = now.find(id);
        if (id.kind != "type" || !want || is == now.end() || !is_enum(*want) || !is_enum(is->second)) continue;
        if (is->second.same(*want) || (!want->alter.empty() && want->shape == is->second.shape)) continue;
        auto const made_of = with_types_of(now, {{id, *want}});
        if (std::any_of(now.begin(), now.end(),
                        [&](auto const& entry) { return entry.second.holds_rows && any_needed(entry.second, made_of); }))
            types.emplace(id, *want);
    }
    return types;
}

Catalog with_new_labels(Catalog const& before, Catalog const& now) {
    Wanted wanted;
    for (auto const& [id, object] : before)
        if (id.kind == "type") wanted.emplace(id, object);
    auto types = other_labels(now, wanted);
    erase_if(types, [&](auto const& type) { return labels_only_in(now.at(type.first), type.second).empty(); });
    for (auto& [id, object] : types) object = now.at(id);
    return types;
}

Wanted with_labels_as_now(Catalog const& now, Wanted wanted) {
    for (auto const& [id, type] : other_labels(now, wanted)) wanted.insert_or_assign(id, now.at(id));
    return wanted;
}

TypeRemake plan_remake(Catalog const& now, Catalog const& types) {
    TypeRemake plan;
    plan.types = with_types_of(now, types);
    for (auto const& [id, object] : now)
        if (id.kind == "column" && object.holds_rows && any_needed(object, plan.types)) plan.columns.insert(id);
    auto remake = plan.types;
    Catalog partitions;  // their columns change with those of their tables
    for (auto const& [id, object] : now)
        if (id.kind == "table" && now.contains({"partition", id.parent, id.name})) partitions.emplace(id, object);
    add_dependents(now, remake, partitions, plan.columns);
    auto const& first = types.begin()->first;
    auto const cannot = [&](ObjectId const& table) {
        plan.refused =
            fmt::format("{} gets other labels, and {} is partitioned by a column of it, or made of it", first.text(), table.text());
    };
    if (auto const* table = partitioned_by_one_of(partitions, plan.columns)) cannot(*table);
    for (auto const& [id, object] : remake) {
        if (plan.types.contains(id)) continue;
        plan.aside.emplace(id, object);
        if (object.holds_rows) cannot(id);
    }
    for (auto const& [id, object] : now)
        for (auto const& need : object.needs) {
            auto const is_table = [&](ObjectId const& column) { return names_table(column.parent, {need.parent, need.name}); };
            if (id.kind == "column" && need.kind == "table" && !names_table(id.parent, {need.parent, need.name}) &&
                std::any_of(plan.columns.begin(), plan.columns.end(), is_table))
                plan.refused = fmt::format("{} gets other labels, and {} holds rows of {}, which has a column of it", first.text(),
                                           id.text(), need.text());
        }
    return plan;
}

std::string why_no_mend(Catalog const& now, Wanted const& wanted) {
    if (auto const types = other_labels(now, wanted); !types.empty())
        if (auto refused = plan_remake(now, types).refused; !refused.empty()) return refused;
    return plan_mend(now, with_labels_as_now(now, wanted)).refused;
}

}  // namespace undrop
