// Step: one migration in one direction, in one transaction (P6). Both directions run through here (P3).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <undrop/options.hpp>
#include <undrop/report.hpp>

#include "backend.hpp"
#include "follow.hpp"
#include "keep_aside.hpp"
#include "ledger.hpp"
#include "look.hpp"
#include "mend.hpp"
#include "opposite.hpp"
#include "outside.hpp"
#include "renumber.hpp"
#include "rows.hpp"
#include "views.hpp"

namespace undrop {

struct RowWrite;

// A transaction of a step that has several parts (step_outside.cpp).
struct StepPart {
    std::int64_t step = 0;  // the event that began the step: what any part records and saves is under this number
    ScriptPart part = {};
    bool takes_back = false;  // what the parts before did is taken back, as a derived down does, and the step is over
    StepReport so_far = {};   // of the parts before
    bool torn = false;        // a part that commits by itself did not come to its end, or nobody knows: its rows are saved for the way back
    std::map<std::string, std::string> positions = {};  // of sequences before such a part
    // Has it run already, so that what it took is still to be recorded?
    [[nodiscard]] bool has_run() const { return part.outside && part.outside->commits && !takes_back; }
};

class StepRunner {
public:
    // `base`: the plan's fingerprint, for the run's first step; empty for later ones. `run`: 0 until the first step is recorded.
    StepRunner(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step, std::string base, std::int64_t run);

    // One transaction of a step in parts.
    StepRunner(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step, StepPart part, std::int64_t run);

