#include "rehearse_writes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <set>

#include "application_statements.hpp"
#include "around_up.hpp"
#include "rows_expected.hpp"
#include "synthetic.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

Table const* table_in(State const& state, TableName const& name) {
    auto const found = state.tables.find(name);
    return found == state.tables.end() ? nullptr : &found->second->table;
}

// Rows are told by a key that is the same before and after.
bool can_follow(Table const& before, Table const& after) {
    return !after.key.empty() && before.key == after.key && std::all_of(after.key.begin(), after.key.end(), [&](std::string const& name) {
        return before.column(name) && before.column(name)->type == after.column(name)->type;
    });
}

bool is_key(Table const& table, std::string const& name) { return std::find(table.key.begin(), table.key.end(), name) != table.key.end(); }

}  // namespace

bool is_own_words(Error const& error) { return error.native.starts_with("P0") || error.native.find("[raised]") != std::string::npos; }

// P8: what a trigger's own code raises, and what says that a value does not do, may hold values.
std::string ApplicationWrites::told(Error const& error) const {
    auto const shown = is_own_words(error) || error.native.starts_with("22");
    return hide_ && shown ? "error " + error.native.substr(0, error.native.find(':')) : error.message;
}

Result<ApplicationWrites::Outcome> ApplicationWrites::attempt(std::string const& sql) {
    UNDROP_CHECK(backend_.run("savepoint undrop_write"));
    // An application's triggers find names as it does.
    UNDROP_CHECK(backend_.enter_script());
    auto done = backend_.run(sql);
    if (done) UNDROP_CHECK(backend_.leave_script());
    if (!done) {
        if (done.error().code == Code::interrupted) return std::move(done).error();
        UNDROP_CHECK(backend_.run("rollback to savepoint undrop_write"));
        UNDROP_CHECK(backend_.run("release savepoint undrop_write"));
        UNDROP_CHECK(backend_.leave_script());
        return Outcome{.rows = 0, .error = told(done.error())};
    }
    UNDROP_CHECK(backend_.run("release savepoint undrop_write"));
    return Outcome{.rows = done.value(), .error = {}};
}

Result<ApplicationWrites::Outcome> ApplicationWrites::first_that_works(std::vector<std::string> const& statements) {
    Outcome last;
    for (auto const& sql : statements) {
        UNDROP_TRY(auto const one, attempt(sql));
        if (one.rows > 0) return one;
        if (last.error.empty()) last = one;
    }
    return last;
}

Result<ApplicationWrites::Outcomes> ApplicationWrites::write_to(Table const& table, Table const& other, bool thorough) {
    auto const& dialect = backend_.dialect();
    UNDROP_TRY(auto const references, backend_.references(table));
    Outcomes outcomes;
    // The first row is copied and changed, and the last one has the number after which a new one is drawn.
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select count(*) from {}", dialect.own_rows(table))));
    if (rows.at(0).at(0) && std::stoll(*rows[0][0]) > 2) {
        UNDROP_TRY(outcomes["delete"], attempt(deletion(dialect, table, references)));
    }
    auto insertions = inserts(dialect, table, other, false);
    if (thorough) {
        auto varied = inserts(dialect, table, other, true);
        insertions.insert(insertions.begin(), varied.begin(), varied.end());
    }
    UNDROP_TRY(outcomes["insert"], first_that_works(insertions));
    auto const count = std::stoll(rows[0][0].value_or("0"));
    UNDROP_TRY(outcomes["update"], update(table, other, count, thorough));
    if (count > 0) {
        auto const one = count == 1 && outcomes["insert"].rows == 0;
        UNDROP_TRY(outcomes["new columns"].rows, give_values(table, other, count, is_row(dialect, table, "desc", "", one ? 0 : 1)));
    }
    return outcomes;
}

