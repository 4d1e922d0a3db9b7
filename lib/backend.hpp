// Backend: the one door to a connected database. One thread at a time.
//
// Errors carry Code::failed (or busy, in_doubt, interrupted) and the database's own words; who calls adds `left` and the place.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/result.hpp>

#include "catalog.hpp"
#include "dialect.hpp"
#include "sandbox.hpp"

namespace undrop {

using Cell = std::optional<std::string>;  // NULL is nullopt
using Row = std::vector<Cell>;
using Rows = std::vector<Row>;

// What happened to one table's rows since `mark`, as the database tells.
struct Writes {
    std::int64_t inserted = 0;
    std::int64_t updated = 0;
    std::int64_t deleted = 0;
    bool rows_may_differ = false;  // rewritten, truncated, or cannot be told: compare with a copy
};

// Everything a step did to the database outside of schema texts, told after the fact.
struct Observed {
    std::map<std::string, Writes> writes;  // by Table::id at the mark; tables whose rows were not touched are absent
    std::vector<std::string> refused;      // things undrop cannot save or take back: a foreign table, a system catalog, its own store ...
};

struct StoreState {
    bool exists = false;
    std::string foreign;  // not empty: why the store is not ours; nothing of it may be read or run
};

class Backend {
public:
    virtual ~Backend() = default;
    [[nodiscard]] virtual Dialect const& dialect() const = 0;
    [[nodiscard]] virtual std::string description() const = 0;
    [[nodiscard]] virtual std::string role() const = 0;                        // who we are in the database; empty on SQLite
    [[nodiscard]] virtual Result<void> set_role(std::string const& role) = 0;  // --role; Code::usage where there are no roles

    // -- SQL. run and rows send the text verbatim; query binds $1, $2 ... and is for undrop's own statements, `columns` wide.
    // `run`: one or more statements; gives the rows affected by INSERT, UPDATE, DELETE, else 0.
    [[nodiscard]] virtual Result<std::int64_t> run(std::string const& sql) = 0;
    [[nodiscard]] virtual Result<Rows> rows(std::string const& sql) = 0;  // every cell as text
    [[nodiscard]] virtual Result<Rows> query(std::string const& sql, std::span<Cell const> parameters, int columns) = 0;
    // One statement of an author's script; the error's `where` is line and column within the script, with its file.
    [[nodiscard]] virtual Result<void> run_script(Script const& script, Statement const& statement) = 0;
    // NOTICEs of the database go here while set; null: dropped.
    virtual void on_notice(std::function<void(std::string const&)> listener) = 0;

    // -- The store
    [[nodiscard]] virtual Result<StoreState> store_state(std::string const& ledger) = 0;
    // Makes the store's schema (nothing on SQLite), owner-only. In the caller's transaction.
    [[nodiscard]] virtual Result<void> create_store(std::string const& ledger) = 0;
    // Takes every right but the owner's from a table just made in the store, and checks that it worked (P8). `source`: the table
    // whose rows it holds, so that row security there holds here; may be null.
    [[nodiscard]] virtual Result<void> seal(std::string const& store_table, Table const* source) = 0;
    [[nodiscard]] virtual Result<std::int64_t> bytes_of(std::string const& store_table) = 0;
    // A digest of a store table's rows that does not depend on their order; "algorithm:hex".
    [[nodiscard]] virtual Result<std::string> hash_of(std::string const& store_table, std::vector<std::string> const& columns) = 0;
    // Is this the error of reading a store that is not there?
    [[nodiscard]] virtual bool means_no_store(Error const& error) const = 0;

    // -- One migrator at a time, for a whole run. Polled; Code::busy after options.wait; nothing on SQLite, where a step's
    // transaction is the lock.
    [[nodiscard]] virtual Result<void> lock_run(Options const& options) = 0;
    virtual void unlock_run() = 0;

