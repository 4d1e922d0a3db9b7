// The verbs, read top to bottom as --help lists them. One file per verb.
#pragma once

#include <array>
#include <functional>

namespace CLI {
class App;
}

namespace undrop::cli {

class Session;

// Does what was asked and gives back the exit status; throws undrop::Failure.
using Action = std::function<int(Session&)>;

struct Verb {
    char const* name;
    char const* summary;
    Action (*declare)(CLI::App& app);  // adds the verb's own options
};

Action declare_new(CLI::App& app);
Action declare_status(CLI::App& app);
Action declare_plan(CLI::App& app);
Action declare_up(CLI::App& app);
Action declare_down(CLI::App& app);
Action declare_evidence(CLI::App& app);
Action declare_to(CLI::App& app);
Action declare_redo(CLI::App& app);
Action declare_rehearse(CLI::App& app);
Action declare_accept(CLI::App& app);
Action declare_adopt(CLI::App& app);
Action declare_convert(CLI::App& app);
Action declare_check(CLI::App& app);
Action declare_log(CLI::App& app);
Action declare_snapshots(CLI::App& app);
Action declare_schema(CLI::App& app);

inline constexpr std::array verbs = {
    Verb{"new", "A new pair of files: an up and a down script", declare_new},
    Verb{"status", "What is applied, pending, edited, missing, out of order; snapshots and their bytes", declare_status},
    Verb{"plan", "What up or down would run, lock, take away and bring back; ends in GO or NO-GO", declare_plan},
    Verb{"up", "Apply pending migrations", declare_up},
    Verb{"down", "Take migrations back, with the rows and values that they took; one unless told otherwise", declare_down},
    Verb{"to", "Up or down until a version is the newest applied", declare_to},
    Verb{"redo", "Down and up again: the newest applied migration", declare_redo},
    Verb{"rehearse", "Up, down, compare every row, up again, in a database made for it; ends in GO or NO-GO", declare_rehearse},
    Verb{"evidence", "What the document of a rehearsal says", declare_evidence},
    Verb{"accept", "An applied migration's edited script is meant: record it", declare_accept},
    Verb{"adopt", "A database that another tool migrated: record what it has, by that tool's history or by a version", declare_adopt},
    Verb{"convert", "Migrations of another tool, written out as pairs of files", declare_convert},
    Verb{"check", "Do the applied migrations' checks hold? Reads only", declare_check},
    Verb{"log", "What was done: who, when, how long, what was saved", declare_log},
    Verb{"snapshots", "What was saved: list, show, verify, purge, erase, export, import", declare_snapshots},
    Verb{"schema", "The database's schema: dump as SQL, fingerprint, diff with another", declare_schema},
};

}  // namespace undrop::cli
