#include "rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "row_sides.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

auto index(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

// No table and no statement takes more than some 1,600 columns, and each cell takes several.
constexpr std::size_t most_columns = 200;

// In a snapshot of updated rows; 0: it is not there.
std::size_t number_in(Snapshot const& left, std::string const& column) {
    auto const found = std::find(left.values.begin(), left.values.end(), column);
    return found == left.values.end() ? 0 : static_cast<std::size_t>(found - left.values.begin()) + 1;
}

// What a script changed of one table: its old rows (alias o) beside its present ones (alias t).
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
          sides_(backend, ledger, old, now, kept, written) {}

    Result<RowChanges> save(Changes which, std::int64_t& next_id);

private:
    [[nodiscard]] std::string state_of_cell(std::string const& name) const;
    [[nodiscard]] std::string is_to_be_saved(std::string const& name) const;
    [[nodiscard]] bool tells_what_was_left(Snapshot const& left) const { return left.table.key == old_.table.key; }
    [[nodiscard]] std::string join_with_left() const;
    [[nodiscard]] std::string was_left(std::string const& name) const;
    [[nodiscard]] std::string is_left_row(std::string const& rank) const;
    [[nodiscard]] std::string old_identity() const;

    [[nodiscard]] Result<void> find_changed();
    [[nodiscard]] StoreTable shape_of_updated(Snapshot const& s) const;
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
    RowSides sides_;
    std::vector<std::string> changed_;    // columns that differ in some row, less those waived
    std::vector<std::string> unchanged_;  // that differ in none
};

std::string RowDiff::old_identity() const {
    std::vector<std::string> saved;
    for (auto const& name : old_.table.key.empty() ? old_.values : old_.table.key) saved.push_back(sides_.old_value(name));
    auto const image = dialect_.image(saved);
    return old_.table.key.empty() ? dialect_.digest(image) : image;
}

// The old row was still as the opposite step had left it. `rank`: which of equal rows this is, for rows without a key.
std::string RowDiff::is_left_row(std::string const& rank) const {
    std::vector<std::string> all;
    for (auto const& name : old_.values) all.push_back(sides_.old_value(name));
    std::string condition;
    for (auto const& print : left_.rows) {
        auto const within = old_.table.key.empty() ? fmt::format(" and {} <= f.c", rank) : std::string{};
        condition += fmt::format("{}exists (select 1 from {} f where f.k = {} and f.h = {}{})", condition.empty() ? "" : " or ",
                                 ledger_.table(print.store), old_identity(), dialect_.digest(dialect_.image(all)), within);
    }
    return condition.empty() ? std::string{"false"} : "(" + condition + ")";
}

// Without a key: rows that are as the opposite step had left some (alias lf).
std::string RowDiff::join_with_left() const {
    if (!old_.table.key.empty()) return {};
    for (auto const* left : left_.updated) {
        if (!tells_what_was_left(*left)) continue;
        std::vector<std::string> then;
        std::vector<std::string> mine;
        for (auto const& column : old_.values) {
            if (number_in(*left, column) == 0) continue;
            then.push_back(fmt::format("l.w{}", number_in(*left, column)));
            mine.push_back(sides_.old_value(column));
        }
        return fmt::format(" left join (select distinct {} as i from {} l) lf on lf.i = {}", dialect_.image(then),
                           ledger_.table(left->store), dialect_.image(mine));
    }
    return {};
}

// Condition: the opposite step had left this value in this row; "" if it had changed none.
std::string RowDiff::was_left(std::string const& name) const {
    for (auto const* left : left_.updated) {
        auto const number = number_in(*left, name);
        if (!tells_what_was_left(*left) || number == 0) continue;
        if (old_.table.key.empty()) return "lf.i is not null";
        std::string join;
        for (std::size_t i = 0; i < old_.table.key.size(); ++i)
            join += fmt::format("l.k{} = {} and ", i + 1, sides_.old_value(old_.table.key[i]));
        return fmt::format("exists (select 1 from {} l where {}{} = {})", ledger_.table(left->store), join,
                           dialect_.image({fmt::format("l.w{}", number)}), dialect_.image({sides_.old_value(name)}));
    }
    return {};
}

// 'm': the value was the migration's own (P3).
std::string RowDiff::state_of_cell(std::string const& name) const {
    std::vector<std::string> own;
    auto const image = dialect_.image({sides_.old_value(name)});
    if (auto const left = was_left(name); !left.empty()) own.push_back(left);
    for (auto const& print : left_.columns) {
        if (print.column != name) continue;
        if (print.store.empty())
            own.push_back(fmt::format("{} = '{}'", dialect_.digest(image), print.uniform));
        else if (!old_.table.key.empty())
            own.push_back(fmt::format("exists (select 1 from {} f where f.k = {} and f.h = {})", ledger_.table(print.store), old_identity(),
                                      dialect_.digest(image)));
    }
    if (!left_.rows.empty()) own.push_back(is_left_row("1"));
    return own.empty() ? "'u'" : fmt::format("case when {} then 'm' else 'u' end", balanced(own, " or "));
}

