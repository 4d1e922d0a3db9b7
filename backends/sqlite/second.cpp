// The second pair of eyes: until a step commits, a second, read-only connection to the file still reads the rows as they were. It begins
// after the script and ends before COMMIT, which waits for readers where the journal is no write-ahead log.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>

#include <map>
#include <memory>

#include "sqlite/backend.hpp"
#include "sqlite/errors.hpp"
#include "sqlite/tokens.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

namespace outcome = BOOST_OUTCOME_V2_NAMESPACE;

struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
using Handle = std::unique_ptr<sqlite3, Close>;

char const* file_of(sqlite3* handle) {
    auto const* file = sqlite3_db_filename(handle, "main");
    return file != nullptr && *file != '\0' ? file : nullptr;
}

// Null where there is no file, or it cannot be read beside the writer.
Handle open_beside(sqlite3* first) {
    auto const* file = file_of(first);
    if (file == nullptr) return {};
    sqlite3_vfs* vfs = nullptr;
    sqlite3_file_control(first, "main", SQLITE_FCNTL_VFS_POINTER, static_cast<void*>(&vfs));
    sqlite3* raw = nullptr;
    auto const opened = sqlite3_open_v2(file, &raw, SQLITE_OPEN_READONLY, vfs != nullptr ? vfs->zName : nullptr);
    Handle handle(raw);
    if (opened != SQLITE_OK || sqlite3_exec(raw, "BEGIN; SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr) != SQLITE_OK)
        return {};
    return handle;
}

// Rows from the one connection into the other, value by value: nothing is converted.
class Carrier {
public:
    Carrier(Prepared from, Prepared to) : from_(std::move(from)), to_(std::move(to)) {}

    // False: the old rows could not be read to the end.
    Result<bool> carry() {
        int result = SQLITE_ROW;
        while ((result = sqlite3_step(from_.get())) == SQLITE_ROW) {
            sqlite3_bind_int64(to_.get(), 1, ++number_);
            // Without memory for a copy it would stay NULL, and NULL would be saved (P1).
            for (int i = 0; i < sqlite3_column_count(from_.get()); ++i)
                if (auto const bound = sqlite3_bind_value(to_.get(), i + 2, sqlite3_column_value(from_.get(), i)); bound != SQLITE_OK)
                    return error_of(bound, sqlite3_errstr(bound));
            UNDROP_CHECK(to_.finish());
            sqlite3_reset(to_.get());
        }
        sqlite3_reset(from_.get());
        return result == SQLITE_DONE;
    }
    [[nodiscard]] sqlite3_stmt* from() const { return from_.get(); }

private:
    Prepared from_;
    Prepared to_;
    std::int64_t number_ = 0;
};

}  // namespace

std::string SqliteBackend::why_blind(Options const& options) const {
    if (!options.second_connection) return "a second connection is not allowed";
    return file_of(handle()) == nullptr ? "the database is in memory, where no second connection can read it" : "";
}

Result<bool> SqliteBackend::read_old(Table const& table, OldRows which, std::vector<std::string> const& saved,
                                     std::string const& store_table) {
    auto const second = second_allowed_ ? open_beside(handle()) : Handle{};
    if (!second) return false;
    auto const locator = dialect_.row_locator(table);
    auto const by_row = which == OldRows::taken && !locator.empty();
    std::vector<std::string> noted;
    for (auto const& place : dialect_.row_places(table)) noted.push_back(place.expression);
    noted.insert(noted.end(), saved.begin(), saved.end());
    auto const select = fmt::format("select {} from {} as t{}", fmt::join(noted, ", "), dialect_.own_rows(table),
                                    by_row ? fmt::format(" where t.{} between ?1 and ?2", locator) : "");
    auto from = Prepared::make(second.get(), select);
    if (!from) return false;
    std::string numbers = "?1, 'u'";
    for (std::size_t i = 0; i < noted.size(); ++i) numbers += fmt::format(", ?{}", i + 2);
    UNDROP_TRY(auto to, Prepared::make(handle(), fmt::format("insert into {} values ({})", store_table, numbers)));
    Carrier carrier(std::move(from).value(), std::move(to));
    if (!by_row) return carrier.carry();
    for (auto const& [first, last] : observer_.seen()[table.id].taken.spans()) {
        sqlite3_bind_int64(carrier.from(), 1, first);
        sqlite3_bind_int64(carrier.from(), 2, last);
        UNDROP_TRY(auto const whole, carrier.carry());
        if (!whole) return false;
    }
    return true;
}

// A constraint is part of its table here and cannot step aside; an index over an expression, or over some rows, can. Where rows swap values
// they are all deleted and inserted, so that none is in the way.
Result<std::vector<ObjectId>> SqliteBackend::in_the_way(Table const& table, std::vector<std::string> const&, bool swapped) {
    std::vector<ObjectId> ids;
    if (swapped) return ids;
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(
                                    "select distinct l.name from pragma_index_list({}, 'main') l, pragma_index_xinfo(l.name, 'main') x "
                                    "where l.\"unique\" = 1 and l.origin = 'c' and (l.partial = 1 or (x.key = 1 and x.name is null))",
                                    literal(table.name))));
    for (auto const& row : rows) ids.push_back({"index", "", *row[0]});
    return ids;
}

Result<std::vector<Reference>> SqliteBackend::references(Table const& table) {
    UNDROP_TRY(auto const rows, connection_.rows(fmt::format(
                                    "select m.name, f.id, f.\"from\", f.\"to\", f.seq from main.sqlite_schema m join "
                                    "pragma_foreign_key_list(m.name, 'main') f where m.type = 'table' and lower(f.\"table\") = lower({}) "
                                    "order by m.name, f.id, f.seq",
                                    literal(table.name))));
    UNDROP_TRY(auto const primary, connection_.rows(fmt::format("select name from pragma_table_info({}, 'main') where pk > 0 order by pk",
                                                                literal(table.name))));
    std::map<std::pair<std::string, std::string>, Reference> by_id;
    for (auto const& row : rows) {
        auto& reference = by_id[{*row[0], *row[1]}];
        reference.child = *row[0];
        reference.rows = dialect_.quote(reference.child);
        auto const at = reference.columns.size();
        reference.columns.push_back(*row[2]);
        reference.parents_columns.push_back(row[3] ? *row[3] : at < primary.size() ? *primary[at][0] : std::string("rowid"));
    }
    std::vector<Reference> all;
    for (auto& [id, reference] : by_id) all.push_back(std::move(reference));
    return all;
}

// MATCH is parsed and ignored here.
Result<std::vector<ForeignKey>> SqliteBackend::foreign_keys(Table const& child, std::vector<std::string> const&) {
    UNDROP_TRY(auto const rows,
               connection_.rows(fmt::format(
                   "select f.id, t.name, f.\"from\", coalesce(f.\"to\", (select p.name from pragma_table_info(f.\"table\", 'main') p "
                   "where p.pk = f.seq + 1), 'rowid') from pragma_foreign_key_list({}, 'main') f "
                   "join main.sqlite_schema t on t.type = 'table' and lower(t.name) = lower(f.\"table\") order by f.id, f.seq",
                   literal(child.name))));
    std::map<std::string, ForeignKey> by_id;
    for (auto const& row : rows) {
        auto& key = by_id[*row[0]];
        key.parent = *row[1];
        key.columns.push_back(*row[2]);
        key.parents_columns.push_back(*row[3]);
    }
    std::vector<ForeignKey> all;
    for (auto& [id, key] : by_id) all.push_back(std::move(key));
    return all;
}

}  // namespace undrop::sqlite