    // -- A step's transaction
    // Opens it for writing, READ COMMITTED, session settings pinned for undrop's own statements. `statements`: the author's, of which
    // some (PRAGMA foreign_keys) mean the time before the transaction. Code::busy where the database is locked for too long.
    [[nodiscard]] virtual Result<void> begin(Options const& options, std::vector<Statement> const& statements) = 0;
    [[nodiscard]] virtual Result<void> commit() = 0;         // Code::in_doubt if the connection goes meanwhile
    virtual void rollback() = 0;                             // quiet; also puts sequences back and ends what `begin` set
    [[nodiscard]] virtual Result<void> begin_reading() = 0;  // a transaction for a consistent look: no writes; ended by rollback()
    // Session settings as the author expects them (the role's own), and back to undrop's (RESET ROLE, search_path ...).
    [[nodiscard]] virtual Result<void> enter_script() = 0;
    [[nodiscard]] virtual Result<void> leave_script() = 0;
    // Is the transaction still the one that `begin` opened? Code::refused otherwise.
    [[nodiscard]] virtual Result<void> still_ours() = 0;
    // SET CONSTRAINTS ALL IMMEDIATE; foreign_key_check against the count at begin.
    [[nodiscard]] virtual Result<void> check_constraints() = 0;
    // Locks the tables against everyone, one statement, one order, before anything is read for saving (P1). Nothing on SQLite.
    [[nodiscard]] virtual Result<void> lock(std::vector<Table> const& tables) = 0;

    // -- Looking
    // All tables with rows of their own (ordinary, partitioned ones too), without the system's, temporary ones and the store's.
    [[nodiscard]] virtual Result<std::vector<Table>> tables(std::string const& ledger) = 0;
    // Begins observing: what `observed` reports is counted from here. Called in the transaction, after `lock`. Sequence positions too.
    [[nodiscard]] virtual Result<void> mark(std::string const& ledger) = 0;
    [[nodiscard]] virtual Result<Observed> observed() = 0;
    // Every object that undrop knows, but for the store's.
    [[nodiscard]] virtual Result<Catalog> catalog(std::string const& ledger) = 0;
    // The same, later in the transaction, but differing from `before` only in what this transaction did itself.
    [[nodiscard]] virtual Result<Catalog> catalog_after(std::string const& ledger, Catalog const& before) = 0;
    // Names of what this transaction removed and no catalog of ours holds (P9): kinds not known yet.
    [[nodiscard]] virtual Result<std::vector<std::string>> removed_unknown(Catalog const& before) = 0;
    // Bodies of functions, triggers and views that mention a name: no dependency to the database (warnings of the plan).
    [[nodiscard]] virtual Result<std::vector<std::string>> mentions(std::string const& word) = 0;

    // -- Bringing back
    // Changes an object that holds rows into another definition, rows kept, where `alter` is empty (SQLite: a rebuild). Code::refused where
    // there is no such way. Columns that only `wanted` has get their default.
    [[nodiscard]] virtual Result<void> reshape(ObjectId const& id, Object const& now, Object const& wanted) = 0;
    // The user's triggers and rules on a table off, and back on to their exact states; nested calls are the caller's error. On SQLite
    // foreign keys too: check_constraints() tells what came of it.
    [[nodiscard]] virtual Result<void> quiet(Table const& table) = 0;
    [[nodiscard]] virtual Result<void> loud(Table const& table) = 0;
    // Positions of sequences: "schema.name" -> text that set_position understands.
    [[nodiscard]] virtual Result<std::map<std::string, std::string>> positions() = 0;
    // Never moves a sequence back behind where it is.
    [[nodiscard]] virtual Result<void> set_position(std::string const& sequence, std::string const& position) = 0;
    // Rows that the script itself wrote in this transaction, as a condition on the table's rows under `alias`; empty: cannot be told.
    [[nodiscard]] virtual Result<std::string> written_by_us(Table const& table, std::string const& alias) = 0;

    // -- Rehearsing
    // A new database beside this one, made, marked and dropped by undrop (P10). Nothing is written to this one, and no transaction is open.
    // Code::refused where none may be made, with what to do about it.
    [[nodiscard]] virtual Result<std::unique_ptr<Sandbox>> make_sandbox(SandboxWish const& wish) = 0;
};

}  // namespace undrop
