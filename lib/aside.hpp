// Aside: what of a snapshot was not put back, and why. A table of the store beside the snapshot's, with the same identities and the same
// rights (P8), made in the transaction of the step that restores from it; the snapshot itself stays as it was saved.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backend.hpp"
#include "ledger.hpp"
#include "snapshot.hpp"

namespace undrop {

class Aside {
public:
    Aside(Backend& backend, Ledger const& ledger, Snapshot const& snapshot) : backend_(backend), ledger_(ledger), s_(snapshot) {}

    // Rows of the snapshot: `from` is a FROM item with its conditions, in which the snapshot's rows have the alias s. `column`: of an
    // updated row, the value that this is about; else empty. `source`: the table that the rows come back into.
    [[nodiscard]] Result<void> add(Table const& source, std::string const& column, std::string const& why, std::string const& from);

    [[nodiscard]] Result<void> make(Table const& source);  // empty
    [[nodiscard]] std::vector<std::string> columns() const;
    [[nodiscard]] std::string table() const;  // as SQL writes it; whether it is there or not
    [[nodiscard]] Result<bool> is_there();
    [[nodiscard]] Result<void> drop();  // if it is there
    // How many rows of each class.
    [[nodiscard]] Result<std::map<std::string, std::int64_t>> counts(std::string const& column);
    // Condition: a row of this table under `alias` is the snapshot's row under the alias s.
    [[nodiscard]] std::string is_row(std::string const& alias) const;
    // Without a class any more: what was noted only until the foreign keys are looked at.
    [[nodiscard]] Result<void> forget_restored();

private:
    Backend& backend_;
    Ledger const& ledger_;
    Snapshot const& s_;
};

// Classes of a row that is kept aside, as Conflicts::Row::why has them.
namespace why {
inline constexpr char const* changed_since = "changed_since";
inline constexpr char const* deleted_since = "deleted_since";
inline constexpr char const* key_taken = "key_taken";
inline constexpr char const* not_found = "not_found";
inline constexpr char const* orphaned = "orphaned";
inline constexpr char const* emptied = "emptied";
inline constexpr char const* restored = "restored";  // until the foreign keys are looked at
}  // namespace why

}  // namespace undrop
