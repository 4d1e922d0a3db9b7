#include "snapshot.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace undrop {

using nlohmann::json;

Column const* Table::column(std::string_view column_name) const {
    auto const found = std::find_if(columns.begin(), columns.end(), [&](Column const& c) { return c.name == column_name; });
    return found == columns.end() ? nullptr : &*found;
}

Column const* Table::column_by_id(std::string_view column_id) const {
    auto const found = std::find_if(columns.begin(), columns.end(), [&](Column const& c) { return c.id == column_id; });
    return found == columns.end() ? nullptr : &*found;
}

namespace {

struct Named {
    Snapshot::Kind kind;
    char const* name;
};

constexpr std::array kinds{Named{Snapshot::Kind::table, "table"},       Named{Snapshot::Kind::column, "column"},
                           Named{Snapshot::Kind::deleted, "deleted"},   Named{Snapshot::Kind::updated, "updated"},
                           Named{Snapshot::Kind::sequence, "sequence"}, Named{Snapshot::Kind::aside, "aside"},
                           Named{Snapshot::Kind::view, "view"}};

Snapshot::Kind kind_of(std::string const& name) {
    auto const found = std::find_if(kinds.begin(), kinds.end(), [&](Named const& k) { return k.name == name; });
    return found == kinds.end() ? Snapshot::Kind::sequence : found->kind;
}

}  // namespace

char const* name_of(Snapshot::Kind kind) {
    return std::find_if(kinds.begin(), kinds.end(), [&](Named const& k) { return k.kind == kind; })->name;
}

char const* name_of(Footprint::Of of) {
    switch (of) {
        case Footprint::Of::column:
            return "column";
        case Footprint::Of::rows:
            return "rows";
        case Footprint::Of::keys:
            return "keys";
        case Footprint::Of::untouched:
            return "untouched";
        case Footprint::Of::table:
            break;
    }
    return "table";
}

Footprint::Of footprint_of(std::string const& name) {
    for (auto const of : {Footprint::Of::column, Footprint::Of::rows, Footprint::Of::keys, Footprint::Of::untouched})
        if (name == name_of(of)) return of;
    return Footprint::Of::table;
}

std::string Snapshot::what() const {
    if (kind == Kind::column || kind == Kind::aside) return table.text() + "." + column;
    if (kind == Kind::deleted) return table.text() + " (deleted)";
    if (kind == Kind::view) return table.text() + " (materialized view)";
    if (kind == Kind::updated)
        return fmt::format("{} ({})", table.text(), fmt::join(values.begin(), values.end() - std::ssize(told_by), ", "));
    return table.text();
}

std::vector<std::string> Snapshot::columns() const {
    std::vector<std::string> names;
    for (std::size_t i = 1; i <= table.key.size(); ++i) names.push_back(fmt::format("k{}", i));
    if (!keyed()) names.emplace_back("n");
    if (!keyed() && kind == Kind::updated) names.emplace_back("alone");
    if (numbered) names.emplace_back("r");
    names.emplace_back("state");
    for (std::size_t i = 1; i <= values.size(); ++i) names.push_back(fmt::format("v{}", i));
    for (std::size_t i = 1; kind == Kind::updated && i <= values.size(); ++i) names.push_back(fmt::format("w{}", i));
    return names;
}

namespace {

// What an attribute is called, its type, whether it is an array, and the attributes inside.
json to_json(std::vector<Attribute> const& parts) {
    json all = json::array();
    for (auto const& part : parts) all.push_back({part.name, part.type, part.array, to_json(part.attributes)});
    return all;
}

std::vector<Attribute> attributes_of(json const& all) {
    std::vector<Attribute> attributes;
    for (auto const& one : all) {
        auto& part = attributes.emplace_back();
        part.name = one.at(0);
        part.type = one.at(1);
        part.array = one.at(2);
        part.attributes = attributes_of(one.at(3));
    }
    return attributes;
}

}  // namespace

std::string to_manifest(Snapshot const& snapshot) {
    json columns = json::array();
    for (auto const& c : snapshot.table.columns) {
        columns.push_back({{"name", c.name},
                           {"type", c.type},
                           {"stored_type", c.stored_type},
                           {"as_text", c.as_text},
                           {"generated", c.generated},
                           {"identity", c.identity},
                           {"not_null", c.not_null},
                           {"default", c.default_sql}});
        if (!c.id.empty()) columns.back()["id"] = c.id;
        if (c.form.empty()) continue;
        columns.back()["form"] = c.form;
        columns.back()["array"] = c.array;
        columns.back()["attributes"] = to_json(c.attributes);
    }
    json manifest = {{"kind", name_of(snapshot.kind)},
                     {"schema", snapshot.table.schema},
                     {"table", snapshot.table.name},
                     {"key", snapshot.table.key},
                     {"unique", snapshot.table.unique},
                     {"column", snapshot.column},
                     {"position", snapshot.position},
                     {"id", snapshot.table.id},
                     {"partitioned", snapshot.table.partitioned},
                     {"values", snapshot.values},
                     {"left_types", snapshot.left_types},
                     {"told_by", snapshot.told_by},
                     {"numbered", snapshot.numbered},
                     {"columns", columns}};
    if (snapshot.kind == Snapshot::Kind::view) manifest["populated"] = snapshot.populated;
    return manifest.dump();
}

void from_manifest(std::string const& text, Snapshot& snapshot) {
    auto const manifest = json::parse(text);
    snapshot.kind = kind_of(manifest.at("kind").get<std::string>());
    snapshot.table.schema = manifest.at("schema");
    snapshot.table.name = manifest.at("table");
    snapshot.table.id = manifest.value("id", "");
    snapshot.table.partitioned = manifest.at("partitioned");
    snapshot.table.key = manifest.at("key").get<std::vector<std::string>>();
    snapshot.table.unique = manifest.value("unique", snapshot.table.unique);
    snapshot.column = manifest.at("column");
    snapshot.position = manifest.at("position");
    snapshot.values = manifest.at("values").get<std::vector<std::string>>();
    snapshot.left_types = manifest.at("left_types").get<std::vector<std::string>>();
    snapshot.told_by = manifest.value("told_by", snapshot.told_by);
    snapshot.numbered = manifest.value("numbered", false);
    snapshot.populated = manifest.value("populated", true);
    for (auto const& c : manifest.at("columns")) {
        Column column;
        column.name = c.at("name");
        column.type = c.at("type");
        column.stored_type = c.at("stored_type");
        column.as_text = c.at("as_text");
        column.generated = c.at("generated");
        column.identity = c.at("identity");
        column.not_null = c.at("not_null");
        column.default_sql = c.at("default");
        column.id = c.value("id", "");
        if (c.contains("form")) {
            column.form = c.at("form");
            column.array = c.at("array");
            column.attributes = attributes_of(c.at("attributes"));
        }
        snapshot.table.columns.push_back(std::move(column));
    }
}

}  // namespace undrop
