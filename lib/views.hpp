// Views that hold rows of their own, as materialized views of PostgreSQL do. Only their query fills them: rows of an earlier time that it
// does not give any more are nowhere else. So they are saved (P1), and stay in their snapshot, since nothing can put them back.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "backend.hpp"
#include "look.hpp"
#include "mend.hpp"
#include "snapshot.hpp"

namespace undrop {

struct FilledView {
    Table table;            // without a key
    std::string file;       // another one: it was filled anew
    bool populated = true;  // else it cannot be read
};

// What a Backend has besides, whose database has such views.
class Views {
public:
    virtual ~Views() = default;
    // By schema and name.
    [[nodiscard]] virtual Result<std::vector<FilledView>> filled_views(std::string const& ledger) = 0;
    // Ids of those that this transaction removed or filled anew since.
    [[nodiscard]] virtual Result<std::set<std::string>> changed_views(std::vector<FilledView> const& then) = 0;
    // Keeps whoever would fill it out, before it is copied (P1).
    [[nodiscard]] virtual Result<void> lock_view(Table const& view) = 0;
    // Fills it by its query, or makes it one that was never filled. False: the query fails, and the view is as it was.
    [[nodiscard]] virtual Result<bool> refresh_view(Table const& view, bool with_data) = 0;
};

// Those that there are; none where there are none.
[[nodiscard]] Result<std::vector<FilledView>> read_views(Backend& backend, std::string const& ledger);

// Made as one that was never filled: its query may not even work.
[[nodiscard]] Object unfilled(Object view);

// Is that the view's id in the catalog?
[[nodiscard]] bool names_view(ObjectId const& id, Table const& view);
// Tables and views alike, by name: what a waiver may name. Of a view the whole alone.
[[nodiscard]] std::vector<Table> with_views(std::vector<Table> tables, std::vector<FilledView> const& views);

// What is known before a step runs.
struct ViewsAhead {
    std::vector<FilledView> const& views;
    Catalog const& catalog;
    Foreseen const& foreseen;
    Foresight const& foresight;
    Wanted const& wanted;                     // by a way back
    std::vector<Snapshot> const* comes_back;  // what a way back brings back; null: none is one
    std::vector<std::string> const& touches;
    std::vector<std::string> const& lose;
};
// Those that the step is going to remove or to fill anew, less what is waived.
[[nodiscard]] std::set<TableName> foresee_views(ViewsAhead const& ahead);

// Do a view's present rows differ from those saved of it? A multiset on either side.
[[nodiscard]] Result<bool> view_differs(Backend& backend, std::string const& store, Snapshot const& saved, FilledView const& now);
// A FROM item with its conditions, in which the snapshot's rows have the alias s: those that the view does not have.
[[nodiscard]] std::string rows_not_in_view(Dialect const& dialect, std::string const& store, Snapshot const& saved, FilledView const& now);

}  // namespace undrop
