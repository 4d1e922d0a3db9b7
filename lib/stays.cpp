#include "stays.hpp"

#include <algorithm>

namespace undrop {
namespace {

std::vector<std::string> of_the_server(Dialect const& dialect, Script const& script) {
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

}  // namespace

bool is_of_labels(Statement const& statement) { return statement.words.starts_with("ALTER TYPE"); }

std::vector<std::string> what_stays(Dialect const& dialect, PlannedStep const& step) {
    if (step.direction == Direction::up || !step.up) return {};
    if (step.origin != Origin::derived && step.down && !of_the_server(dialect, *step.down).empty()) return {};
    return of_the_server(dialect, *step.up);
}

}  // namespace undrop
