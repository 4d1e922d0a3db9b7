// Snapshot: what was saved of one loss; and Footprint, what a step itself left in what it made. Both name a table of the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dialect.hpp"

namespace undrop {

// A table of the store that holds rows of a user's table: keys in k1.., values in v1..; `n` numbers the rows of tables without a key.
// `state` is 'u' for what users wrote, 'm' for what the migration itself had written there and no user changed since (P3).
struct Snapshot {
    enum class Kind { table, column, sequence };
    std::int64_t id = 0;
    std::int64_t step = 0;
    Kind kind = Kind::table;
    Table table;                      // as it was; for a sequence only schema and name
    std::string column;               // for Kind::column
    std::string position;             // for Kind::sequence
    std::string store;                // raw name of the store's table; empty for a sequence
    std::vector<std::string> values;  // names of the columns in v1..; for whole rows without a key they identify the row, too
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    std::string hash;

    [[nodiscard]] bool keyed() const { return !table.key.empty(); }
    [[nodiscard]] std::string what() const { return kind == Kind::column ? table.text() + "." + column : table.text(); }
};

// What a step left in a table or column that it made: a digest per row, or one for all.
struct Footprint {
    std::int64_t id = 0;
    std::int64_t step = 0;
    std::string schema;
    std::string table;
    std::string column;  // empty: the whole table
    std::string store;   // table of k (identity) and h (digest); empty: `uniform` holds for every row
    std::string uniform;
};

[[nodiscard]] char const* name_of(Snapshot::Kind kind);
[[nodiscard]] std::string to_manifest(Snapshot const& snapshot);  // JSON of table, column, values, position
void from_manifest(std::string const& json, Snapshot& snapshot);  // the inverse; throws nlohmann's exception on bad text

}  // namespace undrop
