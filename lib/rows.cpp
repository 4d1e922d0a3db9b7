#include "rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "names.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

auto index(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

std::int64_t number(Cell const& cell) { return cell && !cell->empty() ? std::stoll(*cell) : 0; }

// No table and no statement takes more than some 1,600 columns, and each cell takes several.
constexpr std::size_t most_columns = 200;

template <class List>
std::string anded(List const& terms) {
    return terms.empty() ? std::string{"true"} : fmt::format("{}", fmt::join(terms, " and "));
}

// One table's old rows (alias o) beside its present ones (alias t).
class RowDiff {
public:
    RowDiff(Backend& backend, Ledger const& ledger, OldRowsTable const& old, Table const& now, KeptColumns const& kept,
            std::set<std::string> const& waived, Traces const& left, std::string const& written)
        : backend_(backend),
          dialect_(backend.dialect()),
          ledger_(ledger),
          old_(old),
          now_(now),
          kept_(kept),
          waived_(waived),
          left_(left),
          written_(written.empty() || old.complete ? "true" : written),
          key_(key_that_stays()) {}

    Result<RowChanges> save(Changes which, std::int64_t& next_id);

private:
    [[nodiscard]] std::vector<std::string> key_that_stays() const;
    [[nodiscard]] std::string name_now(std::string const& before) const;
    [[nodiscard]] std::string old_value(std::string const& name) const;
    [[nodiscard]] std::string present(std::string const& before) const;  // saved
    [[nodiscard]] std::string key_join() const;
    [[nodiscard]] std::string differs(std::string const& name) const;
    [[nodiscard]] std::string kept_image(bool of_old) const;
    [[nodiscard]] std::string rest_image(bool of_old) const;
    [[nodiscard]] std::string state_of_cell(std::string const& name) const;
    [[nodiscard]] std::string is_left_row(std::string const& rank) const;
    [[nodiscard]] std::string old_identity() const;
    [[nodiscard]] std::string paired_on_key() const;
    [[nodiscard]] std::string from_now() const { return dialect_.own_rows(now_) + " as t"; }
    [[nodiscard]] std::string no_longer() const;   // condition on o
    [[nodiscard]] std::string not_before() const;  // condition on t

    [[nodiscard]] Result<void> pair_moved_keys(std::int64_t& next_id);
    [[nodiscard]] Result<std::vector<std::string>> changed_columns();
    [[nodiscard]] Result<void> save_updated(std::int64_t id, std::vector<std::string> const& changed, RowChanges& result);
    [[nodiscard]] Result<bool> save_deleted(std::int64_t id, RowChanges& result);
    [[nodiscard]] Result<bool> keep_footprint(std::int64_t id, RowChanges& result);
    [[nodiscard]] Result<void> finish(Snapshot snapshot, StoreTable const& table, RowChanges& result);

    Backend& backend_;
    Dialect const& dialect_;
    Ledger const& ledger_;
    OldRowsTable const& old_;
    Table const& now_;
    KeptColumns const& kept_;
    std::set<std::string> const& waived_;
    Traces const& left_;
    std::string written_;
    std::vector<std::string> key_;  // before; empty: rows are told by all that stays of them
    std::string pairs_;             // working table of rows whose key the script changed: n of the old row, k1.. of the present one
};

// The key tells rows apart only where it did before and does now.
std::vector<std::string> RowDiff::key_that_stays() const {
    std::set<std::string> now;
    for (auto const& name : old_.table.key) {
        auto const found = name_now(name);
        if (found.empty()) return {};
        now.insert(found);
    }
    auto const tells = [&](std::vector<std::string> const& unique) { return std::set<std::string>(unique.begin(), unique.end()) == now; };
    auto const still = tells(now_.key) || std::any_of(now_.unique.begin(), now_.unique.end(), tells);
    return still ? old_.table.key : std::vector<std::string>{};
}

std::string RowDiff::name_now(std::string const& before) const {
    auto const found = std::find_if(kept_.begin(), kept_.end(), [&](auto const& pair) { return pair.first == before; });
    return found == kept_.end() ? std::string{} : found->second;
}

std::string RowDiff::old_value(std::string const& name) const {
    auto const at = std::find(old_.values.begin(), old_.values.end(), name) - old_.values.begin();
    return fmt::format("o.v{}", at + 1);
}

std::string RowDiff::present(std::string const& before) const {
    auto const name = name_now(before);
    return dialect_.save(*now_.column(name), "t." + dialect_.quote(name));
}

std::string RowDiff::key_join() const {
    std::vector<std::string> terms;
    for (auto const& name : key_) {
        auto const same_form = old_.table.column(name)->stored_type == now_.column(name_now(name))->stored_type;
        terms.push_back(same_form ? fmt::format("{} = {}", old_value(name), present(name))
                                  : fmt::format("{} = {}", dialect_.image({old_value(name)}), dialect_.image({present(name)})));
    }
    return anded(terms);
}

// Of the same type: byte by byte. Of another, or where the type may not take the old text any more: whether the saved texts differ.
std::string RowDiff::differs(std::string const& name) const {
    auto const& before = *old_.table.column(name);
    auto const& now = *now_.column(name_now(name));
    if (before.full_type() != now.full_type() || before.as_text)
        return fmt::format("({} <> {})", dialect_.image({old_value(name)}), dialect_.image({present(name)}));
    return fmt::format("not {}", dialect_.same(now, "t." + dialect_.quote(now.name), dialect_.load(before, old_value(name))));
}

// What rows without a key are told by: the columns that were there before and are there now.
std::string RowDiff::kept_image(bool of_old) const {
    std::vector<std::string> saved;
    for (auto const& [before, now] : kept_) saved.push_back(of_old ? old_value(before) : present(before));
    return dialect_.image(saved);
}

std::string RowDiff::rest_image(bool of_old) const {
    std::vector<std::string> saved;
    for (auto const& [before, now] : kept_)
        if (std::find(key_.begin(), key_.end(), before) == key_.end()) saved.push_back(of_old ? old_value(before) : present(before));
    return saved.empty() ? std::string{} : dialect_.image(saved);
}

std::string RowDiff::old_identity() const {
    std::vector<std::string> saved;
    for (auto const& name : old_.table.key.empty() ? old_.values : old_.table.key) saved.push_back(old_value(name));
    auto const image = dialect_.image(saved);
    return old_.table.key.empty() ? dialect_.digest(image) : image;
}

// The old row was still as the opposite step had left it. `rank`: which of equal rows this is, for rows without a key.
std::string RowDiff::is_left_row(std::string const& rank) const {
    std::vector<std::string> all;
    for (auto const& name : old_.values) all.push_back(old_value(name));
    std::string condition;
    for (auto const& print : left_.rows) {
        auto const within = old_.table.key.empty() ? fmt::format(" and {} <= f.c", rank) : std::string{};
        condition += fmt::format("{}exists (select 1 from {} f where f.k = {} and f.h = {}{})", condition.empty() ? "" : " or ",
                                 ledger_.table(print.store), old_identity(), dialect_.digest(dialect_.image(all)), within);
    }
    return condition.empty() ? std::string{"false"} : "(" + condition + ")";
}

// 'm': the value was the migration's own (P3).
std::string RowDiff::state_of_cell(std::string const& name) const {
    std::vector<std::string> own;
    auto const image = dialect_.image({old_value(name)});
    for (auto const* left : left_.updated) {
        auto const at = std::find(left->values.begin(), left->values.end(), name);
        std::vector<std::string> join;
        for (std::size_t i = 0; i < left->table.key.size() && left->table.key == old_.table.key; ++i)
            join.push_back(fmt::format("l.k{} = {}", i + 1, old_value(left->table.key[i])));
        if (at != left->values.end() && !join.empty())
            own.push_back(fmt::format("exists (select 1 from {} l where {} and {} = {})", ledger_.table(left->store), anded(join),
                                      dialect_.image({fmt::format("l.w{}", at - left->values.begin() + 1)}), image));
    }
    for (auto const& print : left_.columns) {
        if (print.column != name) continue;
        if (print.store.empty())
            own.push_back(fmt::format("{} = '{}'", dialect_.digest(image), print.uniform));
        else if (!old_.table.key.empty())
            own.push_back(fmt::format("exists (select 1 from {} f where f.k = {} and f.h = {})", ledger_.table(print.store), old_identity(),
                                      dialect_.digest(image)));
    }
    if (!left_.rows.empty()) own.push_back(is_left_row("1"));
    return own.empty() ? "'u'" : fmt::format("case when {} then 'm' else 'u' end", fmt::join(own, " or "));
}

std::string RowDiff::paired_on_key() const {
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < key_.size(); ++i) terms.push_back(fmt::format("p.k{} = {}", i + 1, present(key_[i])));
    return anded(terms);
}

