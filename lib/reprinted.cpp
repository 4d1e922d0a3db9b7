#include "reprinted.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "diff.hpp"

namespace undrop {
namespace {

// Whose text the database prints from a parsed one, by the columns that it names.
bool is_printed(ObjectId const& id) {
    constexpr std::array kinds{"check",      "default", "exclusion", "index", "materialized_view", "policy", "publication_table", "rule",
                               "statistics", "trigger", "unique",    "view"};
    return std::find(kinds.begin(), kinds.end(), id.kind) != kinds.end();
}

bool lists_columns(ObjectId const& id) { return id.kind == "statistics" || id.kind == "publication_table"; }

std::vector<std::string_view> tokens(std::string_view text) {
    std::vector<std::string_view> all;
    for (std::size_t i = 0; i < text.size();) {
        auto const from = i;
        i = token_end(text, i);
        all.push_back(text.substr(from, i - from));
    }
    std::sort(all.begin(), all.end());
    return all;
}

}  // namespace

void want_as_printed(Wanted& wanted, std::set<ObjectId> const& made, Catalog const& now, std::vector<Recorded> const& recorded) {
    for (auto const& id : made) {
        auto const want = wanted.find(id);
        auto const is = now.find(id);
        if (!is_printed(id) || want == wanted.end() || !want->second || is == now.end() || is->second.same(*want->second)) continue;
        auto const others = std::none_of(recorded.begin(), recorded.end(), [&](Recorded const& object) { return object.id == id; });
        auto const reordered = lists_columns(id) && tokens(is->second.make) == tokens(want->second->make);
        if (others || reordered) want->second = is->second;
    }
}

}  // namespace undrop
