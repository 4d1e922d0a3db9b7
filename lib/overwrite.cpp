#include "overwrite.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "balanced.hpp"
#include "names.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

Snapshot begun(Snapshot::Kind kind, Table const& now, std::vector<std::string> const& key, std::int64_t id) {
    Snapshot s{.id = id, .kind = kind, .table = now};
    s.table.key = key;
    s.store = names::snapshot_prefix + std::to_string(id);
    return s;
}

Result<Snapshot> filled(Backend& backend, Snapshot s, StoreTable const& table, std::string const& from) {
    UNDROP_CHECK(table.make(backend, s.table));
    UNDROP_TRY(s.rows, table.fill(backend, from));
    UNDROP_TRY(s.bytes, backend.bytes_of(table.name()));
    UNDROP_TRY(s.hash, backend.hash_of(table.name(), table.columns()));
    return s;
}

}  // namespace

Result<Snapshot> save_overwritten_rows(Backend& backend, Ledger const& ledger, Table const& now, std::vector<std::string> const& key,
                                       std::string const& from, std::int64_t id) {
    auto const& dialect = backend.dialect();
    auto s = begun(Snapshot::Kind::deleted, now, key, id);
    s.values = plain_columns(now);
    StoreTable table(ledger.table(s.store));
    auto const saved = [&](std::string const& name) { return dialect.save(*now.column(name), "t." + dialect.quote(name)); };
    for (std::size_t i = 0; i < key.size(); ++i) table.add_key(fmt::format("k{}", i + 1), now.column(key[i])->stored_type, saved(key[i]));
    table.add("state", "text", "'u'");
    for (std::size_t i = 0; i < s.values.size(); ++i)
        table.add(fmt::format("v{}", i + 1), now.column(s.values[i])->stored_type, saved(s.values[i]));
    return filled(backend, std::move(s), table, from);
}

// The key is the one that the step leaves; a cell that is not put over is nobody's, and left alone on the way back.
Result<Snapshot> save_overwritten_cells(Backend& backend, Ledger const& ledger, Table const& now, std::vector<std::string> const& key,
                                        std::vector<OverwrittenCell> const& cells, std::string const& from, std::int64_t id) {
    auto const& dialect = backend.dialect();
    auto s = begun(Snapshot::Kind::updated, now, key, id);
    StoreTable table(ledger.table(s.store));
    for (std::size_t i = 0; i < key.size(); ++i) {
        auto const cell = std::find_if(cells.begin(), cells.end(), [&](OverwrittenCell const& c) { return c.column == key[i]; });
        auto const& column = *now.column(key[i]);
        auto const value = cell == cells.end() ? "t." + dialect.quote(key[i]) : cell->to_be;
        table.add_key(fmt::format("k{}", i + 1), column.stored_type, dialect.save(column, value));
    }
    std::vector<std::string> states;
    std::vector<std::string> any;
    for (auto const& cell : cells) {
        states.push_back(fmt::format("case when {} then 'u' else 'm' end", cell.overwritten));
        any.push_back(fmt::format("({})", cell.overwritten));
    }
    table.add("state", "text", balanced(states, " || "));
    for (auto const& cell : cells) {
        auto const& column = *now.column(cell.column);
        s.values.push_back(cell.column);
        s.left_types.push_back(column.full_type());
        table.add(fmt::format("v{}", s.values.size()), column.stored_type, dialect.save(column, "t." + dialect.quote(cell.column)));
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
        auto const& column = *now.column(cells[i].column);
        table.add(fmt::format("w{}", i + 1), column.stored_type, dialect.save(column, cells[i].to_be));
    }
    return filled(backend, std::move(s), table, fmt::format("{} and ({})", from, balanced(any, " or ")));
}

}  // namespace undrop
