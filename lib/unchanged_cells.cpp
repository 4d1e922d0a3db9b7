// Which cells are still what the step had left in them, before their columns get another type.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "balanced.hpp"
#include "merge.hpp"
#include "names.hpp"
#include "restore_rows.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {

Result<std::string> note_unchanged(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now, std::string const& rows,
                                   std::int64_t work_id) {
    if (!s.keyed()) return std::string{};
    auto const& dialect = backend.dialect();
    std::vector<std::string> definitions;
    std::vector<std::string> names;
    std::vector<std::string> expressions;
    for (std::size_t i = 0; i < s.table.key.size(); ++i) {
        auto const* column = now.column(s.table.key[i]);
        if (!column) return std::string{};
        names.push_back(fmt::format("k{}", i + 1));
        definitions.push_back(names.back() + " " + column->stored_type);
        expressions.push_back("s." + names.back());
    }
    auto const keys = fmt::format("{}", fmt::join(names, ", "));
    auto const saved = saved_rows(dialect, ledger, s, now);
    for (std::size_t i = 0; i < s.table.key.size(); ++i) {
        names.push_back(fmt::format("p{}", i + 1));  // the key that the row has by now
        definitions.push_back(names.back() + " " + now.column(s.table.key[i])->stored_type);
        expressions.push_back(fmt::format("s.{}{}", saved.key, i + 1));
    }
    bool any = false;
    for (std::size_t i = 0; i < s.values.size(); ++i) {
        auto const* column = now.column(s.values[i]);
        auto const asked = column && s.left_types[i] != s.table.column(s.values[i])->full_type() && column->full_type() == s.left_types[i];
        any = any || asked;
        names.push_back(fmt::format("u{}", i + 1));
        definitions.push_back(names.back() + " integer not null");
        expressions.push_back(
            asked ? fmt::format("case when {} then 1 else 0 end", dialect.same(*column, "t." + dialect.quote(column->name),
                                                                               dialect.load(*column, fmt::format("s.w{}", i + 1))))
                  : "0");
    }
    if (!any) return std::string{};
    auto const store = ledger.table(names::work_prefix + std::to_string(work_id));
    UNDROP_CHECK(backend.run(fmt::format("create table {} ({}, primary key ({}))", store, fmt::join(definitions, ", "), keys)));
    UNDROP_CHECK(backend.seal(store, &now));
    UNDROP_CHECK(backend.run(fmt::format("insert into {} ({}) select {} from {} join {} as t on {}", store, fmt::join(names, ", "),
                                         fmt::join(expressions, ", "), saved.from, rows, saved.join)));
    return store;
}

Result<std::int64_t> empty_cells(Backend& backend, Table const& now, Snapshot const& s, std::string const& unchanged, std::size_t value) {
    auto const& dialect = backend.dialect();
    std::vector<std::string> terms;
    for (std::size_t i = 0; i < s.table.key.size(); ++i)
        terms.push_back(dialect.equal(*now.column(s.table.key[i]), "t." + dialect.quote(s.table.key[i]), fmt::format("n.p{}", i + 1)));
    return backend.run(fmt::format("update {} as t set {} = null from {} as n where {} and n.u{} = 1", dialect.own_rows(now),
                                   dialect.quote(s.values[value]), unchanged, balanced(terms, " and "), value + 1));
}

bool changes_key(Snapshot const& s) {
    return std::any_of(s.values.begin(), s.values.end(), [&](std::string const& name) {
        return std::find(s.table.key.begin(), s.table.key.end(), name) != s.table.key.end();
    });
}

namespace {

bool is_saved_as_text(Column const& column) { return column.stored_type.starts_with("text"); }
// Any text is a value of it: not only labels of an enum, or short ones.
bool is_text(Column const& column) {
    return is_saved_as_text(column) && (column.full_type() == "text" || column.full_type() == "character varying");
}

}  // namespace

bool keys_come_back_first(Table const& now, Snapshot const& s) {
    auto any = false;
    for (auto const& name : s.table.key) {
        auto const at = static_cast<std::size_t>(std::find(s.values.begin(), s.values.end(), name) - s.values.begin());
        auto const* column = now.column(name);
        auto const* then = s.table.column(name);
        if (!column || !then) return false;
        if (at >= s.left_types.size() || s.left_types[at] == then->full_type()) continue;
        if (column->full_type() != s.left_types[at]) return false;
        any = any || of_another_kind(*column, *then) || (is_saved_as_text(*then) && !is_text(*then));
    }
    return any;
}

