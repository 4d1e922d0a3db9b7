// Evidence that is kept and read again, and what the gate makes of it: is each migration that goes up the one that was rehearsed, on the
// objects that are there? Evidence and RehearsalPolicy are values; any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include <undrop/history.hpp>
#include <undrop/options.hpp>
#include <undrop/plan.hpp>
#include <undrop/rehearse.hpp>
#include <undrop/report.hpp>
#include <undrop/source.hpp>
#include <undrop/target.hpp>

namespace undrop {

// What to_json(Evidence) gave. Code::usage for a text that is no evidence, one that was cut or edited since (its `sum` is not that of the
// rest; this is no signature), or one of a newer format.
[[nodiscard]] UNDROP_EXPORT Result<Evidence> evidence_from_json(std::string_view json);

// Writes the evidence into the target's ledger, one event `rehearsed` for each migration, without values of rows; makes the ledger if
// there is none. Gives the events. Errors as accept().
[[nodiscard]] UNDROP_EXPORT Result<std::vector<LogEntry>> record(Target& target, Evidence const& evidence, Options const& options = {});

// What the ledger has recorded of these versions, oldest first. Reads only; no ledger is no evidence.
[[nodiscard]] UNDROP_EXPORT Result<std::vector<Evidence>> recorded_evidence(Target& target, std::vector<std::string> const& versions,
                                                                            Options const& options = {});

// What of evidence must be there. A value apart from Options, which each call copies.
struct RehearsalPolicy {
    std::optional<DataMode> required = {};  // no migration goes up that was not rehearsed on such rows, or stronger ones; nothing: any may
    bool accept_lossy = false;              // a rehearsal that found it lossy will do
    std::vector<Evidence> evidence = {};    // beside what the ledger has recorded; of several the one that fits best counts
};

// The plan with what evidence says of its steps up: notes and warnings, and, where evidence is required and does not fit, stops: codes
// not-rehearsed, rehearsed-otherwise (another script), rehearsed-elsewhere (another kind of database), rehearsed-objects (other objects at
// stake than here), rehearsed-data (weaker rows), rehearsed-grade; and locked, where others have locked what is to be compared.
// Reads only. What is said here of a stored plan takes the place of what was said before.
[[nodiscard]] UNDROP_EXPORT Result<Plan> with_evidence(Target& target, Plan plan, RehearsalPolicy const& policy,
                                                       Options const& options = {});

// migrate() for a start-up that applies nothing that was not rehearsed: Code::refused, untouched, where evidence is required and missing.
[[nodiscard]] UNDROP_EXPORT Result<Report> migrate_rehearsed(Target& target, Source const& source, RehearsalPolicy const& policy,
                                                             Options const& options = {});

// A sentence about one migration: "rehearsed on a copy of the target at 2026-11-22T10:00:00Z: exact with snapshot".
[[nodiscard]] UNDROP_EXPORT std::string summary(Evidence const& evidence, Rehearsed const& rehearsed);

}  // namespace undrop
