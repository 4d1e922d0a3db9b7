// What is made over rows that are there: constraints and unique indexes, which rows written since may not fit.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <undrop/migration.hpp>

#include "backend.hpp"
#include "mend.hpp"

namespace undrop {

// Who may have written such a row.
struct Writers {
    Direction direction = Direction::down;
    bool script = false;
    std::vector<Directives::Backfill> const& backfill;
};

// What people call a constraint or an index that rows may not fit; empty: it is none.
[[nodiscard]] std::string_view name_of_constraint(ObjectId const& id);

// As run_mend(). Where rows do not fit what is made: Code::refused, with the table, the constraint and the number of rows (never their
// values, P8). The transaction is to be rolled back then.
[[nodiscard]] Result<void> run_mend_over_rows(Backend& backend, std::string const& ledger, std::vector<MendAction> const& actions,
                                              Writers const& writers);

}  // namespace undrop
