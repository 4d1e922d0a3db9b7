// Planner: which steps, and what is known of each before it runs. Reads only.
#pragma once

#include <chrono>

#include <undrop/undrop.hpp>

#include "backend.hpp"
#include "keep_aside.hpp"
#include "ledger.hpp"
#include "look.hpp"
#include "step.hpp"

namespace undrop {

struct OrderAhead;

// Does the object go with a column that was kept aside and is purged by now?
[[nodiscard]] bool purged_with_aside(Opposite const& opposite, ObjectId const& id);

// The name that a table has now which the opposite step renamed.
[[nodiscard]] TableName name_now(std::vector<Rename> const& renames, TableName const& name);

// What is said of a table without a key.
[[nodiscard]] std::string keyless_note(Table const& table);

class Planner {
public:
    // `full`: rows are counted and bodies searched for names, as a person wants it; a start-up does not wait for that.
    Planner(Backend& backend, Source const& source, Options const& options, bool full);

    [[nodiscard]] Result<Plan> up(Range const& range);
    [[nodiscard]] Result<Plan> down(Range const& range);
    [[nodiscard]] Result<Plan> to(std::string const& version);

private:
    // For what a plan can do without, where others have locked it.
    static constexpr std::chrono::milliseconds glance{500};

    [[nodiscard]] Result<void> read_history();
    [[nodiscard]] Range with_full_version(Range range) const;
    [[nodiscard]] std::int64_t first_step_after(std::string const& version) const;
    [[nodiscard]] Result<void> compare_source(Plan& plan);
    [[nodiscard]] bool goes_on_up(Range const& range) const;
    [[nodiscard]] Result<void> add_unfinished(bool goes_on, Plan& plan);
    [[nodiscard]] Result<std::vector<Applied>> chosen_for_down(Range const& range, Plan& plan) const;
    // ahead.cpp: the database is ahead of the source
    [[nodiscard]] Result<Plan> roll_back(std::vector<Applied> const& newer);
    [[nodiscard]] Result<PlannedStep> step_down(Applied const& applied, Plan& plan);
    [[nodiscard]] Result<void> find_checks(Applied const& applied, PlannedStep& step);
    void look_at_check(PlannedStep& step, Plan& plan) const;
    [[nodiscard]] Result<void> look_at_target(Plan& plan);
    [[nodiscard]] Result<Opposite> opposite_of(PlannedStep const& step);
    void look_only_at_what_is_named(Plan const& plan, std::vector<Opposite> const& opposites);
    [[nodiscard]] Result<void> look_at_snapshots(PlannedStep& step, Opposite& opposite, Plan& plan);
    [[nodiscard]] Result<void> describe(PlannedStep& step, Opposite const& opposite, Plan& plan);
    [[nodiscard]] Result<void> find_commits(std::optional<Script> const& script, std::vector<Statement> const& statements, bool marked,
                                            Plan& plan);
    // plan_keep_aside.cpp: columns that are renamed away instead of being dropped, and their way back
    [[nodiscard]] std::vector<KeptColumn> find_kept(PlannedStep const& step, std::vector<Statement> const& statements, Plan& plan) const;
    void describe_kept(PlannedStep& step, std::vector<KeptColumn> const& kept) const;
    void describe_aside_back(PlannedStep& step, Opposite const& opposite) const;
    [[nodiscard]] Result<void> look_at_aside(PlannedStep& step, Opposite& opposite, Plan& plan);
    // plan_order.cpp: where columns stand that come back
    [[nodiscard]] Result<void> describe_order(PlannedStep& step, Opposite const& opposite, Foresight const& foresight, Plan& plan);
    [[nodiscard]] Result<void> describe_moves(PlannedStep& step, Table const& table, OrderAhead const& ahead, Plan& plan);
    void warn_of_positional(PlannedStep const& step, std::map<TableName, std::vector<std::string>> const& lasts, Plan& plan) const;
    // plan_waived.cpp: what is let go unsaved
    void describe_waived(PlannedStep& step, std::vector<std::string> const& lose) const;
    [[nodiscard]] Result<void> tell_of_waived(PlannedStep& step);
    void tell_of_what_stays(PlannedStep& step, Opposite const& opposite) const;
    // plan_count.cpp: what other sessions may keep us from reading
    [[nodiscard]] Result<void> read_definitions(Plan const& plan);
    [[nodiscard]] Result<std::optional<std::int64_t>> number_of(std::string const& what, Table const& table, PlannedStep& step);
    [[nodiscard]] Result<void> count(PlannedStep& step, Foresight const& foresight, std::vector<std::string> const& lose);
    [[nodiscard]] Result<void> count_views(PlannedStep& step, Foresight const& foresight, std::vector<std::string> const& lose);
    [[nodiscard]] Result<void> tell_of_locked(Plan& plan);
    // plan_returns.cpp: what a step down would give back and take, in rows
    [[nodiscard]] Result<std::optional<std::int64_t>> counted(std::string const& from);
    [[nodiscard]] std::string why_unknown(Snapshot const& s, Opposite const& opposite) const;
    [[nodiscard]] Result<void> count_values(Snapshot const& s, Table const& now, std::size_t i, PlannedReturn& back);
    [[nodiscard]] Result<void> count_column(Snapshot const& s, Table const& now, std::vector<Snapshot> const& all, PlannedReturn& back);
    [[nodiscard]] Result<void> count_rows(Snapshot const& s, Table const& now, PlannedReturn& back);
    [[nodiscard]] Result<void> count_returns(PlannedStep& step, Opposite const& opposite, std::vector<Statement> const& statements);
    // plan_fitting.cpp: what a derived way back would be refused for
    [[nodiscard]] Result<std::int64_t> rows_of_same_key(Snapshot const& s, Table const& now);
    [[nodiscard]] Result<void> find_unfitting(PlannedStep const& step, Opposite const& opposite, Plan& plan);
    [[nodiscard]] Result<void> find_missing_values(PlannedStep const& step, Opposite const& opposite, Snapshot const& s, Plan& plan);
    [[nodiscard]] Result<void> find_unfitting_types(Opposite const& opposite, Plan& plan);
    [[nodiscard]] Result<std::optional<std::int64_t>> get_saved_values(Opposite const& opposite, Table const& now,
                                                                       std::string const& column);
    [[nodiscard]] Result<void> find_unfitting_constraints(Opposite const& opposite, std::set<TableName> const& told, Plan& plan);
    // plan_beside.cpp: what of before the up a down script drops
    [[nodiscard]] Result<void> tell_of_drops_beside(PlannedStep const& step, std::vector<Statement> const& statements,
                                                    std::vector<std::string> const& lose, Opposite const& opposite, Plan& plan);
    // plan_orphans.cpp: what of it refers to what is gone
    [[nodiscard]] Result<std::optional<std::vector<ForeignKey>>> foreign_keys_then(Snapshot const& s, Table const* now,
                                                                                   Opposite const& opposite);
    [[nodiscard]] Result<std::optional<std::int64_t>> orphans_of(Snapshot const& s, Table const* now, std::string const& cell,
                                                                 ForeignKey const& key, Opposite const& opposite);
    [[nodiscard]] Result<void> count_orphans(PlannedStep& step, Opposite const& opposite, Plan& plan);
    [[nodiscard]] Result<void> count_own_rows(PlannedStep& step, Opposite const& opposite);
    [[nodiscard]] Result<void> count_written_since(PlannedStep& step, Opposite const& opposite);
    void note_reached(Foresight const& foresight, Opposite const& opposite, std::vector<Statement> const& statements);
    void describe_parts(PlannedStep& step, std::vector<Statement> const& statements, bool marked) const;
    void describe_writes(PlannedStep& step, Foresight const& foresight, std::vector<std::string> const& lose) const;
    [[nodiscard]] Result<void> warn_of_long_users(Foresight const& foresight, Plan& plan);
    [[nodiscard]] Result<void> warn_of_mentions(Foresight const& foresight, Foreseen const& foreseen, std::vector<Rename> const& renames,
                                                Plan& plan);
    [[nodiscard]] bool goes_too(std::string const& body, Foresight const& foresight, Foreseen const& foreseen) const;
    [[nodiscard]] Result<void> tell_of_event_triggers(Plan& plan);
    [[nodiscard]] Result<void> tell_of_concerns(Plan& plan);
    void describe_way_back(PlannedStep& step, Opposite const& opposite, Plan& plan) const;
    // plan_rights.cpp: what the role could not bring back
    [[nodiscard]] Result<void> find_what_cannot_come_back(PlannedStep const& step, std::vector<Statement> const& statements,
                                                          std::vector<std::string> const& lose, Foresight const& foresight,
                                                          Opposite const& opposite, Plan& plan);
    void find_drift(PlannedStep const& step, Opposite const& opposite, std::vector<Recorded> const& recorded, Plan& plan,
                    std::set<ObjectId>& seen) const;
    [[nodiscard]] Result<std::set<ObjectId>> changed_by_later(Plan const& plan);

    Backend& backend_;
    Ledger ledger_;
    Source const& given_;
    Source source_;  // what that comes to for this database
    Options const& options_;
    bool full_;
    History history_;
    std::vector<Table> tables_;
    std::vector<FilledView> views_;
    Catalog catalog_;
    bool catalog_read_ = true;       // else others have locked some of it
    bool all_read_ = true;           // rows and bodies
    std::set<TableName> reached_;    // by the plan's earlier steps
    bool reached_anything_ = false;  // or nobody knows which tables they reach
};

}  // namespace undrop
