// One transaction of a step in parts: what is different from a step that is one.
#include <fmt/format.h>
#include <algorithm>

#include "journal.hpp"
#include "labels.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

StepRunner::StepRunner(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step, StepPart part, std::int64_t run)
    : backend_(backend), ledger_(ledger), options_(options), step_(step), run_(run), part_(std::move(part)) {}

Result<std::int64_t> StepRunner::begin_parts() {
    UNDROP_CHECK(prepare());
    UNDROP_CHECK(backend_.begin(options_, {}));
    std::int64_t id = 0;
    auto begun = [&]() -> Result<void> {
        UNDROP_CHECK(check_still_meant());
        UNDROP_TRY(catalog_, backend_.catalog(ledger_.name()));
        UNDROP_CHECK(check_base());
        UNDROP_TRY(id, ledger_.next_event());
        if (run_ == 0) {
            UNDROP_TRY(run_, ledger_.next_run());
        }
        UNDROP_CHECK(ledger_.add(id,
                                 {.run = run_,
                                  .kind = step_.direction == Direction::up ? "applying" : "reverting",
                                  .version = step_.version,
                                  .name = step_.name,
                                  .up = step_.up,
                                  .down = step_.down,
                                  .check = step_.check,
                                  .down_check = step_.down_check},
                                 options_));
        return backend_.commit();
    }();
    if (begun) return id;
    auto error = std::move(begun).error();
    if (error.code != Code::in_doubt) backend_.rollback();
    return error;
}

// Another migrator may have begun one of its own, or gone on with this one.
Result<void> StepRunner::check_part_still_meant(History const& history) {
    auto const expected = part_ ? part_->step : std::int64_t{0};
    auto const found = history.unfinished ? history.unfinished->step : std::int64_t{0};
    bool done = false;
    if (part_ && expected == found && !part_->takes_back) {
        UNDROP_TRY(auto const progress, Journal(backend_, ledger_).read(found));
        done = progress.done.contains(part_->part.number);
    }
    if (expected == found && !done) return success();
    return Error{.code = Code::conflict,
                 .left = Left::untouched,
                 .message = found != 0 && !done
                                ? fmt::format("{} was begun by another migrator meanwhile, or interrupted", history.unfinished->version)
                                : fmt::format("another migrator goes on with {}", step_.version),
                 .next = {.command = "status"}};
}

// P6: a part is not committed from which there is no way back, should a later one fail.
Result<void> StepRunner::can_be_taken_back(Catalog const& now) const {
    if (ends_step()) return success();
    Wanted before;
    for (auto const& [id, object] : catalog_) before.emplace(id, object);
    for (auto const& [id, object] : now) before.try_emplace(id);
    auto const refused = why_no_mend(now, before);
    if (refused.empty()) return success();
    return Error{.code = Code::refused,
                 .left = Left::rolled_back,
                 .message = fmt::format("{} could not be taken back if a later part failed: {}", text_of(part_->part), refused),
                 .where = {script_.file, 0, 0},
                 .next = {.advice = "put it into a migration of its own, or at the end of the script"}};
}

// What parts before this one have saved of a table cannot be told from what this one takes of it: one transaction of a script saves its
// rows.
Result<void> StepRunner::record_part(Catalog const& now) {
    if (!part_->takes_back) {
        if (!part_->has_run()) UNDROP_CHECK(can_be_taken_back(now));
        UNDROP_TRY(auto const earlier, ledger_.snapshots(part_->step));
        for (auto const& taken : saved_)
            for (auto const& before : earlier)
                if (taken.kind != Snapshot::Kind::sequence && taken.kind != Snapshot::Kind::view &&
                    before.table.schema == taken.table.schema && before.table.name == taken.table.name)
                    return Error{
                        .code = Code::refused,
                        .left = Left::rolled_back,
                        .message = fmt::format("rows or values of {} are taken in two transactions of one script", taken.table.text()),
                        .where = {script_.file, 0, 0},
                        .next = {.advice = "put these statements next to each other, or make two migrations"}};
        Journal journal(backend_, ledger_);
        UNDROP_CHECK(part_->torn ? journal.tear(part_->step, part_->part) : journal.finish(part_->step, part_->part, nullptr));
    }
    return success();
}

// What an up did outside of a transaction and nothing takes away again, as a label of an enum.
Result<void> StepRunner::tell_what_stays() {
    if (step_.direction == Direction::up || opposite_.step == 0 || !ends_step()) return success();
    UNDROP_TRY(auto const progress, Journal(backend_, ledger_).read(opposite_.step));
    for (auto const& [part, begun] : progress.finished)
        if (begun.what.stays) report_.notes.push_back(begun.what.text() + " stays: nothing takes it away again, and it does no harm");
    return success();
}

// Does the ledger have what this transaction was to write?
Result<bool> StepRunner::is_recorded() {
    if (part_ && part_->takes_back) {
        UNDROP_TRY(auto const history, ledger_.history());
        return !history.unfinished || history.unfinished->step != part_->step;
    }
    if (!ends_step()) {
        UNDROP_TRY(auto const progress, Journal(backend_, ledger_).read(part_->step));
        return (part_->torn ? progress.torn : progress.done).contains(part_->part.number);
    }
    UNDROP_TRY(auto const step, ledger_.last_step(step_.version, step_.direction == Direction::up ? "applied" : "reverted"));
    return step == step_id_;
}

// What the whole step did.
StepReport StepRunner::whole_report() const {
    if (!part_) return report_;
    auto sum = part_->so_far;
    add_to(sum, report_);
    sum.seconds = report_.seconds;
    return sum;
}

// The catalog as the step found it, which other parts have changed since.
Result<Catalog> StepRunner::catalog_at_start() {
    auto start = catalog_;
    if (!part_ || part_->takes_back) return start;
    UNDROP_TRY(auto const objects, ledger_.objects(part_->step));
    for (auto const& object : objects) {
        if (!is_object(object.id)) continue;
        if (object.before)
            start.insert_or_assign(object.id, *object.before);
        else
            start.erase(object.id);
    }
    return start;
}

}  // namespace undrop
