#include "merge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "balanced.hpp"
#include "names.hpp"
#include "row_sides.hpp"
#include "unique_rules.hpp"

namespace undrop {

std::int64_t number_of(Cell const& cell) { return cell && !cell->empty() ? std::stoll(*cell) : 0; }

Error cannot_tell_rows(Snapshot const& s, std::string const& missing) {
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("the rows of {} were saved by {}, which is not in the table now", s.what(), missing),
                 .next = {.advice = "bring the key column back under its name first, in the down script"}};
}

// A key whose type the script has changed is compared as what it is saved as by now; with a length as well it would be cut to it.
std::string saved_key(Dialect const& dialect, Snapshot const& s, Column const& now, std::string const& stored) {
    auto const changed = std::find(s.values.begin(), s.values.end(), now.name) != s.values.end();
    if (s.kind != Snapshot::Kind::updated || (changed && !now.stored_type.starts_with("text"))) return stored;
    auto const plain = now.type == now.stored_type || now.type.starts_with("numeric(");
    auto kept = now;
    if (!plain) kept.type = now.stored_type.substr(0, now.stored_type.find(" collate"));
    if (!plain) kept.reader.reset();
    return dialect.load(kept, stored);
}

std::string key_join(Dialect const& dialect, Snapshot const& s, Table const& now, char column) {
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < s.table.key.size(); ++i) {
        auto const& key = *now.column(s.table.key[i]);
        terms.push_back(
            dialect.equal(key, "t." + dialect.quote(key.name), saved_key(dialect, s, key, fmt::format("s.{}{}", column, i + 1))));
    }
    return balanced(terms, " and ");
}

std::vector<std::string> key_now(Snapshot const& own, Table const& now) {
    auto key = own.table.key;
    for (auto& name : key) {
        auto const* then = own.table.id == now.id ? own.table.column(name) : nullptr;
        auto const* column = then ? now.column_by_id(then->id) : nullptr;
        if (column) name = column->name;
    }
    return key;
}

namespace {

bool is_number(Column const& column) {
    auto const& type = column.stored_type;
    return type == "smallint" || type == "integer" || type == "bigint" || type == "numeric";
}

}  // namespace

bool of_another_kind(Column const& a, Column const& b) { return a.stored_type != b.stored_type && !(is_number(a) && is_number(b)); }

Snapshot const* changes_keys(std::vector<Snapshot const*> const& own, Snapshot const& s, Table const& now) {
    auto const known_types = [&](Snapshot const& u) {
        for (std::size_t i = 0; i < s.table.key.size(); ++i) {
            auto const& column = *s.table.column(s.table.key[i]);
            auto const at = static_cast<std::size_t>(std::find(s.values.begin(), s.values.end(), column.name) - s.values.begin());
            auto const& left = s.kind == Snapshot::Kind::updated && at < s.left_types.size() ? s.left_types[at] : column.full_type();
            auto const& before = *u.table.column(u.table.key[i]);
            auto const* current = now.column(column.name);
            if (!current || before.full_type() != left) return false;
            if (column.full_type() != left && !of_another_kind(before, *current) && is_padded(before) == is_padded(*current)) return false;
        }
        return true;
    };
    for (auto const* u : own) {
        auto const changed = [&](std::string const& name) {
            return std::find(u->values.begin(), u->values.end(), name) != u->values.end();
        };
        auto const& key = u->table.key;
        if (s.keyed() && key_now(*u, now) == s.table.key && std::any_of(key.begin(), key.end(), changed) && known_types(*u)) return u;
    }
    return nullptr;
}

namespace {

// One more column j1.. for each of the key: what users have made of it since; NULL where the row is gone.
std::string with_keys_since(Dialect const& dialect, Ledger const& ledger, Snapshot const& s) {
    std::vector<std::string> keys;
    std::vector<std::string> saved;
    for (std::size_t i = 1; i <= s.table.key.size(); ++i) {
        saved.push_back(fmt::format("s.k{}", i));
        keys.push_back(fmt::format("case when m.i is null then s.k{0} else m.k{0} end as j{0}", i));
    }
    return fmt::format("(select s.*, {} from {} as s left join {} as m on m.i = {})", fmt::join(keys, ", "), ledger.table(s.store), s.moves,
                       dialect.image(saved));
}

// One more column l1.. for each of the key: what the script made of it; NULL where it gave the key to another row.
std::string with_keys_now(Ledger const& ledger, Snapshot const& s, SavedRows const& rows, Snapshot const& moved, Table const& now) {
    auto const other_kind = [&](std::size_t i) {
        return of_another_kind(*moved.table.column(moved.table.key[i]), *now.column(s.table.key[i]));
    };
    bool all_other = false;
    for (std::size_t i = 0; i < s.table.key.size(); ++i) all_other = all_other || other_kind(i);
    std::vector<std::string> keys;
    std::vector<std::string> same;
    std::vector<std::string> taken;
    for (std::size_t i = 1; i <= s.table.key.size(); ++i) {
        auto const at = std::find(moved.values.begin(), moved.values.end(), moved.table.key[i - 1]) - moved.values.begin() + 1;
        bool const changed = at <= static_cast<std::ptrdiff_t>(moved.values.size());
        keys.push_back(
            all_other ? fmt::format("u.k{0} as l{0}", i)
                      : fmt::format("case when u.k1 is not null then u.k{0} when w.k1 is null then s.{1}{0} end as l{0}", i, rows.key));
        same.push_back(changed ? fmt::format("u.v{} = s.{}{}", at, rows.key, i) : fmt::format("u.k{0} = s.{1}{0}", i, rows.key));
        taken.push_back(all_other ? std::string{"1 = 0"} : fmt::format("w.k{0} = s.{1}{0}", i, rows.key));
    }
    return fmt::format("(select s.*, {0} from {1} as s left join {2} as u on {3} left join {2} as w on {4})", fmt::join(keys, ", "),
                       rows.rows, ledger.table(moved.store), balanced(same, " and "), balanced(taken, " and "));
}

}  // namespace