    // Writes down that a step in parts begins, once it is sure that it is still meant; gives the event. Errors as run().
    [[nodiscard]] Result<std::int64_t> begin_parts();
    // Runs rounds until everything that was taken is saved, then commits. An error leaves the step rolled back (Left::rolled_back), but
    // for Code::in_doubt.
    [[nodiscard]] Result<StepReport> run();
    [[nodiscard]] std::int64_t run_id() const { return run_; }
    // What a way back does to the schema goes in here, too.
    void log_mend(MendLog& log) { log_ = &log; }

private:
    enum class Round { done, again };
    // A table whose rows are looked at as one, with what was written to it or its partitions.
    struct Unit {
        TableChange change;
        Writes writes;
    };

    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Error done_twice() const;
    [[nodiscard]] Error naming_unfitting(Error error);
    [[nodiscard]] Result<std::int64_t> left_in_the_way(Table const& table, std::string const& column);
    [[nodiscard]] Result<Round> guarded_round();
    [[nodiscard]] Result<Round> round();
    [[nodiscard]] Result<void> settle(Error doubt);
    [[nodiscard]] Result<void> check_still_meant();
    [[nodiscard]] Result<void> check_part_still_meant(History const& history);
    [[nodiscard]] Result<void> read_opposite_of(History const& history);
    // step_snapshots.cpp
    [[nodiscard]] Result<void> verify_snapshots();
    [[nodiscard]] Result<void> fill_passed_over(bool before_mend);
    void count_passed_over();
    [[nodiscard]] Result<void> lock_and_mark();
    [[nodiscard]] Result<void> lock_tables();
    [[nodiscard]] Result<void> note_locks(std::chrono::steady_clock::time_point since);
    [[nodiscard]] std::optional<LockLevel> lock_of(Table const& table) const;
    [[nodiscard]] Result<void> check_base();
    void foresee_copies();
    [[nodiscard]] Result<void> save_foreseen();
    [[nodiscard]] Result<void> run_script();
    [[nodiscard]] bool looks_narrowly() const;
    [[nodiscard]] Result<Round> find_missed();
    [[nodiscard]] Result<void> count_kept_rows();
    [[nodiscard]] Result<void> leave_footprints();
    [[nodiscard]] Result<void> bring_back();
    [[nodiscard]] Result<void> rename_tables_back();
    [[nodiscard]] Result<void> rename_objects_back();
    [[nodiscard]] Result<void> rename_all(char const* kind, std::vector<std::pair<TableName, TableName>> const& in_order);
    [[nodiscard]] Result<void> rename_columns_back();
    [[nodiscard]] Result<void> rename_columns_of(TableName const& name);
    [[nodiscard]] Result<void> rename_parts_back();
    // step_labels.cpp: labels of enum types
    [[nodiscard]] Result<void> bring_labels_back();
    [[nodiscard]] Result<void> take_labels_away();
    [[nodiscard]] Result<void> make_new_labels_usable();
    [[nodiscard]] bool needs_new_labels(Error const& error);
    [[nodiscard]] Result<void> remake_types(Catalog const& now, Catalog const& types, bool last);
    [[nodiscard]] Result<void> make_column_text(ObjectId const& id, std::vector<Table> const& tables);
    void note_moved(ObjectId const& id, std::vector<Table> const& tables);
    [[nodiscard]] Result<void> rows_with_labels(Catalog const& now, Catalog const& types, std::set<ObjectId> const& columns,
                                                std::vector<Table> const& before);
    // step_evict.cpp: what the opposite step put in the place of what it renamed away
    [[nodiscard]] Result<void> evict_relations();
    [[nodiscard]] Result<void> evict(ObjectId const& id, TableName const& name, Object const& object);
    [[nodiscard]] Result<void> evict_column(Table const& table, std::string const& column);
    [[nodiscard]] Result<void> drop_evicted(bool at_last);
    void unwant_evicted(Catalog const& now);
    // step_renamed.cpp
    [[nodiscard]] Column const* renamed_since(Snapshot const& snapshot, Column const& then, Table const*& table) const;
    [[nodiscard]] bool gets_name_back(Snapshot const& snapshot, Column const& then, Table const& table, Column const& now) const;
    [[nodiscard]] Result<void> call_columns_as_left();
    [[nodiscard]] Result<void> follow_renamed_columns();
    void note_missing_columns(Snapshot const& snapshot, Table const& now);
    [[nodiscard]] Result<void> nothing_renamed_away(MendPlan const& plan) const;
    // step_attributes.cpp: attributes of composite types
    [[nodiscard]] Result<void> rename_attributes_back();
    [[nodiscard]] Result<void> rename_types_back();  // step_renames.cpp
    [[nodiscard]] Result<void> make_homes(char const* kind, std::map<TableName, TableName> const& moves);
    [[nodiscard]] Result<Table> as_saved(Snapshot const& snapshot, Table now);
    [[nodiscard]] Result<std::map<std::size_t, AttributeMerge>> attribute_merges(Snapshot const& snapshot, Table const& now);
    [[nodiscard]] Result<Reader> make_reader(std::vector<Attribute> const& parts);
    [[nodiscard]] Result<void> drop_readers();
    void unwant_under_old_names();
    [[nodiscard]] Result<void> mend();
    [[nodiscard]] Result<void> give_names_back();
    [[nodiscard]] Result<bool> rename_constraints(Catalog const& now);
    [[nodiscard]] Result<void> mend_over_rows();
    [[nodiscard]] Result<void> mend_by(Catalog const& now, std::vector<MendAction> actions);
    [[nodiscard]] Result<void> rename_by(std::string const& sql);
    void log(Mended done);
    // step_columns.cpp
    struct AsText {
        Snapshot const* saved = nullptr;
        std::string table;  // its id now, or its root's
    };
    [[nodiscard]] Result<AsText> saved_as_text(ObjectId const& id);
    [[nodiscard]] Result<void> make_column(MendAction const& action);
    [[nodiscard]] Result<std::optional<Object>> identity_of(Table const& table, std::string const& column);
    [[nodiscard]] std::function<Result<std::int64_t>(std::string const& where)> numbering(Table const& table, std::string const& column,
                                                                                          std::optional<Object> const& found);
    [[nodiscard]] Result<Catalog> unique_aside(Snapshot const& snapshot, Table const& table);
    [[nodiscard]] bool is_made_by_script(Snapshot const& snapshot) const;
    [[nodiscard]] Result<Table const*> with_column_of(Snapshot const& snapshot, bool before_mend, std::vector<Table>& tables);
    [[nodiscard]] Result<void> restore_columns(bool before_mend);
    [[nodiscard]] std::vector<Snapshot const*> beside(Snapshot const& snapshot, Snapshot::Kind kind) const;
    [[nodiscard]] Result<void> restore_column_of(Snapshot const& snapshot, Table const& table, std::vector<Table> const& tables);
    [[nodiscard]] Result<void> fill_waived_columns(std::vector<Table> const& tables, std::vector<Table> const& before_mend);
    [[nodiscard]] Result<void> restore_tables(std::vector<Table> const& tables);
    // step_order.cpp: columns that come back stand where they were
    [[nodiscard]] bool keeps_order() const;
    [[nodiscard]] Result<void> foresee_order();
    [[nodiscard]] Result<void> foresee_moves();
    [[nodiscard]] Result<void> gather_statistics_of_moved(std::vector<Table> const& tables);
    [[nodiscard]] Result<void> put_in_order();
    [[nodiscard]] Result<void> put_in_order(Table const& table, std::vector<std::string> const& order);
    [[nodiscard]] Result<void> positions_stay(Catalog const& aside);
    [[nodiscard]] Result<void> nothing_stands_elsewhere(std::vector<Table> const& after) const;
    void as_before_moving(std::vector<Table>& tables) const;
    void note_last(std::string const& column);
    // step_again.cpp: going up again
    [[nodiscard]] Result<void> read_last_time();
    [[nodiscard]] Result<void> renumber_saved_rows();
    [[nodiscard]] Result<void> end_renumbering();
    [[nodiscard]] std::string as_last_time(Table const& now, std::string const& column) const;
    [[nodiscard]] std::string written_since(Snapshot const& own, bool back) const;
    [[nodiscard]] std::vector<std::string> changed_since(Table const& now) const;
    [[nodiscard]] Result<std::string> computed_anew(Snapshot const& snapshot, Table const& now);
    [[nodiscard]] Result<std::string> row_written(Table const& now, std::string const& same) const;
    [[nodiscard]] Result<std::string> any_source_written(Table const& now, std::string const& same) const;
    // step_keys.cpp: rows whose key is made of other columns than it was
    [[nodiscard]] Result<void> leave_key_pairs(std::vector<TableChange> const& changes);
    [[nodiscard]] Result<void> note_moved_keys();
    [[nodiscard]] Result<void> tell_by_present_keys();
    [[nodiscard]] bool opposite_left_rows(Snapshot const& of) const;
    [[nodiscard]] std::vector<std::string> present_key(Snapshot const& s, std::vector<Table> const& tables) const;
    // step_untouched.cpp: rows that nobody has touched since the opposite step
    [[nodiscard]] bool calls_none_of_users(std::set<std::string> const& calls) const;
    [[nodiscard]] bool computes_from_row_alone(std::vector<Statement> const& statements) const;
    [[nodiscard]] Result<std::set<std::string>> columns_as_left(Table const& table);
    [[nodiscard]] Result<bool> reads_untouched(RowWrite const& write, std::map<TableName, std::set<std::string>>& known);
    [[nodiscard]] Result<void> note_written_from_untouched();
    [[nodiscard]] bool may_know_better() const;
    [[nodiscard]] bool is_written_from_untouched(Table const& table) const;
    [[nodiscard]] Result<bool> makes_way(Snapshot const& snapshot, Table const& table);
    [[nodiscard]] Result<void> leave_untouched(std::vector<TableChange> const& changes);
    [[nodiscard]] Result<void> note_untouched();
    [[nodiscard]] std::string is_untouched(Snapshot const& snapshot, Table const& now) const;
    // step_moved.cpp: rows that the opposite step moved into tables that it made
    struct Home {
        Table table;
        std::string print;    // table of the store: its rows as the opposite step left them
        bool copied = false;  // the script takes each row from one there, and calls nobody's functions
    };
    [[nodiscard]] Result<void> note_moved_rows();
    [[nodiscard]] Result<void> note_moved_rows(Snapshot const& snapshot, std::vector<Home> const& homes);
    [[nodiscard]] Result<bool> came_by_script(Snapshot const& snapshot, Table const& now);
    [[nodiscard]] std::string copied_as_left(Snapshot const& snapshot) const;
    // step_keys_gone.cpp: rows whose key's column the script drops, and which get another one
    [[nodiscard]] Result<void> note_key_that_goes(Statement const& statement);
    [[nodiscard]] Result<void> leave_pairs_of_keys_gone(std::vector<TableChange> const& changes);
    [[nodiscard]] Result<bool> tell_by_new_key(Snapshot& s, std::vector<Table> const& tables);
    [[nodiscard]] bool tells_rows(ObjectId const& id) const;
    // step_rewrites.cpp: rows, through ALTER TABLEs that write a table anew
    [[nodiscard]] bool may_change_keys(Table const& table, Statement const& statement) const;
    [[nodiscard]] bool may_update_keys(Table const& table) const;
    [[nodiscard]] Result<void> in_savepoint(std::function<Result<void>()> const& work);
    [[nodiscard]] Result<void> number_rows(Table const& table, bool by_key = false);
    [[nodiscard]] Result<void> number_rows(Statement const& statement);
    [[nodiscard]] Result<void> number_rows(MendAction const& action);
    [[nodiscard]] Result<void> find_numbered_rows();
    // step_trial.cpp: rows, where no statement shows what becomes of them
    [[nodiscard]] Result<bool> lost_sight_of(Unit const& unit, OldRowsTable const& old, bool places_last);
    enum class Need { may, must };
    [[nodiscard]] bool follow_from_now_on(Table const& table);
    [[nodiscard]] bool asks_trial(Table const& table, RowChanges const& changes);
    [[nodiscard]] Result<void> run_on_trial();
    [[nodiscard]] Result<void> number_and_run();
    [[nodiscard]] Result<void> note_told(Table const& table, std::string const& keys);
    [[nodiscard]] Result<void> bring_told();
    // step_positions.cpp: sequences
    [[nodiscard]] Result<void> save_positions(Catalog const& now);
    [[nodiscard]] Result<void> restore_positions();
    [[nodiscard]] Result<void> numbers_go_on(std::map<std::string, std::string> const& now);
    // step_keep_aside.cpp: columns that are renamed away instead of being dropped, and their way back
    [[nodiscard]] Result<void> find_kept_columns();
    [[nodiscard]] Result<void> run_statement(std::size_t number);
    [[nodiscard]] Result<void> keep_aside(KeptColumn const& kept, Statement const& statement);
    [[nodiscard]] Result<void> try_to_drop(KeptColumn const& kept, Statement const& statement);
    [[nodiscard]] Result<void> rename_away(KeptColumn const& kept, Statement const& statement, ObjectId const& column);
    [[nodiscard]] Result<void> rename_away_in_text(KeptColumn const& kept);
    [[nodiscard]] Result<void> kept_as_dropped(std::vector<Table> const& after, Catalog const& now) const;
    [[nodiscard]] Result<void> verify_aside();
    [[nodiscard]] std::string worth_saving(Table const& table, std::string const& column) const;
    [[nodiscard]] Round save_aside_of_script();
    [[nodiscard]] Result<void> bring_aside_back();
    [[nodiscard]] Result<void> fill_aside(Snapshot const& aside, Table const& table);
    [[nodiscard]] Result<void> merge_aside(Snapshot const& aside, Table const& table);
    [[nodiscard]] Result<void> record_aside();
    // step_rows.cpp: rows of tables that stay
    [[nodiscard]] std::optional<std::pair<Table, std::string>> under_old_names(TableName const& then) const;
    [[nodiscard]] Result<void> note_unchanged_cells();
    [[nodiscard]] Result<Round> save_rows();
    void keep(RowChanges changes);
    [[nodiscard]] Result<void> save_captured();
    [[nodiscard]] Result<void> save_captured(Captured const& captured, std::vector<Recorded> const& made);
    [[nodiscard]] Result<void> rows_are_told(TableChange const& change);
    [[nodiscard]] Result<void> is_no_other_table(TableChange const& change, OldRowsTable const& old);
    [[nodiscard]] Result<void> no_rebuild_empties_others(std::vector<TableChange> const& changes);
    [[nodiscard]] Result<void> constraints_hold();
    [[nodiscard]] Result<void> note_orphans();
    [[nodiscard]] Result<void> nothing_unknown_went();
    [[nodiscard]] Result<Round> save_retyped(std::vector<TableChange> const& changes);
    [[nodiscard]] std::vector<Unit> written_units(std::vector<TableChange> const& changes) const;
    [[nodiscard]] Result<std::optional<OldRowsTable>> old_rows(Unit const& unit, bool all);
    [[nodiscard]] Result<Round> save_unit(Unit const& unit, OldRowsTable const& old, std::string const& written, Changes which);
    [[nodiscard]] Traces left_in(Table const& table) const;
    [[nodiscard]] Result<void> empty_new_partitions();
    [[nodiscard]] std::vector<Snapshot const*> keys_changed_in(Table const& whole, Snapshot const& of_part) const;
    [[nodiscard]] Result<std::int64_t> restore_moved(Snapshot const& snapshot, Table const& part, Table const& whole,
                                                     std::vector<Snapshot const*> const& updated);
    [[nodiscard]] std::string detach(Table const& partition, Table const& parent) const;
    [[nodiscard]] Result<std::int64_t> move_into_parent(Table const& partition, Table const& parent);
    enum class Rows { of_parts, all, before_script };
    [[nodiscard]] bool asks_to_remove_inserted() const;
    [[nodiscard]] Result<void> remove_inserted_rows(Rows which);
    [[nodiscard]] Result<void> remove_rows_in_use(std::vector<Table> const& tables);
    [[nodiscard]] Result<void> restore_rows(std::vector<Table> const& tables);
    // step_views.cpp: materialized views
    void foresee_views();
    [[nodiscard]] Result<void> save_views();
    [[nodiscard]] Result<Foresight> unsaved_views();
    [[nodiscard]] Result<bool> is_lost(Snapshot const& saved, std::vector<FilledView> const& now);
    [[nodiscard]] Result<void> keep_lost_views();
    [[nodiscard]] std::vector<Snapshot const*> saved_views() const;
    [[nodiscard]] bool is_unfilled(ObjectId const& view) const;
    [[nodiscard]] Result<void> note_scripted_views();
    [[nodiscard]] Result<void> fill_views(std::vector<Snapshot const*> const& saved);
    [[nodiscard]] Result<void> compare_view(Snapshot const& saved, FilledView const& now);
    [[nodiscard]] Result<void> restore_views();
    // step_orphans.cpp: conflicts and orphans, as the options say
    [[nodiscard]] Result<void> no_conflicts() const;
    void keep_overwritten();
    [[nodiscard]] bool settles_orphans() const { return options_.on_orphan != OnOrphan::stop; }
    [[nodiscard]] Result<void> set_references_aside();
    [[nodiscard]] Result<void> settle_orphans(std::vector<Table> const& tables);
    [[nodiscard]] Result<std::int64_t> settle_orphans_of(Snapshot const& snapshot, Table const& now, std::vector<Table> const& tables);
    using ComeBack = std::pair<Snapshot const*, Table>;  // what was restored from, and the table that it is in now
    [[nodiscard]] Result<std::vector<ComeBack>> what_came_back(std::vector<Table> const& tables);
    [[nodiscard]] Result<std::vector<ForeignKey>> foreign_keys_of(Table const& now, Catalog const& catalog = {});
    [[nodiscard]] Result<void> count_orphans(Snapshot const& snapshot);
    [[nodiscard]] Result<void> bring_references_back();
    [[nodiscard]] Error minding_keyless(Error error) const;
    // step_strangers.cpp: what would refer to a row that has the number of another one
    [[nodiscard]] bool notes_restored() const { return settles_orphans() || may_meet_strangers_; }
    [[nodiscard]] Result<void> look_for_strangers();
    [[nodiscard]] Result<std::string> numbers_of_strangers(ForeignKey const& key);
    [[nodiscard]] Result<void> refuse_strangers(std::vector<ComeBack> const& back);
    [[nodiscard]] Result<void> match_keyless(std::vector<Snapshot const*> const& rows, std::vector<Table> const& tables);
    [[nodiscard]] std::vector<Snapshot const*> own_updates(Table const& table) const;
    [[nodiscard]] Result<Catalog> set_aside(std::vector<Snapshot const*> const& rows, std::vector<Table> const& tables);
    [[nodiscard]] Result<Catalog> set_aside(std::set<ObjectId> const& wanted);
    [[nodiscard]] Result<void> come_again(Catalog const& aside);
    [[nodiscard]] Result<std::set<ObjectId>> empty_changing_cells(std::vector<MendAction> const& actions);
    [[nodiscard]] Result<void> bring_keys_back(std::vector<MendAction> const& actions, std::vector<Table> const& tables);
    [[nodiscard]] Result<void> restore_deleted_rows(Snapshot const& snapshot, Table const& table);
    [[nodiscard]] Result<void> restore_cells(Snapshot const& snapshot, Table const& table, std::vector<Table> const& tables);
    // step_references.cpp: who refers to rows whose key comes back
    [[nodiscard]] bool brings_back(TableName const& table, std::vector<std::string> const& columns) const;
    [[nodiscard]] bool is_referred_to(Snapshot const& snapshot) const;
    [[nodiscard]] Result<void> note_references();
    [[nodiscard]] std::vector<Referring> referring_to(Table const& table, std::vector<Table> const& tables) const;
    [[nodiscard]] Result<void> forget_references();
    [[nodiscard]] Result<void> note_look_alikes(Snapshot const& snapshot, Table const& table);
    void expect_followed(std::map<std::string, std::int64_t> const& followed);

