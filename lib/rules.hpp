// Rules: what is said of a source, a history and a script before anything runs. Pure.
#pragma once

#include <string>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/plan.hpp>
#include <undrop/source.hpp>

#include "dialect.hpp"
#include "ledger.hpp"

namespace undrop {

[[nodiscard]] Migration const* find_migration(Source const& source, std::string_view version);
[[nodiscard]] bool edited_up(Applied const& applied, Migration const& migration);
[[nodiscard]] bool edited_down(Applied const& applied, Migration const& migration);

[[nodiscard]] Finding edited_up_finding(Applied const& applied, Migration const& migration, std::string const& ran);
[[nodiscard]] Finding missing_file_finding(Applied const& applied, std::string const& origin);
[[nodiscard]] Finding out_of_order_finding(Migration const& migration, Applied const& newest);
[[nodiscard]] Finding edited_down_finding(Applied const& applied, Migration const& migration, std::string const& recorded,
                                          bool file_is_taken);

// The reason by which an up script's author calls it irreversible; empty: it is not, or its directives cannot be read.
[[nodiscard]] std::string reason_of(Script const& up);
// The same of an applied migration, as its file says, or else the ledger.
[[nodiscard]] Result<std::string> why_irreversible(Ledger& ledger, Applied const& applied, Migration const* migration);
[[nodiscard]] Finding irreversible_finding(PlannedStep const& step, std::string const& reason);

// Of a step down whose up undrop did not run.
[[nodiscard]] Finding adopted_finding(PlannedStep const& step);

// What a script does that no derived way back undoes.
[[nodiscard]] std::vector<Finding> one_way_findings(Dialect const& dialect, Script const& script);
// What makes a script unfit to run as a step, or as a check, which only reads. Fills in the number of statements.
enum class RunsAs { step, check };
[[nodiscard]] std::vector<Finding> script_findings(Dialect const& dialect, Script const& script, int& statements, RunsAs as = RunsAs::step);

// What others have locked, so that a plan was made without it: definitions, or only rows and bodies. Going down, definitions are not to be
// done without.
[[nodiscard]] Finding locked_finding(std::vector<std::string> const& who, bool definitions_read, bool goes_down);

// A publication that would ship undrop's tables to subscribers that do not have them.
[[nodiscard]] Finding published_finding(std::string const& publication, Options const& options);

}  // namespace undrop
