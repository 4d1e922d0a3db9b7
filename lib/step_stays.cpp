// What a step changed that no way back takes away, and what of that is left by the way back.
#include <fmt/format.h>
#include <algorithm>

#include "stays.hpp"
#include "step.hpp"
#include "try.hpp"

namespace undrop {

// P9: what is passed over is named, and the ledger has it for the way back.
Result<void> StepRunner::note_what_stays(Catalog const& now, std::vector<Recorded>& objects) {
    bool const up = step_.direction == Direction::up;
    auto const& dialect = backend_.dialect();
    auto const said = up && step_.up ? one_way_lines(dialect, *step_.up) : std::vector<std::string>{};
    UNDROP_TRY(auto const made, backend_.made_unknown(catalog_, now));
    UNDROP_TRY(auto const beyond, backend_.changed_beyond(said));
    auto const note = [&](std::string const& line) {
        if (std::find(report_.notes.begin(), report_.notes.end(), line) == report_.notes.end()) report_.notes.push_back(line);
    };
    if (!up) {
        if (!ends_step()) return BOOST_OUTCOME_V2_NAMESPACE::success();
        tell_of_neighbours(now);
        // A down script that changes anything of that sort is taken to know what it does.
        auto left = opposite_.stays;
        if (!beyond.empty()) std::erase_if(left, [](Stays const& one) { return one.what.empty(); });
        auto const there = backend_.unknown(now);
        for (auto const& line : what_else_stays(dialect, step_, left, &there)) note(line);
        return BOOST_OUTCOME_V2_NAMESPACE::success();
    }
    if (part_ && part_->takes_back) return BOOST_OUTCOME_V2_NAMESPACE::success();
    std::vector<Stays> all;
    for (auto const& what : made)
        all.push_back({what, fmt::format("{} stays: undrop does not know how to bring its kind back, and takes none away; drop it by hand, "
                                         "or in a down script that says `-- undrop: lose {}`",
                                         what, what)});
    for (auto const& line : beyond) all.push_back({"", line});
    if (auto const neighbours = neighbours_of(now, objects); !part_ && !neighbours.tables.empty())
        objects.push_back(to_recorded(neighbours));
    for (auto const& one : all) {
        objects.push_back(to_recorded(one));
        if (!step_.down && std::find(said.begin(), said.end(), one.line) == said.end()) note(one.line);
    }
    return BOOST_OUTCOME_V2_NAMESPACE::success();
}

// What others put on the step's tables is kept, as the way back found it.
void StepRunner::tell_of_neighbours(Catalog const& now) {
    std::string names;
    for (auto const& id : new_neighbours(catalog_, opposite_.neighbours))
        if (now.contains(id) && !opposite_.wanted.contains(id)) names += (names.empty() ? "" : ", ") + id.text();
    if (!names.empty()) report_.notes.push_back("others have added since, and it stays: " + names);
}

}  // namespace undrop
