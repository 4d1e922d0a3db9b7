#include "keep_aside.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "digest.hpp"
#include "names.hpp"
#include "nearest.hpp"
#include "try.hpp"
#include "waiver.hpp"

namespace undrop {
namespace {

using Kind = Foreseen::Touch::Kind;
constexpr char const* prefix = "undrop_aside_";
constexpr std::size_t longest_name = 63;  // bytes, on PostgreSQL

Error refused(Script const& script, std::string const& name, std::string why, std::string advice) {
    auto const line = line_of(script, name);
    return Error{.code = Code::refused,
                 .left = Left::untouched,
                 .message = fmt::format("`-- undrop: keep-aside {}` {}", name, std::move(why)),
                 .where = {script.file, line, line == 0 ? 0 : 1},
                 .next = {.advice = std::move(advice)}};
}

bool drops(Foreseen::Touch const& touch, Table const& table, std::string const& column) {
    return touch.kind == Kind::drop_column && touch.column == column && touch.table == table.name &&
           (touch.schema.empty() || touch.schema == table.schema);
}

Error matches_nothing(Script const& script, std::string const& name, std::vector<Table> const& tables) {
    std::vector<std::string> known;
    for (auto const& table : tables)
        for (auto const& column : table.columns)
            for (auto const& owner : {table.name, table.text()}) known.push_back(owner + "." + column.name);
    std::vector<std::string_view> const words(known.begin(), known.end());
    auto const meant = nearest(name, words);
    return refused(script, name, "matches nothing: there is no such column here",
                   meant.empty() ? "name TABLE.COLUMN, as the database has it before the script"
                                 : fmt::format("did you mean `-- undrop: keep-aside {}`?", meant));
}

// What makes a column one that is dropped or not at all; empty: nothing.
std::string why_not(Table const& table, std::string const& column, std::string const& name) {
    if (table.column(column)->generated) return "names a column that the database computes: there is nothing to keep";
    if (std::find(table.key.begin(), table.key.end(), column) != table.key.end()) return "names a column of the key, which tells its rows";
    if (table.partitioned || !table.root.empty()) return "names a column of a partitioned table";
    if (table.column(name)) return fmt::format("would call the column {}, and {} has one of that name", name, table.text());
    return {};
}

Result<KeptColumn> column_to_keep(Dialect const& dialect, std::string const& version, Script const& script, std::string const& name,
                                  std::vector<Statement> const& statements, std::vector<Table> const& tables) {
    std::vector<KeptColumn> found;
    for (auto const& table : tables)
        for (auto const& column : table.columns)
            if (waives({name}, table_name(table), column.name))
                found.push_back({.statement = statements.size(), .table = table, .column = column.name, .name = {}});
    if (found.empty()) return matches_nothing(script, name, tables);
    if (found.size() > 1)
        return refused(script, name, fmt::format("could mean {} or {}", found[0].table.text(), found[1].table.text()),
                       "write it as SCHEMA.TABLE.COLUMN");
    auto& kept = found.front();
    kept.name = aside_name(version, kept.column);
    auto const plain = "let the plain statement drop it, which saves its values: take the directive out";
    if (auto why = why_not(kept.table, kept.column, kept.name); !why.empty()) return refused(script, name, std::move(why), plain);
    auto const alone =
        fmt::format("write ALTER TABLE {} DROP COLUMN {} as a statement of its own, without CASCADE; or take the directive out",
                    kept.table.text(), kept.column);
    for (std::size_t i = 0; i < statements.size(); ++i) {
        auto const foreseen = dialect.foresee({statements[i]});
        auto const& touches = foreseen.touches;
        if (std::none_of(touches.begin(), touches.end(), [&](auto const& touch) { return drops(touch, kept.table, kept.column); }))
            continue;
        if (touches.size() > 1 || foreseen.opaque)
            return refused(script, name,
                           fmt::format("names what the statement in line {} drops together with other things", statements[i].line), alone);
        if (kept.statement == statements.size()) kept.statement = i;
    }
    if (kept.statement == statements.size())
        return refused(script, name, "matches nothing: no statement of the script drops this column, as far as its text shows", alone);
    return std::move(kept);
}

}  // namespace

std::string aside_name(std::string const& version, std::string const& column) {
    auto name = fmt::format("{}{}_{}", prefix, version, column);
    return name.size() <= longest_name ? name : prefix + sha256_hex(name).substr(0, 32);
}

bool is_aside_name(std::string const& column) { return column.starts_with(prefix); }

Result<std::vector<KeptColumn>> columns_to_keep(Dialect const& dialect, std::string const& version, Direction direction,
                                                Script const& script, std::vector<Statement> const& statements,
                                                std::vector<Table> const& tables) {
    std::vector<KeptColumn> kept;
    for (auto const& name : names_to_keep(script)) {
        if (direction == Direction::down)
            return refused(script, name, "is in a down script, and a way back keeps nothing aside", "take the directive out");
        UNDROP_TRY(auto column, column_to_keep(dialect, version, script, name, statements, tables));
        if (std::any_of(kept.begin(), kept.end(), [&](KeptColumn const& k) { return k.statement == column.statement; }))
            return refused(script, name, "is there twice", "say it once");
        kept.push_back(std::move(column));
    }
    return kept;
}

void leave_out(Foresight& foresight, std::vector<KeptColumn> const& kept, std::vector<Snapshot> const& aside) {
    for (auto const& column : kept)
        if (foresight.columns.erase({table_name(column.table), column.column}) > 0) foresight.locks.insert(table_name(column.table));
    for (auto const& snapshot : aside)
        std::erase_if(foresight.columns, [&](auto const& column) { return column.second == snapshot.position; });
}

Error kept_in_parts(Script const& script) {
    auto const names = names_to_keep(script);
    return refused(script, names.empty() ? "" : names.front(), "is in a script that runs in several transactions",
                   "drop the column in a migration of its own");
}

Table const* table_with(std::vector<Table> const& tables, Snapshot const& aside) {
    auto const* same = find_table(tables, table_name(aside.table));
    if (same && same->column(aside.position)) return same;
    auto const has = [&](Table const& table) { return table.column(aside.position) != nullptr; };
    auto const first = std::find_if(tables.begin(), tables.end(), has);
    return first == tables.end() || std::count_if(tables.begin(), tables.end(), has) > 1 ? nullptr : &*first;
}

Result<std::string> fault_of_aside(Backend& backend, Ledger const& ledger, Snapshot const& aside) {
    if (aside.purged()) return std::string{"was purged"};
    UNDROP_TRY(auto const tables, backend.tables(ledger.name()));
    if (table_with(tables, aside)) return std::string{};
    // A later migration that drops the table, or this column, has saved it, and brings it back first. Its table may have another name.
    auto const column = fmt::format("%\"name\":{}%", nlohmann::json(aside.position).dump());
    UNDROP_TRY(auto const saved, backend.rows(fmt::format(
                                     "select 1 from {} where store <> '' and step > {} and manifest like {} and (kind = 'table' or kind = "
                                     "'column' and what like {}) limit 1",
                                     ledger.table(names::snapshot), aside.step, backend.dialect().literal(column),
                                     backend.dialect().literal("%." + aside.position))));
    if (!saved.empty()) return std::string{};
    return fmt::format("has no column any more: {} of {} is gone", aside.position, aside.table.text());
}

Result<void> drop_aside(Backend& backend, Ledger const& ledger, Snapshot const& aside) {
    UNDROP_TRY(auto const tables, backend.tables(ledger.name()));
    auto const& dialect = backend.dialect();
    if (auto const* table = table_with(tables, aside))
        UNDROP_CHECK(backend.run(
            fmt::format("alter table {} drop column {}", dialect.relation(table->schema, table->name), dialect.quote(aside.position))));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace undrop
