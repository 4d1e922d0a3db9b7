#include "save.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "names.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

std::vector<std::string> saved(Dialect const& dialect, Table const& table, std::vector<std::string> const& columns,
                               std::string const& alias) {
    std::vector<std::string> expressions;
    for (auto const& name : columns) expressions.push_back(dialect.save(*table.column(name), alias + "." + dialect.quote(name)));
    return expressions;
}

StoreTable shape_of(Dialect const& dialect, std::string const& store, Snapshot const& s, std::string const& state) {
    StoreTable shape(store);
    for (std::size_t i = 0; i < s.table.key.size(); ++i) {
        auto const& column = *s.table.column(s.table.key[i]);
        shape.add_key(fmt::format("k{}", i + 1), column.stored_type, dialect.save(column, "t." + dialect.quote(column.name)));
    }
    if (!s.keyed()) shape.add_key("n", "bigint", "row_number() over ()");
    shape.add("state", "text", state);
    for (std::size_t i = 0; i < s.values.size(); ++i) {
        auto const& column = *s.table.column(s.values[i]);
        shape.add(fmt::format("v{}", i + 1), column.stored_type, dialect.save(column, "t." + dialect.quote(column.name)));
    }
    return shape;
}

// The table as far as it says which row is which, when these columns go or have just come.
Table without(Table table, std::set<std::string> const& columns) {
    std::erase_if(table.columns, [&](Column const& c) { return columns.contains(c.name); });
    if (std::any_of(table.key.begin(), table.key.end(), [&](std::string const& name) { return columns.contains(name); })) table.key.clear();
    return table;
}

// Whose value this is. Rows without a key may be alike in all but the value, and each has one of its own.
std::string identity_of_value(Dialect const& dialect, Table const& rest, std::string const& digest) {
    auto const who = identity(dialect, rest, "t");
    return rest.key.empty() ? dialect.digest(dialect.image({who, digest})) : who;
}

// 'm' where the row is still what the migration itself had left (P3), else 'u'; and the join that tells.
struct State {
    std::string expression = "'u'";
    std::string join;
};

State state_of(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, std::set<std::string> const& gone,
               std::vector<Footprint> const& footprints) {
    auto const found = std::find_if(footprints.begin(), footprints.end(), [&](Footprint const& f) {
        return f.of != Footprint::Of::untouched && f.schema == s.table.schema && f.table == s.table.name && f.column == s.column;
    });
    if (found == footprints.end()) return {};
    auto const table = without(s.table, gone);
    auto const digest = s.kind == Snapshot::Kind::column ? digest_of(dialect, s.table, {s.column}, "t")
                                                         : digest_of(dialect, s.table, plain_columns(s.table), "t");
    if (found->store.empty()) return {fmt::format("case when {} = '{}' then 'm' else 'u' end", digest, found->uniform), ""};
    auto const who = s.kind == Snapshot::Kind::column ? identity_of_value(dialect, table, digest) : identity(dialect, table, "t");
    State state{"", fmt::format(" left join {} f on f.k = {}", ledger.table(found->store), who)};
    // Without a key, as many of equal rows are the migration's as it had left; the others are users'.
    auto const within = s.keyed() ? "true" : fmt::format("row_number() over (partition by {}) <= f.c", who);
    state.expression = fmt::format("case when f.h = {} and {} then 'm' else 'u' end", digest, within);
    return state;
}

}  // namespace

std::vector<std::string> plain_columns(Table const& table) {
    std::vector<std::string> names;
    for (auto const& column : table.columns)
        if (!column.generated) names.push_back(column.name);
    return names;
}

std::string identity(Dialect const& dialect, Table const& table, std::string const& alias) {
    if (!table.key.empty()) return dialect.image(saved(dialect, table, table.key, alias));
    return dialect.digest(dialect.image(saved(dialect, table, plain_columns(table), alias)));
}

std::string digest_of(Dialect const& dialect, Table const& table, std::vector<std::string> const& columns, std::string const& alias) {
    return dialect.digest(dialect.image(saved(dialect, table, columns, alias)));
}

