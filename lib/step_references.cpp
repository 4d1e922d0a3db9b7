// The part of a step that lets rows go on referring to the rows that they refer to, where what those are called by comes back.
#include <fmt/format.h>
#include <algorithm>

#include "merge.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool any_of(std::vector<std::string> const& names, std::vector<std::string> const& others) {
    return std::any_of(names.begin(), names.end(),
                       [&](std::string const& name) { return std::find(others.begin(), others.end(), name) != others.end(); });
}

}  // namespace

bool refers_by(Referring const& referring, std::string const& column) { return any_of({column}, referring.by.parents_columns); }

bool StepRunner::is_referred_to(Snapshot const& snapshot) const {
    return std::any_of(referring_.begin(), referring_.end(), [&](auto const& entry) {
        auto const* table = find_table_by_id(scripted_, entry.first);
        return table && table_name(*table) == table_name(snapshot.table) && refers_by(entry.second, snapshot.column);
    });
}

// Do values of these columns come back in rows that are there?
bool StepRunner::brings_back(TableName const& table, std::vector<std::string> const& columns) const {
    return std::any_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), [&](Snapshot const& s) {
        if (table_name(s.table) != table || s.purged()) return false;
        if (s.kind == Snapshot::Kind::updated) return s.keyed() && any_of(s.values, columns);
        return s.kind == Snapshot::Kind::column && step_.direction == Direction::up && any_of({s.column}, columns);
    });
}

// Before anything comes back.
Result<void> StepRunner::note_references() {
    if (std::none_of(opposite_.snapshots.begin(), opposite_.snapshots.end(),
                     [](Snapshot const& s) { return s.kind == Snapshot::Kind::updated || s.kind == Snapshot::Kind::column; }))
        return success();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    for (auto const& table : tables) {
        if (!brings_back(table_name(table), [&] {
                std::vector<std::string> names;
                for (auto const& column : table.columns) names.push_back(column.name);
                return names;
            }()))
            continue;
        UNDROP_TRY(auto const references, backend_.references(table));
        for (auto const& reference : references) {
            auto const* child = find_table(tables, {reference.schema, reference.child});
            if (!child || !brings_back(table_name(table), reference.parents_columns)) continue;
            UNDROP_TRY(auto noted, note_referring(backend_, ledger_, *child, reference, next_id_++));
            referring_.emplace_back(table.id, std::move(noted));
        }
    }
    return success();
}

// Those that are told as they were when they were noted.
std::vector<Referring> StepRunner::referring_to(Table const& table, std::vector<Table> const& tables) const {
    auto const as_noted = [&](Table const& then) {
        auto const* now = find_table_by_id(tables, then.id);
        return now && now->key == then.key && std::all_of(then.columns.begin(), then.columns.end(), [&](Column const& column) {
                   auto const* current = now->column(column.name);
                   return current && current->full_type() == column.full_type();
               });
    };
    std::vector<Referring> found;
    for (auto const& [id, referring] : referring_)
        if (id == table.id && as_noted(referring.child)) found.push_back(referring);
    return found;
}

// Going up again, a down script may have moved users' rows back to where the up's script now took them from, under other keys: nothing says
// that they are the same ones.
Result<void> StepRunner::note_look_alikes(Snapshot const& snapshot, Table const& table) {
    auto const& dialect = backend_.dialect();
    auto const store = ledger_.table(snapshot.store);
    std::vector<std::string> then;
    std::vector<std::string> now;
    for (auto const& [name, number] : common_columns(snapshot, table)) {
        if (any_of({name}, snapshot.table.key)) continue;
        then.push_back(fmt::format("s.v{}", number));
        now.push_back(dialect.save(*table.column(name), "t." + dialect.quote(name)));
    }
    if (then.empty() || !snapshot.keyed()) return success();
    auto const key = key_join(dialect, snapshot, table);
    UNDROP_TRY(auto const found, backend_.rows(fmt::format(
                                     "select count(*) from {0} as s where s.state = 'u' and exists (select 1 from {1} as t where {2}) and "
                                     "exists (select 1 from {1} as t where {3} = {4} and not exists (select 1 from {0} as s where {2}))",
                                     store, dialect.own_rows(table), key, dialect.image(now), dialect.image(then))));
    if (auto const rows = number_of(found.at(0).at(0)); rows > 0)
        report_.notes.push_back(
            fmt::format("{} rows that users had written to {} came back, and the script made others that are like them in "
                        "all but the key: look whether the way back had moved them to where the script takes them from",
                        rows, table.text()));
    return success();
}

void StepRunner::expect_followed(std::map<std::string, std::int64_t> const& followed) {
    for (auto const& [id, rows] : followed) expected_[id].updated += rows;
}

Result<void> StepRunner::forget_references() {
    for (auto const& [id, referring] : referring_) UNDROP_CHECK(backend_.run("drop table " + referring.noted));
    referring_.clear();
    return success();
}

}  // namespace undrop