// `thorough`: also where all rows have the same value, or none.
Result<ApplicationWrites::Outcome> ApplicationWrites::update(Table const& table, Table const& other, std::int64_t rows, bool thorough) {
    Outcome all;
    std::vector<Update> same;
    for (auto const& update : updates(backend_.dialect(), table, other, rows)) {
        UNDROP_TRY(auto const outcome, attempt(update.statement));
        all.rows += outcome.rows;
        if (all.error.empty()) all.error = outcome.error;
        if (outcome.rows == 0 && outcome.error.empty()) same.push_back(update);
    }
    if (same.empty() || !thorough || rows == 0) return all;
    auto const values = sandbox_.values();
    UNDROP_TRY(auto const columns, values->columns(table));
    UNDROP_TRY(auto const keys, values->foreign_keys(table));
    for (auto const& update : same)
        for (auto const& column : columns)
            if (column.name == update.column && !column.left_alone) {
                UNDROP_TRY(auto const outcome, first_that_works(gifts(backend_.dialect(), table, column, keys, update.row)));
                all.rows += outcome.rows;
            }
    return all;
}

// What the down script's text compares it with, each in a row of its own.
Result<std::int64_t> ApplicationWrites::give_literals(Table const& table, std::string const& column, std::int64_t rows) {
    auto const& dialect = backend_.dialect();
    std::int64_t given = 0;
    int row = 1;
    for (auto const& literal : compared_with(down_.text, column)) {
        auto const at = is_row(dialect, table, "desc", "", rows > 1 ? row : 0);
        auto const sql =
            fmt::format("update {0} as t set {1} = {2} where {3} and (t.{1} is null or cast(t.{1} as text) <> cast({2} as text))",
                        dialect.own_rows(table), dialect.quote(column), literal, at);
        UNDROP_TRY(auto const outcome, attempt(sql));
        given += outcome.rows;
        if (outcome.rows > 0 && ++row >= std::min<std::int64_t>(rows, 4)) break;
    }
    return given;
}

// To columns that `other` does not have, or not so, in one row. How many took one.
Result<std::int64_t> ApplicationWrites::give_values(Table const& table, Table const& other, std::int64_t rows, std::string const& row) {
    std::int64_t given = 0;
    // Or that take what they did not.
    auto const is_new = [&](std::string const& name) {
        auto const* column = table.column(name);
        auto const* then = other.column(name);
        auto const takes_more = then && (then->type != column->type || (then->not_null && !column->not_null));
        return column && !column->generated && (!then || takes_more) && !is_key(table, name);
    };
    if (std::none_of(table.columns.begin(), table.columns.end(), [&](Column const& column) { return is_new(column.name); })) return given;
    auto const values = sandbox_.values();
    UNDROP_TRY(auto const columns, values->columns(table));
    UNDROP_TRY(auto const keys, values->foreign_keys(table));
    for (auto const& column : columns) {
        if (column.left_alone || !is_new(column.name)) continue;
        auto const* then = other.column(column.name);
        UNDROP_TRY(auto const literals, give_literals(table, column.name, rows));
        given += literals;
        if (literals > 0) continue;
        auto writes = gifts(backend_.dialect(), table, column, keys, row);
        if (then && then->not_null && !table.column(column.name)->not_null)
            writes.insert(writes.begin(), fmt::format("update {0} as t set {1} = null where {2} and t.{1} is not null",
                                                      backend_.dialect().own_rows(table), backend_.dialect().quote(column.name), row));
        UNDROP_TRY(auto const outcome, first_that_works(writes));
        given += outcome.rows;
    }
    return given;
}

