// The part of a step that knows of rows which the opposite one moved into tables that it made. Where a down script copies them back from
// there, one that it does not bring was deleted since, and stays so; what it makes of one that nobody touched there is what was saved (P2).
#include <fmt/format.h>
#include <algorithm>

#include "names.hpp"
#include "save.hpp"
#include "script_writes.hpp"
#include "sql_tokens.hpp"
#include "step.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string saved_identity(Dialect const& dialect, Snapshot const& s) {
    std::vector<std::string> key;
    for (std::size_t i = 1; i <= s.table.key.size(); ++i) key.push_back(fmt::format("s.k{}", i));
    return dialect.image(key);
}

}  // namespace

// Before the script, which drops such tables: the keys of what is there. All of the saved rows were there once.
Result<void> StepRunner::note_moved_rows() {
    if (part_ || step_.origin == Origin::derived || step_.direction == Direction::up) return success();
    auto const writes = script_writes(statements_).writes;
    for (auto const& s : opposite_.snapshots) {
        if ((s.kind != Snapshot::Kind::deleted && s.kind != Snapshot::Kind::table) || !s.keyed() || s.purged()) continue;
        std::vector<Home> homes;
        for (auto const& print : opposite_.footprints) {
            auto const* table =
                print.of == Footprint::Of::table && !print.store.empty() ? find_table(before_, {print.schema, print.table}) : nullptr;
            if (!table || table->key.size() != s.table.key.size()) continue;
            auto const write = std::find_if(writes.begin(), writes.end(), [&](RowWrite const& w) {
                return w.target == lowered(s.table.name) && w.names.contains(lowered(table->name));
            });
            if (write != writes.end())
                homes.push_back({*table, ledger_.table(print.store), write->row_alone && calls_none_of_users(write->calls)});
        }
        if (!homes.empty()) UNDROP_CHECK(note_moved_rows(s, homes));
    }
    return success();
}

Result<void> StepRunner::note_moved_rows(Snapshot const& s, std::vector<Home> const& homes) {
    auto const& dialect = backend_.dialect();
    auto strangers = fmt::format("select {} from {} as s", saved_identity(dialect, s), ledger_.table(s.store));
    for (auto const& home : homes) strangers += fmt::format(" except select f.k from {} as f", home.print);
    UNDROP_TRY(auto const others, backend_.rows(strangers + " limit 1"));
    if (!others.empty()) return success();
    auto const store = ledger_.table(names::work_prefix + std::to_string(next_id_++));
    for (auto const& home : homes) {
        auto const who = identity(dialect, home.table, "t");
        auto const as_left = fmt::format("exists (select 1 from {} as f where f.k = {} and f.h = {})", home.print, who,
                                         digest_of(dialect, home.table, plain_columns(home.table), "t"));
        StoreTable keys(store);
        keys.add_key("home", "integer", std::to_string(&home - homes.data()));
        keys.add_key("k", "text", who);
        keys.add("as_left", "integer", home.copied ? fmt::format("case when {} then 1 else 0 end", as_left) : "0");
        if (&home == &homes.front()) UNDROP_CHECK(keys.make(backend_, home.table));
        UNDROP_CHECK(keys.fill(backend_, dialect.own_rows(home.table) + " as t"));
    }
    working_.push_back(store);
    moved_rows_.emplace(s.id, store);
    return success();
}

std::string StepRunner::copied_as_left(Snapshot const& s) const {
    auto const moved = moved_rows_.find(s.id);
    if (moved == moved_rows_.end()) return {};
    return fmt::format("{} in (select m.k from {} as m where m.as_left = 1)", saved_identity(backend_.dialect(), s), moved->second);
}

// After it: did it bring each row that was there, and of those that were saved no other?
Result<bool> StepRunner::came_by_script(Snapshot const& s, Table const& now) {
    auto const moved = moved_rows_.find(s.id);
    if (moved == moved_rows_.end() || now.key != s.table.key) return false;
    auto const& dialect = backend_.dialect();
    auto const there = fmt::format("select {} from {} as t", identity(dialect, now, "t"), dialect.own_rows(now));
    auto const saved = fmt::format("select {} from {} as s", saved_identity(dialect, s), ledger_.table(s.store));
    UNDROP_TRY(auto const otherwise,
               backend_.rows(fmt::format("select 1 from (select m.k from {0} as m except {1}) as a union all "
                                         "select 1 from ({1} intersect {2} except select m.k from {0} as m) as b limit 1",
                                         moved->second, there, saved)));
    return otherwise.empty();
}

}  // namespace undrop
