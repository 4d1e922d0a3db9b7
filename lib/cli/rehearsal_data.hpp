// Which rows a rehearsal is to have: --data, --seed, --mask.
#pragma once

#include <string>
#include <vector>

#include <undrop/rehearse.hpp>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace undrop::cli {

struct DataGiven {
    std::string mode;
    std::string seed;
    std::vector<std::string> masks;
};

CLI::Option* declare_data(CLI::App& app, DataGiven& given);  // gives the option --data
// Throws Failure, Code::usage.
[[nodiscard]] RehearsalData data_of(DataGiven const& given);

}  // namespace undrop::cli
