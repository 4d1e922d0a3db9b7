// undrop_bench: what undrop costs, beside what people use today. Needs the server of tests/support/with-postgres.sh.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "jobs.hpp"
#include "machine.hpp"
#include "result.hpp"

namespace undrop::bench {
namespace {

struct Wanted {
    Sizes sizes;
    bool quick = false;
    std::string out;
    std::vector<std::string> databases{"postgres", "sqlite"};
    std::vector<std::string> jobs;
};

bool is_wanted(std::vector<std::string> const& names, std::string const& name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

void write(Wanted const& wanted, nlohmann::ordered_json const& document) {
    std::ofstream out(wanted.out, std::ios::binary);
    out << document.dump(2) << "\n";
    if (!out.flush()) throw std::runtime_error("cannot write " + wanted.out);
}

void measure(Wanted const& wanted) {
    auto const& sizes = wanted.sizes;
    nlohmann::ordered_json document{
        {"format", format},
        {"undrop", UNDROP_VERSION},
        {"at", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
        {"sizes", {{"rows", sizes.rows}, {"migrations", sizes.migrations}, {"tables", sizes.tables}, {"repeat", sizes.repeat}}},
        {"machine", machine()},
        {"databases", databases()},
        {"programs", programs()}};
    std::vector<Figure> figures;
    for (auto const& job : jobs) {
        for (auto const engine : {Engine::postgres, Engine::sqlite}) {
            if (!is_wanted(wanted.jobs, job.name) || !is_wanted(wanted.databases, name_of(engine))) continue;
            auto const made = job.run(engine, sizes);
            print(std::cout, made, sizes);
            figures.insert(figures.end(), made.begin(), made.end());
        }
    }
    document["figures"] = json_of(figures, sizes);
    if (!wanted.out.empty()) write(wanted, document);
}

int main(int count, char** words) {
    Wanted wanted;
    CLI::App app("Measures undrop beside what people use today; see bench/README.md.", "undrop_bench");
    app.add_option("--rows", wanted.sizes.rows, "Rows of the tables")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--migrations", wanted.sizes.migrations, "How many small ones")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--tables", wanted.sizes.tables, "Among how many")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--repeat", wanted.sizes.repeat, "Rounds of each job; the median is told")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_flag("--quick", wanted.quick, "Runs everything once and small: does it run? No figures to keep");
    app.add_option("--database", wanted.databases, "Only this one")->check(CLI::IsMember({"postgres", "sqlite"}));
    app.add_option("--job", wanted.jobs, "Only these")->check(CLI::IsMember({"migrations", "tables", "column", "update", "delete"}));
    app.add_option("--out", wanted.out, "The file for the JSON document");
    CLI11_PARSE(app, count, words);
    if (wanted.quick) wanted.sizes = {.rows = 100, .migrations = 8, .tables = 5, .repeat = 2, .starts = 2};
    try {
        measure(wanted);
    } catch (std::exception const& error) {
        std::cerr << "undrop_bench: " << error.what() << "\n";
        return 1;
    }
    return 0;
}

}  // namespace
}  // namespace undrop::bench

int main(int count, char** words) { return undrop::bench::main(count, words); }
