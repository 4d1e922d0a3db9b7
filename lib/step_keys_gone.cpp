// The part of a step that tells rows whose key's column the script drops, and which have another key by the end of it: a number that gives
// way to a uuid. Which row had which old key can only be seen while both are there: just before the statement that drops the one.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "key_pairs.hpp"
#include "names.hpp"
#include "save.hpp"
#include "step.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string image_of(Dialect const& dialect, Table const& table, std::vector<std::string> const& columns, std::string const& alias) {
    std::vector<std::string> saved;
    for (auto const& name : columns) saved.push_back(dialect.save(*table.column(name), alias + "." + dialect.quote(name)));
    return dialect.image(saved);
}

// A copy of the rows needs no type that the script may drop.
bool of_lasting_types(Table const& table) {
    return std::none_of(table.columns.begin(), table.columns.end(), [](Column const& column) { return column.as_text; });
}

// Columns that the step made, under names that the table did not have: the rows' copy has them, if it has any of these names.
bool is_new_key(TableChange const& change) {
    auto const& key = change.after->key;
    return !key.empty() &&
           std::none_of(key.begin(), key.end(), [&](std::string const& name) { return change.before->column(name) != nullptr; });
}

}  // namespace

// The script's own settings and role hold: what cannot be copied by these is not noted. Names are qualified.
Result<void> StepRunner::note_key_that_goes(Statement const& statement) {
    auto const& dialect = backend_.dialect();
    if (part_ || !dialect.lasting_ids()) return success();
    for (auto const& [name, column] : resolve(dialect.foresee({statement}), before_).columns) {
        auto const* table = find_table(before_, name);
        auto const noted =
            std::any_of(keys_gone_.begin(), keys_gone_.end(), [&name = name](KeyGone const& gone) { return gone.table == name; });
        if (!table || table->partitioned || table->key != std::vector{column} || noted || !of_lasting_types(*table)) continue;
        KeyGone gone{name, column, ledger_.table(names::work_prefix + std::to_string(next_id_++))};
        UNDROP_CHECK(backend_.run("savepoint undrop_key"));
        bool const copied{backend_.run(fmt::format("create table {} as select t.* from {} as t", gone.rows, dialect.own_rows(*table)))};
        UNDROP_CHECK(
            backend_.run(copied ? "release savepoint undrop_key" : "rollback to savepoint undrop_key; release savepoint undrop_key"));
        if (copied) keys_gone_.push_back(std::move(gone));
    }
    return success();
}

namespace {

// Which old key has which new one. Rows have the new key still that they had when their copy (alias o) was made, or all the rest of the
// row tells one: where values come back that another step had drawn.
Result<std::int64_t> pair_keys(Backend& backend, StoreTable const& pairs, TableChange const& change, KeyNames const& names,
                               std::string const& rows) {
    auto const& dialect = backend.dialect();
    auto const& table = *change.after;
    auto const present = dialect.own_rows(table);
    auto const new_key = image_of(dialect, table, names.now, "t");
    UNDROP_CHECK(pairs.make(backend, table));
    UNDROP_TRY(auto count, pairs.fill(backend, fmt::format("{} as o join {} as t on {} = {}", rows, present,
                                                           image_of(dialect, table, names.now, "o"), new_key)));
    std::vector<std::string> rest;
    for (auto const& [then, now] : change.kept)
        if (then == now && change.before->column(then)->full_type() == table.column(now)->full_type()) rest.push_back(now);
    if (rest.empty()) return count;
    auto const counted = [&](char const* alias) {
        return fmt::format("{1}.*, {0} as undrop_i, count(*) over (partition by {0}) as undrop_c", image_of(dialect, table, rest, alias),
                           alias);
    };
    UNDROP_TRY(
        auto const more,
        pairs.fill(backend, fmt::format("(select {0} from {1} as o where not exists (select 1 from {2} as f where f.k = {3})) as o join "
                                        "(select {4} from {5} as t where not exists (select 1 from {2} as f where f.h = {6})) as t "
                                        "on t.undrop_i = o.undrop_i where o.undrop_c = 1 and t.undrop_c = 1",
                                        counted("o"), rows, pairs.name(), image_of(dialect, *change.before, names.then, "o"), counted("t"),
                                        present, new_key)));
    return count + more;
}

}  // namespace

// Once everything is as the step leaves it.
Result<void> StepRunner::leave_pairs_of_keys_gone(std::vector<TableChange> const& changes) {
    auto const& dialect = backend_.dialect();
    for (auto const& gone : keys_gone_) {
        auto const change = std::find_if(changes.begin(), changes.end(),
                                         [&](TableChange const& c) { return table_name(*c.before) == gone.table && c.after; });
        auto const saved = std::any_of(saved_.begin(), saved_.end(), [&](Snapshot const& s) {
            return s.kind == Snapshot::Kind::column && table_name(s.table) == gone.table && s.column == gone.column;
        });
        if (saved && change != changes.end() && change->before->id == change->after->id && is_new_key(*change)) {
            auto const& table = *change->after;
            KeyNames const names{.then = {gone.column}, .old = {}, .now = table.key};
            Footprint print{.id = next_id_,
                            .step = 0,
                            .schema = table.schema,
                            .table = table.name,
                            .column = to_text(names),
                            .store = names::footprint_prefix + std::to_string(next_id_),
                            .uniform = {},
                            .of = Footprint::Of::keys};
            ++next_id_;
            StoreTable pairs(ledger_.table(print.store));
            pairs.add_key("k", "text not null", image_of(dialect, *change->before, names.then, "o"));
            pairs.add("h", "text not null", image_of(dialect, table, names.now, "t"));
            pairs.add("c", "bigint not null", "1");
            UNDROP_CHECK(backend_.run("savepoint undrop_key"));
            auto const paired = pair_keys(backend_, pairs, *change, names, gone.rows);  // an error: the copy has no column of the new key
            auto const any = paired && paired.value() > 0;
            UNDROP_CHECK(
                backend_.run(any ? "release savepoint undrop_key" : "rollback to savepoint undrop_key; release savepoint undrop_key"));
            if (any) footprints_.push_back(std::move(print));
        }
        UNDROP_CHECK(backend_.run("drop table " + gone.rows));
    }
    keys_gone_.clear();
    return success();
}