std::string digest_of_row(Dialect const& dialect, Table const& table, std::string const& alias) {
    auto columns = plain_columns(table);
    std::sort(columns.begin(), columns.end());
    return digest_of(dialect, table, columns, alias);
}

Result<void> save(Backend& backend, Ledger const& ledger, Snapshot& snapshot, std::set<std::string> const& gone,
                  std::vector<Footprint> const& footprints, std::string const& only) {
    auto const& dialect = backend.dialect();
    snapshot.store = names::snapshot_prefix + std::to_string(snapshot.id);
    snapshot.values = plain_columns(snapshot.table);
    if (snapshot.kind == Snapshot::Kind::column) {
        // With a key the value is enough; without one the rest of the row says which row it is.
        auto const rest = without(snapshot.table, gone);
        snapshot.table.key = rest.key;
        snapshot.values = snapshot.keyed() ? std::vector<std::string>{} : plain_columns(rest);
        snapshot.values.push_back(snapshot.column);
    }
    auto const state = state_of(dialect, ledger, snapshot, gone, footprints);
    auto const shape = shape_of(dialect, ledger.table(snapshot.store), snapshot, state.expression);
    UNDROP_CHECK(shape.make(backend, snapshot.table));
    if (snapshot.populated) {  // else the database gives no row, but an error
        UNDROP_TRY(snapshot.rows, shape.fill(backend, dialect.own_rows(snapshot.table) + " as t" + state.join +
                                                          (only.empty() ? std::string{} : " where " + only)));
    }
    UNDROP_TRY(snapshot.bytes, backend.bytes_of(shape.name()));
    UNDROP_TRY(snapshot.hash, backend.hash_of(shape.name(), shape.columns()));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<std::int64_t> fill_footprint(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& source,
                                    std::string const& identity, std::string const& digest, std::string const& from) {
    StoreTable table(ledger.table(print.store));
    table.add_key("k", "text not null", identity);
    table.add("h", "text not null", fmt::format("min({})", digest));
    table.add("c", "bigint not null", "count(*)");
    UNDROP_CHECK(table.make(backend, source));
    return table.fill(backend, from + " group by 1");
}

Result<std::vector<Footprint>> footprint(Backend& backend, Ledger const& ledger, Table const& table, std::string const& column,
                                         std::set<std::string> const& fresh, bool rows_written, std::int64_t id) {
    auto const& dialect = backend.dialect();
    Footprint print{.id = id,
                    .step = 0,
                    .schema = table.schema,
                    .table = table.name,
                    .column = column,
                    .store = {},
                    .uniform = {},
                    .of = column.empty() ? Footprint::Of::table : Footprint::Of::column};
    auto const from = dialect.own_rows(table) + " as t";
    auto const digest = column.empty() ? digest_of(dialect, table, plain_columns(table), "t") : digest_of(dialect, table, {column}, "t");
    if (!column.empty()) {
        // A column added with its default alone is the same everywhere: one row tells.
        UNDROP_TRY(auto rows, backend.rows(rows_written ? fmt::format("select min({0}), max({0}) from {1}", digest, from)
                                                        : fmt::format("select {0}, {0} from {1} limit 1", digest, from)));
        if (rows.empty() || !rows[0][0]) return std::vector<Footprint>{};
        if (rows[0][0] == rows[0][1]) {
            print.uniform = *rows[0][0];
            return std::vector<Footprint>{print};
        }
    }
    auto const rest = without(table, fresh);
    auto const who = column.empty() ? identity(dialect, rest, "t") : identity_of_value(dialect, rest, digest);
    print.store = names::footprint_prefix + std::to_string(id);
    UNDROP_TRY(auto const count, fill_footprint(backend, ledger, print, table, who, digest, from));
    if (count == 0) {
        UNDROP_CHECK(backend.run("drop table " + ledger.table(print.store)));
        return std::vector<Footprint>{};
    }
    return std::vector<Footprint>{print};
}

}  // namespace undrop
