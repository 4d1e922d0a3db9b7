// The part of the planner that answers what a step down would give back and take right now, in rows. It reads as any SELECT does: no lock
// of it stops a writer, and it waits for none (plan_count.cpp). What only the step can tell is said to be unknown.
#include <fmt/format.h>
#include <algorithm>

#include "balanced.hpp"
#include "inserted.hpp"
#include "key_pairs.hpp"
#include "merge.hpp"
#include "pairing.hpp"
#include "planner.hpp"
#include "save.hpp"
#include "taken_cells.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// Does it only define, so that the rows are what the step itself brings back?
bool only_defines(std::vector<Statement> const& statements) {
    return std::all_of(statements.begin(), statements.end(), [](Statement const& statement) {
        auto const begins = [&](char const* word) { return statement.words.starts_with(word); };
        auto text = statement.text;
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return (begins("CREATE") && text.find("select") == std::string::npos) || begins("ALTER") || begins("DROP") || begins("COMMENT") ||
               begins("GRANT") || begins("REVOKE") || begins("PRAGMA") || begins("SET");
    });
}

// Condition: the row (alias t) has what was saved (alias s, columns PREFIX1 ...) in these columns.
std::string same_values(Dialect const& dialect, Snapshot const& s, Table const& now) {
    std::vector<std::string> same;
    for (auto const& [name, number] : common_columns(s, now))
        same.push_back(
            dialect.same(*now.column(name), "t." + dialect.quote(name), dialect.load(*now.column(name), fmt::format("s.v{}", number))));
    return same.empty() ? std::string{"1 = 1"} : fmt::format("({})", balanced(same, " and "));
}

// Condition: two rows of the store (aliases q and s) are the same of the snapshot's.
std::string same_keys(Snapshot const& s) {
    std::vector<std::string> same;
    for (std::size_t i = 1; i <= s.table.key.size(); ++i) same.push_back(fmt::format("q.k{0} = s.k{0}", i));
    return balanced(same, " and ");
}

std::string is_as_left(Dialect const& dialect, Column const& column, std::size_t i) {
    return dialect.same(column, "t." + dialect.quote(column.name), dialect.load(column, fmt::format("s.w{}", i + 1)));
}

std::string is_not_back(Dialect const& dialect, Snapshot const& s, Column const& column, std::size_t i) {
    if (s.table.column(s.values[i])->full_type() != s.left_types[i]) return {};
    return fmt::format(" and not {}",
                       dialect.same(column, "t." + dialect.quote(column.name), dialect.load(column, fmt::format("s.v{}", i + 1))));
}

// What would come back if no other row had it; columns of another type are left to the step.
std::vector<MovingCell> moving_cells(Dialect const& dialect, Snapshot const& s, Table const& now) {
    std::vector<MovingCell> cells;
    for (std::size_t i = 0; i + s.told_by.size() < s.values.size(); ++i) {
        auto const* column = now.column(s.values[i]);
        if (!column || column->generated || column->full_type() != s.left_types[i]) continue;
        if (s.table.column(s.values[i])->full_type() != s.left_types[i]) continue;
        auto moves = is_as_left(dialect, *column, i) + is_not_back(dialect, s, *column, i);
        auto to_be = fmt::format("case when {} then {} else t.{} end", moves, dialect.load(*column, fmt::format("s.v{}", i + 1)),
                                 dialect.quote(column->name));
        cells.push_back({column->name, std::move(moves), std::move(to_be)});
    }
    return cells;
}

// Its columns under the names that the step left them.
Snapshot as_called_now(Snapshot s, std::vector<Rename> const& renames) {
    auto const call = [&, table = table_name(s.table)](std::string& name) {
        for (auto const& rename : renames)
            if (rename.before == table && !rename.column_before.empty() && rename.column_before == name) {
                name = rename.column_after;
                return;
            }
    };
    for (auto* names : {&s.values, &s.table.key, &s.told_by})
        for (auto& name : *names) call(name);
    for (auto& column : s.table.columns) call(column.name);
    return s;
}

}  // namespace

TableName name_now(std::vector<Rename> const& renames, TableName const& name) {
    for (auto const& rename : renames)
        if (rename.column_before.empty() && rename.before == name) return rename.after;
    return name;
}