namespace {

// The rows of a snapshot of the old key (alias s) that `told`, a copy of some of them, does not have, and those of the table (t) that have
// no noted key, where all the rest of the row tells one. Empty: there is no rest.
std::string told_by_rest(Dialect const& dialect, Snapshot const& s, Table const& now, std::string const& store, std::string const& told,
                         std::string const& noted) {
    std::vector<std::string> rest(s.values.begin(), s.values.end() - 1);
    std::vector<std::string> then;
    for (std::size_t i = 1; i <= rest.size(); ++i) then.push_back(fmt::format("s.v{}", i));
    auto const as_before = [&](std::string const& name) {
        auto const* column = now.column(name);
        return column && column->full_type() == s.table.column(name)->full_type();
    };
    if (rest.empty() || !std::all_of(rest.begin(), rest.end(), as_before)) return {};
    auto const told_anew = fmt::format("select 1 from {} as y where y.n = s.n", told);
    return fmt::format(
        "(select s.*, {0} as i, count(*) over (partition by {0}) as c from {1} as s where not exists ({2})) as s join "
        "(select t.*, {3} as undrop_i, count(*) over (partition by {3}) as undrop_c from {4} as t where not exists ({5})) as t "
        "on t.undrop_i = s.i where s.c = 1 and t.undrop_c = 1",
        dialect.image(then), store, told_anew, image_of(dialect, now, rest, "t"), dialect.own_rows(now), noted);
}

}  // namespace

// Rows of which nothing is noted, as those that the last way back had given a number, and those of which users changed the new key, are
// told by all the rest, where that tells one.
Result<bool> StepRunner::tell_by_new_key(Snapshot& s, std::vector<Table> const& tables) {
    auto const& dialect = backend_.dialect();
    auto const* now = find_table(tables, table_name(s.table));
    auto const print = std::find_if(opposite_.footprints.begin(), opposite_.footprints.end(), [&](Footprint const& f) {
        if (f.of != Footprint::Of::keys || name_before(opposite_.renames, {f.schema, f.table}) != table_name(s.table)) return false;
        auto const names = key_names(f.column);
        return names.old.empty() && names.then == std::vector{s.column};
    });
    if (!now || print == opposite_.footprints.end()) return false;
    auto const key = key_names(print->column).now;
    if (!std::all_of(key.begin(), key.end(), [&](std::string const& column) { return now->column(column) != nullptr; })) return false;
    auto const store = ledger_.table(s.store);
    auto const prints = ledger_.table(print->store);
    auto const new_key = image_of(dialect, *now, key, "t");
    auto const name = names::work_prefix + std::to_string(next_id_++);
    StoreTable copy(ledger_.table(name));
    for (std::size_t i = 0; i < key.size(); ++i) {
        auto const& column = *now->column(key[i]);
        copy.add_key(fmt::format("k{}", i + 1), column.stored_type, dialect.save(column, "t." + dialect.quote(column.name)));
    }
    copy.add("n", "bigint", "s.n");
    copy.add("state", "text", "s.state");
    copy.add("v1", s.table.column(s.column)->stored_type, fmt::format("s.v{}", s.values.size()));
    UNDROP_CHECK(copy.make(backend_, s.table));
    working_.push_back(copy.name());
    UNDROP_CHECK(copy.fill(backend_, fmt::format("{} as s join {} as f on f.k = {} join {} as t on {} = f.h", store, prints,
                                                 dialect.image({fmt::format("s.v{}", s.values.size())}), dialect.own_rows(*now), new_key)));
    auto const rest =
        told_by_rest(dialect, s, *now, store, copy.name(), fmt::format("select 1 from {} as f where f.h = {}", prints, new_key));
    if (!rest.empty()) UNDROP_CHECK(copy.fill(backend_, rest));
    s.store = name;
    s.table.key = key;
    for (auto const& column : key)
        if (!s.table.column(column)) s.table.columns.push_back(*now->column(column));
    s.values = {s.column};
    s.told_anew = true;
    return true;
}

// The removals that have to wait until the values are back: of the columns by which rows are told meanwhile.
bool StepRunner::tells_rows(ObjectId const& id) const {
    return id.kind == "column" && std::any_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), [&](Snapshot const& s) {
               return s.told_anew && !s.table.key.empty() && names_table(id.parent, table_name(s.table)) &&
                      std::find(s.table.key.begin(), s.table.key.end(), id.name) != s.table.key.end();
           });
}

}  // namespace undrop
