// Renames that can be done one after the other.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace undrop {

// A name that another of them still has is freed first, by way of a name aside. A name that is taken for good stays as it is.
template <class Name, class Taken, class Aside>
std::vector<std::pair<Name, Name>> in_renaming_order(std::map<Name, Name> moves, Taken const& taken, Aside const& aside) {
    auto const blocked = [&](auto const& move) { return taken(move.second) && !moves.contains(move.second); };
    for (auto at = moves.begin(); (at = std::find_if(moves.begin(), moves.end(), blocked)) != moves.end();) moves.erase(at);
    std::vector<std::pair<Name, Name>> first;
    std::vector<std::pair<Name, Name>> then;
    for (auto const& [from, to] : moves) {
        auto source = from;
        if (taken(to)) {
            source = aside(from, static_cast<int>(first.size()) + 1);
            first.emplace_back(from, source);
        }
        then.emplace_back(source, to);
    }
    // A name whose holder waits aside is free by now; a holder that moves directly must go before who takes its name.
    std::stable_partition(then.begin(), then.end(), [&](auto const& move) { return !taken(move.second); });
    first.insert(first.end(), then.begin(), then.end());
    return first;
}

}  // namespace undrop