// Nothing: others have it locked, or this role may not read it.
Result<std::optional<std::int64_t>> Planner::counted(std::string const& from) {
    std::optional<std::int64_t> number;
    auto const read = backend_.read_in_time(glance, [&]() -> Result<void> {
        UNDROP_TRY(auto const rows, backend_.rows("select count(*) from " + from));
        number = std::stoll(rows.at(0).at(0).value_or("0"));
        return success();
    });
    if (!read && (read.error().code == Code::interrupted || read.error().code == Code::in_doubt)) return read.error();
    return number;
}

// Why the numbers of this snapshot are not to be had before the step; empty: they are.
std::string Planner::why_unknown(Snapshot const& s, Opposite const& opposite) const {
    if (s.kind == Snapshot::Kind::view) return "its query fills it, and rows that it does not give then stay in the snapshot";
    auto const name = name_now(opposite.renames, table_name(s.table));
    if (reached_anything_ || reached_.contains(name)) return "an earlier step of this plan reaches its table";
    auto const* now = find_table(tables_, name);
    if (s.kind == Snapshot::Kind::table) return now ? "a table of that name is there by now" : "";
    if (!now) return "its table is not there";
    if (!s.keyed()) return "its rows have no key: the step tells them by their values";
    for (auto const& column : s.table.key)
        if (!now->column(column)) return fmt::format("the key's column {} is not there under that name", column);
    return {};
}

Result<void> Planner::count_values(Snapshot const& s, Table const& now, std::size_t i, PlannedReturn& back) {
    auto const& dialect = backend_.dialect();
    auto const* column = now.column(s.values[i]);
    if (!column || column->full_type() != s.left_types[i]) {
        back.unknown = fmt::format("column {} has another name or type by now", s.values[i]);
        return success();
    }
    auto const in_key = std::find(s.table.key.begin(), s.table.key.end(), s.values[i]) != s.table.key.end();
    if (in_key && s.table.column(s.values[i])->full_type() != s.left_types[i]) {
        back.unknown =
            fmt::format("rows are told by {}, which has another type by now: whether it can have its old one the step tells", s.values[i]);
        return success();
    }
    auto const rows = saved_rows(dialect, ledger_, s, now);
    auto const pairs = fmt::format("{} as t join {} on {}", dialect.own_rows(now), rows.from, rows.join);
    auto const as_left = is_as_left(dialect, *column, i);
    auto const unless_back = is_not_back(dialect, s, *column, i);
    UNDROP_TRY(auto const matched, counted(pairs));
    UNDROP_TRY(back.changed_since, counted(fmt::format("{} where not {}{}", pairs, as_left, unless_back)));
    std::optional<std::int64_t> taken = 0;
    auto const cells = moving_cells(dialect, s, now);
    auto const groups = unique_groups(s, now, cells);
    if (auto const group = groups.of_column.find(s.values[i]); group != groups.of_column.end()) {
        UNDROP_TRY(taken, counted(fmt::format("{} join ({}) as q on {} and q.g = {} where {}{}", pairs,
                                              taken_cells_query(dialect, s, now, rows, groups, pairs, cells), same_keys(s), group->second,
                                              as_left, unless_back)));
    }
    if (!matched || !back.changed_since || !taken) return success();
    back.deleted_since = s.rows - *matched;
    if (*taken > 0) back.key_taken = taken;
    back.comes_back = *matched - *back.changed_since - *taken;
    return success();
}

// As the step does (restore_column): values of rows that the same step deleted come back with these, and who has such a row's key by now is
// another row.
Result<void> Planner::count_column(Snapshot const& s, Table const& now, std::vector<Snapshot> const& all, PlannedReturn& back) {
    auto const& dialect = backend_.dialect();
    std::vector<Snapshot const*> updated;
    std::vector<Snapshot const*> deleted;
    for (auto const& other : all) {
        if (other.purged() || table_name(other.table) != table_name(s.table)) continue;
        if (other.kind == Snapshot::Kind::updated) updated.push_back(&other);
        if (other.kind == Snapshot::Kind::deleted) deleted.push_back(&other);
    }
    auto const pairing = pair(dialect, ledger_, s, now, {.updated = updated, .own = {}, .deleted = deleted});
    UNDROP_TRY(auto const saved, counted(pairing.saved));
    UNDROP_TRY(auto const matched, counted(fmt::format("{} as t join {} on {}", dialect.own_rows(now), pairing.saved, pairing.join)));
    UNDROP_TRY(auto const total, counted(dialect.own_rows(now)));
    if (!saved || !matched || !total) return success();
    back.rows = *saved;
    back.comes_back = *matched;
    back.deleted_since = *saved - *matched;
    back.inserted_since = *total - *matched;
    return success();
}