SavedRows saved_rows(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, Table const& now, std::string const& matched,
                     Snapshot const* moved) {
    SavedRows rows{.rows = ledger.table(s.store), .from = {}, .join = {}, .identity = {}, .matched = matched};
    if (!s.moves.empty()) {
        rows.rows = with_keys_since(dialect, ledger, s);
        rows.key = 'j';
    }
    if (moved) {
        rows.rows = with_keys_now(ledger, s, rows, *moved, now);
        rows.key = 'l';
    }
    rows.from = rows.rows + " as s";
    for (std::size_t i = 1; i <= s.table.key.size(); ++i) rows.identity.push_back(fmt::format("k{}", i));
    if (s.keyed()) {
        rows.join = key_join(dialect, s, now, rows.key);
        return rows;
    }
    rows.identity = {"n"};
    if (matched.empty()) return rows;
    rows.from += fmt::format(" join {} as m on m.n = s.n", matched);
    rows.join = dialect.row_id(now, "t") + " = m.l";
    return rows;
}

std::string same_identity(SavedRows const& rows, char const* a, char const* b) {
    std::vector<std::string> terms;
    for (auto const& name : rows.identity) terms.push_back(fmt::format("{0}.{2} = {1}.{2}", a, b, name));
    return balanced(terms, " and ");
}

std::string own_row(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows, std::string const& p) {
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        terms.push_back(fmt::format("{} = {}", saved_key(dialect, s, *now.column(s.table.key[i]), fmt::format("{}.k{}", p, i + 1)),
                                    saved_key(dialect, s, *now.column(s.table.key[i]), fmt::format("s.{}{}", rows.key, i + 1))));
    return balanced(terms, " and ");
}

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
    auto const into = names.empty() ? std::string{} : fmt::format(" ({})", fmt::join(names, ", "));  // a table may have no column
    return fmt::format("insert into {}{}{} select {} from {}", dialect.relation(now.schema, now.name), into, dialect.insert_overriding(),
                       fmt::join(values, ", "), from);
}

namespace {

// What the row of the snapshot (alias s) and of the table (alias t, where it is there) would have in this column, saved.
std::string value_to_be(Dialect const& dialect, Snapshot const& s, Table const& now, std::string const& column) {
    auto const at = std::find(s.values.begin(), s.values.end(), column);
    if (at != s.values.end()) return fmt::format("s.v{}", at - s.values.begin() + 1);
    return dialect.save(*now.column(column), "t." + dialect.quote(column));
}

// Condition: x has the values in `unique` that the snapshot's row would have.
std::string has_values(Dialect const& dialect, Snapshot const& s, Table const& now, std::vector<std::string> const& unique) {
    std::vector<std::string> terms;
    for (auto const& name : unique)
        terms.push_back(dialect.equal(*now.column(name), "x." + dialect.quote(name), value_to_be(dialect, s, now, name)));
    return balanced(terms, " and ");
}

// Condition: x is one of the snapshot's rows itself.
std::string is_saved(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows) {
    if (!rows.matched.empty()) return fmt::format("exists (select 1 from {} as z where z.l = {})", rows.matched, dialect.row_id(now, "x"));
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        terms.push_back(
            dialect.equal(*now.column(s.table.key[i]), "x." + dialect.quote(s.table.key[i]), fmt::format("z.{}{}", rows.key, i + 1)));
    if (terms.empty()) return "1 = 0";
    return fmt::format("exists (select 1 from {} as z where {})", rows.rows, balanced(terms, " and "));
}

// Condition: x is the snapshot's row itself.
std::string is_itself(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows) {
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        terms.push_back(dialect.equal(*now.column(s.table.key[i]), "x." + dialect.quote(s.table.key[i]),
                                      saved_key(dialect, s, *now.column(s.table.key[i]), fmt::format("s.{}{}", rows.key, i + 1))));
    return terms.empty() ? std::string{"1 = 0"} : balanced(terms, " and ");
}

// The snapshot's rows whose values in `unique` another row has, which stays as it is.
std::string takers(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows,
                   std::vector<std::string> const& unique, bool put_over) {
    return fmt::format("select s.{} from {} join {} as x on {} where not {}", fmt::join(rows.identity, ", s."), rows.from,
                       dialect.own_rows(now), has_values(dialect, s, now, unique),
                       put_over ? is_saved(dialect, s, now, rows) : fmt::format("({})", is_itself(dialect, s, now, rows)));
}

}  // namespace

