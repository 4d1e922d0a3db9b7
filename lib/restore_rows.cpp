#include "restore_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "aside.hpp"
#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "overwrite.hpp"
#include "save.hpp"
#include "store_table.hpp"
#include "taken_cells.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

std::string recorded_type(Snapshot const& s, std::size_t i) { return s.table.column(s.values[i])->full_type(); }
bool retyped(Snapshot const& s, std::size_t i) { return s.left_types[i] != recorded_type(s, i); }

// The merge of one table's updated cells: the snapshot (alias s), the table (t), and where there are such: this step's own changes (p), the
// cells that were as the step had left them before the script (n), rows whose unique values are taken (q).
class CellMerge {
public:
    CellMerge(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, CellsContext const& context)
        : backend_(backend), dialect_(backend.dialect()), ledger_(ledger), s_(s), now_(now), context_(context) {
        std::erase_if(context_.own, [&](Snapshot const* own) { return key_now(*own, now) != s_.table.key; });
        for (std::size_t i = 0; i < context_.own.size(); ++i)
            written_ += fmt::format("{}p{}.state is not null", i == 0 ? "" : " or ", i + 1);
        for (std::size_t i = 0; i + s.told_by.size() < s.values.size(); ++i)
            if (auto const* column = now.column(s.values[i]); column && !column->generated) cells_.push_back(i);
    }

    Result<RestoredCells> run();

private:
    // What the step itself saved has the names of before its script.
    [[nodiscard]] std::string name_now(Snapshot const& own, std::string const& name) const {
        auto const* then = own.table.id == now_.id ? own.table.column(name) : nullptr;
        auto const* column = then ? now_.column_by_id(then->id) : nullptr;
        return column ? column->name : name;
    }
    [[nodiscard]] std::string present(std::size_t i) const { return "t." + dialect_.quote(s_.values[i]); }
    [[nodiscard]] std::string saved(std::size_t i) const { return dialect_.load(*now_.column(s_.values[i]), fmt::format("s.v{}", i + 1)); }
    [[nodiscard]] std::string still_as_left(std::size_t i) const;
    [[nodiscard]] AttributeMerge const* merge(std::size_t i) const {
        auto const found = context_.merges.find(i);
        return found == context_.merges.end() ? nullptr : &found->second;
    }
    [[nodiscard]] std::string merged(std::size_t i) const;  // attribute by attribute
    [[nodiscard]] std::string is_back(std::size_t i) const {
        auto const of_key = std::find(s_.table.key.begin(), s_.table.key.end(), s_.values[i]) != s_.table.key.end();
        if (context_.moved && of_key && !context_.unchanged.empty()) return fmt::format("coalesce(n.u{}, 0) = 0", i + 1);
        return dialect_.same(*now_.column(s_.values[i]), present(i), saved(i));
    }
    [[nodiscard]] std::string is_users(std::size_t i) const;
    [[nodiscard]] std::string class_of(std::size_t i) const;
    [[nodiscard]] std::string from() const;
    [[nodiscard]] bool may_overwrite(std::size_t i) const {
        return context_.on_conflict == OnConflict::keep_old && s_.keyed() && !merge(i) && !retyped(s_, i);
    }
    [[nodiscard]] std::string gets_saved(std::size_t i) const { return fmt::format("({}) in ('restored', 'overwritten')", class_of(i)); }
    [[nodiscard]] Result<void> find_taken();
    [[nodiscard]] Result<void> count(RestoredCells& done);
    [[nodiscard]] Result<void> note(RestoredCells const& done);
    [[nodiscard]] Result<void> save_overwritten(RestoredCells& done);
    [[nodiscard]] std::string to_be(std::size_t i) const;
    [[nodiscard]] Result<void> let_follow(RestoredCells& done);
    [[nodiscard]] Result<void> no_reference_within(Referring const& referring, std::string const& rows, std::string const& changes) const;
    [[nodiscard]] Result<std::int64_t> replace(std::string const& any);

    Backend& backend_;
    Dialect const& dialect_;
    Ledger const& ledger_;
    Snapshot const& s_;
    Table const& now_;
    CellsContext context_;
    std::vector<std::size_t> cells_;
    SavedRows rows_;
    UniqueGroups groups_;
    std::string taken_;
    std::string written_;  // condition: this step's script changed the row
};

