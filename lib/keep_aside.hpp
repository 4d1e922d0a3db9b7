// KeepAside: a column that a script drops, and that is renamed away instead (`-- undrop: keep-aside t.c`). Its values stay where they are,
// and the way back is a rename. The ledger knows it as a snapshot of Kind::aside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <undrop/migration.hpp>

#include "backend.hpp"
#include "ledger.hpp"
#include "look.hpp"
#include "snapshot.hpp"

namespace undrop {

struct KeptColumn {
    std::size_t statement = 0;  // of the script: the one that drops it
    Table table;                // as it was before
    std::string column;
    std::string name;  // what it is called instead
    std::int64_t rows = 0;
};

// From so many rows on a plan names the directive. The way back of a column of a million rows was measured at some 20 s
// (docs/decisions.md), which writers wait for; below that few will notice.
inline constexpr std::int64_t worth_keeping_aside = 1'000'000;

// What a column is called while it is kept aside: the same each time that the migration runs, and never too long for a name.
[[nodiscard]] std::string aside_name(std::string const& version, std::string const& column);
[[nodiscard]] bool is_aside_name(std::string const& column);

// The names after `keep-aside` at the top of a script, as the database has them.
[[nodiscard]] std::vector<std::string> names_to_keep(Script const& script);

// What is to be kept aside, and the statements that are not run for that. Code::refused, untouched, with the directive's place, for what
// cannot be kept so, or is not dropped by a statement of its own (P7). Pure.
[[nodiscard]] Result<std::vector<KeptColumn>> columns_to_keep(Dialect const& dialect, std::string const& version, Direction direction,
                                                              Script const& script, std::vector<Statement> const& statements,
                                                              std::vector<Table> const& tables);

// Those are no losses, and are not copied: columns that a script keeps aside, and those that a way back renames.
void leave_out(Foresight& foresight, std::vector<KeptColumn> const& kept, std::vector<Snapshot> const& aside);

// Code::refused for a script of which each part is committed by itself.
[[nodiscard]] Error kept_in_parts(Script const& script);

// The table, of these, that has the column now, under whatever name it goes; null: none.
[[nodiscard]] Table const* table_with(std::vector<Table> const& tables, Snapshot const& aside);

// Why a column does not come back, as words behind the snapshot's name; empty: it is there, or with its table in another snapshot.
[[nodiscard]] Result<std::string> fault_of_aside(Backend& backend, Ledger const& ledger, Snapshot const& aside);

// The column goes for good, if it is there. In the caller's transaction.
[[nodiscard]] Result<void> drop_aside(Backend& backend, Ledger const& ledger, Snapshot const& aside);

}  // namespace undrop
