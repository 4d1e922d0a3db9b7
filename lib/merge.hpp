// Merge: pieces of SQL and of work that every way of restoring is made of.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"
#include "try.hpp"

namespace undrop {

// Triggers and rules are off while this is restored (P2: an `updated_at` stays); the end is explicit because it can fail.
template <class Work>
auto in_quiet(Backend& backend, Table const& table, Work&& work) -> decltype(work()) {
    UNDROP_CHECK(backend.quiet(table));
    auto done = work();
    auto loud = backend.loud(table);
    if (done && !loud) return std::move(loud).error();
    return done;
}

// The first cell as a number; 0 for none.
[[nodiscard]] std::int64_t number_of(Cell const& cell);

[[nodiscard]] Error cannot_tell_rows(Snapshot const& s, std::string const& missing);

// A key that the step had made another type of was saved in that type, as a number's text: `stored` in the type that it has now, where the
// step left it as it was otherwise, or any value has a text.
[[nodiscard]] std::string saved_key(Dialect const& dialect, Snapshot const& s, Column const& now, std::string const& stored);
// No value of the one can be compared with one of the other.
[[nodiscard]] bool of_another_kind(Column const& a, Column const& b);
// Condition: the snapshot's row (alias s) is the table's (alias t). `column`: of s, with a number for each of the key.
[[nodiscard]] std::string key_join(Dialect const& dialect, Snapshot const& s, Table const& now, char column = 'k');

// A snapshot's rows (alias s) and how they are joined with the table's (alias t).
struct SavedRows {
    std::string rows;                   // FROM item without its alias
    std::string from;                   // FROM item
    std::string join;                   // condition on it and t; empty: rows without a key that nobody has matched
    std::vector<std::string> identity;  // the store's columns that number them: k1.., or n
    std::string matched;                // working table of `match_rows`; alias m
    char key = 'k';                     // the key by which the table has them now is in k1.., j1.. or l1..
};
// `moved`: what this step's own script changed of the table's keys, as `changes_keys` gives it; may be null.
[[nodiscard]] SavedRows saved_rows(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, Table const& now,
                                   std::string const& matched = {}, Snapshot const* moved = nullptr);
// The key of what this step itself has saved, with the names that the columns have now.
[[nodiscard]] std::vector<std::string> key_now(Snapshot const& own, Table const& now);
// Of this step's own updates the one that gave rows of an earlier snapshot other keys; null: there is none.
[[nodiscard]] Snapshot const* changes_keys(std::vector<Snapshot const*> const& own, Snapshot const& s, Table const& now);
// Condition: rows of two tables with the identity's columns are the same.
[[nodiscard]] std::string same_identity(SavedRows const& rows, char const* a, char const* b);

// Condition: what this step's script changed of a row (alias p, with its key in k1..) is of the snapshot's, whatever key the script gave
// it.
[[nodiscard]] std::string own_row(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows, std::string const& p);

// The columns that both the snapshot and the table have, as (name, v-number).
[[nodiscard]] std::vector<std::pair<std::string, std::size_t>> common_columns(Snapshot const& s, Table const& now);

[[nodiscard]] std::string insert_rows(Dialect const& dialect, Snapshot const& s, Table const& now, std::string const& from);

// Unique sets of columns that the snapshot changes (`changed`), or for whole rows gives.
[[nodiscard]] std::vector<std::vector<std::string>> unique_and_changed(Snapshot const& s, Table const& now,
                                                                       std::vector<std::string> const& changed);

// The rows of `unique_values_taken`, as a query of their identities; empty: there can be none.
[[nodiscard]] std::string unique_values_query(Dialect const& dialect, Snapshot const& s, Table const& now, SavedRows const& rows,
                                              bool put_over);

// Whole rows of a snapshot that cannot come back, because another row has a unique value of theirs by now: a working table of the store
// with the snapshot's k1.. (n without a key), or "" if there is no such row. `put_over`: rows that are there get what was saved, and so are
// in nobody's way.
[[nodiscard]] Result<std::string> unique_values_taken(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now,
                                                      SavedRows const& rows, bool put_over, std::int64_t id);

// A working table of the snapshot's identity and further columns (`more`: their definitions), filled by a query of all of them; "" if that
// gives nothing.
[[nodiscard]] Result<std::string> identities_table(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now,
                                                   SavedRows const& rows, std::vector<std::string> const& more, std::string const& query,
                                                   std::int64_t id);

// Would a row of the snapshot (Kind::updated) get a unique value that another row has at present? Then no single UPDATE puts them back.
[[nodiscard]] Result<bool> unique_values_collide(Backend& backend, Snapshot const& s, Table const& now, SavedRows const& rows);

}  // namespace undrop