// P2: the value before this step's script, where the script wrote one, is still the one that the step had left. So with what triggers write
// beside a down script, in a row that is otherwise as it was: what they would make of it was made before.
std::string CellMerge::still_as_left(std::size_t i) const {
    if (merge(i)) return "not " + dialect_.same(*now_.column(s_.values[i]), present(i), merged(i));
    if (retyped(s_, i)) return context_.unchanged.empty() ? std::string{"1 = 0"} : fmt::format("n.u{} = 1", i + 1);
    auto const& column = *now_.column(s_.values[i]);
    auto value = present(i);
    auto const beside = context_.beside.contains(s_.values[i]);
    for (std::size_t n = 0; n < context_.own.size() && (context_.direction == Direction::up || beside); ++n) {
        auto const& own = context_.own[n]->values;
        auto const is_it = [&](std::string const& name) { return name_now(*context_.own[n], name) == s_.values[i]; };
        if (auto const at = std::find_if(own.begin(), own.end(), is_it); at != own.end())
            value = fmt::format("case when p{0}.state is not null then {1} else {2} end", n + 1,
                                dialect_.load(column, fmt::format("p{}.v{}", n + 1, at - own.begin() + 1)), value);
    }
    auto const left = dialect_.load(column, fmt::format("s.w{}", i + 1));
    auto as_left = dialect_.same(column, value, left);
    if (!beside) return as_left;
    for (auto const other : cells_)
        if (!context_.beside.contains(s_.values[other])) as_left += fmt::format(" and ({} or {})", is_back(other), still_as_left(other));
    return fmt::format("({} or ({}))", dialect_.same(column, present(i), left), as_left);
}

std::string CellMerge::merged(std::size_t i) const {
    auto parts = *merge(i);
    parts.present = present(i);
    parts.saved_text = fmt::format("s.v{}", i + 1);
    parts.left_text = fmt::format("s.w{}", i + 1);
    parts.unchanged = context_.unchanged.empty() ? std::string{"1 = 0"} : fmt::format("n.u{} = 1", i + 1);
    parts.saved_wins = context_.direction == Direction::up;
    return dialect_.merge_attributes(*now_.column(s_.values[i]), parts);
}

std::string CellMerge::is_users(std::size_t i) const {
    return context_.direction == Direction::up ? fmt::format("substr(s.state, {}, 1) = 'u'", i + 1) : std::string{"1 = 1"};
}

std::string CellMerge::class_of(std::size_t i) const {
    auto const group = groups_.of_column.find(s_.values[i]);
    auto const unless_taken = [&](std::string const& name) {
        if (taken_.empty() || group == groups_.of_column.end()) return name;
        return fmt::format("case when coalesce(q.g{}, 0) = 0 then {} else 'key_taken' end", group->second, name);
    };
    auto const restored = unless_taken("'restored'");
    auto const changed = may_overwrite(i) ? unless_taken("'overwritten'") : std::string{"'changed'"};
    return fmt::format("case when {} then 'unchanged' when not ({}) then 'not_users' when {} then {} else {} end", is_back(i), is_users(i),
                       still_as_left(i), restored,
                       written_.empty() ? changed : fmt::format("case when {} then 'computed' else {} end", written_, changed));
}

std::string CellMerge::from() const {
    auto text = rows_.from;
    for (std::size_t i = 0; i < context_.own.size(); ++i) {
        auto const alias = fmt::format("p{}", i + 1);
        text += fmt::format(" left join {} as {} on {}", ledger_.table(context_.own[i]->store), alias,
                            s_.keyed() ? own_row(dialect_, s_, now_, rows_, alias) : alias + ".n = m.o");
    }
    if (!context_.unchanged.empty()) text += fmt::format(" left join {} as n on {}", context_.unchanged, same_identity(rows_, "n", "s"));
    if (!taken_.empty()) text += fmt::format(" left join {} as q on {}", taken_, same_identity(rows_, "q", "s"));
    return text;
}

