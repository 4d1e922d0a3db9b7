// Save: copies of what a step is about to take, into the store, in the step's transaction (P1).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

// Makes the snapshot's table, fills it and seals it; fills in store, values, rows, bytes and hash. `snapshot` comes with id, kind, table
// and column. `gone`: the columns of the table that go together; a row is not told by them. `footprints`: what the opposite step of the
// same migration had left; decides each row's state (P3). `only`: condition on rows (alias t); empty: all of them.
[[nodiscard]] Result<void> save(Backend& backend, Ledger const& ledger, Snapshot& snapshot, std::set<std::string> const& gone,
                                std::vector<Footprint> const& footprints, std::string const& only = {});

// What the step itself has left in a table (column empty) or column that it made; nothing for an empty table. `fresh`: all columns that
// the step added to the table; a row is not told by them.
[[nodiscard]] Result<std::vector<Footprint>> footprint(Backend& backend, Ledger const& ledger, Table const& table,
                                                       std::string const& column, std::set<std::string> const& fresh, bool rows_written,
                                                       std::int64_t id);

// The footprint's table: a digest per identity, and how many rows have that, of rows of a FROM item with its conditions. Gives how many.
[[nodiscard]] Result<std::int64_t> fill_footprint(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& source,
                                                  std::string const& identity, std::string const& digest, std::string const& from);

// Expressions over a row of `table` under `alias`: its identity (key values, or everything), and the digest of some of its columns.
[[nodiscard]] std::string identity(Dialect const& dialect, Table const& table, std::string const& alias);
// Of the whole row, its columns by their names: where they stand changes when later migrations are taken back.
[[nodiscard]] std::string digest_of_row(Dialect const& dialect, Table const& table, std::string const& alias);
[[nodiscard]] std::string digest_of(Dialect const& dialect, Table const& table, std::vector<std::string> const& columns,
                                    std::string const& alias);
[[nodiscard]] std::vector<std::string> plain_columns(Table const& table);  // all but generated ones

}  // namespace undrop
