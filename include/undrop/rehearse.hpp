// rehearse: up, compare, down, compare, up again, compare, in a disposable database; and Evidence, what came of it.
// Evidence is a value; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include <undrop/difference.hpp>
#include <undrop/migration.hpp>
#include <undrop/options.hpp>
#include <undrop/source.hpp>
#include <undrop/target.hpp>

namespace undrop {

// Which rows a rehearsal has, from the weakest to the strongest.
enum class DataMode {
    migrations,  // an empty database, and the rows that the migrations make
    schema,      // the target's schema without its rows
    synthetic,   // the target's schema, and made rows
    sample,      // some of the target's rows, and those that their foreign keys name
    full         // a copy of the target
};

[[nodiscard]] UNDROP_EXPORT char const* name_of(DataMode mode);

// Values that are not to leave the target: what `expression` gives, SQL over the table's columns, stands in the column's place.
struct Mask {
    std::string table;  // "orders" or "shop.orders"
    std::string column;
    std::string expression;
};

struct RehearsalData {
    DataMode mode = DataMode::migrations;
    std::int64_t rows = 0;         // of each table, with `synthetic` and `sample`; 0: 100
    std::uint64_t seed = 1;        // of `synthetic`
    std::vector<Mask> masks = {};  // of `sample` and `full`; applied while the target is read
};

// How far a sandbox is filled.
struct Filling {
    std::string table;
    std::int64_t done = 0;  // rows, of all tables
    std::int64_t all = 0;   // about so many will be; 0: not known
};

// What a rehearsal says of a migration, from the best to the worst.
enum class Grade {
    exact,                // without what was saved, too
    exact_with_snapshot,  // because of what was saved, or mended
    lossy,                // rows or objects differ
    irreversible,         // as its author says
    down_broken,          // the down failed
    up_broken             // the up failed
};

[[nodiscard]] UNDROP_EXPORT char const* name_of(Grade grade);

// A row that is not what it was.
struct UNDROP_EXPORT RowDifference {
    enum class Kind { changed, gone, added };
    Kind kind = Kind::changed;
    std::string table;
    std::string key;     // values of the key; empty: the table has none
    std::string column;  // only of a changed row
    std::string before;  // the value, or the whole row; empty: hidden, or there was none
    std::string after;
    bool hidden = false;  // values of the target, which reports do not show (P8)

    [[nodiscard]] std::string text() const;  // "public.t 5 role: 'viewer' -> NULL"
};

// What the rehearsal found of one migration.
struct Rehearsed {
    std::string version;
    std::string name;
    Grade grade = Grade::exact;
    bool came_back = false;    // both comparisons found everything equal
    std::string irreversible;  // its author's reason: it went up, and nothing was to come back
    std::string step;          // where it went wrong: up, down, up again
    std::string reason;        // one sentence; never a row's value
    Place where;               // the statement that failed; else only the step's file
    std::string statement;     // its first line
    std::string native;        // the database's own words
    std::int64_t rows_differing = 0;
    std::vector<RowDifference> rows;  // the first five
    std::vector<ObjectDifference> objects;
    std::string reproduce;  // one command
    double seconds = 0;
};

struct UNDROP_EXPORT Evidence {
    std::string target;                    // Target::description(); of what kind the database is
    RehearsalData data;                    // which rows it had
    std::vector<Rehearsed> migrations;     // in the order in which they ran
    std::int64_t only_applied = 0;         // earlier ones, not asked for, that the others stand on
    std::vector<std::string> not_reached;  // versions: the walk ended before them
    std::vector<std::string> notes;
    std::vector<std::string> not_filled;  // tables of which `synthetic` could make no row
    double seconds = 0;

    [[nodiscard]] bool exact() const;  // every migration that was asked for came back exactly
};

// What is rehearsed, and where.
struct Rehearsal {
    enum class Which { all, pending };
    Which which = Which::all;                // from DataMode::schema on those that are applied cannot be rehearsed: pending
    std::vector<std::string> versions = {};  // these, whatever `which` says; earlier ones are applied first
    RehearsalData data = {};                 // from DataMode::schema on with the target's schema and ledger
    bool show_rows = false;                  // with `sample` and `full`: show values of rows in the evidence
    // URL of another server to make the sandbox on; "local": a server of its own, for so long; empty: the target's.
    std::string sandbox = {};
    std::string command = "undrop rehearse";  // how the command line is called; for Rehearsed::reproduce
    // Told a few times a second while the sandbox is filled, on the caller's thread; must not use the target.
    std::function<void(Filling const&)> on_rows = {};
};

// Walks through the migrations once, each up, down and up again by the same code as apply(), in a sandbox that undrop makes, marks and
// drops (P10): on PostgreSQL a database undrop_sandbox_..., for which the role needs CREATEDB; on SQLite a temporary database that only
// this call can reach. The target is only read, from DataMode::schema on in one snapshot; nothing is written to it. Sandboxes that
// killed runs left behind are dropped first, where they carry the mark and nobody uses them.
//
// A migration that does not come back is evidence and no error; the walk goes on as long as its up is applied. Errors: Code::usage
// (versions that do not exist, or are applied), Code::refused (no sandbox may be made here), Code::failed, Code::interrupted; the target is
// untouched.
[[nodiscard]] UNDROP_EXPORT Result<Evidence> rehearse(Target& target, Source const& source, Rehearsal const& rehearsal = {},
                                                      Options const& options = {});

[[nodiscard]] UNDROP_EXPORT std::string to_json(Evidence const& evidence);  // one document with a `format` number
[[nodiscard]] UNDROP_EXPORT std::string to_markdown(Evidence const& evidence);
UNDROP_EXPORT std::ostream& operator<<(std::ostream& out, Evidence const& evidence);  // ends in GO or NO-GO

}  // namespace undrop
