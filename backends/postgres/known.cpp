#include "known.hpp"

#include <algorithm>
#include <utility>

#include "observe.hpp"
#include "try.hpp"

namespace undrop::postgres {

// Within one transaction: nobody was at work, and nobody has finished since. In our next one: its number is the very next.
bool Known::Moment::nothing_until(Moment const& later) const {
    if (!quiet) return false;
    if (own == later.own) return next == later.next;
    auto const expected = std::max(next, own == 0 ? 0 : own + 1);
    return later.next == expected && (later.own == 0 || later.own == expected);
}

void Known::begin() {
    commit();
    ++transaction_;
    counters_count_ = true;
    catalog_.at_begin = catalog_.now;
    tables_.at_begin = tables_.now;
    clean_ = true;
}

void Known::changed() {
    ++changes_;
    clean_ = false;
    wrote_ = connection_.in_transaction();
    touched_.reset();
    counted_.reset();
    catalog_.now.stale = true;
    tables_.now.stale = true;
    if (!connection_.in_transaction()) commit();
}

void Known::took_back() {
    ++transaction_;
    counted_.reset();
}

bool Known::stale() const { return (catalog_.now.value && catalog_.now.stale) || (tables_.now.value && tables_.now.stale); }

// What a transaction has touched can be asked only before its end.
void Known::commit() {
    wrote_ = false;
    touched_.reset();
    counted_.reset();
    if (catalog_.now.stale) catalog_.now = {};
    if (tables_.now.stale) tables_.now = {};
}

void Known::roll_back() {
    wrote_ = false;
    touched_.reset();
    counted_.reset();
    catalog_.now = catalog_.at_begin;
    tables_.now = tables_.at_begin;
}

std::optional<Known::Narrow> Known::narrow() const {
    if (!wanted_) return std::nullopt;
    auto const& read = catalog_.now.narrow ? catalog_.now.narrow : tables_.now.narrow;
    return read ? std::optional(Narrow{*wanted_, read->relations}) : std::nullopt;
}

// What a script does beyond that, its text does not name: PostgresBackend::missed finds it, and all is looked at once more.
std::optional<std::string> Known::whole_of_wanted() const {
    std::optional<std::string> relations;
    for (auto const* narrow : {&catalog_.now.narrow, &tables_.now.narrow}) {
        if (!*narrow) continue;
        if (!wanted_ || !(*narrow)->scope.holds(*wanted_)) return std::nullopt;
        relations = joined(relations.value_or("{}"), (*narrow)->relations);
    }
    return relations;
}

Result<Known::Moment> Known::now() {
    if (alone_) return Moment{.own = 0, .next = 0, .quiet = true};
    UNDROP_TRY(auto const rows, connection_.repeated("select pg_catalog.pg_current_xact_id_if_assigned(), pg_catalog.pg_snapshot_xmax(s), "
                                                     "not exists (select from pg_catalog.pg_snapshot_xip(s)) "
                                                     "from pg_catalog.pg_current_snapshot() s"));
    auto const& row = rows.at(0);
    return Moment{.own = row[0] ? std::stoull(*row[0]) : 0, .next = std::stoull(row[1].value_or("0")), .quiet = row[2] == "t"};
}

// Where no row of the system catalogs was written, no definition has changed.
Result<std::optional<Known::Counted>> Known::counted() {
    if (!connection_.in_transaction()) return std::optional<Counted>();
    if (!counted_) {
        UNDROP_TRY(auto const changes, catalog_changes(connection_, !counters_count_));
        counted_.emplace();
        if (changes) *counted_ = Counted{.transaction = transaction_, .changes = *changes};
    }
    return *counted_;
}

Result<Touched> Known::touched() {
    auto within = whole_of_wanted();
    if (!touched_ || touched_within_ != within) {
        UNDROP_TRY(touched_, touched_by_us(connection_, within));
        touched_within_ = std::move(within);
    }
    return *touched_;
}

// Once our transaction has written, nothing may be missing that was told of before: what hung on something that is gone by now stays
// wanted, and what was read whole is read whole. So is what it has touched, whatever its script names.
template <class T>
Result<T> Known::read_wanted(Reader<T> const& read, Read<T>& known) {
    auto const earlier = wrote_ && known.value ? std::exchange(known.narrow, std::nullopt) : std::nullopt;
    bool const whole = !wanted_ || (wrote_ && known.value && !(earlier && earlier->scope.holds(*wanted_)));
    known.narrow.reset();
    if (whole) return read(nullptr);
    UNDROP_TRY(auto relations, relations_of(connection_, *wanted_));
    if (earlier) relations = joined(relations, earlier->relations);
    if (wrote_) {
        UNDROP_TRY(auto const by_us, touched());
        relations = joined(relations, by_us.array());
    }
    known.narrow = Narrow{*wanted_, std::move(relations)};
    return read(&known.narrow->relations);
}

template <class T>
Result<std::shared_ptr<T const>> Known::get(Slot<T>& slot, Reader<T> const& read, Rereader<T> const& again) {
    UNDROP_TRY(auto const moment, now());
    auto& known = slot.now;
    std::optional<T> newer;
    bool const enough = !known.narrow || (wanted_ && known.narrow->scope.holds(*wanted_));
    bool const ours_alone = known.value && enough && known.at.nothing_until(moment);
    // What is narrow is to grow by what was written to.
    if (ours_alone && known.stale && !known.narrow) {
        UNDROP_TRY(auto const count, counted());
        known.stale = !count || count != known.counted;
    }
    if (ours_alone && known.stale) {
        UNDROP_TRY(auto const by_us, touched());
        UNDROP_TRY(newer, again(*known.value, by_us));
    }
    if (!newer && (!ours_alone || known.stale)) {
        auto read_now = read_wanted(read, known);
        if (!read_now.has_value()) {
            known = {};
            return std::move(read_now).error();
        }
        newer = std::move(read_now).value();
    }
    if (!known.narrow && (newer || !known.counted || known.counted->transaction != transaction_)) {
        UNDROP_TRY(known.counted, counted());
    }
    if (newer) known.value = std::make_shared<T const>(std::move(*newer));
    known.at = moment;
    known.stale = false;
    if (clean_) slot.at_begin = known;
    return known.value;
}

Result<Catalog> Known::catalog(Reader<Reading> const& read, Rereader<Reading> const& again) {
    UNDROP_TRY(auto const known, get(catalog_, read, again));
    if (told_of_ != known) {
        told_ = known->catalog();
        told_of_ = known;
    }
    return told_;
}

Result<Known::Tables> Known::tables(Reader<Tables> const& read, Rereader<Tables> const& again) {
    UNDROP_TRY(auto const known, get(tables_, read, again));
    return *known;
}

}  // namespace undrop::postgres