std::string RowDiff::no_longer() const {
    auto const gone = fmt::format("not exists (select 1 from {} where {})", from_now(), key_join());
    return pairs_.empty() ? gone : fmt::format("{} and not exists (select 1 from {} p where p.n = o.n)", gone, pairs_);
}

std::string RowDiff::not_before() const {
    auto const made = fmt::format("{} and not exists (select 1 from {} o where {})", written_, old_.store, key_join());
    return pairs_.empty() ? made : fmt::format("{} and not exists (select 1 from {} p where {})", made, pairs_, paired_on_key());
}

// Neither database says which row a row was before its key changed. Where rows were only updated it is known by the rest of the row, if
// that is unchanged and unique; a row deleted and one inserted that look alike are two.
Result<void> RowDiff::pair_moved_keys(std::int64_t& next_id) {
    auto const rest = rest_image(true);
    if (key_.empty() || rest.empty()) return success();
    UNDROP_TRY(auto const gone, backend_.rows(fmt::format("select 1 from {} o where {} limit 1", old_.store, no_longer())));
    if (gone.empty()) return success();
    UNDROP_TRY(auto const made, backend_.rows(fmt::format("select 1 from {} where {} limit 1", from_now(), not_before())));
    if (made.empty()) return success();
    std::vector<std::string> definitions;
    std::vector<std::string> names;
    std::vector<std::string> present_key;
    for (std::size_t i = 0; i < key_.size(); ++i) {
        names.push_back(fmt::format("k{}", i + 1));
        definitions.push_back(names.back() + " " + now_.column(name_now(key_[i]))->stored_type);
        present_key.push_back(fmt::format("{} as {}", present(key_[i]), names.back()));
    }
    auto const store = ledger_.table(names::work_prefix + std::to_string(next_id++));
    auto const old_rows =
        fmt::format("select o.n, {0} as i, count(*) over (partition by {0}) as c from {1} o where {2}", rest, old_.store, no_longer());
    auto const now_rows = fmt::format("select {0}, {1} as i, count(*) over (partition by {1}) as c from {2} where {3}",
                                      fmt::join(present_key, ", "), rest_image(false), from_now(), not_before());
    UNDROP_CHECK(backend_.run(fmt::format("create table {} (n bigint not null primary key, {}, unique ({}))", store,
                                          fmt::join(definitions, ", "), fmt::join(names, ", "))));
    UNDROP_CHECK(backend_.seal(store, &now_));
    UNDROP_CHECK(
        backend_.run(fmt::format("insert into {} (n, {}) select a.n, {} from ({}) a join ({}) b on b.i = a.i where a.c = 1 and b.c = 1",
                                 store, fmt::join(names, ", "), fmt::format("b.{}", fmt::join(names, ", b.")), old_rows, now_rows)));
    pairs_ = store;
    return success();
}