std::vector<std::vector<std::string>> unique_and_changed(Snapshot const& s, Table const& now, std::vector<std::string> const& changed) {
    auto const changes = [&](std::string const& name) { return std::find(changed.begin(), changed.end(), name) != changed.end(); };
    auto unique = now.unique;
    // Indexes that are not there yet, since they come back after the rows.
    auto const there = [&](std::string const& name) { return now.column(name) && !now.column(name)->generated; };
    for (auto const& columns : s.table.unique)
        if (std::all_of(columns.begin(), columns.end(), there) && std::find(unique.begin(), unique.end(), columns) == unique.end())
            unique.push_back(columns);
    if (s.kind == Snapshot::Kind::updated || !s.keyed()) unique.push_back(now.key);
    auto const whole = s.kind != Snapshot::Kind::updated;
    auto const is_computed = [&](std::string const& name) { return now.column(name) && now.column(name)->generated; };
    std::erase_if(unique, [&](auto const& columns) {
        return columns.empty() || std::any_of(columns.begin(), columns.end(), is_computed) ||  // a UniqueRule
               (whole ? !std::all_of(columns.begin(), columns.end(), changes) : std::none_of(columns.begin(), columns.end(), changes));
    });
    return unique;
}

Result<bool> unique_values_collide(Backend& backend, Snapshot const& s, Table const& now, SavedRows const& rows) {
    auto const& dialect = backend.dialect();
    for (auto const& columns : unique_and_changed(s, now, s.values)) {
        std::vector<std::string> itself;
        for (auto const& name : s.table.key) itself.push_back(fmt::format("x.{0} = t.{0}", dialect.quote(name)));
        if (itself.empty()) itself.push_back(fmt::format("{} = {}", dialect.row_id(now, "x"), dialect.row_id(now, "t")));
        UNDROP_TRY(auto const found,
                   backend.rows(fmt::format("select 1 from {} join {} as t on {} join {} as x on {} where not ({}) limit 1", rows.from,
                                            dialect.own_rows(now), rows.join, dialect.own_rows(now), has_values(dialect, s, now, columns),
                                            balanced(itself, " and "))));
        if (!found.empty()) return true;
    }
    for (auto const& rule : now.rules) {
        if (!rule.on_columns) continue;
        UNDROP_TRY(auto const found, backend.rows(collision_by_rule(dialect, s, now, rows, rule)));
        if (!found.empty()) return true;
    }
    return false;
}

std::string unique_values_query(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows, bool put_over) {
    std::vector<std::string> selects;
    for (auto const& columns : unique_and_changed(s, now, s.values)) selects.push_back(takers(dialect, s, now, rows, columns, put_over));
    for (auto& select : takers_by_rules(dialect, s, now, rows, put_over)) selects.push_back(std::move(select));
    return fmt::format("{}", fmt::join(selects, " union "));
}

Result<std::string> unique_values_taken(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, SavedRows const& rows,
                                        bool put_over, std::int64_t id) {
    auto const query = unique_values_query(backend.dialect(), s, now, rows, put_over);
    if (query.empty()) return std::string{};
    return identities_table(backend, ledger, s, now, rows, {}, query, id);
}

Result<std::string> identities_table(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, SavedRows const& rows,
                                     std::vector<std::string> const& more, std::string const& query, std::int64_t id) {
    // Of the types that they have in the snapshot's own table.
    UNDROP_TRY(auto const columns, backend.columns_of(ledger.table(s.store)));
    std::vector<std::string> definitions;
    for (auto const& name : rows.identity)
        for (auto const& column : columns)
            if (column.name == name) definitions.push_back(fmt::format("{} {} not null", name, column.type));
    definitions.insert(definitions.end(), more.begin(), more.end());
    auto const store = ledger.table(names::work_prefix + std::to_string(id));
    UNDROP_CHECK(backend.run(
        fmt::format("create table {} ({}, primary key ({}))", store, fmt::join(definitions, ", "), fmt::join(rows.identity, ", "))));
    UNDROP_CHECK(backend.seal(store, &now));
    UNDROP_TRY(auto const count, backend.run(fmt::format("insert into {} {}", store, query)));
    if (count > 0) return store;
    UNDROP_CHECK(backend.run("drop table " + store));
    return std::string{};
}

}  // namespace undrop
