// The catalog: SQLite keeps every definition as text, and those texts are the objects.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sqlite/backend.hpp"
#include "sqlite/tokens.hpp"
#include "sqlite/virtual_table.hpp"
#include "try.hpp"

namespace undrop::sqlite {
namespace {

struct KindRow {
    char const* kind;  // as in sqlite_schema.type
    Section section;
    int rank;
    bool holds_rows;
    bool needs_table;  // names the table or view that it hangs on in sqlite_schema.tbl_name
};

constexpr std::array<KindRow, 4> kinds{{
    {"table", Section::before_data, 10, true, false},
    {"index", Section::after_data, 20, false, true},
    {"view", Section::after_data, 30, false, false},
    {"trigger", Section::after_data, 40, false, true},
}};
constexpr std::string_view rows_of = "rows of ";
constexpr int virtual_rank = 35;  // over tables and views, and before the triggers that feed it
constexpr int pragma_rank = 50;

// The pragmas that a step's transaction covers. They are always there, so they only ever change.
constexpr std::array<char const*, 2> pragmas{"user_version", "application_id"};

// Rows of its own are none of the object's: whether it may go is for the look (Tracker::vanished).
Object virtual_object(Row const& row) {
    Object object;
    object.make = statement_of(*row[3]);
    if (virtual_table(*row[3]).is_index()) object.make += " " + rebuild_index(*row[1]);
    object.remove = fmt::format("DROP TABLE {};", main_table(*row[1]));
    object.section = Section::after_data;
    object.rank = virtual_rank;
    object.order = std::stoi(*row[4]);
    return object;
}

Object object_of(KindRow const& kind, Row const& row, ObjectId const& relation) {
    Object object;
    object.make = statement_of(*row[3]);
    auto type = std::string(kind.kind);
    for (auto& c : type) c = static_cast<char>(c - 'a' + 'A');
    object.remove = fmt::format("DROP {} {};", type, main_table(*row[1]));
    object.section = kind.section;
    object.rank = kind.rank;
    object.order = std::stoi(*row[4]);
    object.holds_rows = kind.holds_rows;
    if (kind.needs_table) object.needs.push_back(relation);
    return object;
}

}  // namespace

Result<Catalog> SqliteBackend::catalog(std::string const&) {
    if (!connection_.in_transaction()) tracker_.clear();
    UNDROP_CHECK(sync(Tracker::Cause::own));
    if (catalog_.generation != tracker_.generation()) {
        UNDROP_TRY(catalog_.value, schema_objects());
        catalog_.generation = tracker_.generation();
    }
    auto catalog = catalog_.value;
    for (auto const* name : pragmas) {
        UNDROP_TRY(auto const value, connection_.number(fmt::format("PRAGMA main.{}", name)));
        Object object;
        object.make = object.alter = fmt::format("PRAGMA main.{} = {};", name, value);
        object.section = Section::after_data;
        object.rank = pragma_rank;
        catalog.emplace(ObjectId{"pragma", "", name}, std::move(object));
    }
    return catalog;
}

Result<Catalog> SqliteBackend::schema_objects() {
    UNDROP_TRY(auto const rows, connection_.rows("select type, name, tbl_name, sql, rowid from main.sqlite_schema order by rowid"));
    std::map<std::string, ObjectId> relations;  // by name in lower case: what indexes and triggers hang on
    for (auto const& row : rows)
        if (row[0] == "table" || row[0] == "view") relations.emplace(lower(*row[1]), ObjectId{*row[0], "", *row[1]});
    Catalog catalog;
    for (auto const& row : rows) {
        if (!row[3] || lower(*row[1]).starts_with("sqlite_")) continue;
        auto const owner = relations.find(lower(*row[2]));
        if (owner == relations.end()) continue;
        // The store's tables and those that a virtual table keeps its data in are no objects of the user's schema that a step could remake.
        if (auto const* entry = tracker_.find(owner->second.name); entry != nullptr && entry->kind != Kind::table) {
            if (entry->kind == Kind::virtual_table && row[0] == "table")
                catalog.emplace(ObjectId{"virtual_table", "", *row[1]}, virtual_object(row));
            continue;
        }
        for (auto const& kind : kinds)
            if (row[0] == kind.kind) catalog.emplace(ObjectId{kind.kind, "", *row[1]}, object_of(kind, row, owner->second));
    }
    return catalog;
}

// The numbers by which a file keeps its definitions are those in which they were made; by name they are the same for the same schema, and
// nothing that is made here looks for what it names before it is used.
Result<WholeSchema> SqliteBackend::describe(std::string const& ledger) {
    WholeSchema found;
    UNDROP_TRY(found.catalog, catalog(ledger));
    for (auto& [id, object] : found.catalog) object.order = 0;
    return found;
}

// The transaction keeps every other writer out.
Result<Catalog> SqliteBackend::catalog_after(std::string const& ledger, Catalog const&) { return catalog(ledger); }

Result<std::vector<std::string>> SqliteBackend::removed_unknown(Catalog const&) {
    UNDROP_CHECK(sync(Tracker::Cause::own));
    auto went = changed_virtual_rows();
    // Rows of a table that went are a part of that.
    std::erase_if(went, [&](std::string const& what) {
        return std::find(tracker_.vanished().begin(), tracker_.vanished().end(), what.substr(rows_of.size())) != tracker_.vanished().end();
    });
    went.insert(went.end(), tracker_.vanished().begin(), tracker_.vanished().end());
    return went;
}

Result<std::vector<std::string>> SqliteBackend::mentions(std::string const& word) {
    UNDROP_TRY(auto const rows,
               connection_.rows("select type, name, sql from main.sqlite_schema where type in ('view', 'trigger') order by rowid"));
    std::vector<std::string> found;
    for (auto const& row : rows) {
        auto const words = tokens(row[2].value_or(""));
        bool const named =
            std::any_of(words.begin(), words.end(), [&](Token const& token) { return token.is_name() && same_name(token.text, word); });
        if (named) found.push_back(*row[0] + " " + *row[1]);
    }
    return found;
}

}  // namespace undrop::sqlite
