#include "key_pairs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "balanced.hpp"
#include "names.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

std::string image_of(Dialect const& dialect, Table const& table, std::vector<std::string> const& columns) {
    std::vector<std::string> saved;
    for (auto const& name : columns) saved.push_back(dialect.save(*table.column(name), "t." + dialect.quote(name)));
    return dialect.image(saved);
}

bool has_all(Table const& table, std::vector<std::string> const& columns) {
    return std::all_of(columns.begin(), columns.end(), [&](std::string const& name) { return table.column(name) != nullptr; });
}

}  // namespace

std::string to_text(KeyNames const& names) { return nlohmann::json({names.then, names.old, names.now}).dump(); }

KeyNames key_names(std::string const& text) {
    auto const lists = nlohmann::json::parse(text).get<std::vector<std::vector<std::string>>>();
    return {lists.at(0), lists.at(1), lists.at(2)};
}

std::optional<KeyNames> changed_key(TableChange const& change) {
    if (!change.after || change.before->key.empty() || change.after->key.empty()) return std::nullopt;
    KeyNames names{.then = change.before->key, .old = {}, .now = change.after->key};
    for (auto const& name : names.then) {
        auto const kept = std::find_if(change.kept.begin(), change.kept.end(), [&](auto const& pair) { return pair.first == name; });
        if (kept == change.kept.end()) return std::nullopt;
        names.old.push_back(kept->second);
    }
    if (std::set(names.old.begin(), names.old.end()) == std::set(names.now.begin(), names.now.end())) return std::nullopt;
    return names;
}

// An old key that several rows have by the end of the step tells none of them.
Result<std::vector<Footprint>> save_key_pairs(Backend& backend, Ledger const& ledger, TableChange const& change, KeyNames const& names,
                                              std::vector<Snapshot const*> const& saved, std::int64_t id) {
    auto const& dialect = backend.dialect();
    auto const& table = *change.after;
    auto const old = image_of(dialect, table, names.old);
    std::vector<std::string> any;
    for (auto const* s : saved) {
        std::vector<std::string> key;
        for (std::size_t i = 1; i <= s->table.key.size(); ++i) key.push_back(fmt::format("s.k{}", i));
        any.push_back(fmt::format("{} in (select {} from {} as s)", old, dialect.image(key), ledger.table(s->store)));
    }
    Footprint print{.id = id,
                    .step = 0,
                    .schema = table.schema,
                    .table = table.name,
                    .column = to_text(names),
                    .store = names::footprint_prefix + std::to_string(id),
                    .uniform = {},
                    .of = Footprint::Of::keys};
    StoreTable pairs(ledger.table(print.store));
    pairs.add_key("k", "text not null", old);
    pairs.add("h", "text not null", fmt::format("min({})", image_of(dialect, table, names.now)));
    pairs.add("c", "bigint not null", "count(*)");
    UNDROP_CHECK(pairs.make(backend, table));
    UNDROP_TRY(auto const rows, pairs.fill(backend, fmt::format("{} as t where {} group by 1 having count(*) = 1", dialect.own_rows(table),
                                                                any.empty() ? std::string{"1 = 1"} : balanced(any, " or "))));
    if (rows > 0) return std::vector{print};
    UNDROP_CHECK(backend.run("drop table " + pairs.name()));
    return std::vector<Footprint>{};
}

bool tells(KeyNames const& names, Snapshot const& s, Table const& table) {
    auto const keyed_so = s.kind == Snapshot::Kind::column || s.kind == Snapshot::Kind::updated;
    if (!keyed_so || names.old.empty() || s.purged() || s.table.key != names.then || !has_all(table, names.old)) return false;
    if (std::set(table.key.begin(), table.key.end()) != std::set(names.now.begin(), names.now.end())) return false;
    for (std::size_t i = 0; i < names.old.size(); ++i)
        if (table.column(names.old[i])->full_type() != s.table.column(names.then[i])->full_type()) return false;
    return true;
}

std::string moved_keys(Dialect const& dialect, Ledger const& ledger, Footprint const& print, KeyNames const& names, Table const& table) {
    std::vector<std::string> keys;
    for (auto const& name : names.old)
        keys.push_back(fmt::format("{} as k{}", dialect.save(*table.column(name), "t." + dialect.quote(name)), keys.size() + 1));
    return fmt::format("select f.k as i, {} from {} as f left join {} as t on {} = f.h where t.{} is null or {} <> f.k",
                       fmt::join(keys, ", "), ledger.table(print.store), dialect.own_rows(table), image_of(dialect, table, names.now),
                       dialect.quote(names.now.front()), image_of(dialect, table, names.old));
}

}  // namespace undrop
