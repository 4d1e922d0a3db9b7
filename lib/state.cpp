#include "state.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <functional>
#include <utility>

#include "names.hpp"
#include "save.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };
constexpr std::size_t most_rows = 5;
constexpr std::size_t most_characters = 60;
constexpr int first_copy = 1'000'000;  // a step's own copies count from 1

std::int64_t number(Cell const& cell) { return cell && !cell->empty() ? std::stoll(*cell) : 0; }

bool has_rows_of_its_own(Table const& table) { return !table.partitioned; }

std::vector<std::string> all_columns(Table const& table) {
    std::vector<std::string> names;
    for (auto const& column : table.columns) names.push_back(column.name);
    return names;
}

bool same_columns(Table const& a, Table const& b) {
    return a.columns.size() == b.columns.size() && std::all_of(a.columns.begin(), a.columns.end(), [&](Column const& column) {
               auto const* other = b.column(column.name);
               return other && other->type == column.type;
           });
}

bool same_identities(Table const& a, Table const& b) {
    return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                      [](Column const& x, Column const& y) { return x.id == y.id && x.name == y.name && x.type == y.type; });
}

bool is_touched(Touched const& touched, TableName const& name) { return !touched || touched->contains(name); }

// Long values are cut, between characters.
std::string cut(std::string text) {
    if (text.size() <= most_characters) return text;
    auto end = most_characters;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end) + "...";
}

std::string row_text(std::vector<std::string> const& values) { return cut(fmt::format("({})", fmt::join(values, ", "))); }

// P8: of the target's rows only keys are shown, and of these only numbers and uuids, which say nothing about anybody.
std::string key_text(std::vector<std::string> values, bool hide) {
    for (auto& value : values) {
        value = cut(value);
        if (hide && value.find('\'') != std::string::npos) value = "'...'";
    }
    if (values.empty()) return {};
    return values.size() == 1 ? values.front() : fmt::format("({})", fmt::join(values, ", "));
}

// The columns that both have, with the key first where it still tells the rows.
struct Common {
    std::vector<std::string> names;
    std::size_t keys = 0;
};

Common common(State::Rows const& then, Table const& now, std::set<std::string> const& but) {
    Common both;
    auto const is_there = [&](std::string const& name) { return now.column(name) != nullptr && !but.contains(name); };
    auto const& key = then.table.key;
    if (std::all_of(key.begin(), key.end(), is_there) && std::set(key.begin(), key.end()) == std::set(now.key.begin(), now.key.end())) {
        both.names = key;
        both.keys = key.size();
    }
    for (auto const& name : then.columns)
        if (is_there(name) && std::find(both.names.begin(), both.names.end(), name) == both.names.end()) both.names.push_back(name);
    return both;
}

// Rows of the copy count +1, rows of the table -1; what is left over differs. i tells whole rows, k their keys, c1 ... are for people.
std::string left_over(Dialect const& dialect, State::Rows const& then, Table const& now, Common const& both) {
    auto const side = [&](std::string const& count, std::string const& from, auto const& column_of, auto const& value_of) {
        std::vector<std::string> saved;
        std::string shown;
        for (std::size_t i = 0; i < both.names.size(); ++i) {
            saved.push_back(value_of(both.names[i]));
            shown += fmt::format(", {} as c{}", dialect.shown(column_of(both.names[i]), saved.back()), i + 1);
        }
        auto const keys = std::vector(saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(both.keys));
        return fmt::format("select {} as i, {} as k, {} as d{} from {}", dialect.image(saved), keys.empty() ? "''" : dialect.image(keys),
                           count, shown, from);
    };
    auto const old_column = [&](std::string const& name) -> Column const& { return *then.table.column(name); };
    auto const new_column = [&](std::string const& name) -> Column const& { return *now.column(name); };
    auto const old_value = [&](std::string const& name) {
        return fmt::format("s.v{}", std::find(then.columns.begin(), then.columns.end(), name) - then.columns.begin() + 1);
    };
    auto const new_value = [&](std::string const& name) { return dialect.save(new_column(name), "t." + dialect.quote(name)); };
    std::string least;
    for (std::size_t i = 0; i < both.names.size(); ++i) least += fmt::format(", min(c{0}) as c{0}", i + 1);
    return fmt::format("select i, min(k) as k, sum(d) as n{} from ({} union all {}) as u group by i having sum(d) <> 0", least,
                       side("1", then.store + " as s", old_column, old_value),
                       side("-1", dialect.own_rows(now) + " as t", new_column, new_value));
}

