// SqliteBackend: one SQLite database. One thread at a time.
//
// The step's transaction is BEGIN IMMEDIATE: it keeps every other writer out, so there is nothing else to lock.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../../lib/backend.hpp"
#include "../../lib/schema_source.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/dialect.hpp"
#include "sqlite/observer.hpp"
#include "sqlite/settings.hpp"
#include "sqlite/soci_session.hpp"
#include "sqlite/tracker.hpp"

namespace undrop::sqlite {

class SqliteBackend final : public Backend, public SchemaSource {
public:
    // Takes the handle over if it is owned. Call `prepare` once before anything else.
    SqliteBackend(sqlite3* handle, Connection::Ownership ownership, std::string name);
    ~SqliteBackend() override;
    [[nodiscard]] Result<void> prepare();

    [[nodiscard]] Dialect const& dialect() const override { return dialect_; }
    [[nodiscard]] std::string description() const override;
    [[nodiscard]] std::string role() const override { return ""; }
    [[nodiscard]] Result<void> set_role(std::string const& role) override;

    // backend.cpp: SQL
    [[nodiscard]] Result<std::int64_t> run(std::string const& sql) override;
    [[nodiscard]] Result<Rows> rows(std::string const& sql) override;
    [[nodiscard]] Result<Rows> query(std::string const& sql, std::span<Cell const> parameters, int columns) override;
    [[nodiscard]] Result<void> run_script(Script const& script, Statement const& statement) override;
    void on_notice(std::function<void(std::string const&)> listener) override;

    // store.cpp
    [[nodiscard]] Result<Rows> store_rows(std::string const& ledger, std::string const& sql) override;
    [[nodiscard]] Result<StoreState> store_state(std::string const& ledger) override;
    [[nodiscard]] Result<void> create_store(std::string const& ledger) override;
    [[nodiscard]] Result<void> seal(std::string const& store_table, Table const* source) override;
    [[nodiscard]] Result<std::int64_t> bytes_of(std::string const& store_table) override;
    [[nodiscard]] Result<std::string> hash_of(std::string const& store_table, std::vector<std::string> const& columns) override;
    [[nodiscard]] bool means_no_store(Error const& error) const override;

    // store_rows.cpp
    [[nodiscard]] Result<std::vector<StoreColumn>> columns_of(std::string const& store_table) override;
    [[nodiscard]] Result<bool> is_stored_type(std::string const& type) override;
    [[nodiscard]] char const* row_format() const override { return "sqlite"; }
    [[nodiscard]] Result<void> read_rows(std::string const& store_table, std::vector<std::string> const& columns,
                                         RowSink const& sink) override;
    [[nodiscard]] Result<void> write_rows(std::string const& store_table, std::vector<std::string> const& columns,
                                          RowSource const& source) override;

    // transaction.cpp
    [[nodiscard]] Result<void> lock_run(Options const& options) override;
    [[nodiscard]] bool steps_lock_the_run() const override { return true; }
    void wait_for_locks(std::chrono::milliseconds most) override;
    void unlock_run() override {}
    [[nodiscard]] Result<void> begin(Options const& options, std::vector<Statement> const& statements) override;
    [[nodiscard]] std::vector<std::string> remarks() const override;
    [[nodiscard]] Result<void> commit() override;
    void rollback() override;
    [[nodiscard]] Result<void> begin_reading() override;
    [[nodiscard]] Result<void> enter_script() override;
    [[nodiscard]] Result<void> leave_script() override;
    [[nodiscard]] Result<void> enter_check(Options const& options) override;
    [[nodiscard]] Result<void> leave_check() override;
    [[nodiscard]] Result<Answer> ask(Script const& script, Statement const& statement) override;
    [[nodiscard]] Result<void> still_ours() override;
    [[nodiscard]] Result<void> check_constraints() override;
    [[nodiscard]] Result<void> lock(std::vector<Table> const& tables, LockLevel level) override;
    [[nodiscard]] Result<std::vector<LockedTable>> locked_tables() override;
    [[nodiscard]] Result<void> sees_all_rows(std::vector<Table> const& tables) override;

    // tables.cpp
    [[nodiscard]] Result<std::vector<Table>> tables(std::string const& ledger) override;
    // observe.cpp
    [[nodiscard]] Result<void> mark(std::string const& ledger) override;
    [[nodiscard]] Result<Observed> observed() override;
    [[nodiscard]] Result<std::string> written_by_us(Table const& table, std::string const& alias) override;
    // second.cpp
    [[nodiscard]] Result<bool> read_old(Table const& table, OldRows which, std::vector<std::string> const& saved,
                                        std::string const& store_table) override;
    [[nodiscard]] Result<bool> follow(Table const& then, Table const& now, std::string const& old_rows, std::string const& pairs,
                                      std::string const& files) override;
    [[nodiscard]] std::string why_blind(Options const& options) const override;
    [[nodiscard]] Result<std::vector<Reference>> references(Table const& table) override;
    [[nodiscard]] Result<std::vector<ObjectId>> in_the_way(Table const& table, std::vector<std::string> const& columns,
                                                           bool swapped) override;
    // catalog.cpp
    [[nodiscard]] Result<Catalog> catalog(std::string const& ledger) override;
    [[nodiscard]] Result<Catalog> catalog_after(std::string const& ledger, Catalog const& before) override;
    [[nodiscard]] Result<std::vector<std::string>> removed_unknown(Catalog const& before) override;
    [[nodiscard]] char const* engine() const override { return "SQLite"; }
    [[nodiscard]] Result<WholeSchema> describe(std::string const& ledger) override;
    [[nodiscard]] Result<std::vector<std::string>> mentions(std::string const& word) override;

