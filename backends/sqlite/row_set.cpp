#include "sqlite/row_set.hpp"

#include <algorithm>

namespace undrop::sqlite {

void RowSet::add(std::int64_t first, std::int64_t last) {
    for (auto row = first; row <= last; ++row) add(row);
}

void RowSet::remove(std::int64_t row) {
    auto const found = blocks_.find(block(row));
    if (found == blocks_.end()) return;
    found->second &= ~bit(row);
    if (found->second == 0) blocks_.erase(found);
}

bool RowSet::contains(std::int64_t row) const {
    auto const found = blocks_.find(block(row));
    return found != blocks_.end() && (found->second & bit(row)) != 0;
}

std::vector<std::pair<std::int64_t, std::int64_t>> RowSet::spans() const {
    std::vector<std::int64_t> order;
    order.reserve(blocks_.size());
    for (auto const& [number, bits] : blocks_) order.push_back(number);
    std::sort(order.begin(), order.end());
    std::vector<std::pair<std::int64_t, std::int64_t>> spans;
    for (auto const number : order) {
        auto const bits = blocks_.at(number);
        for (std::int64_t i = 0; i < 64; ++i) {
            if ((bits >> i & 1U) == 0) continue;
            auto const row = number * 64 + i;
            if (!spans.empty() && spans.back().second + 1 == row)
                spans.back().second = row;
            else
                spans.emplace_back(row, row);
        }
    }
    return spans;
}

}  // namespace undrop::sqlite
