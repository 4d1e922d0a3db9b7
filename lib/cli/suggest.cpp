#include "suggest.hpp"

#include <algorithm>
#include <numeric>

namespace undrop::cli {
namespace {

// Letters to insert, remove or replace to make one text of the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            auto const replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string nearest(std::string_view word, std::vector<std::string> const& known) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (auto const& candidate : known) {
        bool const begins = word.size() > 1 && candidate.starts_with(word);  // A word cut short is near, however long the rest.
        auto const away = begins ? 1 : distance(word, candidate);
        if (away < best_distance) {
            best = candidate;
            best_distance = away;
        }
    }
    return best;
}

}  // namespace undrop::cli
