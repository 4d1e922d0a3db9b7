// Journal: what the ledger knows of a step that is more than one transaction, while it is going on (P6). A row before each statement
// that runs outside of a transaction, one after it, one with each transaction in between; rows are appended, never edited.
// One thread at a time, over one Ledger.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"
#include "outside.hpp"

namespace undrop {

// A statement as it was written down before it ran: with names as the database found them, and what was there.
struct Begun {
    Outside what = {};
    Effect before = Effect::none;
    Catalog objects = {};                               // in its scope
    std::map<std::string, std::string> positions = {};  // of sequences, where it commits by itself
};

// How far a step came.
struct Progress {
    std::set<int> done = {};               // numbers of parts
    std::map<int, Begun> begun = {};       // outside parts that are not done, as they were begun last
    std::map<int, Begun> finished = {};    // and those that are
    std::set<int> torn = {};               // what they took is saved, and how far they came is not known
    [[nodiscard]] int next() const;        // the number of the first part that is not done
    [[nodiscard]] bool only_back() const;  // one that commits by itself was interrupted: nobody knows where it would go on
};

class Journal {
public:
    Journal(Backend& backend, Ledger& ledger) : backend_(backend), ledger_(ledger) {}

    // Of the step that began with this event. Code::refused where a row cannot be read.
    [[nodiscard]] Result<Progress> read(std::int64_t step);
    // Both in the caller's transaction. `statement`: its number in the script.
    [[nodiscard]] Result<void> begin(std::int64_t step, ScriptPart const& part, Begun const& begun);
    // Code::conflict if another migrator has written the same meanwhile. `what`: null for a transaction.
    [[nodiscard]] Result<void> finish(std::int64_t step, ScriptPart const& part, Begun const* what);
    // What such a part took before it was interrupted is saved, in the caller's transaction.
    [[nodiscard]] Result<void> tear(std::int64_t step, ScriptPart const& part);
    // Did any step do this before? For what stays when its step is taken back.
    [[nodiscard]] Result<bool> was_done(Outside const& what);

private:
    [[nodiscard]] Result<void> add(std::int64_t step, ScriptPart const& part, char const* state, Begun const* what);

    Backend& backend_;
    Ledger& ledger_;
};

// Where a step that was interrupted stands: "statement 2 of 3, outside a transaction: create index public.i".
struct Standing {
    std::vector<ScriptPart> parts = {};
    Progress progress = {};
    int statements = 0;
    [[nodiscard]] ScriptPart const& next() const;
    [[nodiscard]] std::string text() const;
};
[[nodiscard]] Result<Standing> standing_of(Backend& backend, Ledger& ledger, Unfinished const& unfinished);

}  // namespace undrop
