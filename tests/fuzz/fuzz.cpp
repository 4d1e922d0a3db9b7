// Random histories. Each has a number, its seed, which is printed where something does not hold: UNDROP_FUZZ_SEED=N plays that one again.
// UNDROP_FUZZ_RUNS: how many, of each database. They are played in parts, for machines with more than one processor.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <regex>

#include "fuzz/history.hpp"

using namespace undrop::test;

namespace {

std::uint64_t number(char const* variable, std::uint64_t otherwise) {
    auto const* value = std::getenv(variable);
    return value && *value ? std::stoull(value) : otherwise;
}

struct Tally {
    int runs = 0;
    int written = 0;
    int uncompared = 0;
    std::map<Outcome::End, int> ends;
    std::map<std::string, int> refusals;

    void add(History const& history, Outcome const& outcome) {
        ++runs;
        if (history.written) ++written;
        if (!outcome.compared) ++uncompared;
        ++ends[outcome.end];
        // Without names and numbers.
        if (!outcome.refusal.empty())
            ++refusals[std::regex_replace(outcome.refusal.substr(0, outcome.refusal.find('\n')), std::regex("\\S*\\d\\S*"), "#")];
    }
};

constexpr std::uint64_t parts = 4;
constexpr std::uint64_t first_seed = 101;

// SQLite's cost a tenth.
constexpr std::uint64_t runs_in_all(Engine engine) { return engine == Engine::sqlite ? 300 : 150; }

void fuzz(Engine engine, std::uint64_t part) {
    Stage stage(engine);
    Tally tally;
    auto const first = number("UNDROP_FUZZ_SEED", first_seed);
    auto const runs = number("UNDROP_FUZZ_RUNS", runs_in_all(engine));
    for (auto seed = first + runs * (part - 1) / parts; seed < first + runs * part / parts; ++seed) {
        CAPTURE(seed);
        auto const history = make_history(stage, seed);
        if (runs == 1) std::cout << history.text() << std::flush;
        auto const outcome = play(stage, history);
        tally.add(history, outcome);
        if (outcome.wrong.empty()) continue;
        if (runs == 1) std::cout << outcome.wrong << std::endl;
        auto const small = smaller(stage, history, outcome);
        FAIL_CHECK("seed " << seed << ", made smaller:\n" << small.text() << "-- wrong: " << play(stage, small).wrong);
    }
    if (std::getenv("UNDROP_FUZZ_RUNS") == nullptr || tally.runs == 0) return;
    std::cout << fmt::format(
        "{} histories: {} held, {} were refused going up, {} going down; {} with writes in between, {} of these not compared\n", tally.runs,
        tally.ends[Outcome::End::held], tally.ends[Outcome::End::refused_up], tally.ends[Outcome::End::refused_down], tally.written,
        tally.uncompared);
    for (auto const& [refusal, count] : tally.refusals) std::cout << fmt::format("{:6} {}\n", count, refusal);
}

}  // namespace

TEST_CASE("fuzz: random histories come back as an independent model says, part 1 (SQLite)") { fuzz(Engine::sqlite, 1); }
TEST_CASE("fuzz: random histories come back as an independent model says, part 2 (SQLite)") { fuzz(Engine::sqlite, 2); }
TEST_CASE("fuzz: random histories come back as an independent model says, part 3 (SQLite)") { fuzz(Engine::sqlite, 3); }
TEST_CASE("fuzz: random histories come back as an independent model says, part 4 (SQLite)") { fuzz(Engine::sqlite, 4); }
TEST_CASE("fuzz: random histories come back as an independent model says, part 1 (PostgreSQL)") { fuzz(Engine::postgres, 1); }
TEST_CASE("fuzz: random histories come back as an independent model says, part 2 (PostgreSQL)") { fuzz(Engine::postgres, 2); }
TEST_CASE("fuzz: random histories come back as an independent model says, part 3 (PostgreSQL)") { fuzz(Engine::postgres, 3); }
TEST_CASE("fuzz: random histories come back as an independent model says, part 4 (PostgreSQL)") { fuzz(Engine::postgres, 4); }