// P3: where a column that the opposite step had filled gets another type, a user's value is kept though it reads the same in both: the
// way there again may make another one of it.
std::string RowDiff::is_to_be_saved(std::string const& name) const {
    auto differs = sides_.differs(name);
    auto const retyped = old_.table.column(name)->full_type() != sides_.column_now(name).full_type();
    if (!retyped || old_.table.key.empty() || was_left(name).empty()) return differs;
    return fmt::format("({} or ({}) = 'u')", differs, state_of_cell(name));
}

// The columns that differ in some row that is there before and now.
Result<void> RowDiff::find_changed() {
    std::set<std::string> found;
    for (auto const& from : sides_.same())
        for (std::size_t first = 0; first < kept_.size(); first += most_columns) {
            std::vector<std::string> asked;
            for (std::size_t i = first; i < std::min(first + most_columns, kept_.size()); ++i)
                asked.push_back(fmt::format("max(case when {} then 1 else 0 end)", is_to_be_saved(kept_[i].first)));
            UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select {} from {}", fmt::join(asked, ", "), from)));
            for (std::size_t i = 0; i < asked.size(); ++i)
                if (number_of(rows.at(0).at(i)) > 0) found.insert(kept_[first + i].first);
        }
    for (auto const& [before, now] : kept_) {
        if (!found.contains(before))
            unchanged_.push_back(before);
        else if (!waived_.contains(before))
            changed_.push_back(before);
    }
    // What is unique together comes back together.
    std::stable_partition(changed_.begin(), changed_.end(), [&](std::string const& name) {
        return is_one_of(sides_.key(), name) || std::any_of(old_.table.unique.begin(), old_.table.unique.end(),
                                                            [&](auto const& columns) { return is_one_of(columns, name); });
    });
    return success();
}

// The snapshot's table is filled; what the ledger keeps of it.
Result<void> RowDiff::finish(Snapshot snapshot, StoreTable const& table, RowChanges& result) {
    UNDROP_TRY(snapshot.bytes, backend_.bytes_of(table.name()));
    UNDROP_TRY(snapshot.hash, backend_.hash_of(table.name(), table.columns()));
    result.snapshots.push_back(std::move(snapshot));
    return success();
}

// Rows without a key are kept with all that tells them on the way back: their values, their number where that lasts, and whether the
// unchanged ones tell them from all others.
StoreTable RowDiff::shape_of_updated(Snapshot const& s) const {
    StoreTable table(ledger_.table(s.store));
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        table.add_key(fmt::format("k{}", i + 1), sides_.column_now(s.table.key[i]).stored_type, sides_.present(s.table.key[i]));
    if (!s.keyed()) {
        table.add_key("n", "bigint", "o.n");
        table.add("alone", "integer", s.told_by.empty() ? "0" : "case when a.c = 1 then 1 else 0 end");
        if (s.numbered) table.add("r", "integer", dialect_.lasting_row_id(now_, "t"));
    }
    std::vector<std::string> states;
    for (auto const& name : s.values) states.push_back("(" + state_of_cell(name) + ")");
    table.add("state", "text", balanced(states, " || "));
    for (std::size_t i = 0; i < s.values.size(); ++i)
        table.add(fmt::format("v{}", i + 1), old_.table.column(s.values[i])->stored_type, sides_.old_value(s.values[i]));
    for (std::size_t i = 0; i < s.values.size(); ++i)
        table.add(fmt::format("w{}", i + 1), sides_.column_now(s.values[i]).stored_type, sides_.present(s.values[i]));
    return table;
}

