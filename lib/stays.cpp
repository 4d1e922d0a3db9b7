#include "stays.hpp"

#include <algorithm>

namespace undrop {

std::vector<std::string> one_way_lines(Dialect const& dialect, Script const& script) {
    std::vector<std::string> found;
    auto const split = dialect.split(script);
    if (!split) return found;
    for (auto const& statement : split.value()) {
        if (is_of_labels(statement)) continue;
        auto what = dialect.one_way(statement);
        if (!what.empty() && std::find(found.begin(), found.end(), what) == found.end()) found.push_back(std::move(what));
    }
    return found;
}

bool is_of_labels(Statement const& statement) { return statement.words.starts_with("ALTER TYPE"); }

std::vector<std::string> what_stays(Dialect const& dialect, PlannedStep const& step) {
    if (step.direction == Direction::up || !step.up) return {};
    if (step.origin != Origin::derived && step.down && !one_way_lines(dialect, *step.down).empty()) return {};
    return one_way_lines(dialect, *step.up);
}

std::vector<std::string> what_else_stays(Dialect const& dialect, PlannedStep const& step, std::vector<Stays> const& left,
                                         std::set<std::string> const* there) {
    std::vector<std::string> found;
    if (left.empty() || !step.up) return found;
    auto const told = one_way_lines(dialect, *step.up);
    for (auto const& one : left) {
        if (std::find(told.begin(), told.end(), one.line) != told.end()) continue;
        if (one.what.empty() || !there || there->contains(one.what)) found.push_back(one.line);
    }
    return found;
}

}  // namespace undrop
