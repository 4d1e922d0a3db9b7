// Ways to do one job, raced against each other: A B C, A B C, and the median of each.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace undrop::bench {

struct Cost {
    double seconds = 0;
    std::int64_t peak_kb = 0;  // of the process that did it; 0: done within this one
};

// A part of the job that is timed, for one figure.
struct Lap {
    std::string figure;
    std::string command;  // for readers
    std::function<Cost()> run;
    std::function<void()> check = {};  // throws where the database is not what the lap should have left; not timed
    int times = 1;                     // in a row: for laps that change nothing
};

// Its laps run one after the other, in a database of its own.
struct Way {
    std::string name;             // undrop, or what people use today
    std::function<void()> ready;  // a fresh database; not timed
    std::vector<Lap> laps;
    std::function<void()> done = {};  // gives the room back
};

struct Run {
    std::string way;
    std::string command;
    std::vector<Cost> samples;

    [[nodiscard]] double median() const;
    [[nodiscard]] double fastest() const;
    [[nodiscard]] double slowest() const;
    [[nodiscard]] std::int64_t peak_kb() const;
};

struct Figure {
    std::string name;
    std::string database;
    std::vector<Run> runs;  // undrop's is the first
};

// How many times as long the first run takes as this one.
[[nodiscard]] double ratio(Figure const& figure, Run const& run);

// Figures in the order in which the ways name them. Throws what a lap throws.
[[nodiscard]] std::vector<Figure> race(std::string const& database, std::vector<Way> const& ways, int repeat);

}  // namespace undrop::bench
