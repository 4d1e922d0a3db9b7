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
#include <undrop/plan.hpp>
#include <undrop/result.hpp>

#include "answers.hpp"
#include "catalog.hpp"
#include "dialect.hpp"

namespace undrop {

class Sandbox;
class Views;
struct SandboxWish;

// Beside tables and columns: "sequence", "type" or "materialized view", as ALTER says it -> schema and name, raw -> identity.
using NamedObjects = std::map<std::string, std::map<std::pair<std::string, std::string>, std::string>>;

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
    // `rows` of the store, in one round trip, and only where it is ours: nothing of another's is read.
    [[nodiscard]] virtual Result<Rows> store_rows(std::string const& ledger, std::string const& sql) = 0;
    // Publications that would ship the store's tables to subscribers, which do not have them and would stop (P9).
    [[nodiscard]] virtual Result<std::vector<std::string>> publications(std::string const& ledger) {
        static_cast<void>(ledger);
        return std::vector<std::string>{};
    }
    // What runs beside each statement that changes a definition, also undrop's own, in words: event triggers that are switched on.
    [[nodiscard]] virtual Result<std::vector<std::string>> event_triggers() { return std::vector<std::string>{}; }
    // What an operator should know who keeps the store for years, found quickly: a nightly dump that the store makes fail, numbers that run
    // out. Notes and warnings, never a stop.
    [[nodiscard]] virtual Result<std::vector<Finding>> concerns(std::string const& ledger) {
        static_cast<void>(ledger);
        return std::vector<Finding>{};
    }
    // Makes the store's schema (nothing on SQLite), owner-only. In the caller's transaction.
    [[nodiscard]] virtual Result<void> create_store(std::string const& ledger) = 0;
    // Takes every right but the owner's from a table just made in the store, and checks that it worked (P8). `source`: the table
    // whose rows it holds, so that row security there holds here; may be null.
    [[nodiscard]] virtual Result<void> seal(std::string const& store_table, Table const* source) = 0;
    [[nodiscard]] virtual Result<std::int64_t> bytes_of(std::string const& store_table) = 0;
    // A digest of a store table's rows that does not depend on their order; "algorithm:hex".
    [[nodiscard]] virtual Result<std::string> hash_of(std::string const& store_table, std::vector<std::string> const& columns) = 0;
    // The columns of a table of the store, in their order; none: there is no such table.
    [[nodiscard]] virtual Result<std::vector<StoreColumn>> columns_of(std::string const& store_table) = 0;
    // Is this a type that a column of the store may have? Asked of what a file says before it becomes part of a statement.
    [[nodiscard]] virtual Result<bool> is_stored_type(std::string const& type) = 0;
    // All rows of these columns, exactly, one line each, in no order; and their way back into a table made for them. docs/snapshots.md
    // describes the lines. One row at a time is in memory.
    [[nodiscard]] virtual char const* row_format() const = 0;  // a name for how such lines are written
    [[nodiscard]] virtual Result<void> read_rows(std::string const& store_table, std::vector<std::string> const& columns,
                                                 RowSink const& sink) = 0;
    [[nodiscard]] virtual Result<void> write_rows(std::string const& store_table, std::vector<std::string> const& columns,
                                                  RowSource const& source) = 0;
    // Is this the error of reading a store that is not there?
    [[nodiscard]] virtual bool means_no_store(Error const& error) const = 0;

    // -- One migrator at a time, for a whole run. Polled; Code::busy after options.wait; nothing on SQLite, where a step's
    // transaction is the lock.
    [[nodiscard]] virtual Result<void> lock_run(Options const& options) = 0;
    // Is that lock kept in the store, so that there has to be one before?
    [[nodiscard]] virtual Result<bool> locks_in_store(Options const& options) {
        static_cast<void>(options);
        return false;
    }
    virtual void unlock_run() = 0;
    // Is a step's transaction the only lock, so that Code::busy of a step may mean another migrator?
    [[nodiscard]] virtual bool steps_lock_the_run() const { return false; }
    // For that long what is read outside of a step's transaction waits for others, where a writer can keep readers out; not on a handle
    // that the program has handed over.
    virtual void wait_for_locks(std::chrono::milliseconds most) { static_cast<void>(most); }

