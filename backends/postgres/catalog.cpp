#include "catalog.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <tuple>
#include <unordered_map>

#include <fmt/format.h>

#include "kinds.hpp"
#include "locator.hpp"
#include "try.hpp"

namespace undrop::postgres {

namespace {

// The columns of a kind's query.
enum Field : std::size_t { kind, parent, name, make, remove, alter, shape, order, addresses, needs, relation, rows, holds_rows };

struct Found {
    ObjectId id;
    Object object;
    std::vector<std::string> needs;  // addresses
};

class Reader {
public:
    [[nodiscard]] Result<void> add(Rows const& rows);
    [[nodiscard]] Result<void> add_dependencies(Connection& connection);
    [[nodiscard]] Catalog take();

private:
    [[nodiscard]] Found* at(std::string address);
    void need(Found& found, std::string const& address);

    std::vector<Found> found_;
    std::unordered_map<std::string, std::size_t> by_address_;
    std::unordered_map<std::string, std::string> aliases_;
};

Kind const* kind_of(std::string const& text) {
    for (auto const& known : known_kinds)
        if (text == known.name || (text.starts_with(known.name) && text[known.name.size()] == ' ')) return &known;
    return nullptr;
}

Result<void> Reader::add(Rows const& all) {
    for (auto const& row : all) {
        auto cell = [&](Field field) -> std::string const& {
            static std::string const none;
            return row[field] ? *row[field] : none;
        };
        auto own = words(cell(addresses), ' ');
        auto needed = words(cell(needs), ' ');
        if (row[kind] == "alias") {
            for (auto const& address : own) aliases_.emplace(address, cell(needs));
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

        for (auto const& address : own) by_address_.emplace(address, found_.size());
        found_.push_back({{cell(kind), cell(parent), cell(name)}, std::move(object), std::move(needed)});
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// A column that is no object of its own is its table.
Found* Reader::at(std::string address) {
    for (int hops = 0; hops < 100; ++hops) {
        if (auto const here = by_address_.find(address); here != by_address_.end()) return &found_[here->second];
        if (auto const alias = aliases_.find(address); alias != aliases_.end()) {
            address = alias->second;
            continue;
        }
        auto const colon = address.rfind(':');
        if (!address.starts_with("1259:") || address.substr(colon) == ":0") return nullptr;
        address = address.substr(0, colon) + ":0";
    }
    return nullptr;
}

void Reader::need(Found& found, std::string const& address) {
    auto const* needed = at(address);
    if (!needed || needed == &found) return;
    // A sequence depends on the column that owns it; here that is sequence_owner's, and the column's default needs the sequence.
    if (found.id.kind == "sequence" && needed->id.kind != "schema") return;
    auto& list = found.object.needs;
    if (std::find(list.begin(), list.end(), needed->id) == list.end()) list.push_back(needed->id);
}

Result<void> Reader::add_dependencies(Connection& connection) {
    for (auto& found : found_)
        for (auto const& address : found.needs) need(found, address);
    // Initial objects are pinned, and schemas are said already. P: an index or a constraint of a partition on its parent's.
    UNDROP_TRY(auto const all, catalog_rows(connection, R"sql(
        select concat(classid, ':', objid, ':', objsubid), concat(refclassid, ':', refobjid, ':', refobjsubid)
        from pg_depend
        where deptype in ('n', 'a', 'P') and objid >= 16384 and refobjid >= 16384 and refclassid <> 2615)sql"));
    for (auto const& row : all)
        if (auto* const found = at(*row[0])) need(*found, *row[1]);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
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

Catalog Reader::take() {
    Catalog catalog;
    for (auto& found : found_) catalog.emplace(std::move(found.id), std::move(found.object));
    // In the order of making, columns by their number: who walks the needs keeps it.
    for (auto& [id, object] : catalog)
        std::sort(object.needs.begin(), object.needs.end(), [&](ObjectId const& a, ObjectId const& b) {
            auto const& x = catalog.at(a);
            auto const& y = catalog.at(b);
            return std::tie(x.rank, x.order, a) < std::tie(y.rank, y.order, b);
        });
    pull_forward(catalog);
    return catalog;
}

void note_unknown(Catalog& catalog, std::map<std::string, std::string> const& unknown) {
    if (unknown.empty()) return;
    for (auto& [id, object] : catalog) {
        if (id.kind != "schema") continue;
        auto locator = Locator::parse(object.locator);
        locator.unknown = unknown;
        object.locator = locator.text();
    }
}

Result<Catalog> read_all(Connection& connection, std::string const& ledger) {
    UNDROP_CHECK(pin_search_path(connection));
    Reader reader;
    for (auto const& known : known_kinds) {
        if (!known.sql) continue;
        UNDROP_TRY(auto const all, catalog_rows(connection, with_ledger(std::string(kinds::common) + known.sql, ledger)));
        UNDROP_CHECK(reader.add(all));
    }
    UNDROP_CHECK(reader.add_dependencies(connection));
    UNDROP_TRY(auto const unknown, unknown_objects(connection, ledger));
    auto catalog = reader.take();
    note_unknown(catalog, unknown);
    return catalog;
}

}  // namespace

// pg_get_viewdef locks what the view reads until the end of the transaction, against other sessions' DDL. Going back to a savepoint lets go
// of these locks, and of the error that a concurrent drop makes.
Result<Catalog> read_catalog(Connection& connection, std::string const& ledger) {
    if (!connection.in_transaction()) return read_all(connection, ledger);
    constexpr int tries = 5;
    for (int n = 1;; ++n) {
        UNDROP_CHECK(connection.run("savepoint undrop_catalog"));
        auto catalog = read_all(connection, ledger);
        if (connection.lost()) return catalog;
        UNDROP_CHECK(connection.run("rollback to savepoint undrop_catalog; release savepoint undrop_catalog"));
        if (catalog.has_value() || catalog.error().code != Code::busy || n == tries) return catalog;
    }
}

}  // namespace undrop::postgres
