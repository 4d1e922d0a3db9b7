// Untouched: nobody has written since a step what it made, changed, or took away, so that what was before it is known of every row.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <undrop/report.hpp>

#include "backend.hpp"
#include "ledger.hpp"
#include "step.hpp"

namespace undrop {

// Is what a footprint is of still what the step left there? Of rows as well: none went, and but for Of::rows none came.
[[nodiscard]] Result<bool> is_as_left(Backend& backend, Ledger const& ledger, Footprint const& print, Table const& table);

// As far as the ledger shows it, asked before anything of the way back has run. What cannot be told (rows without a key, renamed tables)
// counts as written.
[[nodiscard]] Result<bool> is_untouched(Backend& backend, Ledger const& ledger, Opposite const& opposite, std::vector<Table> const& tables);

// What a down script has taken and left in a step, before it is recorded.
struct LeftByScript {
    StepReport const& report;
    std::vector<Snapshot> const& saved;
    std::vector<Footprint> const& footprints;
    std::vector<Table> const& before;  // the tables, when the step began
    Catalog const& catalog;            // the same
};

// Of an error: the script has run, all is well, and what it left is not what was before the up. Nobody sees it.
constexpr char const* otherwise = "left otherwise";

// An error of that kind says what is not as it was, as if users had written it.
[[nodiscard]] Result<void> nothing_otherwise(Backend& backend, Ledger const& ledger, LeftByScript const& left, Opposite const& opposite);

// Notes of rows that it has put into tables that were there, in nobody's place: somebody may mean them.
[[nodiscard]] Result<std::vector<std::string>> inserted_beside(Backend& backend, Ledger const& ledger, LeftByScript const& left,
                                                               Opposite const& opposite);

// Notes of rows that the up has put into such tables, and that it leaves there: it may mean to.
[[nodiscard]] Result<std::vector<std::string>> inserted_by_the_up(Backend& backend, Ledger const& ledger, LeftByScript const& left,
                                                                  std::vector<Table> const& after, Opposite const& opposite);

// Tables, and columns of others (else ""), that were there before the up and that are gone after the down script, under whatever name: it
// drops what was not its own, and nothing of the up's could bring back what they hold.
[[nodiscard]] std::vector<std::pair<Table const*, std::string>> dropped_beside(LeftByScript const& left, std::vector<Table> const& after,
                                                                               Opposite const& opposite);

// Columns that were there before the up, have another name after the script, and gave their own to a new one.
[[nodiscard]] std::vector<std::pair<Table const*, std::string>> succeeded_beside(LeftByScript const& left, std::vector<Table> const& after,
                                                                                 Opposite const& opposite);

// What was there before the up and has a name after the down script that it never had: from this to the one of before, where that is free.
// Tables come before their columns. What the mend would make under that name is empty.
[[nodiscard]] std::vector<Rename> slipped_names(LeftByScript const& left, std::vector<Table> const& after, Opposite const& opposite);

// As dropped_beside(), by the script's text, but for what `lose` waives, and what may get another table's name or is made again.
[[nodiscard]] std::vector<std::pair<Table const*, std::string>> will_drop_beside(Dialect const& dialect,
                                                                                 std::vector<Statement> const& statements,
                                                                                 std::vector<std::string> const& lose,
                                                                                 std::vector<Table> const& tables, Catalog const& catalog,
                                                                                 Opposite const& opposite);

[[nodiscard]] Error drops_beside(Table const& table, std::string const& column, bool renamed = false);

// The same step without its down script, if nobody wrote since the up and it can be derived: nothing came of the script then but what is
// otherwise. Nothing: it is not so, and the script has to do. `run`: as StepRunner::run_id().
[[nodiscard]] Result<std::optional<StepReport>> back_as_recorded(Backend& backend, Ledger& ledger, Options const& options,
                                                                 PlannedStep const& step, std::int64_t& run, MendLog* log);

}  // namespace undrop