    // -- A step's transaction
    // Opens it for writing, READ COMMITTED, session settings pinned for undrop's own statements. `statements`: the author's, of which
    // some (PRAGMA foreign_keys) mean the time before the transaction. Code::busy where the database is locked for too long.
    [[nodiscard]] virtual Result<void> begin(Options const& options, std::vector<Statement> const& statements) = 0;
    // What the report should say of how that transaction was opened, where it is not as usual.
    [[nodiscard]] virtual std::vector<std::string> remarks() const { return {}; }
    [[nodiscard]] virtual Result<void> commit() = 0;  // Code::in_doubt if the connection goes meanwhile
    // After a COMMIT in doubt: connects anew, waits until the server has decided, for as long as the options let a run wait. The
    // next `begin` takes the run's lock again. True: committed. Nothing: only the ledger can tell. An error: the doubt stays.
    [[nodiscard]] virtual Result<std::optional<bool>> settle(Options const& options) {
        static_cast<void>(options);
        return Error{.code = Code::in_doubt, .left = Left::unknown, .message = "what became of the step cannot be found out from here"};
    }
    virtual void rollback() = 0;                             // quiet; also puts sequences back and ends what `begin` set
    [[nodiscard]] virtual Result<void> begin_reading() = 0;  // a transaction for a consistent look: no writes; ended by rollback()
    // Session settings as the author expects them (the role's own), and back to undrop's (RESET ROLE, search_path ...).
    [[nodiscard]] virtual Result<void> enter_script() = 0;
    [[nodiscard]] virtual Result<void> leave_script() = 0;
    // For statements of a check: the author's settings, and nothing can be written, until leave_check, which leaves no trace of them and
    // also goes on after one that failed. After `begin` or `begin_reading`. Locks are waited for as long as the options say.
    [[nodiscard]] virtual Result<void> enter_check(Options const& options) = 0;
    [[nodiscard]] virtual Result<void> leave_check() = 0;
    // One statement between the two; the error's `where` as with run_script.
    [[nodiscard]] virtual Result<Answer> ask(Script const& script, Statement const& statement) = 0;
    // Is the transaction still the one that `begin` opened? Code::refused otherwise.
    [[nodiscard]] virtual Result<void> still_ours() = 0;
    // SET CONSTRAINTS ALL IMMEDIATE; foreign_key_check against the count at begin.
    [[nodiscard]] virtual Result<void> check_constraints() = 0;
    // Does `work`, of undrop's own. A foreign key that does not hold then is refused by its name, with both tables and the number of rows
    // whose parent is gone (never their values). `definition`: what makes the foreign key, where `work` does; else those that are there.
    [[nodiscard]] virtual Result<void> naming_orphans(std::string const& definition, std::function<Result<void>()> const& work) {
        static_cast<void>(definition);
        return work();
    }
    // Locks the tables, one statement, one order, before anything is read for saving (P1). Nothing on SQLite.
    [[nodiscard]] virtual Result<void> lock(std::vector<Table> const& tables, LockLevel level) = 0;
    // What our transaction keeps others out of by now.
    [[nodiscard]] virtual Result<std::vector<LockedTable>> locked_tables() = 0;
    // Sessions in the middle of a long transaction that keep us from locking these tables, in words.
    [[nodiscard]] virtual Result<std::vector<std::string>> long_users(std::vector<Table> const& tables) {
        static_cast<void>(tables);
        return std::vector<std::string>{};
    }
    // In a transaction of `begin_reading`: `read`, which waits so long for what other sessions lock, and no longer. False: that was not had
    // in time, and the transaction goes on without.
    [[nodiscard]] virtual Result<bool> read_in_time(std::chrono::milliseconds wait, std::function<Result<void>()> const& read) {
        static_cast<void>(wait);
        auto done = read();
        if (!done) return std::move(done).error();
        return true;
    }
    // Tables that other sessions keep, or are about to keep, even readers out of, each with who it is, in words.
    [[nodiscard]] virtual Result<std::vector<std::string>> kept_from_readers() { return std::vector<std::string>{}; }
    // About how many rows a table has, by the database's own statistics, without reading it; nothing where they do not tell.
    [[nodiscard]] virtual Result<std::optional<std::int64_t>> estimated_rows(Table const& table) {
        static_cast<void>(table);
        return std::optional<std::int64_t>{};
    }

    // Code::refused, with the tables' names, where the database would hide rows of some of them from us.
    [[nodiscard]] virtual Result<void> sees_all_rows(std::vector<Table> const& tables) = 0;