Result<void> Planner::count_rows(Snapshot const& s, Table const& now, PlannedReturn& back) {
    auto const& dialect = backend_.dialect();
    auto const rows_now = dialect.own_rows(now);
    auto const pairs = fmt::format("{} as t join {} as s on {}", rows_now, ledger_.table(s.store), key_join(dialect, s, now));
    UNDROP_TRY(back.key_taken, counted(fmt::format("{} where not {}", pairs, same_values(dialect, s, now))));
    auto const taken = unique_values_query(dialect, s, now, saved_rows(dialect, ledger_, s, now), false);
    std::optional<std::int64_t> others = 0;
    if (!taken.empty()) {
        auto const absent = fmt::format("not exists (select 1 from {} as t where {})", rows_now, key_join(dialect, s, now));
        UNDROP_TRY(others, counted(fmt::format("{} as s where {} and exists (select 1 from ({}) as q where {})", ledger_.table(s.store),
                                               absent, taken, same_keys(s))));
    }
    if (!back.key_taken || !others) return success();
    *back.key_taken += *others;
    back.comes_back = s.rows - *back.key_taken;
    return success();
}

Result<void> Planner::count_returns(PlannedStep& step, Opposite const& opposite, std::vector<Statement> const& statements) {
    if (!full_ || step.direction == Direction::up) return success();
    auto const computes = step.origin != Origin::derived && !only_defines(statements);
    std::vector<Snapshot> called;
    for (auto const& s : opposite.snapshots) called.push_back(as_called_now(s, opposite.renames));
    for (auto const& print : opposite.footprints) {
        auto const* now = print.of == Footprint::Of::keys ? find_table(tables_, {print.schema, print.table}) : nullptr;
        for (std::size_t n = 0; n < called.size() && now; ++n) {
            auto const names = key_names(print.column);
            if (name_now(opposite.renames, table_name(opposite.snapshots[n].table)) == table_name(*now) &&
                tells(names, opposite.snapshots[n], *now))
                called[n].moves = "(" + moved_keys(backend_.dialect(), ledger_, print, names, *now) + ")";
        }
    }
    for (std::size_t n = 0; n < called.size(); ++n) {
        auto const& s = opposite.snapshots[n];
        auto const& here = called[n];
        if (s.kind == Snapshot::Kind::sequence || !s.populated) continue;
        auto const* now = find_table(tables_, name_now(opposite.renames, table_name(s.table)));
        auto unknown = why_unknown(here, opposite);
        if (unknown.empty() && s.kind != Snapshot::Kind::table) {
            UNDROP_TRY(auto const rows, rows_of_same_key(here, *now));
            if (rows > 0) unknown = "rows have the key of one another by now";
        }
        auto const cells = s.kind == Snapshot::Kind::updated ? s.values.size() - s.told_by.size() : 1;
        for (std::size_t i = 0; i < cells; ++i) {
            auto const what = s.kind == Snapshot::Kind::updated ? s.table.text() + "." + s.values[i] : s.what();
            PlannedReturn back{.snapshot = s.id, .what = what, .rows = s.rows, .unknown = unknown};
            if (back.unknown.empty() && s.kind == Snapshot::Kind::table)
                back.comes_back = s.rows;
            else if (back.unknown.empty())
                UNDROP_CHECK(s.kind == Snapshot::Kind::updated  ? count_values(here, *now, i, back)
                             : s.kind == Snapshot::Kind::column ? count_column(here, *now, called, back)
                                                                : count_rows(here, *now, back));
            if (back.unknown.empty() && !back.comes_back) back.unknown = "others have it locked, or this role may not read it";
            if (back.unknown.empty() && computes) {
                back.comes_back = {};
                back.unknown = "the down script writes rows: what it computes wins";
            }
            step.returns.push_back(std::move(back));
        }
    }
    return success();
}

