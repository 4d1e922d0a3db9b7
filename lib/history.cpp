// The present state, folded from the ledger's events.
#include <fmt/format.h>
#include <algorithm>
#include <array>

#include "ledger.hpp"
#include "names.hpp"
#include "try.hpp"

namespace undrop {
namespace {

std::int64_t number(Cell const& cell) { return cell && !cell->empty() ? std::stoll(*cell) : 0; }
std::string text(Cell const& cell) { return cell.value_or(""); }

// The next event of a history.
void fold(History& history, Row const& row) {
    auto const id = number(row[0]);
    auto const kind = text(row[2]);
    auto const version = text(row[3]);
    if (kind == "applying" || kind == "reverting") {
        history.unfinished = Unfinished{.step = id,
                                        .run = number(row[1]),
                                        .direction = kind == "applying" ? Direction::up : Direction::down,
                                        .version = version,
                                        .name = text(row[4]),
                                        .at = text(row[5]),
                                        .label = text(row[6]),
                                        .up_sum = text(row[7]),
                                        .up_script = text(row[9]),
                                        .down_script = text(row[10])};
        return;
    }
    if (kind == "abandoned") return history.unfinished.reset();
    history.head = id;
    auto const at = std::find_if(history.applied.begin(), history.applied.end(), [&](Applied const& a) { return a.version == version; });
    if (kind == "accepted" && at != history.applied.end()) {
        at->up_sum = text(row[7]);
        at->down_sum = text(row[8]);
        at->up_script = text(row[9]);
        at->down_script = text(row[10]);
        at->recorded = id;
        return;
    }
    auto const step = history.unfinished && history.unfinished->version == version ? history.unfinished->step : id;
    history.unfinished.reset();
    if (kind == "reverted") {
        if (at != history.applied.end()) history.applied.erase(at);
        history.reverted.push_back(version);
        history.taken_back_by[version] = step;
        return;
    }
    history.applied.push_back({step, number(row[1]), version, text(row[4]), text(row[5]), text(row[6]), text(row[7]), text(row[8]),
                               text(row[9]), text(row[10]), id});
    std::erase(history.reverted, version);
}

}  // namespace

Applied const* History::find(std::string_view version) const {
    auto const found = std::find_if(applied.begin(), applied.end(), [&](Applied const& a) { return a.version == version; });
    return found == applied.end() ? nullptr : &*found;
}

Result<History> Ledger::history() { return fold_events({}); }

Result<History> Ledger::history_of(std::string const& version) {
    auto const newest = [&](char const* kinds) {
        return fmt::format("(select id from {} where kind in ({}) order by id desc limit 1)", table(names::event), kinds);
    };
    return fold_events(fmt::format(" and (version = {} or id = {} or id = {})", backend_.dialect().literal(version),
                                   newest("'applied', 'reverted', 'accepted'"),
                                   newest("'applied', 'reverted', 'accepted', 'applying', 'reverting', 'abandoned'")));
}

Result<History> Ledger::fold_events(std::string const& which) {
    History history;
    auto read = backend_.store_rows(
        name_, fmt::format("select id, run, kind, version, name, at, label, up_sum, down_sum, up_script, down_script from {} where kind "
                           "in ('applied', 'reverted', 'accepted', 'applying', 'reverting', 'abandoned'){} order by id",
                           table(names::event), which));
    if (!read) {
        // Another's store is not read; that it is another's says more than the database's own words.
        auto const state = backend_.store_state(name_);
        if (state && !state.value().foreign.empty()) return not_ours(state.value().foreign);
        if (!backend_.means_no_store(read.error())) return read.error();
        if (!state) return state.error();
        return history;
    }
    history.has_ledger = true;
    for (auto const& row : read.value()) fold(history, row);
    if (history.unfinished) history.head = history.unfinished->step;
    std::sort(history.applied.begin(), history.applied.end(),
              [](Applied const& a, Applied const& b) { return version_less(a.version, b.version); });
    return history;
}

Result<std::int64_t> Ledger::last_step(std::string const& version, std::string const& kind) {
    std::array<Cell, 1> const values{version};
    // PostgreSQL names the text `id`, too: ordered by that, 10 would come before 9.
    UNDROP_TRY(auto const rows,
               backend_.query(fmt::format("select cast(e.id as varchar(20)), e.kind from {} as e where e.version = $1 and e.kind "
                                          "in ('applied', 'reverted', 'applying', 'reverting', 'abandoned') order by e.id",
                                          table(names::event)),
                              values, 2));
    std::int64_t begun = 0;
    std::int64_t last = 0;
    for (auto const& row : rows) {
        bool const begins = text(row[1]).ends_with("ing");
        if (text(row[1]) == kind) last = begun != 0 ? begun : number(row[0]);
        begun = begins ? number(row[0]) : 0;
    }
    return last;
}

}  // namespace undrop