    [[nodiscard]] Result<void> expect(Table const& table, std::int64_t updated, std::int64_t inserted);
    [[nodiscard]] Round once_more(Foresight const& needed);
    [[nodiscard]] Result<Round> look_again();
    [[nodiscard]] Result<void> nothing_unplanned(Observed const& end) const;
    [[nodiscard]] std::map<std::string, Writes> by_root(std::map<std::string, Writes> const& writes) const;
    [[nodiscard]] Result<void> keep_only_losses(std::vector<TableChange> const& changes);
    [[nodiscard]] Result<void> verify(Catalog const& now) const;
    [[nodiscard]] Result<void> can_come_back(Catalog const& now);
    [[nodiscard]] Result<void> rows_can_come_back();
    [[nodiscard]] Result<void> take_along();
    [[nodiscard]] Result<void> run_check();
    [[nodiscard]] Result<std::vector<Rename>> object_renames();
    [[nodiscard]] Result<void> gather_statistics(std::vector<Table> const& tables);
    void report_way_back(Catalog const& now);
    void tell_of_neighbours(Catalog const& now);
    [[nodiscard]] Result<void> note_what_stays(Catalog const& now, std::vector<Recorded>& objects);  // step_stays.cpp
    void report_objects(Catalog const& now, std::vector<Rename> const& renames);
    [[nodiscard]] Result<void> record(Catalog const& now, std::vector<TableChange> const& changes);
    [[nodiscard]] Result<std::int64_t> record_event(Catalog const& now);
    // step_outside_part.cpp
    [[nodiscard]] Result<void> record_part(Catalog const& now);
    [[nodiscard]] Result<void> can_be_taken_back(Catalog const& now) const;
    [[nodiscard]] Result<Catalog> catalog_at_start();
    [[nodiscard]] Result<void> tell_what_stays();
    [[nodiscard]] Result<bool> is_recorded();
    [[nodiscard]] StepReport whole_report() const;
    [[nodiscard]] bool ends_step() const { return !part_ || part_->part.closing || part_->takes_back; }
    [[nodiscard]] Foresight unsaved(std::vector<TableChange> const& changes) const;
    [[nodiscard]] bool waived(TableName const& table, std::string const& column) const;
    [[nodiscard]] std::string backfill_of(TableName const& table, std::string const& column) const;
    [[nodiscard]] Result<void> want_what_script_changed(Catalog const& now);
    void tell(Event::Kind kind, std::string text) const;

