#include "mentions_left.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <set>

#include "try.hpp"

namespace undrop {
namespace {

std::set<std::string> words_of(State const& state) {
    std::set<std::string> words;
    for (auto const& [name, rows] : state.tables) {
        words.insert(name.second);
        for (auto const& column : rows->table.columns) words.insert(column.name);
    }
    // Views, functions, sequences, types ...; indexes and constraints are named by no body.
    for (auto const& [id, object] : state.catalog)
        if (id.kind != "index" && id.kind != "constraint" && id.kind != "comment") words.insert(id.name.substr(0, id.name.find('(')));
    return words;
}

}  // namespace

// A word that something else is still called by is left out: which of them a body means is not to be told by its text.
Result<std::vector<std::string>> mentions_left(Backend& backend, State const& before, State const& after) {
    auto const now = words_of(after);
    std::vector<std::string> found;
    UNDROP_CHECK(backend.begin_reading());
    auto searched = [&]() -> Result<void> {
        for (auto const& word : words_of(before)) {
            if (word.empty() || now.contains(word)) continue;
            UNDROP_TRY(auto const bodies, backend.mentions(word));
            for (auto const& body : bodies) found.push_back(fmt::format("{} mentions {}, which is gone", body, word));
        }
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }();
    backend.rollback();
    if (!searched) return std::move(searched).error();
    return found;
}

}  // namespace undrop
