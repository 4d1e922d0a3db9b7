// The part of a step that tells rows whose key is made of other columns than it was.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include "key_pairs.hpp"
#include "names.hpp"
#include "step.hpp"
#include "store_table.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

// Once everything is as the step leaves it: which row had which old key, where something is saved by that.
Result<void> StepRunner::leave_key_pairs(std::vector<TableChange> const& changes) {
    UNDROP_CHECK(leave_pairs_of_keys_gone(changes));
    for (auto const& change : changes) {
        auto const names = changed_key(change);
        if (!names) continue;
        std::vector<Snapshot const*> told;
        auto all = false;
        for (auto const& s : saved_) {
            if (table_name(s.table) != table_name(*change.before) || s.table.key != names->then) continue;
            all = all || s.kind == Snapshot::Kind::column;
            if (s.kind == Snapshot::Kind::updated || s.kind == Snapshot::Kind::column) told.push_back(&s);
        }
        if (told.empty()) continue;
        if (all) told.clear();
        UNDROP_TRY(auto prints, save_key_pairs(backend_, ledger_, change, *names, told, next_id_));
        if (!prints.empty()) ++next_id_;
        footprints_.insert(footprints_.end(), prints.begin(), prints.end());
    }
    return success();
}

// Before the script, which may take the new key away: rows that users gave another old key since.
Result<void> StepRunner::note_moved_keys() {
    if (part_) return success();
    for (auto const& print : opposite_.footprints) {
        if (print.of != Footprint::Of::keys) continue;
        auto const* table = find_table(before_, {print.schema, print.table});
        if (!table) continue;
        auto const names = key_names(print.column);
        auto const then = name_before(opposite_.renames, table_name(*table));
        std::vector<Snapshot*> told;
        for (auto& s : opposite_.snapshots)
            if (table_name(s.table) == then && tells(names, s, *table)) told.push_back(&s);
        if (told.empty()) continue;
        auto const moves = ledger_.table(names::work_prefix + std::to_string(next_id_++));
        UNDROP_CHECK(
            backend_.run(fmt::format("create table {} as {}", moves, moved_keys(backend_.dialect(), ledger_, print, names, *table))));
        UNDROP_CHECK(backend_.seal(moves, table));
        working_.push_back(moves);
        UNDROP_TRY(auto const any, backend_.rows(fmt::format("select 1 from {} limit 1", moves)));
        if (!any.empty())
            for (auto* s : told) s->moves = moves;
    }
    return success();
}

// A row whose key the opposite step took away was saved with all the rest of it, and of that the present key alone tells it, if it told all
// rows then: what users wrote into the row since does no harm.
Result<void> StepRunner::tell_by_present_keys() {
    if (part_) return success();
    UNDROP_TRY(auto const tables, backend_.tables(ledger_.name()));
    for (auto& s : opposite_.snapshots) {
        if (s.kind != Snapshot::Kind::column || s.keyed() || s.purged()) continue;
        UNDROP_TRY(bool const told, tell_by_new_key(s, tables));
        if (told || !opposite_left_rows(s)) continue;
        auto const key = present_key(s, tables);
        if (key.empty()) continue;
        std::vector<std::string> places;
        std::string missing;
        for (auto const& name : key) {
            places.push_back(fmt::format("v{}", std::find(s.values.begin(), s.values.end(), name) - s.values.begin() + 1));
            missing += fmt::format(" or {} is null", places.back());
        }
        auto const store = ledger_.table(s.store);
        UNDROP_TRY(auto const untold, backend_.rows(fmt::format("select 1 from {} group by {} having count(*) > 1{} limit 1", store,
                                                                fmt::join(places, ", "), missing)));
        if (!untold.empty()) continue;
        auto const name = names::work_prefix + std::to_string(next_id_++);
        StoreTable copy(ledger_.table(name));
        for (std::size_t i = 0; i < key.size(); ++i)
            copy.add_key(fmt::format("k{}", i + 1), s.table.column(key[i])->stored_type, "s." + places[i]);
        copy.add("n", "bigint", "s.n");
        copy.add("state", "text", "s.state");
        copy.add("v1", s.table.column(s.column)->stored_type, fmt::format("s.v{}", s.values.size()));
        UNDROP_CHECK(copy.make(backend_, s.table));
        UNDROP_CHECK(copy.fill(backend_, store + " as s"));
        working_.push_back(copy.name());
        s.store = name;
        s.table.key = key;
        s.values = {s.column};
        s.told_anew = true;
    }
    return success();
}

// Has the opposite step left the rows of a snapshot's table alone, but for its column? What it changed may have been the key.
bool StepRunner::opposite_left_rows(Snapshot const& of) const {
    auto const is_its = [&](Snapshot const& s) { return s.of_rows() && table_name(s.table) == table_name(of.table); };
    auto const is_new = [&](Footprint const& print) {
        return print.of == Footprint::Of::rows && name_before(opposite_.renames, {print.schema, print.table}) == table_name(of.table);
    };
    return std::none_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), is_its) &&
           std::none_of(opposite_.footprints.begin(), opposite_.footprints.end(), is_new);
}

// The key that told rows when this step began, where the snapshot has its columns and `tables` still do; as they are called now.
std::vector<std::string> StepRunner::present_key(Snapshot const& s, std::vector<Table> const& tables) const {
    auto const then = table_name(s.table);
    auto const renamed = std::find_if(opposite_.renames.begin(), opposite_.renames.end(), [&](Rename const& r) {
        return step_.direction == Direction::down && r.column_before.empty() && r.before == then;
    });
    auto const* before = find_table(before_, renamed == opposite_.renames.end() ? then : renamed->after);
    auto const* now = find_table(tables, then);
    std::vector<std::string> key;
    if (!before || !now) return key;
    for (auto const& name : before->key) {
        auto const* column = now->column_by_id(before->column(name)->id);
        if (!column) column = now->column(name);
        auto const is_saved = column && std::find(s.values.begin(), s.values.end() - 1, column->name) != s.values.end() - 1;
        if (!is_saved || column->full_type() != s.table.column(column->name)->full_type()) return {};
        key.push_back(column->name);
    }
    return key;
}

}  // namespace undrop
