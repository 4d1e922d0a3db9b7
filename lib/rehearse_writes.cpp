#include "rehearse_writes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <set>

#include "synthetic.hpp"
#include "try.hpp"

namespace undrop {
namespace {

constexpr std::int64_t most_gifts = 3;  // of plain values
constexpr std::size_t most_values = 9;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool has(std::string const& text, char const* part) { return text.find(part) != std::string::npos; }

std::string lower(std::string text) {
    for (auto& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

// Expressions that may give a value of the column that no row has yet.
std::vector<std::string> new_values(Dialect const& dialect, Table const& table, Column const& column) {
    auto const name = dialect.quote(column.name);
    auto const type = lower(column.type);
    auto const next = fmt::format("(select max(o.{}) + 1 from {} as o)", name, dialect.own_rows(table));
    auto const longer = fmt::format("t.{} || '-written'", name);
    if (has(type, "uuid")) return {"gen_random_uuid()"};
    if (has(type, "char") || has(type, "text") || has(type, "clob")) return {longer, fmt::format("t.{} || '1'", name)};
    if (type.empty() || has(type, "blob")) return {next, longer};
    return {next};
}

std::string list_of(Dialect const& dialect, std::vector<std::string> const& names, std::string const& alias) {
    std::vector<std::string> out;
    for (auto const& name : names) out.push_back(alias + dialect.quote(name));
    return fmt::format("{}", fmt::join(out, ", "));
}

// The n-th row in the key's order, as a condition on t.
std::string is_row(Dialect const& dialect, Table const& table, char const* order, std::string const& condition, int skip) {
    std::vector<std::string> sorted;
    for (auto const& name : table.key) sorted.push_back(fmt::format("p.{} {}", dialect.quote(name), order));
    return fmt::format("({}) = (select {} from {} as p{} order by {} limit 1 offset {})", list_of(dialect, table.key, "t."),
                       list_of(dialect, table.key, "p."), dialect.own_rows(table), condition, fmt::join(sorted, ", "), skip);
}

bool is_unique(Table const& table, std::string const& column) {
    auto const in = [&](std::vector<std::string> const& names) { return std::find(names.begin(), names.end(), column) != names.end(); };
    return in(table.key) || std::any_of(table.unique.begin(), table.unique.end(), in);
}

// Another row's value: of the right type, a label that there is, a parent that there is.
std::vector<std::string> updates(Dialect const& dialect, Table const& table, Table const& other) {
    std::vector<std::string> out;
    auto const row = is_row(dialect, table, "asc", "", 0);
    for (auto const& column : table.columns) {
        auto const* there = other.column(column.name);
        if (column.generated || is_unique(table, column.name) || !there || there->type != column.type) continue;
        auto const name = dialect.quote(column.name);
        out.push_back(
            fmt::format("update {0} as t set {1} = (select o.{1} from {0} as o where o.{1} <> t.{1} limit 1) where {2} and exists (select "
                        "1 from {0} as "
                        "o where o.{1} <> t.{1})",
                        dialect.own_rows(table), name, row));
    }
    return out;
}

// Values for a column that the up added, in that row.
std::vector<std::string> gifts(Dialect const& dialect, Table const& table, MadeColumn const& column, std::vector<ForeignKey> const& keys,
                               std::string const& row) {
    auto const name = dialect.quote(column.name);
    std::vector<std::string> out;
    auto const refers = std::find_if(keys.begin(), keys.end(), [&](ForeignKey const& key) {
        return std::find(key.columns.begin(), key.columns.end(), column.name) != key.columns.end();
    });
    if (refers != keys.end()) {
        if (refers->columns.size() > 1) return out;
        auto const others =
            fmt::format("select p.{0} from {1} as p where t.{2} is null or p.{0} <> t.{2}", dialect.quote(refers->parents_columns.front()),
                        dialect.relation(refers->parents_schema, refers->parent), name);
        out.push_back(
            fmt::format("update {0} as t set {1} = ({2} limit 1) where {3} and exists ({2})", dialect.own_rows(table), name, others, row));
        return out;
    }
    auto values = column.hints;
    for (std::int64_t n = 1; n <= most_gifts; ++n) values.push_back(column.plain(n));
    for (auto const& value : column.edges)
        if (value != "DEFAULT" && values.size() < most_values) values.push_back(value);
    for (auto const& value : values)
        out.push_back(fmt::format("update {0} as t set {1} = {2} where {3} and (t.{1} is null or cast(t.{1} as text) <> cast({2} as text))",
                                  dialect.own_rows(table), name, value, row));
    return out;
}

// A copy of the first row with a new key, and new values where they must be unique.
std::vector<std::string> inserts(Dialect const& dialect, Table const& table) {
    std::vector<std::string> out;
    for (auto key = table.key.rbegin(); key != table.key.rend(); ++key)
        for (auto const& value : new_values(dialect, table, *table.column(*key))) {
            std::vector<std::string> names;
            std::vector<std::string> values;
            for (auto const& column : table.columns) {
                if (column.generated) continue;
                names.push_back(dialect.quote(column.name));
                auto const in_key = std::find(table.key.begin(), table.key.end(), column.name) != table.key.end();
                if (column.name == *key)
                    values.push_back(value);
                else if (in_key || !is_unique(table, column.name))
                    values.push_back("t." + dialect.quote(column.name));
                else
                    values.push_back(column.not_null ? new_values(dialect, table, column).front() : "null");
            }
            out.push_back(fmt::format("insert into {} ({}){} select {} from {} as t where {}", dialect.relation(table.schema, table.name),
                                      fmt::join(names, ", "), dialect.insert_overriding(), fmt::join(values, ", "), dialect.own_rows(table),
                                      is_row(dialect, table, "asc", "", 0)));
        }
    return out;
}

// The last row but one to which no other refers: what a cascade takes is not the point.
std::string deletion(Dialect const& dialect, Table const& table, std::vector<Reference> const& references) {
    std::vector<std::string> free;
    for (auto const& reference : references) {
        std::vector<std::string> same;
        for (std::size_t i = 0; i < reference.columns.size(); ++i)
            same.push_back(fmt::format("c.{} = p.{}", dialect.quote(reference.columns[i]), dialect.quote(reference.parents_columns[i])));
        free.push_back(fmt::format("not exists (select 1 from {} as c where {})", reference.rows, fmt::join(same, " and ")));
    }
    auto const condition = free.empty() ? std::string() : fmt::format(" where {}", fmt::join(free, " and "));
    return fmt::format("delete from {} as t where {}", dialect.own_rows(table), is_row(dialect, table, "desc", condition, 1));
}

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

// One state's rows of a table: its copy, or what is there now.
struct Side {
    std::string from;
    std::string alias;
    State::Rows const* copy = nullptr;
    Table const* now = nullptr;

    [[nodiscard]] std::string value(Dialect const& dialect, std::string const& name) const {
        if (now) return dialect.save(*now->column(name), alias + "." + dialect.quote(name));
        auto const place = std::find(copy->columns.begin(), copy->columns.end(), name) - copy->columns.begin();
        return fmt::format("{}.v{}", alias, place + 1);
    }
    [[nodiscard]] std::string image(Dialect const& dialect, std::vector<std::string> const& names) const {
        std::vector<std::string> values;
        for (auto const& name : names) values.push_back(value(dialect, name));
        return dialect.image(values);
    }
};

// What must be there: before, and on top of it what the application made of what the up had left. One query, which counts what is not so.
class Expected {
public:
    // `scripted`: the down script ran; it `computes`: values by itself, perhaps from what the application wrote.
    Expected(Dialect const& dialect, State::Rows const& before, State::Rows const& after, State::Rows const& written, Table const& now,
             bool scripted, bool computes)
        : dialect_(dialect), key_(now.key) {
        for (auto const& name : before.columns) {
            auto const* there = now.column(name);
            if (!there || there->generated || std::find(key_.begin(), key_.end(), name) != key_.end()) continue;
            auto const* left = after.table.column(name);
            auto const stays = left && written.table.column(name) && left->type == before.table.column(name)->type;
            if (!stays && computes) continue;
            names_.push_back(name);
            stays_.push_back(stays);
        }
        std::vector<std::string> edited;
        std::vector<std::string> added;
        for (auto const& name : after.columns) {
            if (!written.table.column(name)) continue;
            edited.push_back(name);
            if (scripted && !before.table.column(name)) added.push_back(name);
        }
        auto const copy = [](State::Rows const& rows) { return Side{rows.store + " as s", "s", &rows, nullptr}; };
        with_ = fmt::format("with b as materialized ({}), a as materialized ({}), w as materialized ({}), t as materialized ({})",
                            rows_of(copy(before), {}, {}), rows_of(copy(after), edited, added), rows_of(copy(written), edited, added),
                            rows_of({dialect.own_rows(now) + " as s", "s", nullptr, &now}, {}, {}));
        find(scripted);
    }

    [[nodiscard]] std::string sql() const { return fmt::format("{} select {}", with_, fmt::join(counts_, ", ")); }
    [[nodiscard]] std::string const& what(std::size_t n) const { return what_[n]; }

private:
    void add(std::string const& from, std::string const& condition, std::string what) {
        counts_.push_back(fmt::format("(select count(*) from {} where {})", from, condition));
        what_.push_back(std::move(what));
    }

    void find(bool scripted) {
        add("t", "t.k in (select k from a) and t.k not in (select k from w)", "rows deleted after the up are there again");
        add("w", "w.k not in (select k from a) and w.k not in (select k from t)", "rows inserted after the up are gone");
        add("b", "not (b.k in (select k from a) and b.k not in (select k from w)) and b.k not in (select k from t)",
            "rows of before the up are gone");
        // What the up itself had inserted may stay where the application wrote to it.
        add("t",
            "t.k not in (select k from b) and not (t.k in (select k from w) and t.k not in (select k from a)) and "
            "t.k not in (select w.k from w join a on a.k = w.k where a.e <> w.e)",
            "rows that nobody inserted are there");
        std::string const all = "b join t on t.k = b.k join a on a.k = b.k join w on w.k = b.k";
        for (std::size_t i = 0; i < names_.size(); ++i) {
            auto const c = fmt::format("c{}", i + 1);
            if (stays_[i]) {
                // Where the up changed values, the down may change a new row's as well.
                add("t join w on w.k = t.k",
                    fmt::format(
                        "w.k not in (select k from a) and t.{0} <> w.{0}{1}", c,
                        scripted ? fmt::format(" and not exists (select 1 from b join a on a.k = b.k where a.{0} <> b.{0})", c) : ""),
                    "rows inserted after the up have another " + names_[i]);
                add(all, fmt::format("a.{0} <> w.{0} and b.{0} = a.{0} and a.n = w.n and t.{0} <> w.{0}", c),
                    fmt::format("values written to {} after the up are lost", names_[i]));
            }
            auto const same = stays_[i] ? fmt::format("a.{0} = w.{0} and a.n = w.n", c) : std::string("a.e = w.e");
            add(all, fmt::format("{1} and b.{0} <> t.{0}", c, same), fmt::format("values of {} are others than before the up", names_[i]));
        }
    }

    // k: the key; e: all that an application could write; n: what it wrote to columns that the up added, from which a script may compute.
    [[nodiscard]] std::string rows_of(Side const& side, std::vector<std::string> const& edited,
                                      std::vector<std::string> const& added) const {
        auto const image = [&](std::vector<std::string> const& names) { return names.empty() ? "''" : side.image(dialect_, names); };
        std::vector<std::string> values{side.image(dialect_, key_) + " as k", image(edited) + " as e", image(added) + " as n"};
        auto const has_column = [&](std::string const& name) { return side.now ? side.now->column(name) : side.copy->table.column(name); };
        for (std::size_t i = 0; i < names_.size(); ++i)
            values.push_back(fmt::format("{} as c{}", has_column(names_[i]) ? side.image(dialect_, {names_[i]}) : "''", i + 1));
        return fmt::format("select {} from {}", fmt::join(values, ", "), side.from);
    }

    Dialect const& dialect_;
    std::vector<std::string> key_;
    std::vector<std::string> names_;  // columns of before that are no key
    std::vector<bool> stays_;         // the up left it what it is
    std::string with_;
    std::vector<std::string> counts_;
    std::vector<std::string> what_;
};

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

Result<ApplicationWrites::Outcomes> ApplicationWrites::write_to(Table const& table, Table const& other) {
    auto const& dialect = backend_.dialect();
    UNDROP_TRY(auto const references, backend_.references(table));
    Outcomes outcomes;
    // The first row is copied and changed, and the last one has the number after which a new one is drawn.
    UNDROP_TRY(auto const rows, backend_.rows(fmt::format("select count(*) from {}", dialect.own_rows(table))));
    if (rows.at(0).at(0) && std::stoll(*rows[0][0]) > 2) {
        UNDROP_TRY(outcomes["delete"], attempt(deletion(dialect, table, references)));
    }
    UNDROP_TRY(outcomes["insert"], first_that_works(inserts(dialect, table)));
    UNDROP_TRY(outcomes["update"], first_that_works(updates(dialect, table, other)));
    if (rows[0][0] && *rows[0][0] != "0") {
        auto const one = *rows[0][0] == "1" && outcomes["insert"].rows == 0;
        UNDROP_TRY(outcomes["new columns"].rows, give_values(table, other, is_row(dialect, table, "desc", "", one ? 0 : 1)));
    }
    return outcomes;
}

// To columns that `other` does not have, or not so, in one row. How many took one.
Result<std::int64_t> ApplicationWrites::give_values(Table const& table, Table const& other, std::string const& row) {
    std::int64_t given = 0;
    // Or that take what they did not.
    auto const is_new = [&](std::string const& name) {
        auto const* column = table.column(name);
        auto const* then = other.column(name);
        auto const takes_more = then && (then->type != column->type || (then->not_null && !column->not_null));
        return column && !column->generated && (!then || takes_more) && !is_unique(table, name);
    };
    if (std::none_of(table.columns.begin(), table.columns.end(), [&](Column const& column) { return is_new(column.name); })) return given;
    auto const values = sandbox_.values();
    UNDROP_TRY(auto const columns, values->columns(table));
    UNDROP_TRY(auto const keys, values->foreign_keys(table));
    for (auto const& column : columns) {
        if (column.left_alone || !is_new(column.name)) continue;
        auto const* then = other.column(column.name);
        auto writes = gifts(backend_.dialect(), table, column, keys, row);
        if (then && then->not_null && !table.column(column.name)->not_null)
            writes.insert(writes.begin(), fmt::format("update {0} as t set {1} = null where {2} and t.{1} is not null",
                                                      backend_.dialect().own_rows(table), backend_.dialect().quote(column.name), row));
        UNDROP_TRY(auto const outcome, first_that_works(writes));
        given += outcome.rows;
    }
    return given;
}

Result<void> ApplicationWrites::try_before(State const& before, Touched const& touched) {
    before_.clear();
    without_key_.clear();
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto tried = [&]() -> Result<void> {
        UNDROP_TRY(auto const tables, backend_.tables(options_.ledger));
        for (auto const& table : tables) {
            auto const name = table_name(table);
            if (!table_in(before, name) || (touched && !touched->contains(name))) continue;
            if (table.key.empty()) {
                without_key_.push_back(table.text());
                continue;
            }
            UNDROP_TRY(before_[name], write_to(table, table));
        }
        return success();
    }();
    backend_.rollback();
    return tried;
}

Result<std::set<TableName>> ApplicationWrites::write(State const& before, State const& after, bool into_new,
                                                     std::vector<std::string>& notes) {
    std::set<TableName> written;
    if (!without_key_.empty())
        notes.push_back(fmt::format("no application wrote to {}: without a key its rows cannot be followed", fmt::join(without_key_, ", ")));
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto done = [&]() -> Result<void> {
        UNDROP_TRY(auto const tables, backend_.tables(options_.ledger));
        UNDROP_CHECK(backend_.mark(options_.ledger));
        std::int64_t rows = 0;
        for (auto const& [name, then] : before_) {
            auto const* was = table_in(before, name);
            auto const* is = find_table(tables, name);
            if (!is || !table_in(after, name) || !was || !can_follow(*was, *is)) continue;
            UNDROP_TRY(auto const outcomes, write_to(*is, *was));
            for (auto const& [kind, outcome] : outcomes) {
                rows += outcome.rows;
                auto const earlier = then.find(kind);
                auto const worked = earlier != then.end() && earlier->second.rows > 0;
                if (worked && outcome.rows == 0 && !outcome.error.empty())
                    notes.push_back(fmt::format("an application's {} in {} fails after the up: {}", kind, is->text(), outcome.error));
            }
        }
        auto const is_new = [&](TableName const& name) { return into_new && !table_in(before, name) && table_in(after, name); };
        for (auto const& table : tables) {
            if (!is_new(table_name(table)) || !table.root.empty()) continue;
            UNDROP_TRY(bool const made, make_row(backend_, *sandbox_.values(), table));
            rows += made ? 1 : 0;
        }
        if (rows == 0) return success();
        UNDROP_TRY(auto const observed, backend_.observed());
        for (auto const& table : tables)
            if (observed.writes.contains(table.id)) written.insert(table_name(table));
        UNDROP_CHECK(backend_.check_constraints());
        return backend_.commit();
    }();
    if (!done || written.empty()) backend_.rollback();
    if (!done) return std::move(done).error();
    return written;
}

Result<std::vector<std::string>> ApplicationWrites::missing(State const& before, State const& after, State const& written,
                                                            Touched const& touched, StepReport const& down) {
    bool const computes = std::any_of(down.merged.begin(), down.merged.end(), [](Merged const& m) { return m.computed > 0; });
    std::vector<std::string> found;
    UNDROP_CHECK(backend_.begin_reading());
    auto looked = [&]() -> Result<void> {
        UNDROP_TRY(auto const present, backend_.tables(options_.ledger));
        for (auto const& [name, rows] : before.tables) {
            if (touched && !touched->contains(name)) continue;
            auto const* now = find_table(present, name);
            auto const *b = table_in(before, name), *a = table_in(after, name), *w = table_in(written, name);
            if (!now || !a || !b || !w || !can_follow(*b, *a) || !can_follow(*a, *w) || !can_follow(*b, *now)) continue;
            Expected const expected(backend_.dialect(), *rows, *after.tables.at(name), *written.tables.at(name), *now,
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
