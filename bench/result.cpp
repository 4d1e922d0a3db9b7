#include "result.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "jobs.hpp"

namespace undrop::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string grouped(std::int64_t number) {
    auto text = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), 1, ',');
    return text;
}

std::string meaning_of(std::string const& figure, Sizes const& sizes) {
    for (auto const& meaning : meanings)
        if (figure == meaning.figure)
            return fmt::format(fmt::runtime(meaning.text), fmt::arg("rows", grouped(sizes.rows)),
                               fmt::arg("migrations", grouped(sizes.migrations)), fmt::arg("tables", grouped(sizes.tables)),
                               fmt::arg("indexes", grouped(3 * sizes.tables)));
    return figure;
}

double rounded(double seconds) { return std::round(seconds * 1e6) / 1e6; }

Json json_of(Figure const& figure, Run const& run) {
    Json samples = Json::array();
    for (auto const& sample : run.samples) samples.push_back(rounded(sample.seconds));
    Json result{{"way", run.way},
                {"command", run.command},
                {"seconds", {{"median", rounded(run.median())}, {"fastest", rounded(run.fastest())}, {"slowest", rounded(run.slowest())}}},
                {"samples", std::move(samples)},
                {"undrop_takes", std::round(ratio(figure, run) * 1000) / 1000}};
    if (run.peak_kb() > 0) result["peak_mb"] = std::round(static_cast<double>(run.peak_kb()) / 102.4) / 10;
    return result;
}

}  // namespace

Json json_of(std::vector<Figure> const& figures, Sizes const& sizes) {
    Json result = Json::array();
    for (auto const& figure : figures) {
        Json runs = Json::array();
        for (auto const& run : figure.runs) runs.push_back(json_of(figure, run));
        result.push_back(
            {{"name", figure.name}, {"database", figure.database}, {"meaning", meaning_of(figure.name, sizes)}, {"runs", std::move(runs)}});
    }
    return result;
}

void print(std::ostream& out, std::span<Figure const> figures, Sizes const& sizes) {
    for (auto const& figure : figures) {
        fmt::print(out, "{} {}: {}\n", figure.database, figure.name, meaning_of(figure.name, sizes));
        for (auto const& run : figure.runs) {
            auto const peak = run.peak_kb() > 0 ? fmt::format("{} MB", (run.peak_kb() + 512) / 1024) : std::string();
            auto const times = &run == &figure.runs.front() ? std::string() : fmt::format("{:.2f}x", ratio(figure, run));
            fmt::print(out, "{:>12.4f} s  {:>9}  {:>7}  {}: {}\n", run.median(), times, peak, run.way, run.command);
        }
    }
    out.flush();
}

}  // namespace undrop::bench
