#include "diff.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace undrop {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        auto const end = text.find('\n');
        auto line = text.substr(0, end);
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
        lines.emplace_back(line);
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return lines;
}

}  // namespace

std::string line_diff(std::string_view before, std::string_view after, int most) {
    auto const a = lines_of(before);
    auto const b = lines_of(after);
    std::size_t first = 0;
    while (first < a.size() && first < b.size() && a[first] == b[first]) ++first;
    std::size_t last_a = a.size();
    std::size_t last_b = b.size();
    while (last_a > first && last_b > first && a[last_a - 1] == b[last_b - 1]) --last_a, --last_b;

    std::string out;
    auto say = [&](char sign, std::string const& line) {
        if (most-- > 0) out += std::string(1, sign) + " " + line + "\n";
    };
    // The changed middle as one block: scripts are short, and a reader wants old above new.
    for (auto i = first; i < last_a; ++i) say('-', a[i]);
    for (auto i = first; i < last_b; ++i) say('+', b[i]);
    if (most < 0) out += "  (" + std::to_string(-most) + " more lines)\n";
    if (!out.empty()) out.pop_back();
    return out;
}

}  // namespace undrop