struct Remainder {
    std::string key;
    std::int64_t count = 0;  // more than 0: it was there; less: it is there now
    std::vector<std::string> values;
};

RowDifference whole_row(std::string const& table, Remainder const& row, std::size_t keys, bool hide) {
    RowDifference difference{.kind = row.count > 0 ? RowDifference::Kind::gone : RowDifference::Kind::added,
                             .table = table,
                             .key = key_text({row.values.begin(), row.values.begin() + static_cast<std::ptrdiff_t>(keys)}, hide),
                             .hidden = hide};
    auto const times = row.count < 0 ? -row.count : row.count;
    auto const text = times > 1 ? fmt::format("{} rows {}", times, row_text(row.values)) : row_text(row.values);
    if (!hide) (row.count > 0 ? difference.before : difference.after) = text;
    return difference;
}

// Both forms of a row with the same key are one difference for each column.
void list_rows(std::string const& table, std::vector<Remainder> const& rows, Common const& both, bool hide,
               std::vector<RowDifference>& out) {
    for (std::size_t i = 0; i < rows.size() && out.size() < most_rows; ++i) {
        auto const pair = both.keys > 0 && i + 1 < rows.size() && rows[i].key == rows[i + 1].key;
        if (!pair) {
            out.push_back(whole_row(table, rows[i], both.keys, hide));
            continue;
        }
        auto const& before = rows[i].count > 0 ? rows[i] : rows[i + 1];
        auto const& after = rows[i].count > 0 ? rows[i + 1] : rows[i];
        ++i;
        auto const key = key_text({before.values.begin(), before.values.begin() + static_cast<std::ptrdiff_t>(both.keys)}, hide);
        for (auto c = both.keys; c < both.names.size() && out.size() < most_rows; ++c)
            if (before.values[c] != after.values[c])
                out.push_back({.table = table,
                               .key = key,
                               .column = both.names[c],
                               .before = hide ? "" : cut(before.values[c]),
                               .after = hide ? "" : cut(after.values[c]),
                               .hidden = hide});
    }
}

// The tables of before that are there and may have other rows. One that is missing is an object that is missing; its rows went with it.
Result<void> each_common(State const& then, Touched const& touched, std::vector<Table> const& tables,
                         std::function<Result<void>(State::Rows const&, Table const&)> const& look) {
    for (auto const& table : tables) {
        TableName const name{table.schema, table.name};
        auto const found = then.tables.find(name);
        if (found == then.tables.end() || !has_rows_of_its_own(table)) continue;
        if (!is_touched(touched, name) && same_columns(found->second->table, table)) continue;
        UNDROP_CHECK(look(*found->second, table));
    }
    return success();
}

void compare_catalogs(Catalog const& then, Catalog const& now, std::vector<ObjectDifference>& out) {
    for (auto const& [id, object] : then) {
        auto const found = now.find(id);
        if (found == now.end())
            out.push_back({id.text(), object.make, {}});
        else if (!found->second.same(object))
            out.push_back({id.text(), object.make, found->second.make});
    }
    for (auto const& [id, object] : now)
        if (!then.contains(id)) out.push_back({id.text(), {}, object.make});
}

// By a witness's reading; what both readings see is told once, by our own.
void compare_texts(std::string const& witness, SchemaText const& then, SchemaText const& now, std::vector<ObjectDifference>& out) {
    auto const name = [&](std::string const& object) { return witness.empty() ? object : fmt::format("{} ({})", object, witness); };
    for (auto const& [object, text] : then) {
        auto const found = now.find(object);
        if (found == now.end() || found->second != text)
            out.push_back({name(object), text, found == now.end() ? std::string{} : found->second});
    }
    for (auto const& [object, text] : now)
        if (!then.contains(object)) out.push_back({name(object), {}, text});
}

}  // namespace

Result<std::shared_ptr<State::Rows const>> StateKeeper::copy(Table const& table) {
    auto const& dialect = backend_.dialect();
    State::Rows rows{.table = table,
                     .store = dialect.store(options_.ledger, names::copy_prefix + std::to_string(first_copy + ++last_)),
                     .columns = all_columns(table)};
    std::vector<std::string> definitions;
    std::vector<std::string> values;
    for (auto const& name : rows.columns) {
        auto const& column = *table.column(name);
        definitions.push_back(fmt::format("v{} {}", definitions.size() + 1, column.stored_type));
        values.push_back(dialect.save(column, "t." + dialect.quote(name)));
    }
    if (definitions.empty()) {  // PostgreSQL has tables without columns; how many rows they have still counts
        definitions.emplace_back("none integer");
        values.emplace_back("null");
    }
    UNDROP_CHECK(backend_.run(fmt::format("create table {} ({})", rows.store, fmt::join(definitions, ", "))));
    UNDROP_CHECK(
        backend_.run(fmt::format("insert into {} select {} from {} as t", rows.store, fmt::join(values, ", "), dialect.own_rows(table))));
    return std::make_shared<State::Rows const>(std::move(rows));
}

