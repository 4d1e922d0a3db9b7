// Snapshot: what was saved of one loss; and Footprint, what a step itself left in what it made. Both name a table of the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dialect.hpp"

namespace undrop {

// A table of the store that holds rows of a user's table: keys in k1.., values in v1..; `n` numbers the rows of tables without a key.
// `state` is 'u' for what users wrote, 'm' for what the migration itself had written there and no user changed since (P3).
// Of updated rows k1.. is the key that the step left, v1.. the values before and w1.. those that it left; `state` has a letter for each.
// Of Kind::aside nothing is in the store: the values are in the user's table, in the column `position`; `hash` is empty while they are to
// come back from there, else what became of them.
// Without a key, `alone` is 1 where told_by tells the row from all others, and r the row's lasting number as the step left it.
struct Snapshot {
    enum class Kind { table, column, deleted, updated, sequence, aside, view };  // view: a materialized one, with what it held
    static constexpr char const* was_purged = "purged";                          // of Kind::aside
    static constexpr char const* came_back = "came back";
    std::int64_t id = 0;
    std::int64_t step = 0;
    Kind kind = Kind::table;
    Table table;                          // as it was; for a sequence only schema and name
    std::string column;                   // for Kind::column and Kind::aside
    std::string position;                 // for Kind::sequence; for Kind::aside what the column is called now
    std::string store;                    // raw name of the store's table; empty for a sequence
    std::vector<std::string> values;      // names of the columns in v1..; for whole rows without a key they identify the row, too
    std::vector<std::string> left_types;  // for Kind::updated: the full types in which w1.. were left
    std::vector<std::string> told_by;     // for Kind::updated without a key: those of `values` that the step changed in no row
    bool numbered = false;                // ... the rows' lasting numbers are in r
    bool populated = true;                // for Kind::view: it could be read
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::string hash;
    // Not in the ledger, but while a step restores from it:
    std::string moves;  // FROM item: rows whose key users changed since, as images i of it and what it is now, k1..; NULL: they are gone
    bool told_anew = false;  // saved without a key, and `store` is a copy with one: what is noted of a row has its n

    [[nodiscard]] bool keyed() const { return !table.key.empty(); }
    [[nodiscard]] bool of_rows() const { return kind == Kind::deleted || kind == Kind::updated; }  // of a table that stays
    [[nodiscard]] bool purged() const { return kind == Kind::aside ? hash == was_purged : store.empty() && kind != Kind::sequence; }
    [[nodiscard]] std::string what() const;
    [[nodiscard]] std::vector<std::string> columns() const;  // of the store's table, in the order in which they are hashed
};

// What a step left in a table or column that it made, or as new rows of a table that was there: a digest per row, or one for all. Of::keys:
// where other columns are the key since, which row had which old one (key_pairs.hpp); `column` names them, h is an image. Of::untouched:
// each row whole, of a table that lost a column.
struct Footprint {
    enum class Of { table, column, rows, keys, untouched };
    std::int64_t id = 0;
    std::int64_t step = 0;
    std::string schema;
    std::string table;
    std::string column;  // empty: the whole table
    std::string store;   // table of k (identity) and h (digest); empty: `uniform` holds for every row
    std::string uniform;
    Of of = Of::table;
};

[[nodiscard]] char const* name_of(Snapshot::Kind kind);
[[nodiscard]] char const* name_of(Footprint::Of of);
[[nodiscard]] Footprint::Of footprint_of(std::string const& name);
[[nodiscard]] std::string to_manifest(Snapshot const& snapshot);  // JSON of table, column, values, position
void from_manifest(std::string const& json, Snapshot& snapshot);  // the inverse; throws nlohmann's exception on bad text

}  // namespace undrop
