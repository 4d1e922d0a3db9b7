// Numbers that a seed decides, the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace undrop::test {

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    [[nodiscard]] int below(int n) { return n <= 1 ? 0 : static_cast<int>(engine_() % static_cast<std::uint64_t>(n)); }
    [[nodiscard]] int between(int first, int last) { return first + below(last - first + 1); }
    [[nodiscard]] bool one_in(int n) { return below(n) == 0; }
    template <class T>
    [[nodiscard]] T const& of(std::vector<T> const& all) {
        return all.at(static_cast<std::size_t>(below(static_cast<int>(all.size()))));
    }
    // Some of them, in their order; at least one where there is one.
    template <class T>
    [[nodiscard]] std::vector<T> some(std::vector<T> const& all) {
        std::vector<T> chosen;
        for (auto const& each : all)
            if (one_in(2)) chosen.push_back(each);
        if (chosen.empty() && !all.empty()) chosen.push_back(of(all));
        return chosen;
    }

private:
    std::mt19937_64 engine_;
};

}  // namespace undrop::test
