// rehearse: up, compare, down, compare, up again, compare, in a disposable database; and Evidence, what came of it.
// Evidence is a value; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <undrop/difference.hpp>
#include <undrop/migration.hpp>
#include <undrop/options.hpp>
#include <undrop/report.hpp>
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
    exact,                // no saved row or value was needed; definitions may have been mended
    exact_with_snapshot,  // because of what was saved
    lossy,                // rows or objects differ
    irreversible,         // as its author says, or no way back could be derived
    down_broken,          // the down script failed
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

// An object that a migration touches, as it was around its up in the rehearsal.
struct ObjectAtStake {
    std::string kind;
    std::string parent;
    std::string name;
    std::string before;  // a digest of its definition before the up; empty: it was not there
    std::string after;   // the same after the up
};

// The rows of a table as they were before the up, with which those after the down were compared.
struct RowsCompared {
    std::string table;
    std::int64_t rows = 0;
    std::string hash = {};  // over all of them, in no order; empty: there were none
};

// What a step took in the sandbox, for whoever plans the real one.
struct StepCost {
    double seconds = 0;
    std::int64_t rows_saved = 0;
    std::int64_t bytes_saved = 0;
    std::vector<LockHeld> locks;              // what it kept writers out of
    std::vector<std::string> rewritten = {};  // tables whose rows were all written anew, or thrown away, under the strongest lock
    // About so long writers stop on the target, by the lock held longest; less than 0: cannot be told from these rows.
    double writers_stop = -1;
    std::string assumption;  // on which that rests; empty: the rows were the target's own, or it cannot be told
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

    // How it came back, and what to know besides.
    std::string because;             // what undrop did for the grade: "put back 5 of public.t.c; mended index public.i"
    std::string derived;             // the down script failed: what the derived way back came to
    std::vector<std::string> notes;  // findings that leave the grade as it is
    bool refused_in_use = false;     // the way back, where an application had written; a note says why
    std::vector<std::string> not_exercised =
        {};  // tables that it touches and of which no row could be made: the grade says nothing of them
    StepCost up;
    StepCost down;

    // For the gate: of which scripts and objects this is evidence (undrop/evidence.hpp).
    std::string up_sum = {};       // checksum() of the scripts
    std::string down_sum = {};     // empty: there was no down script
    std::string directives = {};   // a digest of what their `-- undrop: ...` say; empty: nothing
    bool down_derived = false;     // the way back was derived
    std::string fingerprint = {};  // of the objects at stake before the up; empty: it did not go up
    std::vector<ObjectAtStake> at_stake = {};
    std::vector<RowsCompared> compared = {};
};

struct UNDROP_EXPORT Evidence {
    std::string target;                    // Target::description(); of what kind the database is
    RehearsalData data;                    // which rows it had
    std::vector<Rehearsed> migrations;     // in the order in which they ran
    std::int64_t only_applied = 0;         // earlier ones, not asked for, that the others stand on
    std::vector<std::string> not_reached;  // versions: the walk ended before them
    std::vector<std::string> notes;
    std::vector<std::string> not_filled;  // tables of which `synthetic` could make no row
    std::string witness = {};             // by which other program's reading schemas were compared, too: "pg_dump 15"; empty: by none
    double seconds = 0;

    // For the gate: by what it was made, and when.
    std::string undrop = {};    // the version
    std::string database = {};  // "PostgreSQL 15.20"
    std::string at = {};        // UTC, ISO 8601

    Grade accepted = Grade::exact_with_snapshot;  // the worst grade that is good enough

    // Every migration that was asked for came back exactly, with snapshots or without.
    [[nodiscard]] bool exact() const;
    [[nodiscard]] bool good() const;  // the same, or what was accepted
    [[nodiscard]] bool good(Rehearsed const& one) const;
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
    // Compare schemas by another program's reading, too, where it is at hand (pg_dump, some tenths of a second each time); nothing: from
    // DataMode::schema on.
    std::optional<bool> witness = {};
    bool writes = true;                         // a second round, in which an application writes to the tables between up and down
    Grade accept = Grade::exact_with_snapshot;  // Evidence::accepted: lossy takes these, too; irreversible also those whose author says so
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
[[nodiscard]] UNDROP_EXPORT std::string to_junit(Evidence const& evidence);           // XML: one test case for each migration
UNDROP_EXPORT std::ostream& operator<<(std::ostream& out, Evidence const& evidence);  // ends in GO or NO-GO

}  // namespace undrop
