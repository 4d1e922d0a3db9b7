#include "race.hpp"

#include <algorithm>
#include <cstddef>

namespace undrop::bench {
namespace {

Run& run_of(std::vector<Figure>& figures, std::string const& database, Way const& way, Lap const& lap) {
    auto figure = std::ranges::find(figures, lap.figure, &Figure::name);
    if (figure == figures.end()) figure = figures.insert(figures.end(), {.name = lap.figure, .database = database});
    auto run = std::ranges::find(figure->runs, way.name, &Run::way);
    if (run == figure->runs.end()) run = figure->runs.insert(figure->runs.end(), {.way = way.name, .command = lap.command});
    return *run;
}

}  // namespace

double Run::median() const {
    std::vector<double> sorted;
    for (auto const& sample : samples) sorted.push_back(sample.seconds);
    std::ranges::sort(sorted);
    auto const middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double Run::fastest() const { return std::ranges::min(samples, {}, &Cost::seconds).seconds; }

double Run::slowest() const { return std::ranges::max(samples, {}, &Cost::seconds).seconds; }

std::int64_t Run::peak_kb() const { return std::ranges::max(samples, {}, &Cost::peak_kb).peak_kb; }

double ratio(Figure const& figure, Run const& run) { return figure.runs.front().median() / run.median(); }

std::vector<Figure> race(std::string const& database, std::vector<Way> const& ways, int repeat) {
    std::vector<Figure> figures;
    for (int round = 0; round < repeat; ++round) {
        for (auto const& way : ways) {
            way.ready();
            for (auto const& lap : way.laps) {
                auto& run = run_of(figures, database, way, lap);
                for (int time = 0; time < lap.times; ++time) run.samples.push_back(lap.run());
                if (lap.check) lap.check();
            }
            if (way.done) way.done();
        }
    }
    return figures;
}

}  // namespace undrop::bench