Result<void> ApplicationWrites::look_around(State const& before, State const& after, Touched const& touched, Renames renames,
                                            DownWrites down) {
    renames_ = std::move(renames);
    down_ = std::move(down);
    dared_.clear();
    auto const around = around_up(before, after, touched, renames_);
    exercised_ = around.exercised;
    for (auto const& [name, rows] : before.tables)
        if (down_.tables.contains(name) || down_.tables.contains(renames_.of(name))) exercised_.insert(name);
    std::vector<std::pair<Table const*, Table const*>> freer;
    for (auto const& name : around.freer) {
        auto const *was = table_in(before, name), *is = table_in(after, renames_.of(name));
        if (was && is && can_follow(*was, *is)) freer.emplace_back(was, is);
    }
    if (freer.empty()) return success();
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto looked = [&]() -> Result<void> {
        UNDROP_TRY(auto const tables, backend_.tables(options_.ledger));
        for (auto const& [was, then] : freer) {
            auto const* is = find_table(tables, table_name(*then));
            if (!is || table_name(*is) != table_name(*was)) continue;
            UNDROP_TRY(auto const columns, sandbox_.values()->columns(*is));
            auto const& dialect = backend_.dialect();
            for (auto& daring : darings(dialect, *is, *was, columns, is_row(dialect, *is, "desc", "", 0)))
                dared_.push_back({table_name(*was), fmt::format("{}.{}", was->text(), daring.column), std::move(daring.statements)});
        }
        return success();
    }();
    backend_.rollback();
    return looked;
}

// What was allowed before is nothing that the up newly allows.
Result<void> ApplicationWrites::keep_what_is_refused() {
    if (dared_.empty()) return success();
    UNDROP_CHECK(backend_.check_constraints());  // from here on at once
    for (auto& dared : dared_) {
        std::vector<std::string> refused;
        for (auto const& sql : dared.statements) {
            UNDROP_CHECK(backend_.run("savepoint undrop_daring"));
            UNDROP_TRY(auto const outcome, attempt(sql));
            UNDROP_CHECK(backend_.run("rollback to savepoint undrop_daring"));
            UNDROP_CHECK(backend_.run("release savepoint undrop_daring"));
            if (!outcome.error.empty()) refused.push_back(sql);
        }
        dared.statements = std::move(refused);
    }
    return success();
}

Result<void> ApplicationWrites::try_before(State const& before) {
    before_.clear();
    without_key_.clear();
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto tried = [&]() -> Result<void> {
        UNDROP_TRY(auto const tables, backend_.tables(options_.ledger));
        for (auto const& table : tables) {
            auto const name = table_name(table);
            if (!table_in(before, name) || !exercised_.contains(name)) continue;
            if (table.key.empty()) {
                without_key_.push_back(table.text());
                continue;
            }
            UNDROP_TRY(before_[name], write_to(table, table, false));
        }
        return success();
    }();
    backend_.rollback();
    if (!tried || dared_.empty()) return tried;
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto kept = keep_what_is_refused();
    backend_.rollback();
    return kept;
}

// Which tables were written to; none: nothing is left of it.
Result<std::set<TableName>> ApplicationWrites::committed(std::function<Result<void>(std::vector<Table> const&)> const& write) {
    std::set<TableName> written;
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto done = [&]() -> Result<void> {
        UNDROP_TRY(auto const tables, backend_.tables(options_.ledger));
        UNDROP_CHECK(backend_.mark(options_.ledger));
        UNDROP_CHECK(write(tables));
        UNDROP_TRY(auto const observed, backend_.observed());
        for (auto const& table : tables)
            if (observed.writes.contains(table.id)) written.insert(table_name(table));
        if (written.empty()) return success();
        UNDROP_CHECK(backend_.check_constraints());
        return backend_.commit();
    }();
    if (!done || written.empty()) backend_.rollback();
    if (!done) return std::move(done).error();
    return written;
}

