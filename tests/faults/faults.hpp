// A run is made to fail at its first call to the outside, at its second, and so on until one goes through: whatever fails, the database is
// as before or as after, the ledger says which, the error says the truth about it, and the next run completes (P6).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "story/story.hpp"

namespace undrop::test {

// What can fail. A call is whatever goes out of the process: a request to a server, an operation on a file, an allocation.
class Faults {
public:
    virtual ~Faults() = default;
    Faults() = default;
    Faults(Faults const&) = delete;
    Faults& operator=(Faults const&) = delete;

    [[nodiscard]] virtual std::vector<std::string> kinds() const = 0;
    virtual void arm(std::size_t kind, int n) = 0;  // the n-th call from now on fails
    virtual bool disarm() = 0;                      // did one fail since arm()?
    [[nodiscard]] virtual std::string url() const = 0;
    [[nodiscard]] virtual Options options(std::size_t kind) const = 0;
    [[nodiscard]] virtual int calls() const = 0;  // since arm()
};

// A migration, what is there before it, and what is written after it.
struct Play {
    std::string before;
    Scripts scripts;
    std::string writes;
    std::vector<std::string> pragmas = {};  // of the file, SQLite
};
// Every case of tests/cases for this database where UNDROP_FAULTS_ROUNDS asks for a full run; else one.
// The number says which kind of failure: with so many cases one kind to each, in turn.
void for_cases(Engine engine, std::function<void(Database&, Play const&, std::optional<std::size_t>)> const& act);

// Fails every call of the up and of the down that follows the writes (0 places), or those at so many places of each. Gives how many failed.
// `only`: one kind of failure, counted round.
int fail_every_call(Database& db, Play const& play, Faults& faults, int places, std::optional<std::size_t> only = {});

// What all tests of a program together have seen on one database; told at its end.
struct Tally {
    int kills = 0;          // of programs and servers
    int failed_calls = 0;   // connections lost, operations on files and allocations failed
    int losses = 0;         // times at which the database was neither as before nor as after
    int not_completed = 0;  // next runs that did not come to their end
};
[[nodiscard]] Tally& tally(Engine engine);

// How often each test that repeats itself does so: UNDROP_FAULTS_ROUNDS, as ./dev faults sets it; 0 in a run of all tests.
[[nodiscard]] int rounds();

}  // namespace undrop::test