Result<void> CellMerge::find_taken() {
    std::vector<MovingCell> cells;
    for (auto const i : cells_) cells.push_back({s_.values[i], gets_saved(i), to_be(i)});
    groups_ = unique_groups(s_, now_, cells);
    auto const joined = fmt::format("{} join {} as t on {}", from(), dialect_.own_rows(now_), rows_.join);
    UNDROP_TRY(taken_, taken_cells(backend_, ledger_, s_, now_, rows_, groups_, joined, cells, context_.work_id));
    return success();
}

Result<void> CellMerge::count(RestoredCells& done) {
    std::vector<std::string> classes;
    std::vector<std::string> sums{"count(*)"};
    for (auto const i : cells_) {
        classes.push_back(fmt::format("{} as c{}", class_of(i), i + 1));
        for (auto const* name : {"unchanged", "not_users", "restored", "key_taken", "computed", "changed", "overwritten"})
            sums.push_back(fmt::format("coalesce(sum(case when c{} = '{}' then 1 else 0 end), 0)", i + 1, name));
    }
    UNDROP_TRY(auto const rows,
               backend_.rows(fmt::format("select {} from (select {} from {} join {} as t on {}) as c", fmt::join(sums, ", "),
                                         fmt::join(classes, ", "), from(), dialect_.own_rows(now_), rows_.join)));
    auto const& row = rows.at(0);
    std::size_t at = 1;
    for (auto const i : cells_) {
        Merged merged{.what = s_.table.text() + "." + s_.values[i], .snapshot = s_.id, .rows = s_.rows};
        for (auto* to : {&merged.unchanged, &merged.not_users, &merged.restored, &merged.key_taken, &merged.computed, &merged.changed_since,
                         &merged.overwritten})
            *to = number_of(row.at(at++));
        (s_.keyed() ? merged.deleted_since : merged.not_found) = s_.rows - number_of(row.at(0));
        done.merged.push_back(std::move(merged));
    }
    return success();
}

std::string CellMerge::to_be(std::size_t i) const {
    return fmt::format("case when {} then {} else {} end", gets_saved(i), merge(i) ? merged(i) : saved(i), present(i));
}

// What is not put back; a row that is gone is told once, and not for each of its values.
Result<void> CellMerge::note(RestoredCells const& done) {
    Aside aside(backend_, ledger_, s_);
    auto const joined = fmt::format("{} join {} as t on {}", from(), dialect_.own_rows(now_), rows_.join);
    auto const& first = done.merged.front();
    if (first.deleted_since + first.not_found > 0) {
        auto const gone = s_.keyed() ? fmt::format("not exists (select 1 from {} as t where {})", dialect_.own_rows(now_), rows_.join)
                                     : fmt::format("not exists (select 1 from {} as m where m.n = s.n)", rows_.matched);
        UNDROP_CHECK(
            aside.add(now_, "", s_.keyed() ? why::deleted_since : why::not_found, fmt::format("{} as s where {}", rows_.rows, gone)));
    }
    for (std::size_t at = 0; at < cells_.size(); ++at) {
        auto const& merged = done.merged[at];
        auto const add = [&](std::int64_t count, char const* name, char const* why) -> Result<void> {
            if (count == 0) return success();
            return aside.add(now_, s_.values[cells_[at]], why, fmt::format("{} where ({}) = '{}'", joined, class_of(cells_[at]), name));
        };
        UNDROP_CHECK(add(merged.changed_since, "changed", why::changed_since));
        UNDROP_CHECK(add(merged.key_taken, "key_taken", why::key_taken));
        if (context_.note_restored && s_.keyed()) UNDROP_CHECK(add(merged.restored, "restored", why::restored));
    }
    return success();
}