Result<std::vector<std::string>> RowDiff::changed_columns() {
    std::vector<std::string> names;
    for (auto const& [before, now] : kept_)
        if (!waived_.contains(before)) names.push_back(before);
    std::vector<std::string> changed;
    if (key_.empty()) return changed;
    auto const ask = [&](std::string const& from) -> Result<void> {
        for (std::size_t first = 0; first < names.size(); first += most_columns) {
            std::vector<std::string> asked;
            for (std::size_t i = first; i < std::min(first + most_columns, names.size()); ++i)
                asked.push_back(fmt::format("max(case when {} then 1 else 0 end)", differs(names[i])));
            UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select {} from {}", fmt::join(asked, ", "), from)));
            for (std::size_t i = 0; i < asked.size(); ++i)
                if (number(rows.at(0).at(i)) > 0 && std::find(changed.begin(), changed.end(), names[first + i]) == changed.end())
                    changed.push_back(names[first + i]);
        }
        return success();
    };
    UNDROP_CHECK(ask(fmt::format("{} o join {} on {}", old_.store, from_now(), key_join())));
    if (!pairs_.empty())
        UNDROP_CHECK(ask(fmt::format("{} o join {} p on p.n = o.n join {} on {}", old_.store, pairs_, from_now(), paired_on_key())));
    return changed;
}

