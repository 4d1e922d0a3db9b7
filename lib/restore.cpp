#include "restore.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "save.hpp"
#include "try.hpp"

namespace undrop {
namespace {

std::int64_t number(Cell const& cell) { return cell && !cell->empty() ? std::stoll(*cell) : 0; }

// Triggers and rules are off while this is restored (P2: an `updated_at` stays); the end is explicit because it can fail.
template <class Work>
auto in_quiet(Backend& backend, Table const& table, Work&& work) -> decltype(work()) {
    UNDROP_CHECK(backend.quiet(table));
    auto done = work();
    auto loud = backend.loud(table);
    if (done && !loud) return std::move(loud).error();
    return done;
}

Error cannot_tell_rows(Snapshot const& s, std::string const& missing) {
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("the rows of {} were saved by {}, which is not in the table now", s.what(), missing),
                 .next = {.advice = "bring the key column back under its name first, in the down script"}};
}

// The SQL that pairs a snapshot's rows (alias s) with the table's (alias t).
struct Pairing {
    std::string saved;  // FROM item
    std::string join;   // condition
    std::string value;  // the saved value of the column
    [[nodiscard]] std::string exists() const { return fmt::format("exists (select 1 from {} where {})", saved, join); }
};

std::string key_join(Dialect const& dialect, Snapshot const& s, Table const& now) {
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        terms.push_back(fmt::format("s.k{} = {}", i + 1, dialect.save(*now.column(s.table.key[i]), "t." + dialect.quote(s.table.key[i]))));
    return fmt::format("{}", fmt::join(terms, " and "));
}

Result<void> key_is_there(Snapshot const& s, Table const& now) {
    auto const& needed = s.keyed() ? s.table.key : s.values;
    for (auto const& name : needed)
        if (name != s.column && !now.column(name)) return cannot_tell_rows(s, "column " + name);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// Rows without a key are paired by all their surviving columns; equal ones in the order in which they lie there.
Pairing pair_whole_rows(Dialect const& dialect, std::string const& store, Snapshot const& s, Table const& now) {
    std::vector<std::string> then;
    std::vector<std::string> current;
    for (std::size_t i = 0; i + 1 < s.values.size(); ++i) {
        then.push_back(fmt::format("v{}", i + 1));
        current.push_back(dialect.save(*now.column(s.values[i]), dialect.quote(s.values[i])));
    }
    auto const saved = fmt::format("(select state, v{0} as v, {1} as i, row_number() over (partition by {1} order by n) as r from {2})",
                                   s.values.size(), dialect.image(then), store);
    auto const rows = fmt::format("(select {0} as l, {1} as i, row_number() over (partition by {1} order by {0}) as r from {2})",
                                  dialect.row_id(now, ""), dialect.image(current), dialect.own_rows(now));
    return {.saved = fmt::format("(select w.l, p.v, p.state from {} as w join {} as p on p.i = w.i and p.r = w.r) as s", rows, saved),
            .join = fmt::format("s.l = {}", dialect.row_id(now, "t")),
            .value = "s.v"};
}

Pairing pair(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, Table const& now) {
    auto const store = ledger.table(s.store);
    if (!s.keyed()) return pair_whole_rows(dialect, store, s, now);
    return {.saved = store + " as s", .join = key_join(dialect, s, now), .value = "s.v1"};
}

// A default that the database may be asked twice: no call in it, so no sequence moves and no clock is read.
bool constant(std::string const& default_sql) { return !default_sql.empty() && default_sql.find('(') == std::string::npos; }

// Condition on t: the script itself computed this value, so it is newer than the saved one and stays (P2).
// The promise's rule is "neither the recorded default nor NULL"; where the database tells which rows the script wrote, and the script
// computed at least one value of its own, every row that it wrote counts, so that an edit to the default's value is not taken for a mere
// fill.
Result<std::string> computed_by_script(Backend& backend, Snapshot const& s, Table const& now, RestoreContext const& context) {
    if (context.direction == Direction::up || !context.made_by_script || !context.script_wrote_rows) return std::string{"false"};
    auto const& dialect = backend.dialect();
    auto const& column = *s.table.column(s.column);
    auto const value = "t." + dialect.quote(s.column);
    auto filled = value + " is null";
    if (constant(column.default_sql))
        filled += " or " + dialect.same(*now.column(s.column), value, dialect.load(column, column.default_sql));
    UNDROP_TRY(auto const written, backend.written_by_us(now, "t"));
    if (written.empty()) return fmt::format("not ({})", filled);
    UNDROP_TRY(auto const any,
               backend.rows(fmt::format("select 1 from {} as t where ({}) and not ({}) limit 1", dialect.own_rows(now), written, filled)));
    return any.empty() ? std::string{"false"} : fmt::format("({})", written);
}

void add_class(Merged& merged, std::string const& name, std::int64_t count) {
    if (name == "restored") merged.restored += count;
    if (name == "unchanged") merged.unchanged += count;
    if (name == "computed") merged.computed += count;
    if (name == "not_users") merged.not_users += count;
    if (name == "key_taken") merged.key_taken += count;
}

// Rows that came after the save get the migration's backfill, or the recorded default; a script's own column is left to the script.
Result<std::int64_t> fill_new_rows(Backend& backend, Snapshot const& s, Table const& now, Pairing const& pairing,
                                   RestoreContext const& context, std::int64_t new_rows) {
    auto const& dialect = backend.dialect();
    auto const& column = *s.table.column(s.column);
    auto const name = dialect.quote(s.column);
    if (new_rows == 0 || (context.made_by_script && context.backfill.empty())) return std::int64_t{0};
    auto const value = !context.backfill.empty() ? "(" + context.backfill + ")" : column.default_sql;
    if (value.empty()) {
        if (!column.not_null) return std::int64_t{0};
        return Error{
            .code = Code::refused,
            .left = Left::rolled_back,
            .message = fmt::format("{} rows were inserted into {} since; {} must not be NULL and has no default for them", new_rows,
                                   s.table.text(), s.column),
            .next = {.advice = fmt::format("put `-- undrop: backfill {} = EXPRESSION` at the top of the up script's file", s.what())}};
    }
    return backend.run(fmt::format("update {} as t set {} = {} where t.{} is null and not {}", dialect.own_rows(now), name, value, name,
                                   pairing.exists()));
}

}  // namespace

Result<Restored> restore_column(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now,
                                RestoreContext const& context) {
    UNDROP_CHECK(key_is_there(s, now));
    auto const& dialect = backend.dialect();
    auto const pairing = pair(dialect, ledger, s, now);
    auto const& column = *now.column(s.column);
    auto const name = dialect.quote(s.column);
    auto const value = dialect.load(*s.table.column(s.column), pairing.value);
    auto const same = dialect.same(column, "t." + name, value);
    UNDROP_TRY(auto const computed, computed_by_script(backend, s, now, context));
    auto const users = context.made_by_script ? std::string{"s.state = 'u'"} : std::string{"true"};

    Restored done;
    done.merged.what = s.what();
    done.merged.defaulted = !context.made_by_script || !context.backfill.empty();
    UNDROP_TRY(auto const classes,
               backend.rows(fmt::format("select class, count(*) from (select case when {} then 'unchanged' when not ({}) then "
                                        "'not_users' when {} then 'computed' else 'restored' end as class from {} as t join {} on {}) as c "
                                        "group by class",
                                        same, users, computed, dialect.own_rows(now), pairing.saved, pairing.join)));
    std::int64_t matched = 0;
    for (auto const& row : classes) {
        add_class(done.merged, row[0].value_or(""), number(row[1]));
        matched += number(row[1]);
    }
    UNDROP_TRY(auto const total, backend.rows(fmt::format("select count(*) from {}", dialect.own_rows(now))));
    done.merged.deleted_since = s.rows - matched;
    done.merged.inserted_since = number(total.at(0).at(0)) - matched;

    return in_quiet(backend, now, [&]() -> Result<Restored> {
        UNDROP_TRY(auto const updated,
                   backend.run(fmt::format("update {} as t set {} = {} from {} where {} and not ({}) and ({}) and not ({})",
                                           dialect.own_rows(now), name, value, pairing.saved, pairing.join, same, users, computed)));
        if (updated != done.merged.restored)
            return Error{.code = Code::failed,
                         .left = Left::rolled_back,
                         .message = fmt::format("{} values of {} were to come back, {} did", done.merged.restored, s.what(), updated)};
        UNDROP_TRY(auto const filled, fill_new_rows(backend, s, now, pairing, context, done.merged.inserted_since));
        done.updated = updated + filled;
        return done;
    });
}

Result<std::int64_t> fill_column(Backend& backend, Table const& now, Column const& column, std::string const& value) {
    auto const& dialect = backend.dialect();
    auto const name = dialect.quote(column.name);
    return in_quiet(backend, now, [&] {
        return backend.run(fmt::format("update {} as t set {} = {} where t.{} is null", dialect.own_rows(now), name, value, name));
    });
}

namespace {

// The columns that both the snapshot and the table have, as (name, v-number).
std::vector<std::pair<std::string, std::size_t>> common_columns(Snapshot const& s, Table const& now) {
    std::vector<std::pair<std::string, std::size_t>> columns;
    for (std::size_t i = 0; i < s.values.size(); ++i)
        if (auto const* column = now.column(s.values[i]); column && !column->generated) columns.emplace_back(s.values[i], i + 1);
    return columns;
}

std::string insert_rows(Dialect const& dialect, Snapshot const& s, Table const& now, std::string const& from) {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (auto const& [name, number_of] : common_columns(s, now)) {
        names.push_back(dialect.quote(name));
        values.push_back(dialect.load(*now.column(name), fmt::format("s.v{}", number_of)));
    }
    return fmt::format("insert into {} ({}){} select {} from {}", dialect.relation(now.schema, now.name), fmt::join(names, ", "),
                       dialect.insert_overriding(), fmt::join(values, ", "), from);
}

// Rows without a key: as many of equal ones as the snapshot has come back, less those that are there.
Result<Restored> restore_whole_rows(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, std::string const& users) {
    auto const& dialect = backend.dialect();
    std::vector<std::string> then;
    std::vector<std::string> current;
    for (auto const& [name, number_of] : common_columns(s, now)) {
        then.push_back(fmt::format("v{}", number_of));
        current.push_back(dialect.save(*now.column(name), dialect.quote(name)));
    }
    Restored done;
    UNDROP_TRY(auto const before, backend.rows(fmt::format("select count(*) from {}", dialect.own_rows(now))));
    UNDROP_TRY(auto const wanted, backend.rows(fmt::format("select count(*) from {} as s where {}", ledger.table(s.store), users)));
    auto const there = fmt::format("(select {0} as i, count(*) as c from {1} group by 1)", dialect.image(current), dialect.own_rows(now));
    auto const from = fmt::format(
        "(select q.*, {0} as i, row_number() over (partition by {0} order by n) as r from {1} as q) as s left join {2} as b "
        "on b.i = s.i where ({3}) and s.r > coalesce(b.c, 0)",
        dialect.image(then), ledger.table(s.store), there, users);
    UNDROP_TRY(done.inserted, backend.run(insert_rows(dialect, s, now, from)));
    done.merged.restored = done.inserted;
    done.merged.unchanged = number(wanted.at(0).at(0)) - done.inserted;
    done.merged.not_users = s.rows - number(wanted.at(0).at(0));
    done.merged.inserted_since = std::max<std::int64_t>(0, number(before.at(0).at(0)) - done.merged.unchanged);
    return done;
}

Result<Restored> restore_keyed_rows(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, std::string const& users,
                                    RestoreContext const& context) {
    auto const& dialect = backend.dialect();
    auto const store = ledger.table(s.store);
    auto const join = key_join(dialect, s, now);
    std::vector<std::string> same;
    std::vector<std::string> set;
    for (auto const& [name, number_of] : common_columns(s, now)) {
        auto const loaded = dialect.load(*now.column(name), fmt::format("s.v{}", number_of));
        same.push_back(dialect.same(*now.column(name), "t." + dialect.quote(name), loaded));
        if (std::find(s.table.key.begin(), s.table.key.end(), name) == s.table.key.end())
            set.push_back(fmt::format("{} = {}", dialect.quote(name), loaded));
    }
    auto const all_same = fmt::format("({})", fmt::join(same, " and "));
    // Where a script made the table anew: going up the user's row wins over the script's (P3), going down the script's is the newer one
    // (P2).
    auto const user_wins = context.made_by_script && context.direction == Direction::up && !set.empty();
    auto const otherwise = user_wins ? "restored" : context.made_by_script ? "computed" : "key_taken";

    Restored done;
    UNDROP_TRY(auto const classes, backend.rows(fmt::format("select class, count(*) from (select case when not ({}) then 'not_users' when "
                                                            "{} then 'unchanged' else '{}' end as class from {} as t join {} as s "
                                                            "on {}) as c group by class",
                                                            users, all_same, otherwise, dialect.own_rows(now), store, join)));
    UNDROP_TRY(auto const absent,
               backend.rows(fmt::format("select count(*) from {} as s where not ({}) and not exists (select 1 from {} as t where {})",
                                        store, users, dialect.own_rows(now), join)));
    UNDROP_TRY(auto const before, backend.rows(fmt::format("select count(*) from {}", dialect.own_rows(now))));
    std::int64_t matched = 0;
    for (auto const& row : classes) {
        add_class(done.merged, row[0].value_or(""), number(row[1]));
        matched += number(row[1]);
    }
    done.merged.not_users += number(absent.at(0).at(0));
    done.merged.inserted_since = number(before.at(0).at(0)) - matched;
    if (user_wins) {
        UNDROP_TRY(done.updated, backend.run(fmt::format("update {} as t set {} from {} as s where {} and ({}) and not {}",
                                                         dialect.own_rows(now), fmt::join(set, ", "), store, join, users, all_same)));
    }
    UNDROP_TRY(done.inserted, backend.run(insert_rows(dialect, s, now,
                                                      fmt::format("{} as s where ({}) and not exists (select 1 from {} as t where {})",
                                                                  store, users, dialect.own_rows(now), join))));
    done.merged.restored += done.inserted;
    return done;
}

}  // namespace

Result<Restored> restore_table(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, RestoreContext const& context) {
    auto const keyed =
        s.keyed() && std::all_of(s.table.key.begin(), s.table.key.end(), [&](auto const& name) { return now.column(name) != nullptr; });
    auto const users = context.made_by_script ? std::string{"s.state = 'u'"} : std::string{"true"};
    if (s.keyed() && !keyed) return cannot_tell_rows(s, fmt::format("key ({})", fmt::join(s.table.key, ", ")));
    return in_quiet(backend, now, [&]() -> Result<Restored> {
        UNDROP_TRY(auto done, keyed ? restore_keyed_rows(backend, ledger, s, now, users, context)
                                    : restore_whole_rows(backend, ledger, s, now, users));
        done.merged.what = s.what();
        return done;
    });
}

}  // namespace undrop
