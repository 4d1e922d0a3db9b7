// Values of a column that come back where the column has to be unique: who has such a value by now keeps it (P2).
#pragma once

#include <cstdint>
#include <string>

#include "pairing.hpp"
#include "restore.hpp"

namespace undrop {

struct UniqueValues {
    std::string rows;  // working table of rid, v, p and back; empty: nothing of the column is unique
    std::string rid;   // over t
    std::int64_t taken = 0;
    bool swapped = false;                       // rows get values that others among them still have
    bool by_row = false;                        // the column is the row's own number, and p is one that nobody has
    [[nodiscard]] std::string is_back() const;  // condition on t
    // Condition on z and t. `gave_up`: the row has its number no more; `column`: over t.
    [[nodiscard]] std::string is_row(bool gave_up, std::string const& column) const {
        return by_row && gave_up ? "z.p = " + column : "z.rid = " + rid;
    }
    [[nodiscard]] std::string comes_back(std::string condition) const;  // what is left of a condition on s and t
};

// `comes_back`: condition on s and t, the values that are to be put back.
[[nodiscard]] Result<UniqueValues> unique_values(Backend& backend, Ledger const& ledger, Snapshot const& s, Table const& now,
                                                 Pairing const& pairing, RestoreContext const& context, std::string const& comes_back,
                                                 std::int64_t work_id);

// Before swapped values are put back: rows that are to get one give theirs up. Gives how many.
[[nodiscard]] Result<std::int64_t> give_up(Backend& backend, Snapshot const& s, Table const& now, UniqueValues const& unique);

// SQL that draws the next number for a column that is the row's own number.
[[nodiscard]] std::string next_row_number(Dialect const& dialect, Ledger const& ledger, Snapshot const& s, Table const& now);

}  // namespace undrop
