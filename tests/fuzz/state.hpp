// What a database has, by the random tests' own questions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fuzz/tables.hpp"

namespace undrop::test {

using FuzzRow = std::map<std::string, std::string>;  // by column: SQL literals

struct State {
    std::map<std::string, std::string> definitions;    // what, its text
    std::map<std::string, std::vector<FuzzRow>> rows;  // by table; sorted
    bool operator==(State const&) const = default;
};

// Without the order of columns and the positions of sequences.
[[nodiscard]] State state_of(Session& session, Engine engine);

// What differs, some lines at most; empty where nothing does.
[[nodiscard]] std::string difference(State const& expected, State const& found);
[[nodiscard]] std::string difference_of_rows(State const& expected, State const& found);

}  // namespace undrop::test