    // reshape.cpp
    [[nodiscard]] bool means_unfitting(Error const& error) const override;
    [[nodiscard]] Result<std::int64_t> unfitting(Table const& now, std::string const& column, Object const& wanted) override;
    [[nodiscard]] Result<void> reshape(ObjectId const& id, Object const& now, Object const& wanted) override;
    [[nodiscard]] Result<void> rebuild(std::string const& table, std::string const& wanted);
    [[nodiscard]] Result<std::vector<ForeignKey>> foreign_keys(Table const& child, std::vector<std::string> const& definitions) override;
    // restore.cpp
    [[nodiscard]] Result<void> quiet(Table const& table) override;
    [[nodiscard]] Result<void> loud(Table const& table) override;
    [[nodiscard]] Result<void> defer_references(std::vector<Table> const& tables) override;  // quiet() has switched them off
    [[nodiscard]] Result<void> check_references() override;
    [[nodiscard]] Result<std::map<std::string, std::string>> positions() override;
    [[nodiscard]] Result<bool> is_behind(std::string const& sequence, std::string const& now, std::string const& then) override;
    [[nodiscard]] Result<NamedObjects> named_objects() override;
    [[nodiscard]] Result<void> gather_statistics(Table const& table) override;
    [[nodiscard]] Result<void> set_position(std::string const& sequence, std::string const& position) override;
    // outside.cpp
    [[nodiscard]] Result<void> run_outside(Script const& script, Statement const& statement, std::vector<Statement> const& settings,
                                           Options const& options) override;
    // sandbox.cpp
    [[nodiscard]] Result<std::unique_ptr<Sandbox>> make_sandbox(SandboxWish const& wish) override;

private:
    // Who may end a statement while it runs.
    struct Watch {
        std::function<bool()> cancelled;
        std::chrono::steady_clock::time_point next_question;
        std::optional<std::chrono::steady_clock::time_point> deadline;  // of the statement at hand
        bool late = false;                                              // that is why it ended
    };
    static int progress(void* watch);
    void watch(Options const& options);
    void unwatch();

    // What `begin` found and its end puts back.
    struct Before {
        bool foreign_keys = false;
        bool triggers = true;
        bool defensive = false;
        ScriptSettings script;
        int busy_timeout = 0;
        int cache_spill = 0;
        bool query_only = false;
    };
    // Rows without a parent, by table and parent; a table whose foreign keys cannot be checked has no parent's name and counts as -1.
    using Violations = std::map<std::pair<std::string, std::string>, std::int64_t>;

    [[nodiscard]] sqlite3* handle() const { return connection_.handle(); }
    // rename.cpp
    [[nodiscard]] Result<std::int64_t> rename(std::string const& sql);
    [[nodiscard]] Result<std::int64_t> drop(std::string const& sql);  // drop.cpp
    [[nodiscard]] Result<bool> drop_broken(Error const& error);
    [[nodiscard]] Result<void> sync(Tracker::Cause cause);
    [[nodiscard]] Result<Catalog> schema_objects();
    [[nodiscard]] Result<StoreState> read_store_state(std::string const& ledger);
    [[nodiscard]] Result<void> see_filled(std::vector<std::string> const& made);
    [[nodiscard]] Result<std::string> one_of(RowSet const& rows, std::string const& name, std::string const& row);
    void refuse_writes(Observer::Seen const& seen, Entry const& entry, std::vector<std::string>& refused) const;
    [[nodiscard]] std::vector<std::string> changed_virtual_rows();
    [[nodiscard]] Result<void> rebuild_indexes();
    [[nodiscard]] bool names_shadow(std::string const& message) const;

    [[nodiscard]] Result<void> start(Options const& options);
    [[nodiscard]] Result<void> wait_for_lock(Options const& options);
    [[nodiscard]] Result<void> prove_writable();
    [[nodiscard]] Result<std::optional<Violations>> violations();
    void end();

    Connection connection_;
    SqliteDialect dialect_;
    SociSession soci_;
    Tracker tracker_;
    Observer observer_;

    std::optional<Before> before_;  // a step or a reading is open
    // Tables rebuilt without their constraints until their rows are back, by their names in lower case, with AUTOINCREMENT's position.
    std::map<std::string, std::int64_t> loosened_;
    ScriptSettings entered_;  // when the script began
    bool read_only_before_check_ = false;
    std::string let_be_;                                             // new ones that nobody asks about
    std::optional<Violations> orphans_;                              // at begin, where SQLite itself does not keep them out
    std::chrono::milliseconds reads_wait_ = Options{}.lock_timeout;  // on a connection of our own
    bool second_allowed_ = true;
    Watch watch_;
    std::chrono::milliseconds statement_timeout_{0};
    double waited_seconds_ = 0;        // for the file
    int quiet_ = 0;                    // tables that are quiet
    bool kept_foreign_keys_ = false;   // before the first of them was
    std::set<std::string> quieted_;    // names, in lower case, of tables to which undrop wrote with triggers off
    std::set<std::string> marked_;     // ids of the tables at the mark, virtual ones too
    std::set<std::string> temporary_;  // our own temporary tables
    struct Described {
        Table table;
        std::string doubt;  // a query that gives 0 as long as the key is the same; empty: always
    };
    std::map<std::string, Described> described_;  // tables as they were read last, by all their definitions
    struct StoreSeen {
        std::string ledger;
        std::int64_t cookie = 0;
        StoreState state;
    };
    std::optional<StoreSeen> store_seen_;
    template <class T>
    struct Known {
        T value;
        int generation = -1;  // of the tracker
    };
    Known<std::vector<Table>> tables_;
    Known<Catalog> catalog_;  // but for what stands in no schema
};

}  // namespace undrop::sqlite
