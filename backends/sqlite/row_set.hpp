// RowSet: a set of row numbers, dense or sparse, small in memory. A value.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace undrop::sqlite {

class RowSet {
public:
    void add(std::int64_t row) { blocks_[block(row)] |= bit(row); }
    void add(std::int64_t first, std::int64_t last);
    void remove(std::int64_t row);
    [[nodiscard]] bool contains(std::int64_t row) const;
    [[nodiscard]] bool empty() const { return blocks_.empty(); }
    // Disjoint, ascending, both ends included.
    [[nodiscard]] std::vector<std::pair<std::int64_t, std::int64_t>> spans() const;

private:
    // 64 neighbours share an entry, so the rows of a whole table take little.
    static std::int64_t block(std::int64_t row) { return row >> 6; }
    static std::uint64_t bit(std::int64_t row) { return std::uint64_t{1} << (static_cast<std::uint64_t>(row) & 63U); }

    std::unordered_map<std::int64_t, std::uint64_t> blocks_;
};

}  // namespace undrop::sqlite
