// Checks: statements that only read, and say whether the data is as the migration's author expects: VERSION_NAME.check.sql holds once
// the migration is applied, VERSION_NAME.down.check.sql once it is taken back. A statement holds if it returns no row, or exactly one
// whose first column is true. Each step runs its own, in its transaction; check() runs them any time. Values; any thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/plan.hpp>
#include <undrop/source.hpp>
#include <undrop/target.hpp>

namespace undrop {

struct CheckedStatement {
    std::string text;  // its first line
    Place where;
    bool holds = false;
    std::int64_t rows = 0;  // how many it returned; what is in them is never told
    std::string problem;    // empty if it holds: "3 rows", or why the database did not answer
};

// One file of checks, or its text in the ledger.
struct UNDROP_EXPORT CheckedMigration {
    std::string version;
    std::string name;
    Origin origin = Origin::file;  // or Origin::ledger, where the source has no such file
    std::string file;
    std::vector<CheckedStatement> statements;

    [[nodiscard]] bool holds() const;
};

struct UNDROP_EXPORT CheckReport {
    std::string target;
    std::vector<CheckedMigration> migrations;  // by version; those that have checks

    [[nodiscard]] bool holds() const;
};

// Runs the checks of the applied migrations, or of these versions of them, in a transaction that only reads; works with a role that may
// only read. A statement that does not hold, or that the database refuses, is no error: the report has it, and the others run all the same.
// Errors, all of which leave the target untouched: Code::usage for a version that is not applied or has no checks; busy; failed, where
// the connection was lost; interrupted.
[[nodiscard]] UNDROP_EXPORT Result<CheckReport> check(Target& target, Source const& source, std::vector<std::string> const& versions = {},
                                                      Options const& options = {});

[[nodiscard]] UNDROP_EXPORT std::string to_json(CheckReport const& report);
UNDROP_EXPORT std::ostream& operator<<(std::ostream& out, CheckReport const& report);

}  // namespace undrop