Result<State> StateKeeper::take(State const& earlier, Touched const& touched) {
    UNDROP_CHECK(backend_.begin(options_, {}));
    State state;
    auto taken = [&]() -> Result<void> {
        for (auto const& sql : later_) UNDROP_CHECK(backend_.run(sql));
        UNDROP_TRY(auto const tables, backend_.tables(options_.ledger));
        UNDROP_TRY(state.catalog, backend_.catalog(options_.ledger));
        UNDROP_TRY(state.beside_tables, sandbox_.beside_tables());
        auto const given = std::any_of(state.catalog.begin(), state.catalog.end(),
                                       [](auto const& entry) { return entry.first.kind == "default_privileges"; });
        for (auto const& table : tables) {
            if (!has_rows_of_its_own(table)) continue;
            TableName const name{table.schema, table.name};
            auto const found = earlier.tables.find(name);
            if (found != earlier.tables.end() && !is_touched(touched, name) && same_columns(found->second->table, table)) {
                state.tables.insert(*found);
                continue;
            }
            UNDROP_TRY(auto made, copy(table));
            if (given) UNDROP_CHECK(backend_.seal(made->store, nullptr));
            state.tables.emplace(name, std::move(made));
        }
        return backend_.commit();
    }();
    if (!taken) {
        backend_.rollback();
        return std::move(taken).error();
    }
    later_.clear();
    if (witness_) {
        UNDROP_TRY(state.by_witness, witness_->seen_by_witness());
    }
    return state;
}

Result<Columns> StateKeeper::differing_columns(State const& then, Touched const& touched) {
    UNDROP_CHECK(backend_.begin_reading());
    Columns differing;
    auto looked = [&]() -> Result<void> {
        UNDROP_TRY(auto const tables, backend_.tables(options_.ledger));
        return each_common(then, touched, tables, [&](State::Rows const& rows, Table const& now) -> Result<void> {
            UNDROP_TRY(auto columns, differing_columns(rows, now));
            if (!columns.empty()) differing.emplace(TableName{now.schema, now.name}, std::move(columns));
            return success();
        });
    }();
    backend_.rollback();
    if (!looked) return std::move(looked).error();
    return differing;
}

Result<std::set<std::string>> StateKeeper::differing_columns(State::Rows const& then, Table const& now) {
    std::set<std::string> differing;
    auto const all = common(then, now, {});
    for (std::size_t i = 0; i < all.names.size(); ++i) {
        Common one{.names = {all.names[i]}, .keys = 0};
        // A key that differs itself tells no rows.
        if (i >= all.keys && std::none_of(all.names.begin(), all.names.begin() + static_cast<std::ptrdiff_t>(all.keys),
                                          [&](std::string const& key) { return differing.contains(key); }))
            one.names.insert(one.names.begin(), all.names.begin(), all.names.begin() + static_cast<std::ptrdiff_t>(all.keys));
        UNDROP_TRY(auto const left,
                   backend_.rows(fmt::format("select count(*) from ({}) as l", left_over(backend_.dialect(), then, now, one))));
        if (number(left.at(0).at(0)) > 0) differing.insert(all.names[i]);
    }
    return differing;
}

Result<Differences> StateKeeper::compare(State const& then, Touched const& touched, Columns const& but) {
    UNDROP_CHECK(backend_.begin_reading());
    Differences differences;
    auto compared = [&]() -> Result<void> {
        UNDROP_TRY(auto const tables, backend_.tables(options_.ledger));
        UNDROP_TRY(auto const catalog, backend_.catalog(options_.ledger));
        compare_catalogs(then.catalog, catalog, differences.objects);
        return each_common(then, touched, tables, [&](State::Rows const& rows, Table const& now) {
            auto const left_out = but.find({now.schema, now.name});
            return compare_rows(rows, now, left_out == but.end() ? std::set<std::string>{} : left_out->second, differences);
        });
    }();
    backend_.rollback();
    if (!compared) return std::move(compared).error();
    if (!witness_ || then.by_witness.empty()) return differences;
    UNDROP_TRY(auto const seen, witness_->seen_by_witness());
    if (differences.objects.empty()) compare_texts(witness_->witness(), then.by_witness, seen, differences.objects);
    return differences;
}