// The snapshot's table is filled; what the ledger keeps of it.
Result<void> RowDiff::finish(Snapshot snapshot, StoreTable const& table, RowChanges& result) {
    UNDROP_TRY(snapshot.bytes, backend_.bytes_of(table.name()));
    UNDROP_TRY(snapshot.hash, backend_.hash_of(table.name(), table.columns()));
    result.snapshots.push_back(std::move(snapshot));
    return success();
}

Result<void> RowDiff::save_updated(std::int64_t id, std::vector<std::string> const& changed, RowChanges& result) {
    Snapshot s{.id = id, .kind = Snapshot::Kind::updated, .table = old_.table};
    s.table.key = key_;
    s.values = changed;
    for (auto const& name : changed) s.left_types.push_back(now_.column(name_now(name))->full_type());
    s.store = names::snapshot_prefix + std::to_string(id);
    StoreTable table(ledger_.table(s.store));
    for (std::size_t i = 0; i < key_.size(); ++i)
        table.add_key(fmt::format("k{}", i + 1), now_.column(name_now(key_[i]))->stored_type, present(key_[i]));
    std::vector<std::string> states;
    std::vector<std::string> conditions;
    for (auto const& name : changed) {
        states.push_back("(" + state_of_cell(name) + ")");
        conditions.push_back(differs(name));
    }
    table.add("state", "text", fmt::format("{}", fmt::join(states, " || ")));
    for (std::size_t i = 0; i < changed.size(); ++i)
        table.add(fmt::format("v{}", i + 1), old_.table.column(changed[i])->stored_type, old_value(changed[i]));
    for (std::size_t i = 0; i < changed.size(); ++i)
        table.add(fmt::format("w{}", i + 1), now_.column(name_now(changed[i]))->stored_type, present(changed[i]));
    UNDROP_CHECK(table.make(backend_, old_.table));
    auto const any = fmt::format("{}", fmt::join(conditions, " or "));
    UNDROP_TRY(s.rows, table.fill(backend_, fmt::format("{} o join {} on {} where {}", old_.store, from_now(), key_join(), any)));
    if (!pairs_.empty()) {
        UNDROP_TRY(auto const moved, table.fill(backend_, fmt::format("{} o join {} p on p.n = o.n join {} on {} where {}", old_.store,
                                                                      pairs_, from_now(), paired_on_key(), any)));
        s.rows += moved;
    }
    return finish(std::move(s), table, result);
}

// Rows that are gone, whole; without a key, as many of equal ones as are missing.
Result<bool> RowDiff::save_deleted(std::int64_t id, RowChanges& result) {
    auto const keyless = key_.empty();
    auto const from = keyless ? fmt::format(
                                    "(select o.*, {0} as i, row_number() over (partition by {0} order by o.n) as r from {1} o) o "
                                    "left join (select {2} as i, count(*) as c from {3} where {4} group by 1) b on b.i = o.i "
                                    "where o.r > coalesce(b.c, 0)",
                                    kept_image(true), old_.store, kept_image(false), from_now(), written_)
                              : fmt::format("{} o where {}", old_.store, no_longer());
    UNDROP_TRY(auto const any, backend_.rows(fmt::format("select 1 from {} limit 1", from)));
    if (any.empty()) return false;
    Snapshot s{.id = id, .kind = Snapshot::Kind::deleted, .table = old_.table};
    s.values = old_.values;
    s.store = names::snapshot_prefix + std::to_string(id);
    StoreTable table(ledger_.table(s.store));
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        table.add_key(fmt::format("k{}", i + 1), old_.table.column(s.table.key[i])->stored_type, old_value(s.table.key[i]));
    if (!s.keyed()) table.add_key("n", "bigint", "o.n");
    table.add("state", "text", fmt::format("case when {} then 'm' else 'u' end", is_left_row(keyless ? "o.r" : "1")));
    for (std::size_t i = 0; i < s.values.size(); ++i)
        table.add(fmt::format("v{}", i + 1), old_.table.column(s.values[i])->stored_type, fmt::format("o.v{}", i + 1));
    UNDROP_CHECK(table.make(backend_, old_.table));
    UNDROP_TRY(s.rows, table.fill(backend_, from));
    UNDROP_CHECK(finish(std::move(s), table, result));
    return true;
}

