// undrop: database migrations that are safe to take back. This header is the whole API.
//
// Free functions on values; synchronous, on the caller's thread; no threads inside. The library prints nothing, installs no signal
// handler, and touches neither locale nor environment. A Target is used by one thread at a time; everything else is a value.
#pragma once

#include <undrop/adopt.hpp>
#include <undrop/check.hpp>
#include <undrop/derive.hpp>
#include <undrop/evidence.hpp>
#include <undrop/history.hpp>
#include <undrop/migration.hpp>
#include <undrop/options.hpp>
#include <undrop/plan.hpp>
#include <undrop/rehearse.hpp>
#include <undrop/report.hpp>
#include <undrop/result.hpp>
#include <undrop/schema.hpp>
#include <undrop/snapshots.hpp>
#include <undrop/source.hpp>
#include <undrop/target.hpp>

namespace undrop {

// Brings the target up to the source: plan, approve, apply, again if another migrator was faster. For start-up, many replicas at once:
// each migration runs exactly once, the others wait (Options::wait) and find nothing pending. Nothing pending: one round trip, no lock.
// Errors: refused (untouched), failed (rolled_back, or changed where earlier steps stay), busy, in_doubt, interrupted.
[[nodiscard]] UNDROP_EXPORT Result<Report> migrate(Target& target, Source const& source, Options const& options = {});

// Where Options::ahead is `wait`: returns once the database is not ahead of the source any more; Code::busy, untouched, after
// Options::wait; interrupted. With any other policy it returns at once. migrate() does this by itself; it is for programs that plan and
// apply.
[[nodiscard]] UNDROP_EXPORT Result<void> wait_while_ahead(Target& target, Source const& source, Options const& options = {});

// What would be done. Reads only; makes no ledger; errors leave the target untouched. Bad input shows as findings of the plan where it
// can (so that one call shows them all), and as Code::usage where the range itself is wrong.
// Where Options::ahead is `roll_back` and the database is ahead, plan_up gives the plan that takes the newer migrations back (it goes
// down); what is pending is planned once that is applied.
[[nodiscard]] UNDROP_EXPORT Result<Plan> plan_up(Target& target, Source const& source, Range const& range = {},
                                                 Options const& options = {});
[[nodiscard]] UNDROP_EXPORT Result<Plan> plan_down(Target& target, Source const& source, Range const& range = {},
                                                   Options const& options = {});
// Up or down until `version` is the newest applied.
[[nodiscard]] UNDROP_EXPORT Result<Plan> plan_to(Target& target, Source const& source, std::string const& version,
                                                 Options const& options = {});

// Does what the plan says: each step is one transaction with its snapshots and its ledger entry (P6). Code::conflict, untouched, if the
// target is no longer what the plan was made for. On any other error the step is rolled back; earlier steps stay (Left::changed).
[[nodiscard]] UNDROP_EXPORT Result<Report> apply(Target& target, Approved const& approved, Options const& options = {});

// Where the target stands. Works with a role that may only read, and makes no ledger.
[[nodiscard]] UNDROP_EXPORT Result<Status> status(Target& target, Source const& source, Options const& options = {});

// An applied migration's edited scripts and checks are meant: recorded as an event; what ran is not run again.
[[nodiscard]] UNDROP_EXPORT Result<LogEntry> accept(Target& target, Source const& source, std::string const& version,
                                                    Options const& options = {});

// The ledger's events, oldest first; of one run, if asked.
[[nodiscard]] UNDROP_EXPORT Result<std::vector<LogEntry>> log(Target& target, std::optional<std::int64_t> run = {},
                                                              Options const& options = {});

// The snapshots, oldest first; and the rows of one (at most `limit`), which are what they are: values of the database.
[[nodiscard]] UNDROP_EXPORT Result<std::vector<SnapshotInfo>> snapshots(Target& target, Options const& options = {});
[[nodiscard]] UNDROP_EXPORT Result<SnapshotRows> snapshot_rows(Target& target, std::int64_t id, std::int64_t limit = 100,
                                                               Options const& options = {});

}  // namespace undrop
