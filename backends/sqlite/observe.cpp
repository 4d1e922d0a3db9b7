// The look: what happened to rows since the mark, as the preupdate hook told.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/tokens.hpp"
#include "sqlite/virtual_table.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

bool is_system(std::string const& name) { return lower(name).starts_with("sqlite_"); }
bool is_schema_table(std::string const& name) { return lower(name) == "sqlite_master" || lower(name) == "sqlite_schema"; }

// Do changes and removals in this shadow table take something that is nowhere else? Index pages are rewritten all the time.
bool holds_content(Entry const& owner, std::string const& suffix) {
    auto const what = virtual_table(owner.sql);
    if (what.full_text()) return suffix == "content" || (suffix == "docsize" && what.content && what.content->empty());
    if (what.module == "rtree" || what.module == "rtree_i32" || what.module == "geopoly") return suffix == "rowid";
    return true;
}

}  // namespace

Result<void> SqliteBackend::mark(std::string const&) {
    UNDROP_CHECK(sync(Tracker::Cause::own));
    tracker_.mark();
    marked_.clear();
    for (auto const& entry : tracker_.entries())
        if (entry.kind == Kind::table || entry.kind == Kind::virtual_table) marked_.insert(entry.id);
    observer_.start();
    observer_.bind(tracker_.names());
    return outcome::success();
}

// CREATE TABLE AS fills a table unseen by the hook.
Result<void> SqliteBackend::see_filled(std::vector<std::string> const& made) {
    for (auto const& name : made) {
        auto const highest = connection_.number("select max(rowid) from " + main_table(name));
        if (!highest || highest.value() == 0) continue;  // empty, or WITHOUT ROWID, which CREATE TABLE AS cannot make
        auto& seen = observer_.seen()[tracker_.find(name)->id];
        seen.written_by_script = true;
        seen.rows.add(1, highest.value());
    }
    return outcome::success();
}

void SqliteBackend::refuse_writes(Observer::Seen const& seen, Entry const& entry, std::vector<std::string>& refused) const {
    if (entry.kind == Kind::store && seen.touched_by_script)
        refused.push_back(fmt::format("the script writes to undrop's own table {}", entry.name));
}

// P9: rows of virtual tables that were added, changed or removed. What a step puts into a virtual table of its own goes with that.
std::vector<std::string> SqliteBackend::changed_virtual_rows() {
    std::set<std::string> names;
    for (auto const& [id, seen] : observer_.seen()) {
        auto const* entry = tracker_.known(id);
        if (entry == nullptr || entry->kind != Kind::shadow) continue;
        auto const* owner = tracker_.owner_of(*entry);
        if (owner != nullptr && !holds_content(*owner, lower(entry->name.substr(owner->name.size() + 1)))) continue;
        auto const added = owner == nullptr || marked_.contains(owner->id) ? seen.inserted : 0;
        if (seen.updated + seen.deleted + added > 0)
            names.insert("rows of virtual table " + (owner == nullptr ? entry->name : owner->name));
    }
    return {names.begin(), names.end()};
}

Result<Observed> SqliteBackend::observed() {
    UNDROP_CHECK(sync(Tracker::Cause::own));
    if (observer_.failed()) return Error{.message = "there was not enough memory to keep track of what the script writes"};
    Observed result;
    for (auto const& [id, seen] : observer_.seen()) {
        if (auto const* table = tracker_.known(id);
            table && table->kind == Kind::table && marked_.contains(id) && seen.inserted + seen.updated + seen.deleted > 0)
            result.writes[id] = {.inserted = seen.inserted,
                                 .updated = seen.updated,
                                 .deleted = seen.deleted,
                                 .rows_may_differ = seen.updated + seen.deleted > 0};
        if (auto const* entry = tracker_.known(id)) refuse_writes(seen, *entry, result.refused);
    }
    for (auto const& [name, seen] : observer_.unknown()) {
        if (is_schema_table(name)) result.refused.push_back("the script writes to the schema's own table " + name);
        if (is_system(name) || seen.updated + seen.deleted == 0) continue;
        result.refused.push_back(fmt::format("rows of {} were changed, which undrop does not know", name));
    }
    for (auto const& schema : observer_.other_schemas())
        result.refused.push_back(
            fmt::format("the script writes to the attached database {}, which this transaction cannot take back", schema));
    if (tracker_.store_changed()) result.refused.emplace_back("the script alters or removes tables of undrop's own store");
    return result;
}

// Condition: the number `row` is in the set. `name`: of a temporary table that holds it.
Result<std::string> SqliteBackend::one_of(RowSet const& rows, std::string const& name, std::string const& row) {
    auto const where = "temp." + quote(name);
    UNDROP_CHECK(
        connection_.run(fmt::format("drop table if exists {0}; create table {0} (first integer primary key, last integer)", where)));
    temporary_.insert(name);
    UNDROP_TRY(auto insert, Prepared::make(handle(), fmt::format("insert into {} values (?1, ?2)", where)));
    for (auto const& [first, last] : rows.spans()) {
        sqlite3_bind_int64(insert.get(), 1, first);
        sqlite3_bind_int64(insert.get(), 2, last);
        UNDROP_CHECK(insert.finish());
        sqlite3_reset(insert.get());
    }
    // The spans are disjoint: only the last that begins at or before the row can hold it.
    return fmt::format("coalesce({0} <= (select w.last from {1} as w where w.first <= {0} order by w.first desc limit 1), 0)", row, where);
}

Result<std::string> SqliteBackend::written_by_us(Table const& table, std::string const& alias) {
    auto& all = observer_.seen();
    auto const found = all.find(table.id);
    if (found == all.end() || !found->second.written_by_script) return std::string("(1 = 0)");
    auto const locator = dialect_.row_locator(table);
    if (locator.empty()) return std::string{};
    return one_of(found->second.rows, "undrop_written_" + table.id, alias + "." + locator);
}

// A row keeps its number unless an UPDATE gives it another; a number that was inserted anew is no old row's.
Result<bool> SqliteBackend::follow(Table const& then, Table const& now, std::string const& old_rows, std::string const& pairs,
                                   std::string const& files) {
    if (!files.empty()) return false;
    auto const locator = dialect_.row_locator(now);
    if (then.id != now.id || locator.empty() || dialect_.row_locator(then).empty()) return false;
    auto const& seen = observer_.seen()[now.id];
    UNDROP_TRY(auto const born, one_of(seen.born, "undrop_born_" + now.id, "t." + locator));
    auto const name = "undrop_moved_" + now.id;
    auto const moved = "temp." + quote(name);
    UNDROP_CHECK(connection_.run(
        fmt::format("drop table if exists {0}; create table {0} (number integer primary key, before integer unique)", moved)));
    temporary_.insert(name);
    UNDROP_TRY(auto insert, Prepared::make(handle(), fmt::format("insert into {} values (?1, ?2)", moved)));
    for (auto const& [number, before] : seen.moved) {
        sqlite3_bind_int64(insert.get(), 1, number);
        sqlite3_bind_int64(insert.get(), 2, before);
        UNDROP_CHECK(insert.finish());
        sqlite3_reset(insert.get());
    }
    UNDROP_CHECK(connection_.run(fmt::format(
        "insert into {0} (n, l) select o.n, t.{1} from {2} as o join {3} as t on t.{1} = coalesce((select m.number from {4} as m where "
        "m.before = o.place), o.place) where not {5} and not exists (select 1 from {4} as m where m.number = t.{1} and m.before <> "
        "o.place)",
        pairs, locator, old_rows, dialect_.own_rows(now), moved, born)));
    return true;
}

}  // namespace undrop::sqlite
