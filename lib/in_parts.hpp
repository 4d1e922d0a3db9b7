// InParts: a step whose script is several transactions, and statements outside of any between them. One thread; made for one step.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "journal.hpp"
#include "step.hpp"

namespace undrop {

class InParts {
public:
    InParts(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step, std::string const& base, std::int64_t& run)
        : backend_(backend), ledger_(ledger), journal_(backend, ledger), options_(options), step_(step), base_(base), run_(run) {}

    [[nodiscard]] Result<StepReport> run();

private:
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<void> open();
    [[nodiscard]] Result<void> resume();
    [[nodiscard]] Result<void> go_on();
    [[nodiscard]] Result<void> transaction(ScriptPart const& part);
    [[nodiscard]] Result<void> outside(ScriptPart const& part);
    // step_captured.cpp: statements that commit by themselves
    [[nodiscard]] Result<void> captured(ScriptPart const& part);
    [[nodiscard]] Result<void> begin_capture(ScriptPart const& part, Begun const& begun);
    [[nodiscard]] Result<void> save_captured(ScriptPart const& part, Begun const& begun, bool torn);
    [[nodiscard]] Result<void> end_capture();
    [[nodiscard]] Result<std::set<std::string>> taken_already(std::vector<Table> const& tables);
    [[nodiscard]] Result<void> write(ScriptPart const& part, Begun const& begun);
    [[nodiscard]] Result<void> finish(ScriptPart const& part, Begun const& begun);
    // Those in its scope now, and these as they are now.
    [[nodiscard]] Result<Catalog> objects_of(Outside const& what, Catalog const& these);
    [[nodiscard]] Result<Effect> tidied(Outside const& what, Options const& options);
    [[nodiscard]] Result<void> settle(Options const& options);
    [[nodiscard]] Result<void> take_back();
    [[nodiscard]] Error failed(Error error);
    [[nodiscard]] StepReport new_report() const;
    void tell(Event::Kind kind, std::string text) const;

    Backend& backend_;
    Ledger& ledger_;
    Journal journal_;
    Options const& options_;
    PlannedStep const& step_;
    std::string const& base_;
    std::int64_t& run_;

    std::int64_t event_ = 0;  // that began the step
    Direction began_ = Direction::up;
    Script script_;
    std::vector<ScriptPart> parts_;
    Progress progress_;
    StepReport report_;
};

}  // namespace undrop