// Rows that the migration itself had inserted: a derived way back takes those out that are as it had left them.
Result<void> Planner::count_own_rows(PlannedStep& step, Opposite const& opposite) {
    auto const removes = step.origin == Origin::derived || (step.down && removes_inserted(*step.down));
    if (!full_ || step.direction == Direction::up || !removes) return success();
    auto const& dialect = backend_.dialect();
    for (auto const& print : opposite.footprints) {
        auto const* now = find_table(tables_, {print.schema, print.table});
        if (print.of != Footprint::Of::rows || !now || now->key.empty() || reached_.contains(table_name(*now)) || reached_anything_)
            continue;
        auto const rows = fmt::format("{} as t join {} as f on f.k = {}", dialect.own_rows(*now), ledger_.table(print.store),
                                      identity(dialect, *now, "t"));
        UNDROP_TRY(auto const there, counted(rows));
        UNDROP_TRY(auto const own, counted(fmt::format("{} and f.h = {}", rows, digest_of(dialect, *now, plain_columns(*now), "t"))));
        if (there && own)
            step.notes.push_back(
                fmt::format("takes {} rows out of {} that the migration had inserted, unless others refer to them; {} were changed since, "
                            "and stay",
                            *own, now->text(), *there - *own));
    }
    return success();
}

// What goes is counted apart from what the migration itself had left there (P3).
Result<void> Planner::count_written_since(PlannedStep& step, Opposite const& opposite) {
    if (!full_ || step.direction == Direction::up) return success();
    auto const& dialect = backend_.dialect();
    for (auto const& print : opposite.footprints) {
        auto const* now = find_table(tables_, {print.schema, print.table});
        auto const of_column = print.of == Footprint::Of::column;
        if ((!of_column && print.of != Footprint::Of::table) || !now || reached_anything_ || reached_.contains(table_name(*now))) continue;
        if (of_column && !now->column(print.column)) continue;
        auto const what = of_column ? now->text() + "." + print.column : now->text();
        auto loss = std::find_if(step.losses.begin(), step.losses.end(), [&](PlannedLoss const& l) { return l.what == what; });
        if (loss == step.losses.end()) {
            // A column that goes with its table's recorded form, which no text shows.
            auto const whole =
                std::any_of(step.losses.begin(), step.losses.end(), [&](PlannedLoss const& l) { return l.what == now->text(); });
            if (!of_column || whole || step.origin != Origin::derived) continue;
            UNDROP_TRY(auto const values, number_of(dialect.quote(print.column), *now, step));
            loss = step.losses.insert(step.losses.end(), {what, values, false});
        }
        auto const digest = digest_of(dialect, *now, of_column ? std::vector{print.column} : plain_columns(*now), "t");
        auto const rows = dialect.own_rows(*now) + " as t where ";
        if (print.store.empty()) {
            UNDROP_TRY(loss->written_since, counted(fmt::format("{}{} <> '{}'", rows, digest, print.uniform)));
        } else if (!now->key.empty()) {
            UNDROP_TRY(loss->written_since, counted(fmt::format("{}not exists (select 1 from {} as f where f.k = {} and f.h = {})", rows,
                                                                ledger_.table(print.store), identity(dialect, *now, "t"), digest)));
        }
    }
    return success();
}

// What later steps of the plan find is not what is there now.
void Planner::note_reached(Foresight const& foresight, Opposite const& opposite, std::vector<Statement> const& statements) {
    for (auto const* names : {&foresight.tables, &foresight.copies, &foresight.locks, &foresight.writes})
        reached_.insert(names->begin(), names->end());
    for (auto const& [table, column] : foresight.columns) reached_.insert(table);
    for (auto const& s : opposite.snapshots) {
        reached_.insert(table_name(s.table));
        reached_.insert(name_now(opposite.renames, table_name(s.table)));
    }
    for (auto const& print : opposite.footprints) reached_.insert({print.schema, print.table});
    for (auto const& rename : opposite.renames) {
        reached_.insert(rename.before);
        reached_.insert(rename.after);
    }
    auto const foreseen = backend_.dialect().foresee(statements);
    reached_anything_ = reached_anything_ || foreseen.opaque || !only_defines(statements);
}

}  // namespace undrop
