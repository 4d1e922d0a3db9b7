// Walk: the migrations in a sandbox, one after the other, each up, down and up again. One thread at a time.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <undrop/rehearse.hpp>

#include "backend.hpp"
#include "extrapolate.hpp"
#include "ledger.hpp"
#include "rehearse_writes.hpp"
#include "state.hpp"

namespace undrop {

// Errors that say nothing about the migration.
[[nodiscard]] inline bool ends_all(Error const& error) { return error.code == Code::interrupted || error.code == Code::in_doubt; }

class Walk {
public:
    Walk(Sandbox& sandbox, Rehearsal const& rehearsal, Options const& options);
    Walk(Walk const&) = delete;
    Walk& operator=(Walk const&) = delete;

    // How many rows the target's tables have, by what people call them: where the sandbox has others, times are extrapolated to them.
    void extrapolate_to(std::map<std::string, std::int64_t> rows) { extrapolation_.to(std::move(rows)); }
    [[nodiscard]] Result<void> over(std::vector<Migration const*> const& migrations, std::vector<std::string> const& chosen,
                                    Evidence& evidence);

private:
    [[nodiscard]] Result<void> rehearse(Migration const& migration, Rehearsed& found);
    [[nodiscard]] Result<bool> go_back(Migration const& migration, Rehearsed& found);
    [[nodiscard]] Result<void> compare_what_stays(Migration const& migration, Differences& differences);
    [[nodiscard]] Result<bool> go_back_derived(Migration const& migration, Rehearsed& found);
    [[nodiscard]] Result<void> go_up_again(Migration const& migration, State& after_up, Rehearsed& found);
    [[nodiscard]] Result<void> go_with_writes(Migration const& migration, State& after_up, Rehearsed& found);
    [[nodiscard]] Result<void> go_back_from(Migration const& migration, std::set<TableName> const& tables, std::string const& where,
                                            State& after_up, Rehearsed& found);
    [[nodiscard]] Result<bool> go_up_afresh(Migration const& migration, std::set<TableName> const& tables);
    [[nodiscard]] Result<void> judge_writes(Migration const& migration, State const& after_up, State const& written, Rehearsed& found);
    [[nodiscard]] DownWrites down_writes(Migration const& migration, State const& after) const;
    void note_reach(Migration const& migration, Rehearsed& found) const;
    [[nodiscard]] Result<void> pass_over(Error error, Rehearsed& found);
    [[nodiscard]] Result<Columns> differing_between_ups(Migration const& migration, State& really);
    [[nodiscard]] Result<bool> go(Migration const& migration, Direction direction, char const* step, Rehearsed& found);
    [[nodiscard]] PlannedStep step_of(Migration const& migration, Direction direction) const;
    [[nodiscard]] Result<void> forget_steps(Migration const& migration);
    [[nodiscard]] Result<StepCost> cost(State const& before);
    void blame(Migration const& migration, PlannedStep const& step, Error error, Rehearsed& found);
    void blame(PlannedStep const& step, char const* after, char const* before, Differences differences, Rehearsed& found);

    Sandbox& sandbox_;
    Backend& backend_;
    Rehearsal const& rehearsal_;
    Options options_;
    Ledger ledger_;
    Watch watch_;
    bool hide_;  // values of rows, which are the target's own
    StateKeeper keeper_;
    Extrapolation extrapolation_;
    ApplicationWrites writes_;
    State now_;
    StepReport last_;                  // of the step that went last
    Touched touched_;                  // by all the steps of the migration at hand
    bool derive_ = false;              // go down without the migration's script
    bool passed_over_ = false;         // its down script was not carried out: undrop knew better
    std::int64_t next_event_ = 0;      // of those that the migration at hand makes
    std::int64_t next_snapshot_ = 0;   // of those that the migration at hand makes
    bool applied_ = false;             // is the migration at hand applied?
    std::vector<std::string> waived_;  // losses that it let go, as `-- undrop: lose` says
};

}  // namespace undrop
