#include "restore.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "aside.hpp"
#include "balanced.hpp"
#include "merge.hpp"
#include "overwrite.hpp"
#include "pairing.hpp"
#include "restore_column.hpp"
#include "restore_follow.hpp"
#include "restore_unique.hpp"
#include "save.hpp"
#include "try.hpp"

namespace undrop {
namespace {

Result<void> key_is_there(Snapshot const& s, Table const& now) {
    auto const& needed = s.keyed() ? s.table.key : s.values;
    for (auto const& name : needed)
        if (name != s.column && !now.column(name)) return cannot_tell_rows(s, "column " + name);
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// Condition on t: the script itself computed this value, so it is newer than the saved one and stays (P2).
// The promise's rule is "neither the recorded default nor NULL"; where the database tells which rows the script wrote, and the script
// computed at least one value of its own, every row that it wrote counts, so that an edit to the default's value is not taken for a mere
// fill.
Result<std::string> computed_by_script(Backend& backend, Snapshot const& s, Table const& now, RestoreContext const& context) {
    if (context.direction == Direction::up) return context.newer.empty() ? std::string{"false"} : context.newer;
    auto const wrote = context.script_wrote_rows || context.built_anew;
    if (!context.made_by_script || !wrote) return std::string{"false"};
    auto const& dialect = backend.dialect();
    auto const& column = *now.column(s.column);
    if (context.built_anew)
        return drawn(column, context) ? std::string{"false"} : computed_by_rebuild(backend, now, column, is_filled(dialect, s, now));
    // Where a sequence or a function fills it, every row has got another value by the script's ADD COLUMN, and nobody computed one.
    if (context.rows_written && drawn(column, context)) {
        if (*context.rows_written == 0) return std::string{"false"};
        UNDROP_TRY(auto later, backend.written_after_rewrite(now, *context.rows_written));
        if (!later.empty()) return later;
    }
    auto const filled = is_filled(dialect, s, now);
    UNDROP_TRY(auto const written, backend.written_by_us(now, "t"));
    if (written.empty()) return fmt::format("not ({})", filled);
    UNDROP_TRY(auto const any,
               backend.rows(fmt::format("select 1 from {} as t where ({}) and not ({}) limit 1", dialect.own_rows(now), written, filled)));
    if (any.empty()) return std::string{"false"};
    // What must not be NULL has no value where a script computed NULL, as `first || ' ' || last` does without a last name.
    auto const no_value = s.table.column(s.column)->not_null ? fmt::format(" and t.{} is not null", dialect.quote(s.column)) : "";
    return fmt::format("(({}){})", written, no_value);
}

// Condition on s: a value that the migration itself had left does not come back where a script writes its own (P3); but a number that was
// drawn is no value that it would write again: it tells rows apart, and users may have written it elsewhere.
Result<std::string> is_users(Backend& backend, Table const& now, Column const& column, RestoreContext const& context) {
    if (!context.made_by_script || context.draws_rows) return std::string{"true"};
    if (context.direction == Direction::down || !context.rows_written || !drawn(column, context)) return std::string{"s.state = 'u'"};
    if (*context.rows_written == 0) return std::string{"true"};
    UNDROP_TRY(auto const later, backend.written_after_rewrite(now, *context.rows_written));
    return later.empty() ? std::string{"s.state = 'u'"} : fmt::format("(s.state = 'u' or not {})", later);
}

void add_class(Merged& merged, std::string const& name, std::int64_t count) {
    if (name == "restored") merged.restored += count;
    if (name == "unchanged") merged.unchanged += count;
    if (name == "computed") merged.computed += count;
    if (name == "changed") merged.changed_since += count;
    if (name == "not_users") merged.not_users += count;
    if (name == "key_taken") merged.key_taken += count;
    if (name == "overwritten") merged.overwritten += count;
}

// A down script that brings a column back without its default, and writes no row of it, has no value for rows that came since.
bool forgot_default(Snapshot const& s, Table const& now, RestoreContext const& context) {
    return context.direction == Direction::down && !context.script_wrote_rows && now.column(s.column)->default_sql.empty() &&
           !s.table.column(s.column)->default_sql.empty();
}

// Rows that came after the save get the migration's backfill, or the recorded default; a script's own column is left to the script.
Result<std::int64_t> fill_new_rows(Backend& backend, Snapshot const& s, Table const& now, Pairing const& pairing,
                                   RestoreContext const& context, std::int64_t new_rows) {
    auto const& dialect = backend.dialect();
    auto const& column = *s.table.column(s.column);
    auto const name = dialect.quote(s.column);
    if (new_rows == 0) return std::int64_t{0};
    auto const empty = fmt::format("t.{} is null and not {}", name, pairing.exists());
    if (context.made_by_script && context.backfill.empty() && !forgot_default(s, now, context)) {
        if (context.direction == Direction::up || !column.not_null || now.column(s.column)->not_null) return std::int64_t{0};
        UNDROP_TRY(auto const rows, backend.rows(fmt::format("select count(*) from {} as t where {}", dialect.own_rows(now), empty)));
        auto const count = number_of(rows.at(0).at(0));
        if (count == 0) return std::int64_t{0};
        return no_value_for(s, fmt::format("{} rows were inserted into {} since, and the script gives them none", count, s.table.text()));
    }
    auto const value = !context.backfill.empty() ? "(" + context.backfill + ")" : column.default_sql;
    if (value.empty()) {
        if (context.number) return context.number(empty);
        if (!column.not_null && !context.bare) return std::int64_t{0};
        return no_value_for(s, fmt::format("{} rows were inserted into {} since", new_rows, s.table.text()));
    }
    return backend.run(fmt::format("update {} as t set {} = {} where {}", dialect.own_rows(now), name, value, empty));
}

// Condition on s, a row without a key: the step left it there, as far as its other columns tell.
std::string was_left(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, std::vector<Snapshot const*> const& deleted) {
    std::string condition = "1 = 1";
    for (auto const* d : deleted) {
        std::vector<std::string> ours;
        std::vector<std::string> theirs;
        for (std::size_t i = 0; i + 1 < s.values.size(); ++i)
            if (auto const at = std::find(d->values.begin(), d->values.end(), s.values[i]); at != d->values.end()) {
                ours.push_back(fmt::format("s.v{}", i + 1));
                theirs.push_back(fmt::format("d.v{}", at - d->values.begin() + 1));
            }
        if (!ours.empty())
            condition += fmt::format(" and not exists (select 1 from {} as d where {} = {})", ledger.table(d->store), dialect.image(theirs),
                                     dialect.image(ours));
    }
    return condition;
}

// How many saved values are of rows that the step left there.
Result<std::int64_t> rows_left(Backend& backend, Snapshot const& s, Pairing const& pairing, RestoreContext const& context,
                               std::int64_t matched) {
    if (context.deleted.empty()) return s.rows;
    if (s.keyed()) {
        UNDROP_TRY(auto const kept, backend.rows("select count(*) from " + pairing.saved));
        return number_of(kept.at(0).at(0));
    }
    auto rows = s.rows;
    for (auto const* d : context.deleted) rows -= d->rows;
    return std::max(rows, matched);
}

// Values whose row is gone; and those that come back, where their foreign keys are still to be looked at.
Result<void> note_column(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, Pairing const& pairing,
                         std::string const& comes_back, Restored const& done, std::vector<Snapshot const*> const& deleted) {
    Aside aside(backend, ledger, s);
    auto const found = s.keyed() ? fmt::format("exists (select 1 from {} as t where {})", backend.dialect().own_rows(now), pairing.join)
                                 : fmt::format("s.n in (select s.n from {})", pairing.saved);
    if (done.merged.deleted_since > 0)
        UNDROP_CHECK(aside.add(now, "", why::deleted_since,
                               fmt::format("{} where not ({}) and {}", s.keyed() ? pairing.saved : ledger.table(s.store) + " as s", found,
                                           s.keyed() ? "1 = 1" : was_left(backend.dialect(), ledger, s, deleted))));
    if (!comes_back.empty() && done.merged.restored > 0 && s.keyed())
        UNDROP_CHECK(aside.add(
            now, "", why::restored,
            fmt::format("{} as t join {} on {} where {}", backend.dialect().own_rows(now), pairing.saved, pairing.join, comes_back)));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

}  // namespace

Result<Restored> restore_column(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now,
                                RestoreContext const& context) {
    UNDROP_CHECK(key_is_there(s, now));
    auto const& dialect = backend.dialect();
    auto const pairing = pair(dialect, ledger, s, now, {context.updated, context.own_updates, context.deleted});
    auto const& column = *now.column(s.column);
    auto const name = dialect.quote(s.column);
    auto const& recorded = *s.table.column(s.column);
    auto const load = [&](std::string const& saved) {
        if (column.reader || context.bare) return dialect.load(column, saved);
        auto const loaded = dialect.load(recorded, saved);
        return recorded.full_type() == column.full_type() ? loaded : dialect.load(column, loaded);  // others gave it another type since
    };
    auto const value = load(pairing.value);
    auto const same = dialect.same(column, "t." + name, value);
    UNDROP_TRY(auto computed, computed_by_script(backend, s, now, context));
    if (!context.untouched.empty()) computed = fmt::format("({} and not {})", computed, context.untouched);
    UNDROP_TRY(auto const users, is_users(backend, now, column, context));

    auto done = begun(s);
    done.merged.defaulted = !context.made_by_script || !context.backfill.empty() || forgot_default(s, now, context);
    UNDROP_TRY(auto const classes,
               backend.rows(fmt::format("select class, count(*) from (select case when {} then 'unchanged' when not ({}) then "
                                        "'not_users' when {} then '{}' else 'restored' end as class from {} as t join {} on {}) as c "
                                        "group by class",
                                        same, users, computed, context.newer.empty() ? "computed" : "changed", dialect.own_rows(now),
                                        pairing.saved, pairing.join)));
    std::int64_t matched = 0;
    for (auto const& row : classes) {
        add_class(done.merged, row[0].value_or(""), number_of(row[1]));
        matched += number_of(row[1]);
    }
    UNDROP_TRY(auto const total, backend.rows(fmt::format("select count(*) from {}", dialect.own_rows(now))));
    UNDROP_TRY(auto const saved, rows_left(backend, s, pairing, context, matched));
    done.merged.rows = saved;
    done.merged.deleted_since = saved - matched;
    done.merged.inserted_since = number_of(total.at(0).at(0)) - matched;
    auto const wanted = fmt::format("not ({}) and ({}) and not ({})", same, users, computed);
    UNDROP_TRY(auto const unique, unique_values(backend, ledger, s, now, pairing, context, wanted, context.work_id + 2));
    auto const comes_back = unique.comes_back(wanted);
    done.merged.restored -= unique.taken;
    done.merged.key_taken += unique.taken;
    UNDROP_CHECK(note_column(backend, ledger, s, now, pairing, context.note_restored ? comes_back : "", done, context.deleted));
    if (unique.taken > 0)
        UNDROP_CHECK(Aside(backend, ledger, s)
                         .add(now, "", why::key_taken,
                              fmt::format("{} as t join {} on {} where {} and not {}", dialect.own_rows(now), pairing.saved, pairing.join,
                                          wanted, unique.is_back())));
    if (done.merged.changed_since > 0)
        UNDROP_CHECK(Aside(backend, ledger, s)
                         .add(now, "", why::changed_since,
                              fmt::format("{} as t join {} on {} where not ({}) and ({}) and ({})", dialect.own_rows(now), pairing.saved,
                                          pairing.join, same, users, computed)));

    return in_quiet(backend, now, [&]() -> Result<Restored> {
        UNDROP_TRY(auto const moved, let_follow(backend, ledger, s, now, pairing, context, comes_back, value, done));
        UNDROP_TRY(auto const gave_up, give_up(backend, s, now, unique));
        auto const put_back = unique.rows.empty()
                                  ? fmt::format("update {} as t set {} = {} from {} where {} and {}", dialect.own_rows(now), name, value,
                                                pairing.saved, pairing.join, comes_back)
                                  : fmt::format("update {} as t set {} = {} from {} as z where z.back = 1 and {}", dialect.own_rows(now),
                                                name, load("z.v"), unique.rows, unique.is_row(gave_up > 0, "t." + name));
        UNDROP_TRY(auto const updated, backend.run(put_back));
        if (updated != done.merged.restored)
            return Error{.code = Code::failed,
                         .left = Left::rolled_back,
                         .message = fmt::format("{} values of {} were to come back, {} did", done.merged.restored, s.what(), updated)};
        auto const anew = context.made_by_script && context.backfill.empty() && context.direction == Direction::down &&
                          done.merged.inserted_since > 0 && drawn(column, context);
        UNDROP_TRY(auto const filled, anew ? number_again(backend, s, now, pairing, context, computed)
                                           : fill_new_rows(backend, s, now, pairing, context, done.merged.inserted_since));
        if (!unique.rows.empty()) UNDROP_CHECK(backend.run("drop table " + unique.rows));
        done.updated = updated + filled + moved + gave_up;
        return done;
    });
}

namespace {

// None: an AUTOINCREMENT of SQLite would begin to count, too.
Result<std::int64_t> put_rows(Backend& backend, Snapshot const& s, Table const& now, std::string const& from) {
    if (s.rows == 0) return std::int64_t{0};
    return backend.run(insert_rows(backend.dialect(), s, now, from));
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
    auto done = begun(s);
    UNDROP_TRY(auto const before, backend.rows(fmt::format("select count(*) from {}", dialect.own_rows(now))));
    UNDROP_TRY(auto const wanted, backend.rows(fmt::format("select count(*) from {} as s where {}", ledger.table(s.store), users)));
    auto const there = fmt::format("(select {0} as i, count(*) as c from {1} group by 1)", dialect.image(current), dialect.own_rows(now));
    auto const from = fmt::format(
        "(select q.*, {0} as i, row_number() over (partition by {0} order by n) as r from {1} as q) as s left join {2} as b "
        "on b.i = s.i where ({3}) and s.r > coalesce(b.c, 0)",
        dialect.image(then), ledger.table(s.store), there, users);
    UNDROP_TRY(done.inserted, put_rows(backend, s, now, from));
    done.merged.restored = done.inserted;
    done.merged.unchanged = number_of(wanted.at(0).at(0)) - done.inserted;
    done.merged.not_users = s.rows - number_of(wanted.at(0).at(0));
    done.merged.inserted_since = std::max<std::int64_t>(0, number_of(before.at(0).at(0)) - done.merged.unchanged);
    return done;
}

// Snapshot rows that may be inserted: nobody has their key, nor another value of theirs that is unique.
std::string insertable(Snapshot const& s, std::string const& store, std::string const& rows_now, std::string const& join,
                       std::string const& taken) {
    auto from = fmt::format("{} as s where not exists (select 1 from {} as t where {})", store, rows_now, join);
    if (taken.empty()) return from;
    std::vector<std::string> terms;
    for (std::size_t i = 1; i <= s.table.key.size(); ++i) terms.push_back(fmt::format("q.k{0} = s.k{0}", i));
    return from + fmt::format(" and not exists (select 1 from {} as q where {})", taken, balanced(terms, " and "));
}

// Conditions of a merge of rows with a key: which saved rows (alias s) there are (t), whose they are, and which would be in another's way.
struct Missing {
    std::string const& join;
    std::string const& users;
    std::string const& taken;  // working table; empty: none
    std::string const& is_taken;
};

// Saved rows whose key nobody has.
Result<void> insert_missing(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, Missing const& which,
                            RestoreContext const& context, Restored& done) {
    auto const store = ledger.table(s.store);
    auto const rows_now = backend.dialect().own_rows(now);
    auto const missing = fmt::format("{} and ({})", insertable(s, store, rows_now, which.join, ""), which.users);
    UNDROP_TRY(auto const counted, backend.rows("select count(*) from " + missing));
    auto const count = number_of(counted.at(0).at(0));
    Aside aside(backend, ledger, s);
    if (context.came_by_script) {
        done.merged.deleted_since = count;
        return count > 0 ? aside.add(now, "", why::deleted_since, missing) : BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    auto const insert = fmt::format("{} and ({})", insertable(s, store, rows_now, which.join, which.taken), which.users);
    if (context.note_restored) UNDROP_CHECK(aside.add(now, "", why::restored, insert));
    if (!which.taken.empty()) UNDROP_CHECK(aside.add(now, "", why::key_taken, missing + " and " + which.is_taken));
    UNDROP_TRY(done.inserted, put_rows(backend, s, now, insert));
    done.merged.key_taken += count - done.inserted;
    done.merged.restored += done.inserted;
    return BOOST_OUTCOME_V2_NAMESPACE::success();
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
    auto const all_same = fmt::format("({})", balanced(same, " and "));
    // A row that the script made anew: going up the user's row wins over it (P3), going down it is the newer one (P2).
    auto const by_script = context.made_by_script ? std::string{"true"} : context.written.empty() ? std::string{"false"} : context.written;
    auto const up = context.direction == Direction::up;
    auto const saved_wins = by_script != "false" && (up || !context.copied_as_left.empty()) && !set.empty();
    auto const put_over = context.on_conflict == OnConflict::keep_old && !set.empty();
    auto const saved_are = saved_rows(dialect, ledger, s, now);
    UNDROP_TRY(auto const taken, unique_values_taken(backend, ledger, s, now, saved_are, saved_wins || put_over, context.work_id));
    auto const is_taken = taken.empty() ? std::string{"1 = 0"}
                                        : fmt::format("exists (select 1 from {} as q where {})", taken, same_identity(saved_are, "q", "s"));
    auto const is_put_over = fmt::format("({} and not {})", put_over ? "1 = 1" : "1 = 0", is_taken);
    auto const newer = saved_wins && !up                      ? fmt::format("not ({})", context.copied_as_left)
                       : saved_wins && !context.newer.empty() ? context.newer
                                                              : std::string{"1 = 0"};
    auto const otherwise =
        fmt::format("case when {} and {} then '{}' when {} then '{}' when {} then 'overwritten' else 'key_taken' end", by_script, newer,
                    up ? "changed" : "computed", by_script, saved_wins ? "restored" : "computed", is_put_over);
    auto done = begun(s);
    UNDROP_TRY(auto const classes, backend.rows(fmt::format("select class, count(*) from (select case when not ({}) then 'not_users' when "
                                                            "{} then 'unchanged' else {} end as class from {} as t join {} as s "
                                                            "on {}) as c group by class",
                                                            users, all_same, otherwise, dialect.own_rows(now), store, join)));
    UNDROP_TRY(auto const absent,
               backend.rows(fmt::format("select count(*) from {} as s where not ({}) and not exists (select 1 from {} as t where {})",
                                        store, users, dialect.own_rows(now), join)));
    auto const rows_now = dialect.own_rows(now);
    UNDROP_TRY(auto const before, backend.rows(fmt::format("select count(*) from {}", rows_now)));
    std::int64_t matched = 0;
    for (auto const& row : classes) {
        add_class(done.merged, row[0].value_or(""), number_of(row[1]));
        matched += number_of(row[1]);
    }
    done.merged.not_users += number_of(absent.at(0).at(0));
    if (s.kind == Snapshot::Kind::table) done.merged.inserted_since = number_of(before.at(0).at(0)) - matched;
    auto const has_key =
        fmt::format("{} as t join {} as s on {} where ({}) and not {} and not ({})", rows_now, store, join, users, all_same, by_script);
    Aside aside(backend, ledger, s);
    if (done.merged.changed_since > 0)
        UNDROP_CHECK(aside.add(now, "", why::changed_since,
                               fmt::format("{} as t join {} as s on {} where ({}) and not {} and ({}) and {}", rows_now, store, join, users,
                                           all_same, by_script, newer)));
    if (done.merged.key_taken > 0) UNDROP_CHECK(aside.add(now, "", why::key_taken, has_key + " and not " + is_put_over));
    if (done.merged.overwritten > 0) {
        UNDROP_TRY(auto saved,
                   save_overwritten_rows(backend, ledger, now, s.table.key, has_key + " and " + is_put_over, context.overwrite_id));
        done.overwritten.push_back(std::move(saved));
        UNDROP_TRY(auto const over,
                   backend.run(fmt::format("update {} as t set {} from {} as s where {} and ({}) and not ({}) and not {} and {}", rows_now,
                                           fmt::join(set, ", "), store, join, users, by_script, all_same, is_put_over)));
        done.updated += over;
    }
    if (saved_wins) {
        UNDROP_TRY(auto const won,
                   backend.run(fmt::format("update {} as t set {} from {} as s where {} and ({}) and ({}) and not {} and not {}", rows_now,
                                           fmt::join(set, ", "), store, join, users, by_script, all_same, newer)));
        done.updated += won;
    }
    UNDROP_CHECK(
        insert_missing(backend, ledger, s, now, {.join = join, .users = users, .taken = taken, .is_taken = is_taken}, context, done));
    if (!taken.empty()) UNDROP_CHECK(backend.run("drop table " + taken));
    return done;
}

// Rows without a key of a table that stayed: they were taken out one by one, so they come back one by one, less those that the script
// has put back itself (P2), and those of which another row has a unique value by now.
Result<Restored> insert_all(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, std::string const& users,
                            RestoreContext const& context) {
    auto const& dialect = backend.dialect();
    auto from = fmt::format("{} as s where ({})", ledger.table(s.store), users);
    if (context.own) {
        std::vector<std::string> values;
        for (std::size_t i = 0; i < s.values.size(); ++i) values.push_back(fmt::format("v{}", i + 1));
        auto const who = dialect.digest(dialect.image(values));
        from = fmt::format(
            "(select q.*, {0} as i, row_number() over (partition by {0} order by n) as r from {1} as q) as s left join {2} as o "
            "on o.k = s.i where ({3}) and s.r > coalesce(o.c, 0)",
            who, ledger.table(s.store), ledger.table(context.own->store), users);
    }
    auto const rows = saved_rows(dialect, ledger, s, now);
    UNDROP_TRY(auto const taken, unique_values_taken(backend, ledger, s, now, rows, false, context.work_id));
    auto done = begun(s);
    UNDROP_TRY(auto const wanted, backend.rows(fmt::format("select count(*) from {} as s where {}", ledger.table(s.store), users)));
    UNDROP_TRY(auto const absent, backend.rows("select count(*) from " + from));
    auto const is_taken = fmt::format("exists (select 1 from {} as q where q.n = s.n)", taken);
    if (!taken.empty()) UNDROP_CHECK(Aside(backend, ledger, s).add(now, "", why::key_taken, from + " and " + is_taken));
    if (!taken.empty()) from += " and not " + is_taken;
    UNDROP_TRY(done.inserted, put_rows(backend, s, now, from));
    done.merged.restored = done.inserted;
    done.merged.key_taken = number_of(absent.at(0).at(0)) - done.inserted;
    done.merged.computed = number_of(wanted.at(0).at(0)) - number_of(absent.at(0).at(0));
    done.merged.not_users = s.rows - number_of(wanted.at(0).at(0));
    if (!taken.empty()) UNDROP_CHECK(backend.run("drop table " + taken));
    return done;
}

}  // namespace

Result<Restored> restore_deleted(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now,
                                 RestoreContext const& context) {
    auto const users = context.direction == Direction::up ? std::string{"s.state = 'u'"} : std::string{"true"};
    for (auto const& name : s.table.key)
        if (!now.column(name)) return cannot_tell_rows(s, fmt::format("key ({})", fmt::join(s.table.key, ", ")));
    return in_quiet(backend, now, [&]() -> Result<Restored> {
        UNDROP_TRY(auto done, s.keyed() ? restore_keyed_rows(backend, ledger, s, now, users, context)
                                        : insert_all(backend, ledger, s, now, users, context));
        return done;
    });
}

Result<Restored> restore_table(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, RestoreContext const& context) {
    auto const keyed =
        s.keyed() && std::all_of(s.table.key.begin(), s.table.key.end(), [&](auto const& name) { return now.column(name) != nullptr; });
    auto const users = context.made_by_script ? std::string{"s.state = 'u'"} : std::string{"true"};
    if (s.keyed() && !keyed) return cannot_tell_rows(s, fmt::format("key ({})", fmt::join(s.table.key, ", ")));
    return in_quiet(backend, now, [&]() -> Result<Restored> {
        UNDROP_TRY(auto done, keyed ? restore_keyed_rows(backend, ledger, s, now, users, context)
                                    : restore_whole_rows(backend, ledger, s, now, users));
        return done;
    });
}

}  // namespace undrop