// P1: what users wrote since is a loss, too.
Result<void> CellMerge::save_overwritten(RestoredCells& done) {
    std::vector<OverwrittenCell> cells;
    for (std::size_t at = 0; at < cells_.size(); ++at)
        if (done.merged[at].overwritten > 0) {
            auto const i = cells_[at];
            cells.push_back({s_.values[i], fmt::format("({}) = 'overwritten'", class_of(i)), to_be(i)});
        }
    if (cells.empty()) return success();
    auto const of_key = [&](std::string const& name) {
        return std::any_of(cells.begin(), cells.end(), [&](OverwrittenCell const& c) { return c.column == name; });
    };
    for (auto const i : cells_)  // the key that the step leaves tells the row on the way back
        if (std::find(s_.table.key.begin(), s_.table.key.end(), s_.values[i]) != s_.table.key.end() && !of_key(s_.values[i]))
            cells.push_back({s_.values[i], "1 = 0", to_be(i)});
    auto const joined = fmt::format("{} join {} as t on {} where 1 = 1", from(), dialect_.own_rows(now_), rows_.join);
    UNDROP_TRY(auto saved, undrop::save_overwritten_cells(backend_, ledger_, now_, s_.table.key, cells, joined, context_.overwrite_id));
    done.overwritten.push_back(std::move(saved));
    return success();
}

// Rows of the table itself that users have let refer to one whose key changes: in the one UPDATE that changes keys and references, nothing
// tells theirs from the old ones.
Result<void> CellMerge::no_reference_within(Referring const& referring, std::string const& rows, std::string const& changes) const {
    std::vector<std::string> refers;
    std::vector<std::string> comes_back{"1 = 0"};
    for (std::size_t i = 0; i < referring.by.columns.size(); ++i) {
        auto const& name = referring.by.columns[i];
        refers.push_back(fmt::format("c.{} = t.{}", dialect_.quote(name), dialect_.quote(referring.by.parents_columns[i])));
        for (auto const cell : cells_)
            if (s_.values[cell] == name) comes_back.push_back(gets_saved(cell));
    }
    UNDROP_TRY(auto const found,
               backend_.rows(fmt::format("select count(*) from {} join {} as c on {} join {} as r on r.k = {} where {} and r.k not in "
                                         "(select {} from {} where {})",
                                         rows, referring.by.rows, balanced(refers, " and "), referring.noted, identity(dialect_, now_, "c"),
                                         changes, identity(dialect_, now_, "t"), rows, balanced(comes_back, " or "))));
    auto const count = number_of(found.at(0).at(0));
    if (count == 0) return success();
    return Error{
        .code = Code::refused,
        .left = Left::rolled_back,
        .message = fmt::format("{} rows of {} were given a reference to another row of it since, whose key comes back", count, now_.text()),
        .next = {.command = "down", .advice = "once these references are NULL, or with a down script that says what becomes of them"}};
}

// Who refers to a row whose key comes back goes with it, before it does: so no ON UPDATE finds anything to do.
Result<void> CellMerge::let_follow(RestoredCells& done) {
    auto work_id = context_.work_id + 2;
    for (auto const& referring : context_.referring) {
        std::map<std::string, std::string> changed;
        std::vector<std::string> any;
        for (auto const i : cells_) {
            auto const& names = referring.by.parents_columns;
            if (std::find(names.begin(), names.end(), s_.values[i]) == names.end()) continue;
            changed.emplace(s_.values[i], to_be(i));
            any.push_back(gets_saved(i));
        }
        if (changed.empty()) continue;
        auto const rows = fmt::format("{} join {} as t on {}", from(), dialect_.own_rows(now_), rows_.join);
        if (referring.child.id == now_.id) {
            UNDROP_CHECK(no_reference_within(referring, rows, fmt::format("({})", balanced(any, " or "))));
            continue;
        }
        UNDROP_TRY(auto const followed,
                   follow(backend_, ledger_, referring, rows, fmt::format("({})", balanced(any, " or ")), changed, work_id++));
        done.followed[referring.child.id] += followed;
    }
    return success();
}

