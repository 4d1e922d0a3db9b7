// PostgresBackend: one PostgreSQL connection. One thread at a time. Each part has its own file; this class puts them together.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend.hpp"
#include "blockers.hpp"
#include "connection.hpp"
#include "known.hpp"
#include "observe.hpp"
#include "outside.hpp"
#include "postgres_dialect.hpp"
#include "quiet.hpp"
#include "references.hpp"
#include "run_lock.hpp"
#include "schema_source.hpp"
#include "second.hpp"
#include "sequences.hpp"
#include "session.hpp"
#include "soci_session.hpp"
#include "views.hpp"

namespace undrop::postgres {

class PostgresBackend final : public Backend, public Views, public SchemaSource {
public:
    // Takes the handle over if it is owned. `old_encoding`: what a borrowed connection gets back at the end; empty: nothing was changed.
    PostgresBackend(pg_conn* handle, Connection::Ownership ownership, std::string old_encoding = {});
    ~PostgresBackend() override;

    [[nodiscard]] Dialect const& dialect() const override { return dialect_; }
    [[nodiscard]] std::string description() const override;
    [[nodiscard]] std::string role() const override { return session_.role(); }
    [[nodiscard]] Result<void> set_role(std::string const& role) override { return session_.set_role(role); }

    [[nodiscard]] Result<std::int64_t> run(std::string const& sql) override;
    [[nodiscard]] Result<Rows> rows(std::string const& sql) override;
    [[nodiscard]] Result<Rows> query(std::string const& sql, std::span<Cell const> parameters, int columns) override;
    [[nodiscard]] Result<void> run_script(Script const& script, Statement const& statement) override;
    void on_notice(std::function<void(std::string const&)> listener) override { connection_.on_notice(std::move(listener)); }

    [[nodiscard]] Result<Rows> store_rows(std::string const& ledger, std::string const& sql) override;
    [[nodiscard]] Result<StoreState> store_state(std::string const& ledger) override;
    [[nodiscard]] Result<std::vector<std::string>> publications(std::string const& ledger) override;
    [[nodiscard]] Result<std::vector<std::string>> event_triggers() override;
    [[nodiscard]] Result<std::vector<Finding>> concerns(std::string const& ledger) override;
    [[nodiscard]] Result<void> create_store(std::string const& ledger) override;
    [[nodiscard]] Result<void> seal(std::string const& store_table, Table const* source) override;
    [[nodiscard]] Result<std::int64_t> bytes_of(std::string const& store_table) override;
    [[nodiscard]] Result<std::string> hash_of(std::string const& store_table, std::vector<std::string> const& columns) override;
    [[nodiscard]] Result<std::vector<StoreColumn>> columns_of(std::string const& store_table) override;
    [[nodiscard]] Result<bool> is_stored_type(std::string const& type) override;
    [[nodiscard]] char const* row_format() const override { return "postgresql"; }
    [[nodiscard]] Result<void> read_rows(std::string const& store_table, std::vector<std::string> const& columns,
                                         RowSink const& sink) override;
    [[nodiscard]] Result<void> write_rows(std::string const& store_table, std::vector<std::string> const& columns,
                                          RowSource const& source) override;
    [[nodiscard]] bool means_no_store(Error const& error) const override;

    [[nodiscard]] Result<void> lock_run(Options const& options) override;
    [[nodiscard]] Result<bool> locks_in_store(Options const& options) override;
    void unlock_run() override { run_lock_.unlock(); }