Result<void> let_be_text(Backend& backend, Table const& now, Column const& column) {
    if (is_text(column)) return BOOST_OUTCOME_V2_NAMESPACE::success();
    auto const& dialect = backend.dialect();
    UNDROP_CHECK(backend.run(fmt::format("alter table {0} alter column {1} type text using {1}::text",
                                         dialect.relation(now.schema, now.name), dialect.quote(column.name))));
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<void> let_keys_be_text(Backend& backend, Table const& now, Snapshot const& s) {
    for (auto const& name : s.table.key) {
        auto const& column = *now.column(name);
        if (column.full_type() != s.table.column(name)->full_type()) UNDROP_CHECK(let_be_text(backend, now, column));
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

Result<KeysBack> keys_back(Backend& backend, Ledger const& ledger, Table const& now, Snapshot const& s, std::string const& unchanged,
                           std::int64_t work_id) {
    auto const& dialect = backend.dialect();
    KeysBack back{.moved = s};
    back.moved.table = now;
    back.moved.table.key = s.table.key;
    back.moved.values = s.table.key;
    back.moved.store = names::work_prefix + std::to_string(work_id);
    StoreTable work(ledger.table(back.moved.store));
    std::vector<std::string> as_left;
    std::vector<std::string> same;
    std::vector<std::string> through;  // a key that comes back may still be another row's
    std::vector<std::string> set;
    std::vector<std::string> is_it;
    std::vector<std::string> is_through;
    for (std::size_t i = 0; i < s.table.key.size(); ++i) {
        auto const& name = s.table.key[i];
        auto const at = static_cast<std::size_t>(std::find(s.values.begin(), s.values.end(), name) - s.values.begin());
        auto const& column = *now.column(name);
        auto const written = at < s.values.size();
        auto const retyped = written && s.left_types[at] != s.table.column(name)->full_type();
        auto const present = "t." + dialect.quote(name);
        auto const as_left_now = dialect.equal(column, present, fmt::format("n.p{}", i + 1));
        work.add_key(fmt::format("k{}", i + 1), retyped ? s.table.column(name)->stored_type : column.stored_type,
                     written ? fmt::format("s.v{}", at + 1) : fmt::format("n.p{}", i + 1));
        work.add(fmt::format("v{}", i + 1), column.stored_type, fmt::format("s.k{}", i + 1));
        work.add(fmt::format("p{}", i + 1), column.stored_type, fmt::format("n.p{}", i + 1));
        same.push_back(fmt::format("n.k{0} = s.k{0}", i + 1));
        if (!retyped) {
            is_it.push_back(as_left_now);
            is_through.push_back(as_left_now);
            if (!written) continue;
            as_left.push_back(fmt::format("n.p{0} = s.k{0}", i + 1));
            set.push_back(fmt::format("{} = {}", dialect.quote(name), dialect.load(column, fmt::format("n.k{}", i + 1))));
            continue;
        }
        is_it.push_back(is_text(column) ? as_left_now : fmt::format("{} = cast(n.p{} as text)", present, i + 1));
        as_left.push_back(fmt::format("n.u{} = 1", at + 1));
        auto const text = fmt::format("cast(n.k{} as text)", i + 1);
        through.push_back(fmt::format("{} = 'undrop ' || {}", dialect.quote(name), text));
        set.push_back(fmt::format("{} = {}", dialect.quote(name), is_text(column) ? dialect.load(column, text) : text));
        is_through.push_back(is_text(column) ? dialect.equal(column, present, "'undrop ' || " + text)
                                             : fmt::format("{} = 'undrop ' || {}", present, text));
    }
    UNDROP_CHECK(work.make(backend, now));
    UNDROP_CHECK(work.fill(backend, fmt::format("{} as s join {} as n on {} where {}", ledger.table(s.store), unchanged,
                                                balanced(same, " and "), balanced(as_left, " and "))));
    auto const update = [&](std::vector<std::string> const& values, std::vector<std::string> const& where) {
        return backend.run(fmt::format("update {} as t set {} from {} as n where {}", dialect.own_rows(now), fmt::join(values, ", "),
                                       work.name(), balanced(where, " and ")));
    };
    UNDROP_TRY(auto const first, update(through, is_it));
    UNDROP_TRY(auto const then, update(set, is_through));
    back.updated = first + then;
    return back;
}

}  // namespace undrop
