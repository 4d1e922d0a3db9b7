// Outside: statements that a database runs only outside of a transaction, and the parts of a script that has such ones. Pure; any thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <undrop/plan.hpp>

#include "catalog.hpp"
#include "dialect.hpp"

namespace undrop {

// One part of a script that is more than one transaction: one such statement by itself, or the plain ones between two of them together.
struct ScriptPart {
    int number = 0;                     // from 1
    std::optional<Outside> outside;     // none: a transaction
    std::vector<Statement> statements;  // as they run
    std::vector<Statement> settings;    // the script's SETs before it, which hold here too
    int first = 0;                      // numbers of its own statements in the script, from 1; 0: it has none
    int last = 0;
    bool closing = false;  // the last: in its transaction things come back, are verified, checked and written into the ledger
};

// What runs outside of a transaction in this script: `marked`, if it says `-- undrop: no-transaction`.
[[nodiscard]] bool is_marked(Script const& script);
[[nodiscard]] std::optional<Outside> outside_in(Dialect const& dialect, Statement const& statement, bool marked);

// A script's parts, in the order in which they run; those that are hoisted first. One part: an ordinary step. The last is a transaction.
[[nodiscard]] std::vector<ScriptPart> script_parts(Dialect const& dialect, std::vector<Statement> const& statements, bool marked);

// For people: "statement 2, outside a transaction: create index public.i", "statements 3 to 5, in a transaction".
[[nodiscard]] std::string text_of(ScriptPart const& part);

// The objects that such a statement may change: what it is about and what hangs on it.
[[nodiscard]] std::set<ObjectId> scope_of(Outside const& outside, Catalog const& catalog);

// The script that a step runs; none where it is derived.
[[nodiscard]] Script const* script_of(PlannedStep const& step);
// Is a step more than one transaction?
[[nodiscard]] bool runs_in_parts(Dialect const& dialect, PlannedStep const& step);

}  // namespace undrop
