#include "drift.hpp"

#include <algorithm>

#include "busy.hpp"
#include "planner.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

}  // namespace

std::string drift_of(Catalog const& now, Opposite const& opposite, std::vector<Recorded> const& recorded, std::set<ObjectId>& seen) {
    std::string names;
    for (auto const& object : recorded) {
        if (!opposite.wanted.contains(object.id) || !seen.insert(object.id).second) continue;
        auto const is = now.find(object.id);
        auto const there = is != now.end();
        if (purged_with_aside(opposite, object.id)) continue;
        if (there != object.after.has_value() || (there && !is->second.same(*object.after)))
            names += (names.empty() ? "" : ", ") + object.id.text();
    }
    return names;
}

Finding drift_finding(std::string const& drifted, Options const& options) {
    return {.severity = options.accept_drift ? Finding::Severity::warning : Finding::Severity::stop,
            .code = "drift",
            .text = "changed by hand since the migration ran, and the rollback would overwrite it: " + drifted,
            .next = {.command = "down --accept-drift", .advice = "if what the migration had found is to come back all the same"}};
}

Result<void> not_drifted_since(Backend& backend, Ledger& ledger, Plan const& plan, Options const& options) {
    if (plan.direction == Direction::up || plan.steps.size() < 2 || options.accept_drift) return success();
    UNDROP_TRY(auto const history, ledger.history());
    UNDROP_CHECK(patiently(backend, options, [&] { return backend.begin_reading(); }));
    auto looked = [&]() -> Result<void> {
        Catalog catalog;
        UNDROP_TRY(bool const read, backend.read_in_time(options.lock_timeout, [&]() -> Result<void> {
            UNDROP_TRY(catalog, backend.catalog(ledger.name()));
            return success();
        }));
        if (!read) return success();  // the steps wait for these locks, too, and say whose they are
        std::set<ObjectId> seen;
        for (auto const& step : plan.steps) {
            auto const* applied = history.find(step.version);
            if (step.unfinished != 0 || !applied) continue;
            UNDROP_TRY(auto const opposite, read_opposite(ledger, applied->step, Direction::down));
            UNDROP_TRY(auto const recorded, ledger.objects(applied->step));
            auto const drifted = drift_of(catalog, opposite, recorded, seen);
            auto const finding = drift_finding(drifted, options);
            auto const known = [&](Finding const& found) { return found.text == finding.text; };
            if (drifted.empty() || &step == &plan.steps.front() || std::any_of(plan.findings.begin(), plan.findings.end(), known)) continue;
            return Error{.code = Code::refused, .left = Left::untouched, .message = finding.text, .next = finding.next};
        }
        return success();
    }();
    backend.rollback();
    return looked;
}

}  // namespace undrop
