// Adopting: a database that another tool migrated, or that was made by hand, gets a ledger that says so. Nothing is run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/source.hpp>

namespace undrop {

class Target;

// One of the two. The tools: golang-migrate, goose, dbmate, diesel, flyway, prisma.
struct AdoptWish {
    std::optional<std::string> at;    // the last version that the database has
    std::optional<std::string> from;  // the tool whose history table says what the database has
    bool dry_run = false;             // only say what would be adopted
    bool skip_missing = false;        // with `from`: what the table has and the source has not is listed and left out, and not refused
};

struct AdoptedMigration {
    enum class State { adopted, known, pending, no_file };
    std::string version;  // no_file: as the tool's table has it
    std::string name;
    State state = State::adopted;  // known: the ledger has it already; no_file: only the tool's table has it
};

struct UNDROP_EXPORT Adoption {
    std::string target;
    std::string table;  // the tool's; empty: by a version
    bool dry_run = false;
    std::vector<AdoptedMigration> migrations;
};

// Marks migrations as applied without running them. Reads the tool's table, and writes nothing but undrop's ledger. What is adopted was not
// recorded: its way back is its down script, and a derived one is refused.
// Errors: refused (untouched): a history that its tool calls dirty or failed, one that names what the source does not have, a file that is
// not the one that the tool ran (Source::tool_checksums), no such table. usage: a version that is not there.
[[nodiscard]] UNDROP_EXPORT Result<Adoption> adopt(Target& target, Source const& source, AdoptWish const& wish,
                                                   Options const& options = {});

[[nodiscard]] UNDROP_EXPORT std::string to_json(Adoption const& adoption);

}  // namespace undrop
