// Plan: what would be done, as plain data; and Approved, what the gate made of it.
// Values; any thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <undrop/difference.hpp>
#include <undrop/migration.hpp>

namespace undrop {

// Something that a rule has to say of a plan. `code` is stable; `stop` makes the plan a NO-GO.
struct Finding {
    enum class Severity { note, warning, stop };
    Severity severity = Severity::note;
    std::string code;  // e.g. "edited-up"
    std::string text;
    Place where = {};
    Next next = {};
    std::vector<ObjectDifference> differences = {};  // of "drift": what the migration left, and what is there now
};

// Where the script of a step comes from.
enum class Origin { file, ledger, derived };

// Something that a step takes away, as foreseen from its text. A guess: what is not foreseen is found when the step runs, and saved.
struct PlannedLoss {
    std::string what;                  // schema.table, or schema.table.column
    std::optional<std::int64_t> rows;  // on the target now: rows of a table, values that are not NULL of a column
    bool waived = false;               // by `-- undrop: lose`
    // Of these, what the migration had not left there itself; nothing: not counted, or nobody can tell. Going down only.
    std::optional<std::int64_t> written_since = {};
};

// What would become of a snapshot's rows if the step ran now, by what the target holds: counted, with no lock that stops a writer. Nothing
// where only the step can tell: what a script does first, rows without a key, a table that is not there yet and will hold other rows.
struct PlannedReturn {
    std::int64_t snapshot = 0;
    std::string what;
    std::int64_t rows = 0;                           // saved
    std::optional<std::int64_t> comes_back = {};     // or is there already
    std::optional<std::int64_t> changed_since = {};  // stays as it is by now, unless Options::on_conflict says otherwise
    std::optional<std::int64_t> deleted_since = {};
    std::optional<std::int64_t> inserted_since = {};  // rows of the table that the snapshot does not have
    std::optional<std::int64_t> key_taken = {};
    std::string unknown = {};  // why something is not counted; empty: everything is
};

struct PlannedStep {
    std::string version;
    std::string name;
    Direction direction = Direction::up;
    Origin origin = Origin::file;  // of the script that runs
    std::optional<Script> up;      // what the ledger will hold; going down: what it holds
    std::optional<Script> down;    // going down: what runs, unless derived
    int statements = 0;
    std::optional<Script> check;       // runs when the migration is applied; kept in the ledger like the scripts
    std::optional<Script> down_check;  // runs when it is taken back
    int check_statements = 0;          // of the one that this step runs
    std::vector<std::string> locks;    // tables that will be locked against writers
    std::vector<PlannedLoss> losses;
    std::vector<std::string> comes_back;  // what earlier snapshots will give back
    std::vector<PlannedReturn> returns;   // the same in numbers
    std::vector<std::string> mends;       // recorded objects that are brought back where the script forgets them
    std::vector<std::string> notes;       // e.g. rows that cannot be told apart, a column that comes back last
    std::string taken_back_for;           // by Ahead::roll_back: the newest migration of the older program; else empty
    // Not 0: the ledger's event of a step that began earlier and was interrupted between two of its parts. This one goes on with it ...
    std::int64_t unfinished = 0;
    bool takes_back = false;  // ... or takes back what was done of it
};

struct UNDROP_EXPORT Plan {
    Direction direction = Direction::up;  // of the steps; but for one that was interrupted all go one way
    std::string target;                   // Target::description()
    std::string ledger;
    std::string base;                // fingerprint of the history and of the objects at stake; apply refuses another
    std::vector<PlannedStep> steps;  // in the order in which they run
    std::vector<Finding> findings;

    [[nodiscard]] bool go() const;  // no finding is a stop
};

// Which steps. At most one is set; none: all pending ones going up, one going down.
struct Range {
    std::optional<std::string> to = {};  // up: the last to apply; down: stays applied, "0" takes all
    std::optional<int> steps = {};
    std::optional<std::int64_t> run = {};   // down: the steps of that run; 0: the last run that applied something
    std::optional<std::string> label = {};  // down: the steps applied under that label
};

// A plan that the gate let through. Only approve() makes one.
class UNDROP_EXPORT Approved {
public:
    [[nodiscard]] Plan const& plan() const { return plan_; }

private:
    friend UNDROP_EXPORT Result<Approved> approve(Plan plan);
    explicit Approved(Plan plan) : plan_(std::move(plan)) {}
    Plan plan_;
};

// The gate. Code::refused, untouched, with every stop's text, if the plan has a stop; Code::busy if that is only what others have locked.
[[nodiscard]] UNDROP_EXPORT Result<Approved> approve(Plan plan);

[[nodiscard]] UNDROP_EXPORT std::string to_json(Plan const& plan);  // one document with a `format` number; holds the scripts
[[nodiscard]] UNDROP_EXPORT std::string to_markdown(Plan const& plan);
// Code::usage for a text that is no plan, or one of a newer format.
[[nodiscard]] UNDROP_EXPORT Result<Plan> plan_from_json(std::string_view json);
UNDROP_EXPORT std::ostream& operator<<(std::ostream& out, Plan const& plan);  // as the command line prints it; ends in GO or NO-GO

[[nodiscard]] UNDROP_EXPORT char const* name_of(Origin origin);
[[nodiscard]] UNDROP_EXPORT char const* name_of(Finding::Severity severity);

}  // namespace undrop