// Values that are swapped among rows: all of those rows go, and come again as they should be.
Result<std::int64_t> CellMerge::replace(std::string const& any) {
    auto const store = ledger_.table(names::work_prefix + std::to_string(context_.work_id + 1));
    std::vector<std::string> selected;
    std::vector<std::string> columns;
    std::vector<std::string> again;
    std::vector<std::string> of_key;
    auto const add = [&](std::string const& name, std::string expression) {
        again.push_back(fmt::format("c{}", again.size() + 1));
        selected.push_back(fmt::format("{} as {}", expression, again.back()));
        columns.push_back(name);
    };
    for (std::size_t i = 0; i < s_.table.key.size(); ++i) {
        selected.push_back(fmt::format("s.{}{} as k{}", rows_.key, i + 1, i + 1));
        of_key.push_back(
            dialect_.equal(*now_.column(s_.table.key[i]), "t." + dialect_.quote(s_.table.key[i]), fmt::format("w.k{}", i + 1)));
    }
    if (!s_.keyed()) selected.emplace_back("m.l as l");
    // By the row's number, where it has one: the working table has no index.
    auto const number = dialect_.row_id(now_, "t");
    if (s_.keyed() && !number.empty()) selected.push_back(number + " as l");
    // The row's number stays, but where it is the key itself.
    auto const locator = dialect_.row_locator(now_);
    if (!locator.empty() && !(now_.key.size() == 1 && now_.column(now_.key[0])->stored_type == "integer")) add(locator, "t." + locator);
    for (auto const& column : now_.columns) {
        if (column.generated) continue;
        auto const cell = std::find_if(cells_.begin(), cells_.end(), [&](std::size_t i) { return s_.values[i] == column.name; });
        add(dialect_.quote(column.name), cell == cells_.end() ? "t." + dialect_.quote(column.name) : to_be(*cell));
    }
    auto const rows = dialect_.own_rows(now_);
    UNDROP_CHECK(backend_.run(fmt::format("create table {} as select {} from {} join {} as t on {} where {}", store,
                                          fmt::join(selected, ", "), from(), rows, rows_.join, any)));
    UNDROP_CHECK(backend_.seal(store, &now_));
    auto const goes = number.empty() ? fmt::format("exists (select 1 from {} as w where {})", store, balanced(of_key, " and "))
                                     : fmt::format("{} in (select l from {})", number, store);
    UNDROP_TRY(auto const deleted, backend_.run(fmt::format("delete from {} as t where {}", rows, goes)));
    UNDROP_CHECK(backend_.run(fmt::format("insert into {} ({}) select {} from {}", dialect_.relation(now_.schema, now_.name),
                                          fmt::join(columns, ", "), fmt::join(again, ", "), store)));
    UNDROP_CHECK(backend_.run("drop table " + store));
    return deleted;
}

Result<RestoredCells> CellMerge::run() {
    RestoredCells done;
    for (auto const& name : s_.table.key)
        if (!now_.column(name)) return cannot_tell_rows(s_, fmt::format("key ({})", fmt::join(s_.table.key, ", ")));
    if (cells_.empty()) return done;
    rows_ =
        saved_rows(dialect_, ledger_, s_, now_, context_.matched, context_.moved ? context_.moved : changes_keys(context_.own, s_, now_));
    UNDROP_CHECK(find_taken());
    UNDROP_CHECK(count(done));
    UNDROP_CHECK(note(done));
    UNDROP_CHECK(save_overwritten(done));
    UNDROP_CHECK(let_follow(done));
    std::vector<std::string> sets;
    std::vector<std::string> any;
    for (auto const i : cells_) {
        sets.push_back(fmt::format("{} = {}", dialect_.quote(s_.values[i]), to_be(i)));
        any.push_back(gets_saved(i));
    }
    if (context_.replace_rows) {
        UNDROP_TRY(done.replaced, replace(fmt::format("({})", balanced(any, " or "))));
    } else {
        UNDROP_TRY(done.updated, backend_.run(fmt::format("update {} as t set {} from {} where {} and ({})", dialect_.own_rows(now_),
                                                          fmt::join(sets, ", "), from(), rows_.join, balanced(any, " or "))));
    }
    if (!taken_.empty()) UNDROP_CHECK(backend_.run("drop table " + taken_));
    return done;
}

}  // namespace

Result<RestoredCells> restore_updated(Backend& backend, Ledger const& ledger, Snapshot const& snapshot, Table const& now,
                                      CellsContext const& context) {
    return in_quiet(backend, now, [&] { return CellMerge(backend, ledger, snapshot, now, context).run(); });
}

}  // namespace undrop
