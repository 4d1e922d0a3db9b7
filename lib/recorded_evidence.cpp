// Evidence in the target's ledger, and the gate that asks for it.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>

#include <undrop/evidence.hpp>

#include "apply.hpp"
#include "busy.hpp"
#include "ledger.hpp"
#include "names.hpp"
#include "rules_evidence.hpp"
#include "try.hpp"

namespace undrop {
namespace {

constexpr char const* rehearsed_event = "rehearsed";  // its kind in the ledger
auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

// The ledger's own tables hold no rows' values and may be read by whom the owner likes (P8).
Evidence for_ledger(Evidence const& evidence, Rehearsed const& rehearsed) {
    auto one = evidence;
    one.migrations = {rehearsed};
    one.not_reached.clear();
    one.notes.clear();
    auto& kept = one.migrations.front();
    kept.rows.clear();
    kept.objects.clear();
    kept.native.clear();
    if (evidence.data.mode >= DataMode::sample)
        for (auto& compared : kept.compared) compared.hash.clear();
    return one;
}

// All that the gate compares is read at one moment; false: others have locked some of it.
Result<bool> read_catalog(Backend& backend, Options const& options, Catalog& catalog) {
    UNDROP_CHECK(patiently(backend, options, [&] { return backend.begin_reading(); }));
    auto read = backend.read_in_time(options.lock_timeout, [&]() -> Result<void> {
        UNDROP_TRY(catalog, backend.catalog(options.ledger));
        return success();
    });
    backend.rollback();
    return read;
}

}  // namespace

Result<std::vector<LogEntry>> record(Target& target, Evidence const& evidence, Options const& options) {
    auto& backend = target.backend();
    Ledger ledger(backend, options.ledger);
    std::vector<LogEntry> entries;
    if (evidence.migrations.empty()) return entries;
    UNDROP_CHECK(with_run_lock(backend, options, [&]() -> Result<void> {
        UNDROP_CHECK(ledger.ensure(options));
        UNDROP_CHECK(backend.begin(options, {}));
        auto written = [&]() -> Result<void> {
            UNDROP_TRY(auto const run, ledger.next_run());
            for (auto const& rehearsed : evidence.migrations) {
                UNDROP_TRY(auto const id, ledger.next_event());
                UNDROP_CHECK(ledger.add(id,
                                        {.run = run,
                                         .kind = rehearsed_event,
                                         .version = rehearsed.version,
                                         .name = rehearsed.name,
                                         .seconds = rehearsed.seconds,
                                         .detail = to_json(for_ledger(evidence, rehearsed))},
                                        options));
            }
            UNDROP_CHECK(backend.commit());
            UNDROP_TRY(entries, ledger.log(run));
            return success();
        }();
        if (!written) backend.rollback();
        return written;
    }));
    return entries;
}

Result<std::vector<Evidence>> recorded_evidence(Target& target, std::vector<std::string> const& versions, Options const& options) {
    std::vector<Evidence> found;
    if (versions.empty()) return found;
    auto& backend = target.backend();
    std::vector<std::string> wanted;
    for (auto const& version : versions) wanted.push_back(backend.dialect().literal(version));
    auto const read = backend.store_rows(
        options.ledger, fmt::format("select detail from {} where kind = '{}' and version in ({}) order by id",
                                    Ledger(backend, options.ledger).table(names::event), rehearsed_event, fmt::join(wanted, ", ")));
    if (!read && backend.means_no_store(read.error())) return found;
    if (!read) return read.error();
    // What a newer undrop wrote, or somebody changed, is no evidence.
    for (auto const& row : read.value())
        if (auto evidence = evidence_from_json(row[0].value_or(""))) found.push_back(std::move(evidence).value());
    return found;
}

Result<Plan> with_evidence(Target& target, Plan plan, RehearsalPolicy const& policy, Options const& options) {
    std::vector<std::string> versions;
    for (auto const& step : plan.steps)
        if (step.direction == Direction::up) versions.push_back(step.version);
    // A stop that somebody else's policy made is not taken away by nobody's asking.
    std::erase_if(plan.findings, [&](Finding const& finding) {
        return is_of_evidence(finding) && (policy.required || finding.severity != Finding::Severity::stop);
    });
    if (versions.empty()) return plan;
    UNDROP_TRY(auto known, recorded_evidence(target, versions, options));
    known.insert(known.end(), policy.evidence.begin(), policy.evidence.end());
    auto const is_about = [&](Evidence const& evidence) {
        return std::any_of(evidence.migrations.begin(), evidence.migrations.end(),
                           [&](Rehearsed const& r) { return std::find(versions.begin(), versions.end(), r.version) != versions.end(); });
    };
    std::erase_if(known, [&](Evidence const& evidence) { return !is_about(evidence); });
    if (known.empty() && !policy.required) return plan;
    Catalog catalog;
    bool read = true;
    if (!known.empty()) {
        UNDROP_TRY(read, read_catalog(target.backend(), options, catalog));
    }
    for (auto& finding : evidence_findings(plan, known, read ? &catalog : nullptr, policy)) plan.findings.push_back(std::move(finding));
    return plan;
}

}  // namespace undrop
