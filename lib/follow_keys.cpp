#include "follow_keys.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <set>

#include "balanced.hpp"
#include "look.hpp"
#include "restore_rows.hpp"
#include "try.hpp"

namespace undrop {

Result<std::int64_t> follow_keys_back(Backend& backend, Ledger const& ledger, Snapshot const& s, Snapshot const& moved, Table const& child,
                                      Reference const& by) {
    auto const& dialect = backend.dialect();
    auto const& key = moved.table.key;
    std::vector<std::string> sets;
    std::vector<std::string> refers;
    for (std::size_t i = 0; i < by.columns.size(); ++i) {
        auto const at = std::find(key.begin(), key.end(), by.parents_columns[i]) - key.begin() + 1;
        auto const* column = child.column(by.columns[i]);
        if (!column || at > static_cast<std::ptrdiff_t>(key.size())) return std::int64_t{0};
        auto const name = dialect.quote(by.columns[i]);
        refers.push_back(fmt::format("cast(c.{} as text) = cast(n.p{} as text)", name, at));
        auto const& parents = *moved.table.column(by.parents_columns[i]);
        if (parents.full_type() == s.table.column(by.parents_columns[i])->full_type()) continue;
        if (parents.full_type() != column->full_type()) return std::int64_t{0};
        sets.push_back(fmt::format("{} = cast(n.k{} as text)", name, at));
        UNDROP_CHECK(let_be_text(backend, child, *column));
    }
    if (sets.empty()) return std::int64_t{0};
    return backend.run(fmt::format("update {} as c set {} from {} as n where {}", by.rows, fmt::join(sets, ", "), ledger.table(moved.store),
                                   balanced(refers, " and ")));
}

namespace {

// The columns of a foreign key have one type, on either side.
bool is_over_key(ObjectId const& id, Object const& object, Table const& table, Snapshot const& s) {
    auto const& key = s.table.key;
    return id.kind == "foreign_key" && std::any_of(object.needs.begin(), object.needs.end(), [&](ObjectId const& need) {
               return need.kind == "column" && names_table(need.parent, table_name(table)) &&
                      std::find(key.begin(), key.end(), need.name) != key.end();
           });
}

}  // namespace

Result<std::vector<std::int64_t>> try_keys_back(Backend& backend, Ledger const& ledger, std::vector<Snapshot> const& snapshots,
                                                std::vector<Table> const& tables, Catalog const& catalog,
                                                std::map<std::int64_t, std::string> const& unchanged, std::int64_t& next_id) {
    std::vector<std::int64_t> done;
    std::set<ObjectId> gone;
    for (auto const& s : snapshots) {
        auto const noted = unchanged.find(s.id);
        auto const* table = find_table(tables, table_name(s.table));
        if (noted == unchanged.end() || !table || !keys_come_back_first(*table, s)) continue;
        UNDROP_TRY(auto const references, backend.references(*table));
        std::set<ObjectId> removed;
        auto const all = [&]() -> Result<void> {
            std::vector<Table> touched{*table};
            for (auto const& by : references)
                if (auto const* child = find_table(tables, {by.schema, by.child})) touched.push_back(*child);
            for (auto const& one : touched) UNDROP_CHECK(backend.quiet(one));
            UNDROP_CHECK(backend.defer_references(touched));
            for (auto const& [id, object] : catalog)
                if (!gone.contains(id) && is_over_key(id, object, *table, s)) {
                    UNDROP_CHECK(backend.run(object.remove));
                    removed.insert(id);
                }
            UNDROP_CHECK(let_keys_be_text(backend, *table, s));
            UNDROP_TRY(auto const back, keys_back(backend, ledger, *table, s, noted->second, next_id++));
            for (auto const& by : references)
                if (auto const* child = find_table(tables, {by.schema, by.child}))
                    UNDROP_CHECK(follow_keys_back(backend, ledger, s, back.moved, *child, by));
            return BOOST_OUTCOME_V2_NAMESPACE::success();
        };
        UNDROP_CHECK(backend.run("savepoint undrop_keys"));
        if (all()) {
            done.push_back(s.id);
            gone.merge(removed);
        } else {
            UNDROP_CHECK(backend.run("rollback to savepoint undrop_keys"));
        }
        UNDROP_CHECK(backend.run("release savepoint undrop_keys"));
    }
    return done;
}

}  // namespace undrop
