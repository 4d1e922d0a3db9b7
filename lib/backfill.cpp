#include "backfill.hpp"

#include <algorithm>
#include <cctype>

#include "look.hpp"
#include "merge.hpp"
#include "restore.hpp"
#include "try.hpp"

namespace undrop {
namespace {

// The definition that the table gets; null: it keeps its own.
Object const* definition_of(Table const& table, Wanted const& wanted) {
    for (auto const& [id, object] : wanted)
        if (object && id.kind == "table" && names_table(id.parent.empty() ? id.name : id.parent + "." + id.name, table_name(table)))
            return &*object;
    return nullptr;
}

// SQLite's strict tables take no column without a type; in others one without a type leaves a value as it is.
std::string any_type(Object const& definition) {
    auto end = definition.make.substr(definition.make.rfind(')') + 1);
    std::transform(end.begin(), end.end(), end.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return end.find("strict") == std::string::npos ? "" : "any";
}

}  // namespace

Result<std::vector<std::pair<Table, std::int64_t>>> add_backfilled(Backend& backend, std::vector<Table> const& tables, Wanted const& wanted,
                                                                   std::vector<Snapshot> const& snapshots,
                                                                   std::vector<Directives::Backfill> const& backfill) {
    std::vector<std::pair<Table, std::int64_t>> filled;
    for (auto const& one : backfill)
        for (auto const& table : tables) {
            auto const name = one.column.substr(one.column.rfind('.') + 1);
            auto const* definition = definition_of(table, wanted);
            auto const is_saved = [&](Snapshot const& s) {
                return table_name(s.table) == table_name(table) && s.table.column(name) != nullptr;
            };
            if (!definition || definition->make.find(name) == std::string::npos || table.column(name) ||
                !waives({one.column}, table_name(table), name) || std::any_of(snapshots.begin(), snapshots.end(), is_saved))
                continue;
            auto now = table;
            now.columns.push_back({.name = name, .type = any_type(*definition)});
            auto const bare = backend.dialect().add_bare_column(table, now.columns.back());
            if (bare.empty()) continue;
            UNDROP_CHECK(backend.run(bare));
            UNDROP_TRY(auto const rows, fill_column(backend, now, now.columns.back(), "(" + one.expression + ")"));
            filled.emplace_back(table, rows);
        }
    return filled;
}

}  // namespace undrop
