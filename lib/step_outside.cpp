// A step in parts: its script has statements that run outside of a transaction, so it is a row of transactions and such statements, each
// written down in the journal (P6). What fails is taken back as a derived down takes a step back, in one transaction.
#include <fmt/format.h>
#include <algorithm>

#include "apply.hpp"
#include "in_parts.hpp"
#include "try.hpp"
#include "untouched.hpp"

namespace undrop {
namespace {

using Clock = std::chrono::steady_clock;
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class T>
void append(std::vector<T>& to, std::vector<T> const& from) {
    to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void add_to(StepReport& sum, StepReport const& part) {
    sum.rounds = std::max(sum.rounds, part.rounds);
    sum.tries = std::max(sum.tries, part.tries);
    sum.checks += part.checks;
    append(sum.saved, part.saved);
    append(sum.went, part.went);
    append(sum.merged, part.merged);
    append(sum.mended, part.mended);
    append(sum.waived, part.waived);
    append(sum.notes, part.notes);
    append(sum.outside, part.outside);
    append(sum.locks, part.locks);
}

void InParts::tell(Event::Kind kind, std::string text) const {
    if (options_.on_event)
        options_.on_event({.kind = kind, .text = std::move(text), .version = step_.version, .direction = step_.direction});
}

StepReport InParts::new_report() const {
    return {.version = step_.version,
            .name = step_.name,
            .direction = step_.direction,
            .origin = step_.origin,
            .taken_back_for = step_.taken_back_for};
}

Result<void> InParts::prepare() {
    report_ = new_report();
    began_ = step_.direction;
    if (step_.unfinished != 0) return resume();
    script_ = *script_of(step_);
    UNDROP_TRY(auto const statements, backend_.dialect().split(script_));
    parts_ = script_parts(backend_.dialect(), statements, is_marked(script_));
    for (auto const& part : parts_)
        if (part.outside) UNDROP_CHECK(backend_.may_run_outside(*part.outside, part.settings, options_));  // P7
    return open();
}

Result<void> InParts::open() {
    StepRunner runner(backend_, ledger_, options_, step_, base_, run_);
    UNDROP_TRY(event_, runner.begin_parts());
    run_ = runner.run_id();
    tell(Event::Kind::journaled, fmt::format("{} {} begins: {} parts", step_.version, step_.name, parts_.size()));
    return success();
}

// The ledger knows what the step was when it began, whatever the files are by now (P4).
Result<void> InParts::resume() {
    UNDROP_TRY(auto const history, ledger_.history());
    if (!history.unfinished || history.unfinished->step != step_.unfinished)
        return Error{.code = Code::conflict,
                     .left = Left::untouched,
                     .message = fmt::format("another migrator has finished {} meanwhile", step_.version),
                     .next = {.command = "status"}};
    event_ = step_.unfinished;
    began_ = history.unfinished->direction;
    UNDROP_TRY(auto const standing, standing_of(backend_, ledger_, *history.unfinished));
    parts_ = standing.parts;
    progress_ = standing.progress;
    if (auto const* script = script_of(step_)) script_ = *script;
    report_.notes.push_back(fmt::format("run {} was interrupted: {}", history.unfinished->run, standing.text()));
    UNDROP_TRY(auto const saved, ledger_.snapshots(event_));
    for (auto const& snapshot : saved)
        if (!step_.takes_back && snapshot.kind != Snapshot::Kind::sequence)
            report_.saved.push_back({snapshot.what(), snapshot.rows, snapshot.bytes});
    return success();
}

Result<StepReport> InParts::run() {
    auto const start = Clock::now();
    // Until the step has begun nothing is to be taken back.
    UNDROP_CHECK(prepare());
    auto done = [&]() -> Result<void> {
        try {
            UNDROP_CHECK(settle(options_));
            return step_.takes_back ? take_back() : go_on();
        } catch (std::exception const& thrown) {
            backend_.rollback();
            return Error{.code = Code::interrupted, .left = Left::rolled_back, .message = fmt::format("interrupted: {}", thrown.what())};
        }
    }();
    if (!done) return failed(std::move(done).error());
    report_.seconds = seconds_since(start);
    return report_;
}

Result<void> InParts::go_on() {
    for (auto const& part : parts_) {
        if (progress_.done.contains(part.number)) continue;
        if (options_.cancelled && options_.cancelled())
            return Error{.code = Code::interrupted, .left = Left::rolled_back, .message = "interrupted"};
        UNDROP_CHECK(!part.outside ? transaction(part) : part.outside->commits ? captured(part) : outside(part));
        progress_.done.insert(part.number);
    }
    return success();
}

Result<void> InParts::transaction(ScriptPart const& part) {
    UNDROP_TRY(auto const done, retried(options_, step_, [&]() -> Result<StepReport> {
                   StepRunner runner(backend_, ledger_, options_, step_, StepPart{.step = event_, .part = part, .so_far = report_}, run_);
                   UNDROP_TRY(auto report, runner.run());
                   run_ = runner.run_id();
                   return report;
               }));
    add_to(report_, done);
    return success();
}

// Before it runs, what it is about and what is there are written down and committed; after it, what came of it.
Result<void> InParts::outside(ScriptPart const& part) {
    auto const start = Clock::now();
    UNDROP_CHECK(backend_.may_run_outside(*part.outside, part.settings, options_));
    Begun begun;
    UNDROP_TRY(begun.what, backend_.find(*part.outside, part.settings));
    UNDROP_TRY(begun.before, backend_.probe(begun.what));
    UNDROP_TRY(begun.objects, objects_of(begun.what, {}));
    bool there = false;
    if (!begun.what.label.empty() && begun.before == Effect::whole) {
        UNDROP_TRY(there, journal_.was_done(begun.what));
    }
    UNDROP_CHECK(write(part, begun));
    progress_.begun[part.number] = begun;
    tell(Event::Kind::journaled, text_of(part));
    // What an earlier failure left makes room, or is brought to its end.
    UNDROP_TRY(auto const found, tidied(begun.what, options_));
    there = there || (begun.before == Effect::half && found == Effect::whole);
    if (!there) {
        UNDROP_CHECK(backend_.run_outside(script_, part.statements.front(), part.settings, options_));
        UNDROP_TRY(auto const effect, backend_.probe(begun.what));
        if (effect == Effect::half)
            return Error{.message = fmt::format("{} ended without an error and is not whole", begun.what.text()),
                         .where = {script_.file, part.statements.front().line, part.statements.front().column}};
    }
    tell(Event::Kind::outside, text_of(part));
    UNDROP_CHECK(finish(part, begun));
    report_.outside.push_back(there ? fmt::format("{}: was there already, from an earlier try", text_of(part))
                                    : fmt::format("{} ({:.2f} s)", text_of(part), seconds_since(start)));
    tell(Event::Kind::journaled, "done: " + text_of(part));
    return success();
}

Result<Effect> InParts::tidied(Outside const& what, Options const& options) {
    UNDROP_TRY(auto const effect, backend_.probe(what));
    if (effect != Effect::half) return effect;
    UNDROP_CHECK(backend_.tidy(what, options));
    return backend_.probe(what);
}

Result<Catalog> InParts::objects_of(Outside const& what, Catalog const& these) {
    Catalog found;
    Catalog catalog;
    // Definitions of a table that somebody else keeps even readers out of have to be waited for.
    UNDROP_TRY(auto const done, retried(options_, step_, [&]() -> Result<StepReport> {
                   UNDROP_CHECK(backend_.begin_reading());
                   auto read = backend_.read_in_time(options_.lock_timeout, [&]() -> Result<void> {
                       UNDROP_TRY(catalog, backend_.catalog(ledger_.name()));
                       return success();
                   });
                   auto const who = read && !read.value() ? backend_.kept_from_readers() : std::vector<std::string>{};
                   backend_.rollback();
                   if (!read) return std::move(read).error();
                   if (read.value()) return StepReport{};
                   return Error{.code = Code::busy,
                                .message = "no lock in time to read what the step changes" +
                                           (who && !who.value().empty() ? ": " + who.value().front() : std::string())};
               }));
    auto ids = scope_of(what, catalog);
    for (auto const& [id, object] : these)
        if (catalog.contains(id)) ids.insert(id);
    for (auto const& id : ids) found.emplace(id, catalog.at(id));
    return found;
}

Result<void> InParts::write(ScriptPart const& part, Begun const& begun) {
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto written = journal_.begin(event_, part, begun);
    if (written) written = backend_.commit();
    if (!written) backend_.rollback();
    return written;
}

Result<void> InParts::finish(ScriptPart const& part, Begun const& begun) {
    UNDROP_TRY(auto const now, objects_of(begun.what, begun.objects));
    std::vector<Recorded> changed;  // what stays is no matter of any way back
    std::set<ObjectId> ids;
    for (auto const* side : {&begun.objects, &now})
        for (auto const& [id, object] : *side) ids.insert(id);
    auto const in = [](Catalog const& side, ObjectId const& id) {
        auto const found = side.find(id);
        return found == side.end() ? std::optional<Object>{} : std::optional{found->second};
    };
    for (auto const& id : ids) {
        Recorded recorded{.id = id, .before = in(begun.objects, id), .after = in(now, id)};
        if (begun.what.stays) continue;
        if (recorded.before && recorded.after && recorded.before->same(*recorded.after)) continue;
        if (!recorded.after) report_.went.push_back(id.text());
        changed.push_back(std::move(recorded));
    }
    UNDROP_CHECK(backend_.begin(options_, {}));
    auto written = journal_.finish(event_, part, &begun);
    if (written) written = ledger_.add_more(event_, changed);
    if (written) written = backend_.commit();
    if (!written) {
        backend_.rollback();
        return written;
    }
    progress_.begun.erase(part.number);
    progress_.finished[part.number] = begun;
    progress_.done.insert(part.number);
    return success();
}

// What was begun and not written down as done: the catalog says what came of it.
Result<void> InParts::settle(Options const& options) {
    for (auto const& part : parts_) {
        auto const found = progress_.begun.find(part.number);
        if (found == progress_.begun.end()) continue;
        auto const begun = found->second;
        if (begun.what.commits) {
            if (!progress_.torn.contains(part.number)) UNDROP_CHECK(save_captured(part, begun, true));
            continue;
        }
        UNDROP_TRY(auto const effect, tidied(begun.what, options));
        if (effect == Effect::whole && begun.before != Effect::whole) UNDROP_CHECK(finish(part, begun));
    }
    return end_capture();
}

Result<void> InParts::take_back() {
    StepPart const part{.step = event_, .part = {}, .takes_back = true, .so_far = step_.takes_back ? report_ : new_report()};
    auto options = options_;
    options.cancelled = nullptr;
    PlannedStep back = step_;
    back.direction = Direction::down;
    back.origin = Origin::derived;
    back.check.reset();
    back.down_check.reset();
    UNDROP_TRY(auto const done, retried(options, back, [&]() -> Result<StepReport> {
                   StepRunner runner(backend_, ledger_, options, back, part, run_);
                   UNDROP_TRY(auto report, runner.run());
                   run_ = runner.run_id();
                   return report;
               }));
    report_ = part.so_far;
    add_to(report_, done);
    return success();
}

// The step is taken back whole, now or by the next run.
Error InParts::failed(Error error) {
    if (error.code == Code::conflict) return error;  // somebody else is at it
    Result<void> back = Error{.message = error.message};
    if (error.code != Code::in_doubt && !step_.takes_back) {
        auto options = options_;
        options.cancelled = nullptr;
        options.outside_wait = options.lock_timeout;
        auto const report = report_;
        back = settle(options);
        if (back) back = take_back();
        if (back)
            for (auto const& note : report_.notes) error.trail.push_back("taking it back: " + note);
        report_ = report;
    }
    if (back) {
        error.left = Left::rolled_back;
        return error;
    }
    backend_.rollback();
    if (back.error().message != error.message) error.trail.push_back("what was done of the step stays for now: " + back.error().message);
    error.trail.push_back(
        fmt::format("{} {} is in progress, {} of {} parts are done: the next up or down goes on with it or takes it back by itself",
                    step_.version, step_.name, progress_.done.size(), parts_.size()));
    bool const lost = !backend_.rows("select 1");
    if (lost) error.code = Code::in_doubt;
    error.left = error.code == Code::in_doubt ? Left::unknown : Left::changed;
    error.next = {.command = "status", .advice = "says how far it came"};
    return error;
}

// What a down script in parts drops beside the up: in one transaction this is seen once it has run; here a part of it would be committed by
// then. Nothing: it drops no such thing.
static Result<std::optional<StepReport>> without_script(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step,
                                                        std::int64_t& run) {
    auto const ask = [&]() -> Result<void> {
        UNDROP_TRY(auto const statements, backend.dialect().split(*step.down));
        UNDROP_TRY(auto const read, directives(*step.down));
        UNDROP_CHECK(backend.begin(options, {}));
        UNDROP_TRY(auto const history, ledger.history());
        auto const* applied = history.find(step.version);
        if (!applied) return success();
        UNDROP_TRY(auto const opposite, read_opposite(ledger, applied->step, step.direction));
        UNDROP_TRY(auto const tables, backend.tables(ledger.name()));
        UNDROP_TRY(auto const catalog, backend.catalog(ledger.name()));
        auto const beside = will_drop_beside(backend.dialect(), statements, read.lose, tables, catalog, opposite);
        if (beside.empty()) return success();
        auto error = drops_beside(*beside.front().first, beside.front().second);
        error.left = Left::untouched;
        return error;
    };
    auto const found = ask();
    backend.rollback();
    if (found) return std::optional<StepReport>{};
    if (found.error().code != Code::refused) return found.error();
    UNDROP_TRY(auto recorded, back_as_recorded(backend, ledger, options, step, run, nullptr));
    if (!recorded) return found.error();
    recorded->notes.push_back(found.error().message +
                              "; what the up made and changed is as it was left, so what was recorded came back without the script");
    return recorded;
}

Result<StepReport> run_in_parts(Backend& backend, Ledger& ledger, Options const& options, PlannedStep const& step, std::string const& base,
                                std::int64_t& run) {
    if (step.direction == Direction::down && step.origin != Origin::derived && step.down && step.unfinished == 0 && !step.takes_back) {
        UNDROP_TRY(auto done, without_script(backend, ledger, options, step, run));
        if (done) return std::move(*done);
    }
    return InParts(backend, ledger, options, step, base, run).run();
}

}  // namespace undrop
