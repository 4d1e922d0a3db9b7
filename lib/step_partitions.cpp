// The part of a step that keeps rows when the partition that they are in goes and its table stays.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "pairing.hpp"
#include "save.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// A column is saved of each partition, keys that change are of the whole table.
std::vector<Snapshot const*> StepRunner::keys_changed_in(Table const& whole, Snapshot const& of_part) const {
    std::vector<Snapshot const*> found;
    for (auto const& s : opposite_.snapshots)
        if (s.kind == Snapshot::Kind::updated && !s.purged() && table_name(s.table) == table_name(whole) && s.keyed() &&
            s.table.key == of_part.table.key)
            found.push_back(&s);
    std::sort(found.begin(), found.end(), [](auto const* a, auto const* b) { return a->id < b->id; });
    return found;
}

// Values of rows that the opposite step moved to another partition, by the keys that it left: the column was not there for anybody to
// write.
Result<std::int64_t> StepRunner::restore_moved(Snapshot const& snapshot, Table const& part, Table const& whole,
                                               std::vector<Snapshot const*> const& updated) {
    auto const& dialect = backend_.dialect();
    auto const places = dialect.row_places(whole);
    auto const* column = whole.column(snapshot.column);
    if (!snapshot.keyed() || places.empty() || !column || column->generated) return std::int64_t{0};
    std::vector<Snapshot const*> const none;
    auto const pairing = pair(dialect, ledger_, snapshot, whole, {updated, none, none});
    UNDROP_CHECK(backend_.quiet(whole));
    UNDROP_TRY(auto const rows,
               backend_.run(fmt::format("update {} as t set {} = {} from {} where {} and {} <> {}", dialect.own_rows(whole),
                                        dialect.quote(column->name), dialect.load(*column, pairing.value), pairing.saved, pairing.join,
                                        places.front().expression, part.id)));
    UNDROP_CHECK(backend_.loud(whole));
    UNDROP_CHECK(expect(whole, rows, 0));
    return rows;
}

// Rows of a partition are rows of its table: where a partition that the up made goes again, another one takes them, if there is one for
// them. Else they go with it, and are saved as any table's.
Result<void> StepRunner::empty_new_partitions() {
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    auto const gone = [&](Table const& table) {
        return std::find_if(opposite_.wanted.begin(), opposite_.wanted.end(), [&](auto const& entry) {
            auto const& [id, object] = entry;
            return id.kind == "table" && !object && names_table(id.parent + "." + id.name, table_name(table));
        });
    };
    auto const goes = [&](Table const& table) { return gone(table) != opposite_.wanted.end(); };
    for (auto const& table : tables) {
        auto const* parent = table.root.empty() ? nullptr : find_table_by_id(tables, table.root);
        if (!parent || table.partitioned || !goes(table) || goes(*parent)) continue;
        auto const& id = gone(table)->first;
        log({.kind = Mended::Kind::remove,
             .id = {"partition", id.parent, id.name},
             .sql = detach(table, *parent),
             .needs = {},
             .needed = {id}});
        UNDROP_CHECK(backend_.run("savepoint undrop_move"));
        auto const moved = move_into_parent(table, *parent);
        if (!moved) UNDROP_CHECK(backend_.run("rollback to savepoint undrop_move"));
        UNDROP_CHECK(backend_.run("release savepoint undrop_move"));
        if (!moved) continue;
        UNDROP_CHECK(expect(*parent, 0, moved.value()));
        report_.notes.push_back(
            fmt::format("{} rows of {} are in other partitions of {} now", moved.value(), table.text(), parent->text()));
        // Nothing of it is lost, and the next up finds it in the table.
        auto const of_it = [&](Snapshot const& s) { return s.kind == Snapshot::Kind::table && s.table.id == table.id; };
        for (auto const& snapshot : saved_)
            if (of_it(snapshot)) UNDROP_CHECK(backend_.run("drop table " + ledger_.table(snapshot.store)));
        std::erase_if(saved_, of_it);
    }
    return success();
}

std::string StepRunner::detach(Table const& partition, Table const& parent) const {
    auto const& dialect = backend_.dialect();
    return fmt::format("ALTER TABLE {} DETACH PARTITION {};", dialect.relation(parent.schema, parent.name),
                       dialect.relation(partition.schema, partition.name));
}

Result<std::int64_t> StepRunner::move_into_parent(Table const& partition, Table const& parent) {
    auto const& dialect = backend_.dialect();
    std::vector<std::string> columns;
    for (auto const& name : plain_columns(partition)) columns.push_back(dialect.quote(name));
    auto const into = dialect.relation(parent.schema, parent.name);
    auto const from = dialect.relation(partition.schema, partition.name);
    UNDROP_CHECK(backend_.run(detach(partition, parent)));
    UNDROP_CHECK(backend_.quiet(parent));
    UNDROP_CHECK(backend_.run("savepoint undrop_insert"));
    auto moved = backend_.run(
        fmt::format("insert into {0} ({1}){2} select {1} from {3}", into, fmt::join(columns, ", "), dialect.insert_overriding(), from));
    if (!moved) UNDROP_CHECK(backend_.run("rollback to savepoint undrop_insert"));
    UNDROP_CHECK(backend_.loud(parent));
    return moved;
}

}  // namespace undrop
