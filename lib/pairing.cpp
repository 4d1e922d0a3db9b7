#include "pairing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"

namespace undrop {
namespace {

// Rows without a key are paired by all their surviving columns; equal ones in the order in which they lie there.
Pairing pair_whole_rows(Dialect const& dialect, std::string const& store, Snapshot const& s, Table const& now) {
    std::vector<std::string> then;
    std::vector<std::string> current;
    for (std::size_t i = 0; i + 1 < s.values.size(); ++i) {
        then.push_back(fmt::format("v{}", i + 1));
        current.push_back(dialect.save(*now.column(s.values[i]), dialect.quote(s.values[i])));
    }
    auto const saved = fmt::format("(select n, state, v{0} as v, {1} as i, row_number() over (partition by {1} order by n) as r from {2})",
                                   s.values.size(), dialect.image(then), store);
    auto const rows = fmt::format("(select {0} as l, {1} as i, row_number() over (partition by {1} order by {0}) as r from {2})",
                                  dialect.row_id(now, ""), dialect.image(current), dialect.own_rows(now));
    return {.saved = fmt::format("(select w.l, p.n, p.v, p.state from {} as w join {} as p on p.i = w.i and p.r = w.r) as s", rows, saved),
            .join = fmt::format("s.l = {}", dialect.row_id(now, "t")),
            .value = "s.v"};
}

std::vector<std::string> cells_of(Snapshot const& s) {
    std::vector<std::string> cells{"s.state", "s.v1"};
    if (s.told_anew) cells.emplace_back("s.n");
    return cells;
}

// The same: what users have made of it since.
std::string with_keys_since(Dialect const& dialect, Snapshot const& s, std::string const& from, bool again) {
    auto cells = cells_of(s);
    std::vector<std::string> last;
    for (std::size_t i = 1; i <= s.table.key.size(); ++i) {
        last.push_back(fmt::format("s.{}{}", again ? "l" : "k", i));
        cells.push_back(fmt::format("s.k{}", i));
        cells.push_back(fmt::format("case when m.i is null then {} else m.k{} end as l{}", last.back(), i, i));
    }
    return fmt::format("(select {} from {} left join {} as m on m.i = {}) as s", fmt::join(cells, ", "), from, s.moves,
                       dialect.image(last));
}

// One more column l1.. for each of the key: what the step left there.
std::string with_keys_left(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, Snapshot const& updated,
                           std::string const& from, bool again) {
    auto cells = cells_of(s);
    std::vector<std::string> same;
    for (std::size_t i = 1; i <= s.table.key.size(); ++i) {
        auto const last = fmt::format("s.{}{}", again ? "l" : "k", i);
        auto const at = std::find(updated.values.begin(), updated.values.end(), updated.table.key[i - 1]) - updated.values.begin() + 1;
        bool const changed = at <= static_cast<std::ptrdiff_t>(updated.values.size());
        cells.push_back(fmt::format("s.k{}", i));
        auto left = *updated.table.column(updated.table.key[i - 1]);
        auto const retyped = changed && updated.left_types[static_cast<std::size_t>(at) - 1] != left.full_type();
        if (retyped) left.type = updated.left_types[static_cast<std::size_t>(at) - 1];
        cells.push_back(
            fmt::format("case when u.k1 is null then {0} else u.k{1} end as l{1}", retyped ? dialect.load(left, last) : last, i));
        same.push_back(changed ? fmt::format("u.v{} = {}", at, last) : fmt::format("u.k{} = {}", i, last));
    }
    return fmt::format("(select {} from {} left join {} as u on {}) as s", fmt::join(cells, ", "), from, ledger.table(updated.store),
                       balanced(same, " and "));
}

// The saved values of rows that the step left there.
std::string without_deleted(Ledger const& ledger, Snapshot const& s, std::vector<Snapshot const*> const& deleted) {
    auto rows = ledger.table(s.store);
    std::string condition;
    for (auto const* d : deleted) {
        if (d->table.key != s.table.key) continue;
        std::vector<std::string> same;
        for (std::size_t i = 1; i <= s.table.key.size(); ++i) same.push_back(fmt::format("d.k{0} = s.k{0}", i));
        condition += fmt::format("{} not exists (select 1 from {} as d where {})", condition.empty() ? " where" : " and",
                                 ledger.table(d->store), balanced(same, " and "));
    }
    return condition.empty() ? rows + " as s" : fmt::format("(select s.* from {} as s{}) as s", rows, condition);
}

}  // namespace

std::string Pairing::exists() const { return fmt::format("exists (select 1 from {} where {})", saved, join); }

Pairing pair(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, Table const& now, Since const& since) {
    if (!s.keyed()) return pair_whole_rows(dialect, ledger.table(s.store), s, now);
    Pairing pairing{.saved = without_deleted(ledger, s, since.deleted), .join = key_join(dialect, s, now), .value = "s.v1"};
    bool again = false;
    for (auto const* u : since.updated) {
        auto const& key = s.table.key;
        auto const changed = [&](std::string const& name) {
            return std::find(u->values.begin(), u->values.end(), name) != u->values.end();
        };
        if (u->id < s.id || u->table.key != key || std::none_of(key.begin(), key.end(), changed)) continue;
        pairing.saved = with_keys_left(dialect, ledger, s, *u, pairing.saved, again);
        again = true;
    }
    if (!s.moves.empty()) {
        pairing.saved = with_keys_since(dialect, s, pairing.saved, again);
        again = true;
    }
    if (auto const* moved = changes_keys(since.own, s, now)) {
        pairing.saved = with_keys_left(dialect, ledger, s, *moved, pairing.saved, again);
        again = true;
    }
    if (again) pairing.join = key_join(dialect, s, now, 'l');
    return pairing;
}

}  // namespace undrop