Result<void> StateKeeper::compare_beside_tables(State const& then, Differences& differences) {
    UNDROP_TRY(auto const now, sandbox_.beside_tables());
    compare_texts({}, then.beside_tables, now, differences.objects);
    return success();
}

Result<void> StateKeeper::compare_rows(State::Rows const& then, Table const& now, std::set<std::string> const& but,
                                       Differences& differences) {
    auto const both = common(then, now, but);
    auto const rest = left_over(backend_.dialect(), then, now, both);
    UNDROP_TRY(auto const counted, backend_.rows(fmt::format("select coalesce({}, 0) from ({}) as l",
                                                             both.keys > 0 ? "count(distinct k)" : "sum(abs(n))", rest)));
    auto const count = number(counted.at(0).at(0));
    if (count == 0) return success();
    differences.rows_differing += count;
    differences.tables.push_back(now.text());
    if (differences.rows.size() >= most_rows) return success();
    std::string shown;
    std::string order;
    for (std::size_t i = 1; i <= both.names.size(); ++i) {
        shown += fmt::format(", c{}", i);
        order += fmt::format("length(c{0}), c{0}, ", i);
        if (i == both.keys) order += "k, ";
    }
    UNDROP_TRY(auto const found,
               backend_.rows(fmt::format("select k, n{} from ({}) as l order by {}n desc limit {}", shown, rest, order, 2 * most_rows)));
    std::vector<Remainder> rows;
    for (auto const& row : found) {
        Remainder left{.key = row[0].value_or(""), .count = number(row[1]), .values = {}};
        for (std::size_t i = 2; i < row.size(); ++i) left.values.push_back(row[i].value_or("NULL"));
        rows.push_back(std::move(left));
    }
    list_rows(now.text(), rows, both, hide_, differences.rows);
    return success();
}

void StateKeeper::release(State state) {
    for (auto& [name, rows] : state.tables)
        if (rows.use_count() == 1) later("drop table " + rows->store);
}

TableName const& Renames::of(TableName const& table) const {
    auto const found = tables.find(table);
    return found == tables.end() ? table : found->second;
}

std::map<std::string, std::string> const& Renames::of_columns(TableName const& table) const {
    static std::map<std::string, std::string> const none;
    auto const found = columns.find(table);
    return found == columns.end() ? none : found->second;
}

void Watch::look_for_renames(std::vector<Table> const& now) {
    renames_ = {};
    for (auto const& before : before_) {
        auto const* after = find_table_by_id(now, before.id);
        if (!after) continue;
        if (table_name(*after) != table_name(before)) renames_.tables[table_name(before)] = table_name(*after);
        for (auto const& column : before.columns)
            if (auto const* is = after->column_by_id(column.id); is && is->name != column.name)
                renames_.columns[table_name(before)][column.name] = is->name;
    }
}

void Watch::see(Event const& event) {
    if (event.kind != Event::Kind::started && event.kind != Event::Kind::recorded) return;
    auto now = backend_.tables(ledger_);
    if (!now) {
        touched_.reset();
        return;
    }
    auto stored = sandbox_.storage();
    if (event.kind == Event::Kind::started) {
        before_ = std::move(now).value();
        stored_ = stored ? std::move(stored).value() : std::map<std::string, std::string>{};
        return;
    }
    look_for_renames(now.value());
    rewritten_.clear();
    for (auto const& table : before_) {
        auto const then = stored_.find(table.id);
        auto const file = stored ? stored.value().find(table.id) : stored_.end();
        if (stored && then != stored_.end() && file != stored.value().end() && file->second != then->second)
            rewritten_.push_back(table.text());
    }
    auto const observed = backend_.observed();
    if (!observed || !touched_) {
        touched_.reset();
        return;
    }
    for (auto const& table : now.value()) {
        auto const* before = find_table_by_id(before_, table.id);
        // A column that went and came back has other values without a row written.
        auto const same = before && before->name == table.name && before->schema == table.schema && same_identities(*before, table);
        if (!same || observed.value().writes.contains(table.id)) touched_->insert({table.schema, table.name});
    }
}

}  // namespace undrop
