#include "reading.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "kinds.hpp"
#include "locator.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// The columns of a kind's query.
enum Field : std::size_t { kind, parent, name, make, remove, alter, shape, order, addresses, needs, relation, rows, holds_rows };

Kind const* kind_of(std::string const& text) {
    for (auto const& known : known_kinds)
        if (text == known.name || (text.starts_with(known.name) && text[known.name.size()] == ' ')) return &known;
    return nullptr;
}

// A column that is no object of its own is its table.
std::string table_of(std::string const& address) {
    auto const colon = address.rfind(':');
    if (!address.starts_with("1259:") || address.substr(colon) == ":0") return {};
    return address.substr(0, colon) + ":0";
}

// What rows need must be there before them: a function before data may take the row type of a view.
void pull_forward(Catalog& catalog) {
    std::function<void(Object&)> const pull = [&](Object& object) {
        for (auto const& id : object.needs) {
            auto const needed = catalog.find(id);
            if (needed == catalog.end() || needed->second.section == Section::before_data) continue;
            needed->second.section = Section::before_data;
            pull(needed->second);
        }
    };
    for (auto& [id, object] : catalog)
        if (object.section == Section::before_data) pull(object);
}

}  // namespace

Result<void> Reading::add(Rows const& all) {
    for (auto const& row : all) {
        auto cell = [&](Field field) -> std::string const& {
            static std::string const none;
            return row[field] ? *row[field] : none;
        };
        auto own = words(cell(addresses), ' ');
        auto needed = words(cell(needs), ' ');
        if (row[kind] == "alias") {
            for (auto const& address : own) keep(Alias{cell(relation), address, cell(needs)});
            continue;
        }
        auto const* known = kind_of(cell(kind));
        // pg_get_indexdef and its like give NULL for what was dropped meanwhile.
        if (!known || cell(name).empty() || cell(make).empty()) return dropped_meanwhile({});

        Locator locator;
        locator.relation = cell(relation);
        locator.rows = words(cell(rows), ',');
        for (auto const* list : {&needed, &own})
            for (auto address = list->rbegin(); address != list->rend(); ++address)
                if (address->front() >= '0' && address->front() <= '9') locator.subject = *address;

        Object object;
        object.make = cell(make);
        object.remove = cell(remove);
        object.alter = cell(alter);
        object.shape = cell(shape);
        object.section = known->section;
        object.rank = known->rank;
        object.order = std::atoi(cell(order).c_str());
        object.holds_rows = cell(holds_rows) == "t";
        object.locator = locator.text();

        ObjectId id{cell(kind), cell(parent), cell(name)};
        Found found{std::move(id), std::move(object), locator.relation, std::move(own), std::move(needed)};
        fresh_.push_back({std::make_shared<Found>(std::move(found)), {}});
        keep(fresh_.back().found);
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

void Reading::keep(FoundPtr const& found) {
    for (auto const& address : found->addresses) by_address_.emplace(address, found.get());
    found_.push_back(found);
}

void Reading::keep(Alias const& alias) {
    meanings_.emplace(alias.address, alias.means);
    aliases_.push_back(alias);
}

Reading::Found const* Reading::at(std::string address) const {
    for (int hops = 0; hops < 100 && !address.empty(); ++hops) {
        if (auto const here = by_address_.find(address); here != by_address_.end()) return here->second;
        auto const alias = meanings_.find(address);
        address = alias != meanings_.end() ? alias->second : table_of(address);
    }
    return nullptr;
}

void Reading::need(Fresh& fresh, std::string const& address) const {
    // An inherited column is its parent's, and not there before its own table is.
    if (auto const table = table_of(address); !table.empty() && meanings_.contains(address)) need(fresh, table);
    auto const* needed = at(address);
    if (!needed || needed == fresh.found.get()) return;
    // A sequence depends on the column that owns it; here that is sequence_owner's, and the column's default needs the sequence.
    if (fresh.found->id.kind == "sequence" && needed->id.kind != "schema") return;
    // Here it is the mapping that needs the dictionaries.
    if (fresh.found->id.kind == "text_search_configuration" && needed->id.kind == "text_search_dictionary") return;
    if (std::find(fresh.needed.begin(), fresh.needed.end(), needed) == fresh.needed.end()) fresh.needed.push_back(needed);
}

// Of all that is fresh; `objects`: its addresses, where that is not everything.
Result<void> Reading::add_dependencies(Connection& connection, Addresses const* objects) {
    for (auto& fresh : fresh_)
        for (auto const& address : fresh.found->needs) need(fresh, address);
    // Initial objects are pinned, and schemas are said already. P: an index or a constraint of a partition on its parent's.
    std::string sql = R"sql(
        select concat(d.classid, ':', d.objid, ':', d.objsubid), concat(d.refclassid, ':', d.refobjid, ':', d.refobjsubid)
        from )sql";
    std::vector<Cell> parameters;
    if (objects) {
        sql +=
            "unnest($1::oid[], $2::oid[]) f(classid, objid) cross join lateral (select * from pg_depend p "
            "where p.classid = f.classid and p.objid = f.objid offset 0) d";
        parameters = {objects->classes, objects->oids};
    } else {
        sql += "pg_depend d";
    }
    sql += " where d.deptype in ('n', 'a', 'P') and d.objid >= 16384 and d.refobjid >= 16384 and d.refclassid <> 2615";
    std::unordered_map<Found const*, Fresh*> ours;
    for (auto& fresh : fresh_) ours.emplace(fresh.found.get(), &fresh);
    UNDROP_TRY(auto const all, catalog_rows(connection, sql, parameters));
    for (auto const& row : all)
        if (auto const found = ours.find(at(*row[0])); found != ours.end()) need(*found->second, *row[1]);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// In the order of making, columns by their number: who walks the needs keeps it.
void Reading::freeze() {
    for (auto& fresh : fresh_) {
        std::sort(fresh.needed.begin(), fresh.needed.end(), [](Found const* a, Found const* b) {
            return std::tie(a->object.rank, a->object.order, a->id) < std::tie(b->object.rank, b->object.order, b->id);
        });
        for (auto const* needed : fresh.needed) fresh.found->object.needs.push_back(needed->id);
    }
    fresh_.clear();
}

Result<void> Reading::ask(Connection& connection, std::string const& ledger, std::string const* relations) {
    std::vector<Cell> parameters;
    if (relations) parameters.emplace_back(*relations);
    UNDROP_TRY(auto const any, catalog_rows(connection, any_rare_sql()));
    bool const rare = any.at(0).at(0) == "t";
    UNDROP_TRY(auto const all, catalog_rows(connection, kinds_sql(ledger, relations != nullptr, extensions_, rare), parameters));
    UNDROP_CHECK(add(all));
    unknown_.clear();
    if (any[0][1] == "t") {
        UNDROP_TRY(unknown_, unknown_objects(connection, ledger, extensions_, rare));
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<Reading> Reading::whole(Connection& connection, std::string const& ledger, Extensions extensions, std::string const* relations) {
    Reading now;
    now.extensions_ = extensions;
    UNDROP_CHECK(now.ask(connection, ledger, relations));
    auto const objects = relations ? now.fresh_objects() : Addresses{};
    UNDROP_CHECK(now.add_dependencies(connection, relations ? &objects : nullptr));
    now.freeze();
    return now;
}

// Each once.
Reading::Addresses Reading::fresh_objects() const {
    std::set<std::pair<std::string, std::string>> objects;
    for (auto const& fresh : fresh_)
        for (auto const& address : fresh.found->addresses)
            if (auto const parts = words(address, ':'); parts.size() == 3 && parts[0].front() <= '9') objects.emplace(parts[0], parts[1]);
    Addresses all;
    for (auto const& [classid, objid] : objects) {
        auto const comma = all.oids.empty() ? "{" : ",";
        all.classes += comma + classid;
        all.oids += comma + objid;
    }
    all.classes += objects.empty() ? "{}" : "}";
    all.oids += objects.empty() ? "{}" : "}";
    return all;
}

// Other objects' texts name what this one is called, and say what a type or a view is made of.
bool Reading::renames(Reading const& before) const {
    constexpr std::array telling{"schema", "type", "table", "view", "materialized_view"};
    for (auto const& fresh : fresh_) {
        auto const& found = fresh.found;
        for (auto const& address : found->addresses) {
            if (before.meanings_.contains(address)) return true;
            auto const was = before.by_address_.find(address);
            if (was == before.by_address_.end()) continue;
            if (was->second->id != found->id) return true;
            if (was->second->object.make != found->object.make &&
                std::find(telling.begin(), telling.end(), found->id.kind) != telling.end())
                return true;
        }
    }
    return std::any_of(aliases_.begin(), aliases_.end(), [&](Alias const& alias) { return before.by_address_.contains(alias.address); });
}

Result<std::optional<Reading>> Reading::again(Connection& connection, std::string const& ledger, Touched const& touched) const {
    std::optional<Reading> nothing;
    if (touched.all) return nothing;
    Reading now;
    auto const stays = [&](std::string const& of) { return !of.empty() && of != "0" && !touched.relations.contains(of); };
    for (auto const& found : found_)
        if (stays(found->relation)) now.keep(found);
    for (auto const& alias : aliases_)
        if (stays(alias.relation)) now.keep(alias);
    auto const relations = touched.array();
    UNDROP_CHECK(now.ask(connection, ledger, &relations));
    if (now.unknown_ != unknown_ || now.renames(*this)) return nothing;
    auto const objects = now.fresh_objects();
    UNDROP_CHECK(now.add_dependencies(connection, &objects));
    now.freeze();
    return std::optional<Reading>(std::move(now));
}

Catalog Reading::catalog() const {
    Catalog catalog;
    for (auto const& found : found_) catalog.insert_or_assign(found->id, found->object);
    pull_forward(catalog);
    if (unknown_.empty()) return catalog;
    for (auto& [id, object] : catalog) {
        if (id.kind != "schema") continue;
        auto locator = Locator::parse(object.locator);
        locator.unknown = unknown_;
        object.locator = locator.text();
    }
    return catalog;
}

}  // namespace undrop::postgres