    [[nodiscard]] Result<void> begin(Options const& options, std::vector<Statement> const& statements) override;
    [[nodiscard]] Result<void> commit() override;
    [[nodiscard]] Result<std::optional<bool>> settle(Options const& options) override;
    void rollback() override;
    [[nodiscard]] Result<void> begin_reading() override { return session_.begin_reading(); }
    [[nodiscard]] Result<void> enter_script() override;
    [[nodiscard]] Result<void> leave_script() override;
    [[nodiscard]] Result<void> enter_check(Options const& options) override { return session_.enter_check(options); }
    [[nodiscard]] Result<void> leave_check() override;
    [[nodiscard]] Result<Answer> ask(Script const& script, Statement const& statement) override;
    [[nodiscard]] Result<void> still_ours() override { return session_.still_ours(); }
    [[nodiscard]] Result<void> check_constraints() override;
    [[nodiscard]] Result<void> lock(std::vector<Table> const& tables, LockLevel level) override;
    [[nodiscard]] Result<void> naming_orphans(std::string const& definition, std::function<Result<void>()> const& work) override;
    [[nodiscard]] Result<std::vector<LockedTable>> locked_tables() override;
    [[nodiscard]] Result<std::vector<std::string>> long_users(std::vector<Table> const& tables) override;
    [[nodiscard]] Result<bool> read_in_time(std::chrono::milliseconds wait, std::function<Result<void>()> const& read) override;
    [[nodiscard]] Result<std::vector<std::string>> kept_from_readers() override;
    [[nodiscard]] Result<std::optional<std::int64_t>> estimated_rows(Table const& table) override;
    [[nodiscard]] Result<std::vector<Finding>> cannot_make(Catalog const& objects) override;
    [[nodiscard]] Result<std::vector<Finding>> missing_rights(WantedRights const& wanted) override;
    [[nodiscard]] Result<std::vector<Finding>> cannot_let_go(Statement const& statement, std::vector<std::string> const& lose) override;
    [[nodiscard]] Result<void> sees_all_rows(std::vector<Table> const& tables) override;

    [[nodiscard]] Result<std::vector<Table>> tables(std::string const& ledger) override;
    void look_only_at(std::vector<Statement> const* statements, ComesBack const& comes_back) override;
    [[nodiscard]] Result<std::optional<std::vector<Table>>> missed() override;
    [[nodiscard]] Result<void> mark(std::string const& ledger) override;
    [[nodiscard]] Result<Observed> observed() override;
    [[nodiscard]] Result<bool> read_old(Table const& table, OldRows which, std::vector<std::string> const& saved,
                                        std::string const& store_table) override;
    [[nodiscard]] Result<bool> follow(Table const& then, Table const& now, std::string const& old_rows, std::string const& pairs,
                                      std::string const& files) override;
    [[nodiscard]] Result<std::string> files_of(Table const& table) override;
    [[nodiscard]] std::string why_blind(Options const& options) const override;
    [[nodiscard]] Result<std::vector<Reference>> references(Table const& table) override;
    [[nodiscard]] Result<std::vector<ObjectId>> in_the_way(Table const& table, std::vector<std::string> const& columns,
                                                           bool swapped) override;
    [[nodiscard]] Result<Catalog> catalog(std::string const& ledger) override;
    [[nodiscard]] Result<Catalog> catalog_after(std::string const& ledger, Catalog const& before) override;
    [[nodiscard]] Result<std::vector<std::string>> removed_unknown(Catalog const& before) override;
    [[nodiscard]] std::set<std::string> unknown(Catalog const& catalog) const override;
    [[nodiscard]] Result<std::vector<std::string>> made_unknown(Catalog const& before, Catalog const& now) override;
    [[nodiscard]] Result<std::vector<std::string>> changed_beyond(std::vector<std::string> const& said) override;
    [[nodiscard]] Result<std::string> why_not(Statement const& statement, bool apart) override {
        return postgres::why_not(connection_, statement, apart);
    }
    [[nodiscard]] Result<std::vector<std::string>> mentions(std::string const& word) override;