    // -- Looking
    // All tables with rows of their own (ordinary, partitioned ones too), without the system's, temporary ones and the store's.
    [[nodiscard]] virtual Result<std::vector<Table>> tables(std::string const& ledger) = 0;
    // From now on `tables`, `catalog`, `positions` and `named_objects` may leave out what neither these statements, as far as their text
    // shows it, nor what comes back have anything to do with; null: they tell of everything again.
    virtual void look_only_at(std::vector<Statement> const* statements, ComesBack const& comes_back) {
        static_cast<void>(statements);
        static_cast<void>(comes_back);
    }
    // After a script: tables to whose rows it wrote although `tables` had left them out, as they were before it. Nothing: it changed
    // definitions that were left out, and has to be taken back, to run again where nothing is.
    [[nodiscard]] virtual Result<std::optional<std::vector<Table>>> missed() { return std::optional<std::vector<Table>>(std::in_place); }
    // Begins observing: what `observed` reports is counted from here. Called in the transaction, after `lock`. Sequence positions too.
    [[nodiscard]] virtual Result<void> mark(std::string const& ledger) = 0;
    [[nodiscard]] virtual Result<Observed> observed() = 0;
    // The second pair of eyes: until the step commits, another connection still sees the rows as they were. Appends the old rows of a
    // table (as it was at the mark) to a store table with the columns n (a number), state ('u') and v1, v2 ...: `saved`, expressions over
    // rows under the alias t; and the dialect's row_places. False where that cannot be had: a copy made before the script can.
    [[nodiscard]] virtual Result<bool> read_old(Table const& table, OldRows which, std::vector<std::string> const& saved,
                                                std::string const& store_table) = 0;
    // Which row each old one has become, as far as the database itself knows it: adds its number and its present row_id to the store table
    // `pairs` (n, l), for old rows in `old_rows`, which has the dialect's row_places in these files (empty: those at the mark). False where
    // that cannot be told.
    [[nodiscard]] virtual Result<bool> follow(Table const& then, Table const& now, std::string const& old_rows, std::string const& pairs,
                                              std::string const& files) = 0;
    // The files that hold a table's rows, whose places mean nothing in others; empty: the database does not say.
    [[nodiscard]] virtual Result<std::string> files_of(Table const& table) {
        static_cast<void>(table);
        return std::string{};
    }
    // Why `read_old` never works on this target; empty: it should.
    [[nodiscard]] virtual std::string why_blind(Options const& options) const = 0;
    // The foreign keys that refer to a table.
    [[nodiscard]] virtual Result<std::vector<Reference>> references(Table const& table) = 0;
    // The foreign keys of a table: those that these definitions (Object::make) make; where the table's own text makes them, those that it
    // has.
    [[nodiscard]] virtual Result<std::vector<ForeignKey>> foreign_keys(Table const& child, std::vector<std::string> const& definitions) {
        static_cast<void>(child), static_cast<void>(definitions);
        return std::vector<ForeignKey>{};
    }
    // What stands in the way of values that come back into these columns, and can step aside meanwhile: what is unique over an expression
    // or for some rows, exclusions, checks and foreign keys that old rows need not fulfil; where rows swap values, plain unique indexes
    // too. On SQLite nothing can step aside: there swapped rows are deleted and inserted instead.
    [[nodiscard]] virtual Result<std::vector<ObjectId>> in_the_way(Table const& table, std::vector<std::string> const& columns,
                                                                   bool swapped) = 0;
    // Every object that undrop knows, but for the store's.
    [[nodiscard]] virtual Result<Catalog> catalog(std::string const& ledger) = 0;
    // The same, later in the transaction, but differing from `before` only in what this transaction did itself.
    [[nodiscard]] virtual Result<Catalog> catalog_after(std::string const& ledger, Catalog const& before) = 0;
    // Names of what this transaction removed and no catalog of ours holds (P9): kinds not known yet.
    [[nodiscard]] virtual Result<std::vector<std::string>> removed_unknown(Catalog const& before) = 0;
    // Of these kinds, by name: what a catalog was read beside.
    [[nodiscard]] virtual std::set<std::string> unknown(Catalog const& catalog) const {
        static_cast<void>(catalog);
        return {};
    }
    // And what of it this transaction made.
    [[nodiscard]] virtual Result<std::vector<std::string>> made_unknown(Catalog const& before, Catalog const& now) {
        static_cast<void>(before), static_cast<void>(now);
        return std::vector<std::string>{};
    }
    // What this transaction changed that is no part of the schema and that no way back brings back, a line each, as Dialect::one_way says
    // it of a statement; `said`: what that said of the script, which makes some of it clear.
    [[nodiscard]] virtual Result<std::vector<std::string>> changed_beyond(std::vector<std::string> const& said) {
        static_cast<void>(said);
        return std::vector<std::string>{};
    }
    // Why a statement cannot be part of a step, as far as only the database can tell: it calls a procedure that commits, or one that does
    // so in an `apart` script, but also what cannot be saved in its transactions. Empty: it can.
    [[nodiscard]] virtual Result<std::string> why_not(Statement const& statement, bool apart) {
        static_cast<void>(statement);
        static_cast<void>(apart);
        return std::string{};
    }
    // P7: of these objects, those that our role could not make again as they are, if they went: for each a stop, with the object, the
    // reason and what to do. What needs no look at rows: owners, schemas, languages.
    [[nodiscard]] virtual Result<std::vector<Finding>> cannot_make(Catalog const& objects) {
        static_cast<void>(objects);
        return std::vector<Finding>{};
    }
    // P7: rights that our role lacks on tables, for each a stop. Besides SELECT, INSERT, UPDATE and DELETE there is OWNER: to alter it, or
    // to drop it.
    using WantedRights = std::map<std::pair<std::string, std::string>, std::set<std::string>>;  // by schema and name
    [[nodiscard]] virtual Result<std::vector<Finding>> missing_rights(WantedRights const& wanted) {
        static_cast<void>(wanted);
        return std::vector<Finding>{};
    }
    // P7: what `removed_unknown` would refuse after this statement, where its text shows it; `lose`: what may go all the same.
    [[nodiscard]] virtual Result<std::vector<Finding>> cannot_let_go(Statement const& statement, std::vector<std::string> const& lose) {
        static_cast<void>(statement), static_cast<void>(lose);
        return std::vector<Finding>{};
    }
    // Bodies of functions, triggers and views that mention a name: no dependency to the database (warnings of the plan).
    [[nodiscard]] virtual Result<std::vector<std::string>> mentions(std::string const& word) = 0;

