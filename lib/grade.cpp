#include "grade.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <string_view>
#include <vector>

namespace undrop {
namespace {

constexpr std::size_t most_named = 3;

std::int64_t from_snapshot(Merged const& m) { return m.restored + m.emptied + m.overwritten + m.removed; }

std::string some_of(std::vector<std::string> const& names) {
    auto const shown = std::min(names.size(), most_named);
    auto text = fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
    if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
    return text;
}

}  // namespace

Grade grade_of(StepReport const& down) {
    bool const saved = std::any_of(down.merged.begin(), down.merged.end(), [](Merged const& m) { return from_snapshot(m) > 0; });
    return saved ? Grade::exact_with_snapshot : Grade::exact;
}

std::string means_of(StepReport const& down, bool derived) {
    std::vector<std::string> parts;
    if (derived) parts.emplace_back("derived");
    std::vector<std::string> put_back;
    std::vector<std::string> taken_out;
    for (auto const& m : down.merged) {
        auto const back = from_snapshot(m) - m.removed;
        if (back > 0) put_back.push_back(fmt::format("{} of {}", back, m.what));
        if (m.removed > 0) taken_out.push_back(fmt::format("{} of {}", m.removed, m.what));
    }
    if (!put_back.empty()) parts.push_back("put back " + some_of(put_back));
    if (!taken_out.empty()) parts.push_back("took out " + some_of(taken_out));
    std::vector<std::string> mended;
    std::vector<std::string> removed;
    constexpr std::string_view word = "removed ";
    for (auto const& one : down.mended)
        if (one.starts_with(word))
            removed.push_back(one.substr(word.size()));
        else
            mended.push_back(one);
    if (!mended.empty()) parts.push_back("mended " + some_of(mended));
    if (!removed.empty()) parts.push_back("removed " + some_of(removed));
    return fmt::format("{}", fmt::join(parts, "; "));
}

StepCost cost_of(StepReport const& step) {
    StepCost cost{.seconds = step.seconds, .locks = step.locks};
    for (auto const& saved : step.saved) {
        cost.rows_saved += saved.rows;
        cost.bytes_saved += saved.bytes;
    }
    return cost;
}

}  // namespace undrop
