// What a rehearsed migration's evidence is of: its scripts, and the objects at stake. Made in the sandbox, compared on the target.
#pragma once

#include <set>
#include <string>

#include <undrop/rehearse.hpp>

#include "ledger.hpp"
#include "state.hpp"

namespace undrop {

// A digest of what the scripts' directives say, which are no part of their checksums and change what a step does.
[[nodiscard]] std::string directives_digest(Script const& up, std::optional<Script> const& down);

// Which scripts were rehearsed. Known before the first step runs.
void note_scripts(Migration const& migration, bool derived, Rehearsed& found);

// Is it a part of the evidence? Rights and owners are not: on another server roles have other names.
[[nodiscard]] bool is_at_stake(ObjectId const& id);
[[nodiscard]] std::string digest_of(Object const& object);
[[nodiscard]] std::string fingerprint_of(std::vector<ObjectAtStake> const& objects);

// Which objects the up touched: those that it made, changed or removed, and all that belongs to tables whose rows it wrote, or would have
// written if there had been any; as they were before and are after it. And which rows were there before, whose way back the walk compares.
// After the up, in no transaction.
[[nodiscard]] Result<void> note_stake(Backend& backend, Ledger& ledger, Script const& up, State const& before, State const& after,
                                      Touched const& touched, Rehearsed& found);

// All that belongs to the tables; and where definitions are but texts, as on SQLite, what mentions one: a view, a child, another's trigger.
[[nodiscard]] std::set<ObjectId> objects_around(Catalog const& catalog, std::set<TableName> const& tables);

// Names in each migration the tables that it touches and that could not be filled.
void mark_not_exercised(Evidence& evidence);

// What is told when all is done: by what and when the evidence was made.
void settle(Evidence& evidence);

}  // namespace undrop
