#include "known.hpp"

#include <algorithm>

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
    catalog_at_begin_ = catalog_;
    tables_at_begin_ = tables_;
    clean_ = true;
}

void Known::changed() {
    catalog_ = {};
    tables_ = {};
    clean_ = false;
}

void Known::roll_back() {
    catalog_ = catalog_at_begin_;
    tables_ = tables_at_begin_;
}

Result<Known::Moment> Known::now() {
    if (alone_) return Moment{.own = 0, .next = 0, .quiet = true};
    UNDROP_TRY(auto const rows, connection_.repeated("select pg_catalog.pg_current_xact_id_if_assigned(), pg_catalog.pg_snapshot_xmax(s), "
                                                     "not exists (select from pg_catalog.pg_snapshot_xip(s)) "
                                                     "from pg_catalog.pg_current_snapshot() s"));
    auto const& row = rows.at(0);
    return Moment{.own = row[0] ? std::stoull(*row[0]) : 0, .next = std::stoull(row[1].value_or("0")), .quiet = row[2] == "t"};
}

template <class T>
Result<T> Known::get(Read<T> Known::*slot, Read<T> Known::*at_begin, std::function<Result<T>()> const& read) {
    UNDROP_TRY(auto const moment, now());
    auto& known = this->*slot;
    if (!known.value || !known.at.nothing_until(moment)) {
        UNDROP_TRY(auto value, read());
        known.value = std::make_shared<T const>(std::move(value));
    }
    known.at = moment;
    if (clean_) this->*at_begin = known;
    return *known.value;
}

Result<Catalog> Known::catalog(std::function<Result<Catalog>()> const& read) {
    return get(&Known::catalog_, &Known::catalog_at_begin_, read);
}

Result<Known::Tables> Known::tables(std::function<Result<Tables>()> const& read) {
    return get(&Known::tables_, &Known::tables_at_begin_, read);
}

}  // namespace undrop::postgres