Result<void> RowDiff::save_updated(std::int64_t id, std::vector<std::string> const& changed, RowChanges& result) {
    Snapshot s{.id = id, .kind = Snapshot::Kind::updated, .table = old_.table};
    s.table.key = sides_.key();
    s.values = changed;
    if (!s.keyed()) {
        if (!old_.apart) s.told_by = unchanged_;
        s.values.insert(s.values.end(), unchanged_.begin(), unchanged_.end());
        s.numbered = !dialect_.lasting_row_id(now_, "t").empty();
    }
    for (auto const& name : s.values) s.left_types.push_back(sides_.column_now(name).full_type());
    s.store = names::snapshot_prefix + std::to_string(id);
    auto const table = shape_of_updated(s);
    UNDROP_CHECK(table.make(backend_, old_.table));
    std::vector<std::string> differing;
    for (auto const& name : changed) differing.push_back(is_to_be_saved(name));
    std::string alone;
    if (!s.told_by.empty())
        alone = fmt::format(" join (select {0} as i, count(*) as c from {1} group by 1) a on a.i = {0}", sides_.image(s.told_by, false),
                            sides_.from_now());
    for (auto const& from : sides_.same()) {
        UNDROP_TRY(auto const rows,
                   table.fill(backend_, fmt::format("{}{}{} where {}", from, alone, join_with_left(), balanced(differing, " or "))));
        s.rows += rows;
    }
    return finish(std::move(s), table, result);
}

// Rows that are gone, whole; without a key, as many of equal ones as are missing.
Result<bool> RowDiff::save_deleted(std::int64_t id, RowChanges& result) {
    auto const from = sides_.gone();
    UNDROP_TRY(auto const any, backend_.rows(fmt::format("select 1 from {} limit 1", from)));
    if (any.empty()) return false;
    Snapshot s{.id = id, .kind = Snapshot::Kind::deleted, .table = old_.table};
    s.values = old_.values;
    s.store = names::snapshot_prefix + std::to_string(id);
    StoreTable table(ledger_.table(s.store));
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        table.add_key(fmt::format("k{}", i + 1), old_.table.column(s.table.key[i])->stored_type, sides_.old_value(s.table.key[i]));
    if (!s.keyed()) table.add_key("n", "bigint", "o.n");
    table.add("state", "text", fmt::format("case when {} then 'm' else 'u' end", is_left_row(sides_.key().empty() ? "o.r" : "1")));
    for (std::size_t i = 0; i < s.values.size(); ++i)
        table.add(fmt::format("v{}", i + 1), old_.table.column(s.values[i])->stored_type, fmt::format("o.v{}", i + 1));
    UNDROP_CHECK(table.make(backend_, old_.table));
    UNDROP_TRY(s.rows, table.fill(backend_, from));
    UNDROP_CHECK(finish(std::move(s), table, result));
    return true;
}

// P3: rows that the script inserted are its own as long as nobody changes them.
Result<bool> RowDiff::keep_footprint(std::int64_t id, RowChanges& result) {
    auto const from = sides_.made();
    UNDROP_TRY(auto const any, backend_.rows(fmt::format("select 1 from {} limit 1", from)));
    if (any.empty()) return false;
    Footprint print{.id = id,
                    .schema = now_.schema,
                    .table = now_.name,
                    .column = {},
                    .store = names::footprint_prefix + std::to_string(id),
                    .uniform = {},
                    .of = Footprint::Of::rows};
    UNDROP_CHECK(fill_footprint(backend_, ledger_, print, now_, identity(dialect_, now_, "t"),
                                digest_of(dialect_, now_, plain_columns(now_), "t"), from));
    result.footprints.push_back(std::move(print));
    return true;
}

Result<RowChanges> RowDiff::save(Changes which, std::int64_t& next_id) {
    RowChanges result;
    UNDROP_CHECK(sides_.pair(which == Changes::all || !old_.followed.empty(), next_id));
    UNDROP_CHECK(find_changed());
    if (which == Changes::updates) std::erase_if(changed_, [&](std::string const& name) { return is_one_of(sides_.key(), name); });
    // Rows without a key are told by all their columns, which one snapshot holds.
    auto const most = sides_.key().empty() ? std::max<std::size_t>(1, changed_.size()) : most_columns;
    for (std::size_t i = 0; i < changed_.size(); i += most)
        UNDROP_CHECK(
            save_updated(next_id++, {changed_.begin() + index(i), changed_.begin() + index(std::min(i + most, changed_.size()))}, result));
    if (which == Changes::all) {
        UNDROP_TRY(auto const deleted, save_deleted(next_id, result));
        if (deleted) ++next_id;
        UNDROP_TRY(auto const inserted, keep_footprint(next_id, result));
        if (inserted) ++next_id;
        result.unsure = deleted && inserted && old_.may_have_moved && old_.told.empty() && !sides_.key().empty();
    }
    UNDROP_CHECK(sides_.forget());
    return result;
}

}  // namespace

Result<RowChanges> save_row_changes(Backend& backend, Ledger const& ledger, OldRowsTable const& old, Table const& now,
                                    KeptColumns const& kept, std::set<std::string> const& waived, Traces const& left,
                                    std::string const& written, Changes which, std::int64_t& next_id) {
    return RowDiff(backend, ledger, old, now, kept, waived, left, written).save(which, next_id);
}

}  // namespace undrop
