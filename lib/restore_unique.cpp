#include "restore_unique.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

// Each pass may leave a row where it is, and so keep another one away. After so many all stay as the script has made them.
constexpr int most_passes = 30;

bool has(std::vector<std::string> const& names, std::string const& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::vector<std::string>> sets_with(Table const& now, std::string const& column) {
    auto sets = now.unique;
    sets.push_back(now.key);
    std::erase_if(sets, [&](auto const& columns) { return !has(columns, column); });
    return sets;
}

std::string row(Dialect const& dialect, Snapshot const& s, Table now, std::string const& alias) {
    if (!s.keyed()) return dialect.row_id(now, alias);
    now.key = s.table.key;
    return identity(dialect, now, alias);
}

// Condition: the present row x has what r is to have.
std::string has_values(Dialect const& dialect, Snapshot const& s, Table const& now, std::vector<std::vector<std::string>> const& sets) {
    std::vector<std::string> any;
    for (auto const& columns : sets) {
        std::vector<std::string> terms;
        for (auto const& name : columns) {
            auto const& column = *now.column(name);
            auto const at = &column - now.columns.data();
            terms.push_back(dialect.equal(column, "x." + dialect.quote(name), name == s.column ? "r.v" : fmt::format("r.c{}", at)));
        }
        any.push_back("(" + balanced(terms, " and ") + ")");
    }
    return "(" + balanced(any, " or ") + ")";
}

}  // namespace

std::string UniqueValues::is_back() const {
    return fmt::format("exists (select 1 from {} as z where z.back = 1 and z.rid = {})", rows, rid);
}

std::string UniqueValues::comes_back(std::string condition) const {
    return rows.empty() ? std::move(condition) : fmt::format("({}) and {}", condition, is_back());
}

Result<UniqueValues> unique_values(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, Pairing const& pairing,
                                   RestoreContext const& context, std::string const& comes_back, std::int64_t work_id) {
    auto const& dialect = backend.dialect();
    auto const sets = sets_with(now, s.column);
    UniqueValues found{.rid = row(dialect, s, now, "t")};
    auto const& column = *now.column(s.column);
    auto const rows = dialect.own_rows(now);
    found.by_row = !dialect.lasting_row_id(now, "t").empty() && now.key == std::vector{s.column} && column.stored_type == "integer";
    // Elsewhere what is unique steps aside on a way down.
    auto const steps_aside = context.direction == Direction::down && !found.by_row;
    if (steps_aside || !context.made_by_script || sets.empty() || found.rid.empty()) return found;
    auto const least =
        fmt::format("(select min(y.x) from (select 0 as x union all select t.{} from {} as t union all select {} from {}) as y)",
                    dialect.quote(s.column), rows, pairing.value, pairing.saved);
    StoreTable store(ledger.table(names::work_prefix + std::to_string(work_id)));
    store.add_key("rid", s.keyed() ? "text" : dialect.row_id_type(now), found.rid);
    store.add("v", s.table.column(s.column)->stored_type, pairing.value);
    store.add("p", "bigint", found.by_row ? least + " - row_number() over ()" : "0");
    store.add("back", "integer", fmt::format("case when {} then 1 else 0 end", comes_back));
    for (std::size_t i = 0; i < now.columns.size(); ++i)
        if (std::any_of(sets.begin(), sets.end(), [&](auto const& set) { return has(set, now.columns[i].name); }) &&
            now.columns[i].name != s.column)
            store.add(fmt::format("c{}", i), now.columns[i].stored_type,
                      dialect.save(now.columns[i], "t." + dialect.quote(now.columns[i].name)));
    UNDROP_CHECK(store.make(backend, now));
    UNDROP_CHECK(store.fill(backend, fmt::format("{} as t join {} on {}", rows, pairing.saved, pairing.join)));
    found.rows = store.name();
    // Rows that came since make room where numbers are drawn.
    auto const stays = context.next.empty() ? std::string{"(y.rid is null or y.back = 0)"} : std::string{"y.back = 0"};
    auto const who = fmt::format("select 1 from {} as x left join {} as y on y.rid = {} where {}", rows, found.rows,
                                 row(dialect, s, now, "x"), has_values(dialect, s, now, sets));
    for (int pass = 0;; ++pass) {
        auto const all = pass == most_passes;
        UNDROP_TRY(auto const kept, backend.run(fmt::format("update {} as r set back = 0 where r.back = 1 and {}", found.rows,
                                                            all ? std::string{"1 = 1"} : fmt::format("exists ({} and {})", who, stays))));
        found.taken += kept;
        if (kept == 0 || all) break;
    }
    UNDROP_TRY(auto const swapped, backend.rows(fmt::format("select 1 from {} as r where r.back = 1 and exists ({} and y.back = 1 and "
                                                            "y.rid <> r.rid) limit 1",
                                                            found.rows, who)));
    found.swapped = !swapped.empty();
    return found;
}

std::string next_row_number(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, Table const& now) {
    return fmt::format("(select max(y.x) from (select {} as x from {} union all select v{} from {}) as y) + row_number() over ()",
                       dialect.quote(s.column), dialect.own_rows(now), s.values.size(), ledger.table(s.store));
}

Result<std::int64_t> give_up(Backend& backend, Snapshot const& s, Table const& now, UniqueValues const& unique) {
    auto const& column = *now.column(s.column);
    auto const in_key = has(now.key, s.column);
    if (!unique.swapped || (!unique.by_row && (column.not_null || in_key || !s.keyed()))) return std::int64_t{0};
    auto const value =
        unique.by_row ? fmt::format("(select z.p from {} as z where z.rid = {})", unique.rows, unique.rid) : std::string{"null"};
    return backend.run(fmt::format("update {} as t set {} = {} where {}", backend.dialect().own_rows(now),
                                   backend.dialect().quote(s.column), value, unique.is_back()));
}

}  // namespace undrop