// P3: rows that the script inserted are its own as long as nobody changes them.
Result<bool> RowDiff::keep_footprint(std::int64_t id, RowChanges& result) {
    Footprint print{.id = id,
                    .schema = now_.schema,
                    .table = now_.name,
                    .column = {},
                    .store = names::footprint_prefix + std::to_string(id),
                    .uniform = {},
                    .of = Footprint::Of::rows};
    auto const who = identity(dialect_, now_, "t");
    auto const digest = digest_of(dialect_, now_, plain_columns(now_), "t");
    auto from = fmt::format("{} where {}", from_now(), not_before());
    if (key_.empty())
        from = fmt::format(
            "(select t.*, {0} as undrop_i, row_number() over (partition by {0}) as undrop_r from {1} where {2}) t left join "
            "(select {3} as i, count(*) as c from {4} o group by 1) b on b.i = t.undrop_i where t.undrop_r > coalesce(b.c, 0)",
            kept_image(false), from_now(), written_, kept_image(true), old_.store);
    UNDROP_TRY(auto const any, backend_.rows(fmt::format("select 1 from {} limit 1", from)));
    if (any.empty()) return false;
    auto const store = ledger_.table(print.store);
    UNDROP_CHECK(backend_.run(fmt::format("create table {} (k text not null primary key, h text not null, c bigint not null)", store)));
    UNDROP_CHECK(
        backend_.run(fmt::format("insert into {} (k, h, c) select {}, min({}), count(*) from {} group by 1", store, who, digest, from)));
    UNDROP_CHECK(backend_.seal(store, &now_));
    result.footprints.push_back(std::move(print));
    return true;
}

Result<RowChanges> RowDiff::save(Changes which, std::int64_t& next_id) {
    RowChanges result;
    if (which == Changes::all && old_.only_updated) UNDROP_CHECK(pair_moved_keys(next_id));
    UNDROP_TRY(auto changed, changed_columns());
    // What is unique together comes back together.
    std::stable_partition(changed.begin(), changed.end(), [&](std::string const& name) {
        return std::any_of(old_.table.unique.begin(), old_.table.unique.end(),
                           [&](auto const& columns) { return std::find(columns.begin(), columns.end(), name) != columns.end(); }) ||
               std::find(key_.begin(), key_.end(), name) != key_.end();
    });
    for (std::size_t i = 0; i < changed.size(); i += most_columns)
        UNDROP_CHECK(save_updated(
            next_id++, {changed.begin() + index(i), changed.begin() + index(std::min(i + most_columns, changed.size()))}, result));
    if (which == Changes::updates) return result;
    UNDROP_TRY(auto const deleted, save_deleted(next_id, result));
    if (deleted) ++next_id;
    UNDROP_TRY(auto const inserted, keep_footprint(next_id, result));
    if (inserted) ++next_id;
    if (!pairs_.empty()) UNDROP_CHECK(backend_.run("drop table " + pairs_));
    return result;
}

}  // namespace

Result<RowChanges> save_row_changes(Backend& backend, Ledger const& ledger, OldRowsTable const& old, Table const& now,
                                    KeptColumns const& kept, std::set<std::string> const& waived, Traces const& left,
                                    std::string const& written, Changes which, std::int64_t& next_id) {
    return RowDiff(backend, ledger, old, now, kept, waived, left, written).save(which, next_id);
}

}  // namespace undrop