    Backend& backend_;
    Ledger& ledger_;
    Options const& options_;
    PlannedStep const& step_;
    std::string base_;
    std::int64_t run_;
    MendLog* log_ = nullptr;
    std::optional<StepPart> part_;  // none: the step is one transaction
    std::chrono::steady_clock::time_point started_;
    std::int64_t step_id_ = 0;  // in the ledger, once it is written

    bool outcome_stands_ = false;  // what the down script leaves otherwise than it was is taken, and told

    // Known before the first round
    std::vector<Statement> statements_;
    std::vector<Statement> checks_;
    Script script_;
    std::vector<std::string> lose_;
    std::vector<std::string> touches_;
    std::vector<std::string> outside_;  // effects of the script that no rollback takes back
    std::vector<Directives::Backfill> backfill_;
    Opposite opposite_;
    Foresight planned_;    // as the plan saw it: what its fingerprint was made of
    Foresight foresight_;  // grows from round to round
    bool renews_labels_ = false;

    // Of the present round
    StepReport report_;
    std::int64_t head_ = 0;  // of the history
    std::int64_t next_id_ = 0;
    std::vector<Table> before_;  // tables at the mark
    std::vector<FilledView> views_;
    Orphans orphans_;                       // at the mark, of tables that rows are taken from or come back to
    std::set<std::string> changed_views_;   // ids of those at the mark that went or were filled
    std::set<std::string> scripted_views_;  // ids of those after the script, where some come back
    Catalog catalog_;                       // at the mark
    std::set<ObjectId> at_stake_;           // of the plan, as long as the look is as narrow as its own
    bool narrow_ = true;                    // what the script has nothing to do with is not looked at, until it turns out that it has
    std::map<std::string, std::string> positions_;
    NamedObjects named_;  // at the mark
    std::vector<Snapshot> saved_;
    std::vector<KeptColumn> keeps_;      // what the script names to be kept aside
    std::vector<Snapshot> kept_;         // what was kept aside
    std::vector<Snapshot> passed_over_;  // of the opposite step: gone, or not what was saved
    std::vector<OldRowsTable> copies_;
    std::map<std::int64_t, std::string> unchanged_cells_;  // working tables, by snapshot
    std::map<std::int64_t, Snapshot> keys_back_;           // keys that came back before their type did, by snapshot
    std::map<std::int64_t, std::string> matched_;          // working tables of `match_rows`, by snapshot
    struct Untouched {
        std::string keys;  // working table
        std::vector<std::string> key;
    };
    std::set<std::string> from_untouched_;  // names of tables, in lower case, that the script computes from untouched rows alone
    bool reads_known_ = false;  // ... and no other: what it reads the ledger knows, and so does it know whether it was written since
    std::map<std::int64_t, std::string> moved_rows_;  // working tables of what is there of them, by snapshot
    std::map<TableName, Untouched> untouched_;        // by the table's name when its rows were saved
    // Rows that the up inserted and others referred to when the down began.
    struct InUse {
        TableName table;
        std::string noted;                       // working table
        std::size_t merged;                      // index in report_.merged
        std::vector<Reference> references = {};  // when rows begin to come back
    };
    std::vector<InUse> in_use_;
    struct LastTime {
        std::vector<Footprint> footprints;
        std::vector<Snapshot> snapshots;
    };
    LastTime last_time_;  // of the step that the opposite one took back
    std::vector<Renumbered> renumbered_;
    std::vector<std::string> working_;  // tables of the store that stand for snapshots until everything is back
    std::set<std::int64_t> removed_;    // footprints of rows that are gone again
    struct Evicted {
        std::string kind;    // as DROP calls it; empty: a table or column that the mend removes
        TableName relation;  // where it waits, or which waits under another name
        std::string column;  // that waits under another name
    };
    std::vector<Evicted> evicted_;
    std::string kept_rows_;              // rows that an earlier up inserted and its down kept, for people; empty: none
    std::set<std::int64_t> swapped_;     // snapshots of which rows swapped unique values
    std::vector<Reader> readers_;        // types of the store
    std::vector<Snapshot> overwritten_;  // what users wrote since, where a saved value was put over it
    bool may_meet_strangers_ = false;    // a number of what comes back is another row's by now
    Catalog references_;                 // foreign keys that stepped aside until orphans are settled
    Catalog labels_;                     // enum types as they were, whose present labels go when all is back
    std::vector<Footprint> footprints_;
    struct KeyGone {
        TableName table;
        std::string column;
        std::string rows;  // working table: the table's rows, as they were before the column was dropped
    };
    std::vector<KeyGone> keys_gone_;
    struct Rewritten {
        Table table;
        std::string numbers;  // working table: which number each old row has in its file, or which key
        bool by_key = false;  // the statement puts the rows into another order, and leaves their keys alone
    };
    std::vector<Rewritten> rewritten_;  // by the statement that runs
    std::set<TableName> follows_;       // a round found these updated and written anew: their rows are followed in the next one
    std::map<TableName, Need> trials_;  // these were lost sight of: a trial is to tell their rows, if it can, or it has to
    std::map<TableName, std::vector<std::pair<std::string, Cell>>> told_;  // by it: keys that change, as they are and will be; none: gone
    std::map<std::string, std::chrono::steady_clock::time_point> locked_since_;  // by the names of report_.locks
    std::vector<Table> scripted_;                                                // tables after the script
    Observed after_script_;
    std::vector<std::pair<std::string, Referring>> referring_;  // by the id of the table that they refer to
    std::set<std::int64_t> restored_;                           // snapshots that are done with
    std::set<ObjectId> made_;                                   // tables and columns that the mend made
    // Columns that have the type in which their values are saved, until these are back: by their table's id, or its root's, and name.
    std::set<std::pair<std::string, std::string>> bare_;
    // The number that a column had at the mark which was moved since: by its table's id, and its number now.
    std::map<std::pair<std::string, std::string>, std::string> moved_;
    std::set<ObjectId> ordered_;                   // what stepped aside for that, or went with it
    std::map<std::string, std::string> numbered_;  // positions of sequences that gave numbers to rows which had none
    std::map<std::string, Writes> expected_;       // undrop's own writes, by table id at the mark
};

// Is this column one of those that the rows refer by? As the table that they refer to calls it.
[[nodiscard]] bool refers_by(Referring const& referring, std::string const& column);

// The fingerprint of a history and of the objects at stake (Plan::base).
[[nodiscard]] std::string fingerprint(std::int64_t head, Catalog const& catalog, std::set<ObjectId> const& at_stake);
// The same where a plan could not read the definitions.
[[nodiscard]] std::string history_fingerprint(std::int64_t head);
// The objects that belong to a table.
[[nodiscard]] std::set<ObjectId> objects_of(Catalog const& catalog, std::set<TableName> const& tables);
// The objects that a step touches as far as is known before it runs: of the tables foreseen, and what the ledger recorded.
[[nodiscard]] std::set<ObjectId> at_stake(Catalog const& catalog, Foresight const& foresight, Wanted const& wanted);
// What a script and a mend are going to take and to lock, less what is waived.
[[nodiscard]] Foresight foresee(Dialect const& dialect, std::vector<Statement> const& statements, std::vector<Table> const& tables,
                                std::vector<std::string> const& lose, Opposite const& opposite);
// A statement after which rows may be in another file, in an order that is known.
[[nodiscard]] bool may_write_anew(Statement const& statement);
// A table or a view of that name?
[[nodiscard]] bool is_relation(ObjectId const& id, TableName const& name);
// Rows that others refer to before these, as far as the foreign keys that are there make no circle.
[[nodiscard]] std::vector<Snapshot> parents_first(std::vector<Snapshot> tables, Catalog const& now);

// Does a step go on without this snapshot, which is gone or not what was saved? Else this is why it does not (`fault_of`).
[[nodiscard]] bool goes_without(Options const& options, Snapshot const& snapshot, Direction direction);
[[nodiscard]] Error will_not_restore(Snapshot const& snapshot, std::string const& fault, Direction direction);

// Adds what a part of a step did to what the parts before it did.
void add_to(StepReport& sum, StepReport const& part);

// A step in parts: those that are left of it, or what was done of it is taken back. Errors as apply(): a step that fails is taken back
// whole; Code::in_doubt where that cannot be done now, and the next run will go on with it, or take it back.
[[nodiscard]] Result<StepReport> run_in_parts(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step,
                                              std::string const& base, std::int64_t& run);

}  // namespace undrop
