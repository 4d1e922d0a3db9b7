// How a run is done. A plain struct with defaults, made for designated initialisers. Copied by each call.
// Group 1 changes what is done, group 2 how long it may take, group 3 who hears of it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <undrop/migration.hpp>

namespace undrop {

// Told on the caller's thread, between two statements of undrop; a step's transaction is open for all but `waiting`, `journaled`,
// `outside`, `committed` and `failed`. A callback must not use the target. An exception from it ends the step, which is rolled back, as
// Code::interrupted; at `committed` and `failed` it is ignored.
struct Event {
    enum class Kind {
        waiting,    // for another migrator, or for a lock
        started,    // a step's transaction is open, nothing done yet
        locked,     // tables that the script will alter or drop are locked
        saved,      // what DDL will take was copied into the store
        statement,  // a statement of the script is about to run; text is its first line
        ran,        // the script is through
        mended,     // the schema is what was recorded
        restored,   // rows and values are back
        looked,     // everything that was taken is saved
        checked,    // the migration's checks hold
        again,      // a loss was not foreseen: the step is taken back and done again with it saved
        recorded,   // the ledger is written; COMMIT is next
        journaled,  // a step in parts: what comes next is written down and committed; a statement outside of a transaction is about to run
        outside,    // that statement is through, and not written down as done yet
        committed,
        failed,
        notice,  // the database's own NOTICE or WARNING
        warning
    };
    Kind kind{};
    std::string text;     // one line for people
    std::string version;  // of the step, if any
    Direction direction = Direction::up;
};

enum class DownFrom { files, ledger };

// What migrate() does where the database is ahead of the program: migrations are applied that the source does not have, newer than all that
// both have. A source that shares no migration with the database is no older program, and refused whatever is said here.
enum class Ahead {
    accept_harmless,  // goes on with a warning where they took nothing away and narrowed nothing; else refuses, saying what is harmful
    accept,           // goes on with a warning
    refuse,
    wait,      // until somebody has taken them back, for Options::wait; then Code::busy
    roll_back  // takes them back first, by the ledger's scripts and snapshots; never twice for the same pair of versions.
               // For single instances: replicas of the newer program that are still running lose what they need.
};

// What migrate() does while another migrator is at work.
enum class Busy {
    wait,  // for Options::wait; then Code::busy
    fail,  // Code::busy at once
    serve  // nothing, and says so: Report::elsewhere. For a replica that serves while another one migrates
};

// What keeps other migrators out, on PostgreSQL. Migrators with different locks keep each other out, too.
enum class Lock {
    automatic,  // session; behind a connection pooler lease
    session,    // an advisory lock of the session; for a pooler that gives each client a session of its own for as long as it is connected
    lease       // a row in undrop's store, with a time by the server's clock and a number that grows with each holder
};

// What becomes of a saved value where users wrote another one since, or gave its row's key to another row.
enum class OnConflict {
    keep_current,  // theirs stays; the saved one stays in its snapshot
    keep_old,      // the saved one comes back; theirs is saved by the step, and the next step the other way brings it back
    stop           // the step is taken back: Code::refused, with tables and counts
};

// What becomes of a saved row or value whose foreign key would not hold, because the row that it refers to is gone.
enum class OnOrphan {
    stop,  // the step is taken back: Code::refused
    keep,  // it stays in its snapshot
    null   // it comes back without what it refers to: NULL, where that may be; else Code::refused
};

struct Options {
    // 1. What is done
    std::string label = {};    // a release's name; taken back as one with down --label
    std::string program = {};  // who asks, for the ledger: program, person and machine; empty: not recorded
    std::string user = {};
    std::string host = {};
    std::string ledger = "undrop";  // two programs may share a database under two names
    bool out_of_order = false;      // take pending migrations older than the newest applied one
    bool derive = false;            // going down: ignore down scripts, go back by mend and restore alone
    bool accept_drift = false;      // going down: objects that were changed by hand since are taken as they are
    bool keep_order = false;        // going down: a column that comes back stands where it was, for which PostgreSQL writes the table anew
    bool without_snapshot = false;  // a snapshot that is gone, or not what was saved, is passed over: the schema comes back without it
    OnConflict on_conflict = OnConflict::keep_current;
    OnOrphan on_orphan = OnOrphan::stop;
    bool published_store = false;          // subscribers have undrop's tables, so a publication of all tables is no obstacle
    bool atomic = false;                   // the whole run or nothing: a step that fails takes the run's earlier steps back
    DownFrom down_from = DownFrom::files;  // whose down script, where file and ledger differ
    // Old rows are read through a second connection to the same database. False: undrop opens none, and copies tables before a script that
    // changes their rows. Where a second one cannot be had (an in-memory database, a role that may not) it finds that by itself; behind a
    // connection pooler it does not try, since it might wait for a place in the pool that its own transaction holds.
    bool second_connection = true;
    Ahead ahead = Ahead::accept_harmless;  // the database is ahead of the program
    Busy busy = Busy::wait;                // another migrator is at work
    Lock lock = Lock::automatic;
    // After a run that did something, snapshots older than this are purged, but for those that a directive `keep` keeps longer; 0: none is.
    std::chrono::hours keep_snapshots{0};

    // 2. How long
    std::chrono::milliseconds wait{60'000};         // for another migrator
    std::chrono::milliseconds lock_timeout{5'000};  // for a table's lock (PostgreSQL), for the file (SQLite)
    int tries = 5;                                  // of a step whose lock was not given in time
    // For one statement of a script; 0: as the session has it (PostgreSQL), none (SQLite, where an attached handle never has one).
    std::chrono::milliseconds statement_timeout{0};
    // A lease is good for so long, and renewed with each transaction: when its holder dies, another migrator takes over after this time.
    // While a transaction of the holder's is open nobody does, however long it takes.
    std::chrono::milliseconds lease_time{30'000};
    // Of a statement outside of a transaction (CREATE INDEX CONCURRENTLY): for transactions of others that must end first. No lock_timeout
    // there: it would leave an invalid index.
    std::chrono::milliseconds outside_wait{600'000};

    // 3. Who hears of it
    std::function<void(Event const&)> on_event = {};
    // Asked while waiting, between statements, and every 50 ms or so while one runs, which then ends; on an attached SQLite handle, whose
    // progress handler is the program's, not while one runs. Never asked during COMMIT. The step is taken back: Code::interrupted.
    std::function<bool()> cancelled = {};
};

}  // namespace undrop