// Beside the keys that are declared there are some that are only meant.
Result<void> ApplicationWrites::point_at_rows(Table const& table, std::vector<Table> const& tables) {
    auto const& dialect = backend_.dialect();
    if (table.key.empty()) return success();
    for (auto const& column : table.columns) {
        if (column.generated || is_key(table, column.name)) continue;
        std::vector<std::string> writes;
        for (auto const& name : exercised_) {
            auto const* other = find_table(tables, renames_.of(name));
            if (!other || other->key.size() != 1 || other->column(other->key.front())->type != column.type) continue;
            auto const key = dialect.quote(other->key.front());
            writes.push_back(fmt::format("update {0} as t set {1} = (select {2} from {3} as p order by {2} limit 1) where {4}",
                                         dialect.own_rows(table), dialect.quote(column.name), key, dialect.own_rows(*other),
                                         is_row(dialect, table, "desc", "", 0)));
        }
        UNDROP_CHECK(first_that_works(writes));
    }
    return success();
}

Result<std::set<TableName>> ApplicationWrites::write(State const& before, State const& after, bool into_new,
                                                     std::vector<std::string>& notes) {
    if (!without_key_.empty())
        notes.push_back(
            fmt::format("no application wrote to {}: without a key its rows cannot be followed", fmt::join(without_key_, ", ")));
    return committed([&](std::vector<Table> const& tables) -> Result<void> {
        for (auto const& [name, then] : before_) {
            auto const* was = table_in(before, name);
            auto const* is = find_table(tables, renames_.of(name));
            if (!is || !table_in(after, table_name(*is)) || !was || !can_follow(*was, *is)) continue;
            UNDROP_TRY(auto const outcomes, write_to(*is, *was, into_new || down_.any));
            for (auto const& [kind, outcome] : outcomes) {
                auto const earlier = then.find(kind);
                auto const worked = earlier != then.end() && earlier->second.rows > 0;
                if (worked && outcome.rows == 0 && !outcome.error.empty())
                    notes.push_back(fmt::format("an application's {} in {} fails after the up: {}", kind, is->text(), outcome.error));
            }
        }
        auto const is_new = [&](TableName const& name) {
            auto const& renamed = renames_.tables;
            return into_new && !table_in(before, name) && table_in(after, name) &&
                   std::none_of(renamed.begin(), renamed.end(), [&](auto const& rename) { return rename.second == name; });
        };
        for (auto const& table : tables) {
            if (!is_new(table_name(table)) || !table.root.empty()) continue;
            UNDROP_TRY(bool const made, make_row(backend_, *sandbox_.values(), table));
            if (made) UNDROP_CHECK(point_at_rows(table, tables));
        }
        return success();
    });
}

bool ApplicationWrites::dares() const {
    return std::any_of(dared_.begin(), dared_.end(), [](Dared const& dared) { return !dared.statements.empty(); });
}

Result<std::set<TableName>> ApplicationWrites::dare(std::vector<std::string>& what) {
    return committed([&](std::vector<Table> const&) -> Result<void> {
        UNDROP_CHECK(backend_.check_constraints());  // from here on at once
        for (auto const& dared : dared_) {
            UNDROP_TRY(auto const outcome, first_that_works(dared.statements));
            if (outcome.rows > 0) what.push_back(dared.what);
        }
        return success();
    });
}

Result<std::vector<std::string>> ApplicationWrites::missing(State const& before, State const& after, State const& written,
                                                            Touched const& touched, StepReport const& down) {
    bool const computes = std::any_of(down.merged.begin(), down.merged.end(), [](Merged const& m) { return m.computed > 0; });
    std::vector<std::string> found;
    UNDROP_CHECK(backend_.begin_reading());
    auto looked = [&]() -> Result<void> {
        UNDROP_TRY(auto const present, backend_.tables(options_.ledger));
        for (auto const& [name, rows] : before.tables) {
            auto const& then = renames_.of(name);
            if (touched && !touched->contains(name) && !touched->contains(then)) continue;
            auto const* now = find_table(present, name);
            auto const *b = table_in(before, name), *a = table_in(after, then), *w = table_in(written, then);
            if (!now || !a || !b || !w || !can_follow(*b, *a) || !can_follow(*a, *w) || !can_follow(*b, *now)) continue;
            auto const other_types = columns_of_other_types(before.catalog, after.catalog, *b);
            Expected const expected(backend_.dialect(),
                                    {*rows, *after.tables.at(then), *written.tables.at(then), *now, renames_.of_columns(name), other_types},
                                    down.origin != Origin::derived, computes);
            UNDROP_TRY(auto const counted, backend_.rows(expected.sql()));
            for (std::size_t i = 0; i < counted.at(0).size(); ++i)
                if (auto const& count = counted[0][i]; count && *count != "0")
                    found.push_back(fmt::format("{}: {} of {}", expected.what(i), *count, now->text()));
        }
        return success();
    }();
    backend_.rollback();
    if (!looked) return std::move(looked).error();
    return found;
}