    // What the database has besides, where views hold rows of their own (views.hpp); null: it has none.
    [[nodiscard]] virtual Views* views() { return nullptr; }

    // -- Bringing back
    // Changes an object that holds rows into another definition, rows kept, where `alter` is empty (SQLite: a rebuild). Code::refused where
    // there is no such way. Columns that only `wanted` has get their default.
    [[nodiscard]] virtual Result<void> reshape(ObjectId const& id, Object const& now, Object const& wanted) = 0;
    // How many rows hold values that a column cannot take on its way to a recorded definition: `column` is its name, `wanted` the recorded
    // column, or on SQLite the table with an empty name. In a transaction of the caller's. 0 where nothing is in the way.
    // `means_unfitting`: could that be why the database said this?
    [[nodiscard]] virtual bool means_unfitting(Error const& error) const {
        static_cast<void>(error);
        return false;
    }
    [[nodiscard]] virtual Result<std::int64_t> unfitting(Table const& now, std::string const& column, Object const& wanted) {
        static_cast<void>(now), static_cast<void>(column), static_cast<void>(wanted);
        return std::int64_t{0};
    }
    // Where a column that comes back becomes the table's last (PostgreSQL): the columns behind its old place are moved behind it.
    // Why these columns of a table cannot be moved, in words; nothing: they can.
    [[nodiscard]] virtual Result<std::vector<std::string>> why_not_move(Table const& table, std::vector<std::string> const& columns) {
        static_cast<void>(table), static_cast<void>(columns);
        return std::vector<std::string>{};
    }
    // Moves columns behind all others, in this order, each with its values: the table is written anew. What hung on them has been removed,
    // and so have generated ones, which are made again.
    [[nodiscard]] virtual Result<void> move_columns(Table const& table, std::vector<std::pair<ObjectId, Object>> const& columns) {
        static_cast<void>(table), static_cast<void>(columns);
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    // The user's triggers and rules on a table off, and back on to their exact states; calls may nest. On SQLite foreign keys too:
    // check_constraints() tells what came of it.
    [[nodiscard]] virtual Result<void> quiet(Table const& table) = 0;
    [[nodiscard]] virtual Result<void> loud(Table const& table) = 0;
    // Foreign keys of these tables are checked by `check_references`, not by each statement, so rows may come in any order.
    [[nodiscard]] virtual Result<void> defer_references(std::vector<Table> const& tables) = 0;
    [[nodiscard]] virtual Result<void> check_references() = 0;
    // Positions of sequences: "schema.name" -> text that set_position understands.
    [[nodiscard]] virtual Result<std::map<std::string, std::string>> positions() = 0;
    // Would `then` be new to a sequence that is at `now`, in the direction in which it counts?
    [[nodiscard]] virtual Result<bool> is_behind(std::string const& sequence, std::string const& now, std::string const& then) = 0;
    // What else stays itself over a rename. Nothing on SQLite.
    [[nodiscard]] virtual Result<NamedObjects> named_objects() = 0;
    // The statistics by which the database plans queries, of a table that got rows back: in the step's transaction, without waiting for
    // anybody. The last that a step does to a table, for what it writes to is the system's.
    [[nodiscard]] virtual Result<void> gather_statistics(Table const& table) = 0;
    // Never moves a sequence back behind where it is.
    [[nodiscard]] virtual Result<void> set_position(std::string const& sequence, std::string const& position) = 0;
    // Numbers for the rows of `where` (on t), as an identity column gives them: from its own sequence where the column has one, else as
    // that which `identity` makes (the recorded Object::make) would give them from `position` on, empty: from its beginning.
    [[nodiscard]] virtual Result<Numbered> number_rows(Table const& table, std::string const& column, std::string const& identity,
                                                       std::string const& position, std::string const& where) {
        static_cast<void>(table), static_cast<void>(column), static_cast<void>(identity), static_cast<void>(where);
        return Numbered{.rows = 0, .position = position};
    }
    // A condition on t: the script wrote the row after a statement that rewrote its table, as one that adds a serial column; `written`: how
    // many rows it wrote. Empty: cannot be told.
    [[nodiscard]] virtual Result<std::string> written_after_rewrite(Table const& table, std::int64_t written) {
        static_cast<void>(table), static_cast<void>(written);
        return std::string{};
    }
    // Rows that the script itself wrote in this transaction, as a condition on the table's rows under `alias`; empty: cannot be told.
    [[nodiscard]] virtual Result<std::string> written_by_us(Table const& table, std::string const& alias) = 0;

    // -- Outside of a transaction (P6): what Dialect::outside and Dialect::hoisted name. No transaction is open, but for `find` and
    // `probe`. `settings`: the script's SETs before the statement, which hold for it. Names as the database finds them; Code::failed where
    // there is no such thing.
    [[nodiscard]] virtual Result<Outside> find(Outside const& named, std::vector<Statement> const& settings) {
        static_cast<void>(settings);
        return named;
    }
    [[nodiscard]] virtual Result<Effect> probe(Outside const& found) {
        static_cast<void>(found);
        return Effect::none;
    }
    // Code::refused where such a statement cannot run over this connection as it should. Asked before anything of the step is done.
    [[nodiscard]] virtual Result<void> may_run_outside(Outside const& what, std::vector<Statement> const& settings,
                                                       Options const& options) {
        static_cast<void>(what);
        static_cast<void>(settings);
        static_cast<void>(options);
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    // Waits for other sessions as long as Options::outside_wait says, and ends when Options::cancelled does; never by a lock timeout, which
    // would leave a half-made index.
    [[nodiscard]] virtual Result<void> run_outside(Script const& script, Statement const& statement, std::vector<Statement> const& settings,
                                                   Options const& options) {
        static_cast<void>(settings);
        static_cast<void>(options);
        return run_script(script, statement);
    }
    // Makes a half effect none or whole, whichever can be had. Code::busy where others keep it from that for too long.
    [[nodiscard]] virtual Result<void> tidy(Outside const& found, Options const& options) {
        static_cast<void>(found);
        static_cast<void>(options);
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }

    // What a statement that commits by itself does to rows: triggers, made and committed before it, save it in the store with each of its
    // transactions; nobody else's writes. In the caller's transaction, which waits for the tables' writers. Rows of the tables
    // `closed` (ids) it may not touch, and truncate or drop none.
    [[nodiscard]] virtual Result<void> begin_capture(std::string const& ledger, std::vector<Table> const& tables,
                                                     std::set<std::string> const& closed) {
        static_cast<void>(ledger), static_cast<void>(tables), static_cast<void>(closed);
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    // Makes one of what was written down of one row in pieces. In the caller's transaction, before `captured` in the next.
    [[nodiscard]] virtual Result<void> join_captured(std::string const& ledger) {
        static_cast<void>(ledger);
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    [[nodiscard]] virtual Result<std::vector<Captured>> captured(std::string const& ledger) {
        static_cast<void>(ledger);
        return std::vector<Captured>{};
    }
    // Takes away what `begin_capture` made, also what an interrupted run left; in transactions of its own. Code::busy as `lock`.
    [[nodiscard]] virtual Result<void> end_capture(std::string const& ledger, Options const& options) {
        static_cast<void>(ledger), static_cast<void>(options);
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }

    // -- Rehearsing
    // A new database beside this one, made, marked and dropped by undrop (P10). Nothing is written to this one, and no transaction is open.
    // Code::refused where none may be made, with what to do about it.
    [[nodiscard]] virtual Result<std::unique_ptr<Sandbox>> make_sandbox(SandboxWish const& wish) = 0;
};

}  // namespace undrop
