// The part of a step that saves how far sequences have counted, and lets them go on from there: no number is given twice.
#include <algorithm>

#include "step.hpp"
#include "try.hpp"

namespace undrop {
namespace {

auto const success = [] { return BOOST_OUTCOME_V2_NAMESPACE::success(); };

bool is_sequence(Snapshot const& s) { return s.kind == Snapshot::Kind::sequence; }

constexpr std::string_view removal = "DROP SEQUENCE ";

// As Backend::positions writes it.
std::string name_of(Object const& sequence) {
    return sequence.remove.starts_with(removal) ? sequence.remove.substr(removal.size(), sequence.remove.size() - removal.size() - 1) : "";
}

// What the catalog knows of each sequence, by its name as Backend::positions writes it: its own object, or the identity column that it is
// of.
std::map<std::string, std::string> definitions_in(Catalog const& catalog) {
    std::map<std::string, std::string> definitions;
    for (auto const& [id, object] : catalog) {
        auto const as = object.make.find(" AS IDENTITY ");  // whose column it is may have another name
        if (id.kind == "identity" && as != std::string::npos) definitions.emplace(object.shape, object.make.substr(as));
        if (id.kind == "sequence" && !name_of(object).empty()) definitions.emplace(name_of(object), object.make);
    }
    return definitions;
}

// Which sequence gives a column its numbers.
std::map<std::pair<std::string, std::string>, std::string> numbering_in(Catalog const& catalog) {
    constexpr std::string_view call = "nextval('";
    std::map<std::pair<std::string, std::string>, std::string> numbering;
    for (auto const& [id, object] : catalog) {
        if (id.kind == "identity") numbering.emplace(std::pair{id.parent, id.name}, object.shape);
        if (id.kind != "default") continue;
        auto const from = object.make.find(call);
        auto const until = from == std::string::npos ? from : object.make.find("'::regclass", from);
        if (until != std::string::npos)
            numbering.emplace(std::pair{id.parent, id.name}, object.make.substr(from + call.size(), until - from - call.size()));
    }
    return numbering;
}

}  // namespace

// A sequence that went, that the script set back, or that is another one now. What moved ahead stays there. Going down, also what the up
// moves again when it runs next.
Result<void> StepRunner::save_positions(Catalog const& now) {
    UNDROP_TRY(auto const positions, backend_.positions());
    auto const then = positions_.empty() ? std::map<std::string, std::string>{} : definitions_in(catalog_);
    auto const current = positions_.empty() ? then : definitions_in(now);
    auto const same = [&](std::string const& sequence) {
        auto const was = then.find(sequence);
        auto const is = current.find(sequence);
        return was == then.end() ? is == current.end() : is != current.end() && was->second == is->second;
    };
    for (auto const& [sequence, position] : positions_) {
        auto const is = positions.find(sequence);
        auto const of_sequence = [&](Snapshot const& s) { return is_sequence(s) && s.table.name == sequence; };
        auto const moves_again =
            step_.direction == Direction::down && std::any_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), of_sequence);
        if (is != positions.end() && !moves_again && same(sequence)) {
            if (is->second == position) continue;
            UNDROP_TRY(auto const behind, backend_.is_behind(sequence, is->second, position));
            if (!behind) continue;
        }
        Snapshot snapshot;
        snapshot.id = next_id_++;
        snapshot.kind = Snapshot::Kind::sequence;
        snapshot.table.name = sequence;
        snapshot.position = position;
        saved_.push_back(std::move(snapshot));
    }
    return success();
}

// Numbers that were drawn since, from the sequence that had taken the place of one that comes back: under its name, or for its column.
Result<void> StepRunner::numbers_go_on(std::map<std::string, std::string> const& now) {
    auto const drawn = [&](std::string const& sequence) {
        auto const position = positions_.find(sequence);
        return position != positions_.end() && !position->second.ends_with(" uncalled") ? position->second : std::string{};
    };
    auto const go_on = [&](std::string const& sequence, std::string const& from) -> Result<void> {
        auto const position = drawn(from);
        if (position.empty() || !now.contains(sequence)) return success();
        return backend_.set_position(sequence, position);
    };
    for (auto const& snapshot : opposite_.snapshots)
        if (is_sequence(snapshot)) UNDROP_CHECK(go_on(snapshot.table.name, snapshot.table.name));
    // One that the up never touched, and the down script took along with a table that it rebuilt.
    for (auto const& [id, object] : opposite_.wanted)
        if (object && id.kind == "sequence" && catalog_.contains(id) && catalog_.at(id).same(*object))
            UNDROP_CHECK(go_on(name_of(*object), name_of(*object)));
    if (std::none_of(opposite_.wanted.begin(), opposite_.wanted.end(),
                     [](auto const& entry) { return entry.first.kind == "identity" || entry.first.kind == "default"; }))
        return success();
    UNDROP_TRY(auto const catalog, backend_.catalog_after(ledger_.name(), catalog_));
    auto const before = numbering_in(catalog_);
    for (auto const& [column, sequence] : numbering_in(catalog))
        if (auto const was = before.find(column); was != before.end() && was->second != sequence)
            UNDROP_CHECK(go_on(sequence, was->second));
    return success();
}

// Before rows get numbers from them, and last: an identity column's own sequence is made together with what comes after the rows.
Result<void> StepRunner::restore_positions() {
    auto const any_saved = std::any_of(opposite_.snapshots.begin(), opposite_.snapshots.end(), is_sequence);
    if (positions_.empty() && numbered_.empty() && !any_saved) return success();
    UNDROP_TRY(auto const now, backend_.positions());
    for (auto const& snapshot : opposite_.snapshots)
        if (is_sequence(snapshot) && now.contains(snapshot.table.name))
            UNDROP_CHECK(backend_.set_position(snapshot.table.name, snapshot.position));
    for (auto const& [sequence, position] : numbered_)
        if (now.contains(sequence)) UNDROP_CHECK(backend_.set_position(sequence, position));
    return step_.direction == Direction::down && !positions_.empty() ? numbers_go_on(now) : success();
}

}  // namespace undrop