Result<void> ApplicationWrites::put_back(State const& after, std::set<TableName> const& names) {
    auto const& dialect = backend_.dialect();
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto done = [&]() -> Result<void> {
        UNDROP_TRY(auto const present, backend_.tables(options_.ledger));
        std::vector<Table> tables;
        for (auto const& name : names)
            if (auto const* now = find_table(present, name); now && table_in(after, name)) tables.push_back(*now);
        UNDROP_CHECK(backend_.defer_references(tables));
        for (auto const& table : tables) UNDROP_CHECK(backend_.quiet(table));
        for (auto const& table : tables) {
            auto const& rows = *after.tables.at(table_name(table));
            Side const then{rows.store + " as a", "a", &rows, nullptr};
            Side const now{dialect.own_rows(table) + " as t", "t", nullptr, &table};
            std::vector<std::string> names_of;
            std::vector<std::string> columns;
            std::vector<std::string> sets;
            std::vector<std::string> loads;
            for (auto const& column : table.columns) {
                if (column.generated) continue;
                names_of.push_back(column.name);
                columns.push_back(dialect.quote(column.name));
                loads.push_back(dialect.load(column, then.value(dialect, column.name)));
                if (!column.identity && std::find(table.key.begin(), table.key.end(), column.name) == table.key.end())
                    sets.push_back(fmt::format("{} = {}", columns.back(), loads.back()));
            }
            if (table.key.empty()) {
                UNDROP_CHECK(backend_.run("delete from " + now.from));
                UNDROP_CHECK(
                    backend_.run(fmt::format("insert into {} ({}){} select {} from {}", dialect.relation(table.schema, table.name),
                                             fmt::join(columns, ", "), dialect.insert_overriding(), fmt::join(loads, ", "), then.from)));
                continue;
            }
            auto const keys = [&](Side const& side) { return fmt::format("select {} from {}", side.image(dialect, table.key), side.from); };
            UNDROP_CHECK(
                backend_.run(fmt::format("delete from {} where {} not in ({})", now.from, now.image(dialect, table.key), keys(then))));
            if (!sets.empty())
                UNDROP_CHECK(backend_.run(fmt::format("update {} set {} from {} where {} = {} and {} not in (select {} from {})", now.from,
                                                      fmt::join(sets, ", "), then.from, now.image(dialect, table.key),
                                                      then.image(dialect, table.key), now.image(dialect, names_of),
                                                      then.image(dialect, names_of), then.from)));
            UNDROP_CHECK(
                backend_.run(fmt::format("insert into {} ({}){} select {} from {} where {} not in ({})",
                                         dialect.relation(table.schema, table.name), fmt::join(columns, ", "), dialect.insert_overriding(),
                                         fmt::join(loads, ", "), then.from, then.image(dialect, table.key), keys(now))));
        }
        UNDROP_CHECK(backend_.check_constraints());  // a table with checks to come cannot be altered
        for (auto const& table : tables) UNDROP_CHECK(backend_.loud(table));
        UNDROP_CHECK(backend_.check_references());
        UNDROP_CHECK(backend_.check_constraints());
        return backend_.commit();
    }();
    if (!done) backend_.rollback();
    return done;
}

}  // namespace undrop