    [[nodiscard]] bool means_unfitting(Error const& error) const override;
    [[nodiscard]] Result<std::int64_t> unfitting(Table const& now, std::string const& column, Object const& wanted) override;
    [[nodiscard]] Result<void> reshape(ObjectId const& id, Object const& now, Object const& wanted) override;
    [[nodiscard]] Result<std::vector<std::string>> why_not_move(Table const& table, std::vector<std::string> const& columns) override;
    [[nodiscard]] Result<void> move_columns(Table const& table, std::vector<std::pair<ObjectId, Object>> const& columns) override;
    [[nodiscard]] Result<void> quiet(Table const& table) override;
    [[nodiscard]] Result<void> loud(Table const& table) override;
    [[nodiscard]] Result<std::vector<ForeignKey>> foreign_keys(Table const& child, std::vector<std::string> const& definitions) override;
    [[nodiscard]] Result<void> defer_references(std::vector<Table> const& tables) override;
    [[nodiscard]] Result<void> check_references() override;
    [[nodiscard]] Result<std::map<std::string, std::string>> positions() override;
    [[nodiscard]] Result<bool> is_behind(std::string const& sequence, std::string const& now, std::string const& then) override;
    [[nodiscard]] Result<NamedObjects> named_objects() override;
    [[nodiscard]] Result<void> gather_statistics(Table const& table) override;
    [[nodiscard]] Result<void> set_position(std::string const& sequence, std::string const& position) override;
    [[nodiscard]] Result<std::string> written_by_us(Table const& table, std::string const& alias) override;
    [[nodiscard]] Result<std::string> written_after_rewrite(Table const& table, std::int64_t written) override;
    [[nodiscard]] Result<Numbered> number_rows(Table const& table, std::string const& column, std::string const& identity,
                                               std::string const& position, std::string const& where) override;
    [[nodiscard]] Views* views() override { return this; }
    [[nodiscard]] Result<Outside> find(Outside const& named, std::vector<Statement> const& settings) override;
    [[nodiscard]] Result<Effect> probe(Outside const& found) override;
    [[nodiscard]] Result<void> may_run_outside(Outside const& what, std::vector<Statement> const& settings, Options const&) override {
        return session_.may_run_outside(settings, what.commits);
    }
    [[nodiscard]] Result<void> run_outside(Script const& script, Statement const& statement, std::vector<Statement> const& settings,
                                           Options const& options) override;
    [[nodiscard]] Result<void> begin_capture(std::string const& ledger, std::vector<Table> const& tables,
                                             std::set<std::string> const& closed) override;
    [[nodiscard]] Result<void> join_captured(std::string const& ledger) override;
    [[nodiscard]] Result<std::vector<Captured>> captured(std::string const& ledger) override;
    [[nodiscard]] Result<void> end_capture(std::string const& ledger, Options const& options) override;
    [[nodiscard]] Result<void> tidy(Outside const& found, Options const& options) override;
    [[nodiscard]] Result<std::unique_ptr<Sandbox>> make_sandbox(SandboxWish const& wish) override;
    // views.cpp
    [[nodiscard]] Result<std::vector<FilledView>> filled_views(std::string const& ledger) override;
    [[nodiscard]] Result<std::set<std::string>> changed_views(std::vector<FilledView> const& then) override;
    [[nodiscard]] Result<void> lock_view(Table const& view) override;
    [[nodiscard]] Result<bool> refresh_view(Table const& view, bool with_data) override;

    // describe.cpp
    [[nodiscard]] char const* engine() const override { return "PostgreSQL"; }
    [[nodiscard]] Result<WholeSchema> describe(std::string const& ledger) override;
    [[nodiscard]] Result<std::string> stand_in(ObjectId const& id) override;

    // For the sandbox. `be_alone`: nobody else ever changes this database, so its catalog is what it was until this connection does.
    [[nodiscard]] Connection& connection() { return connection_; }
    void be_alone() {
        alone_ = true;
        known_.be_alone();
    }

private:
    [[nodiscard]] Error with_blocker(Error error, std::string message) const;
    [[nodiscard]] Result<std::optional<std::string>> moving_relations();
    void end();  // of the step, however it ended

    Connection connection_;
    PostgresDialect dialect_;
    SociSession soci_;
    Session session_;
    RunLock run_lock_;
    Quiet quiet_;
    References references_;
    Second second_;
    Known known_;
    Blockers blockers_;
    std::string old_encoding_;
    std::string ledger_;  // as the core named it last
    std::optional<Mark> mark_;
    std::optional<Known::Narrow> narrow_;  // what was looked at before the script, where that is not everything
    bool reads_sequences_late_ = false;
    std::optional<int> checked_at_;    // of Known::changes: no constraint waits since
    std::vector<Sequence> sequences_;  // as the step found them
    bool script_sets_counters_ = false;
    bool alone_ = false;
    std::optional<StoreState> store_state_;  // known only where we are alone
};

}  // namespace undrop::postgres
